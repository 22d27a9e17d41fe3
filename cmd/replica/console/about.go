package console

import (
	"encoding/hex"
	"fmt"
	"time"

	"quorate/wire"
)

// about is what does not change while a replica runs.
type about struct {
	Name       string        `json:"name"`
	Cluster    string        `json:"cluster"` // genesis hash, hexadecimal
	Replica    uint16        `json:"replica"`
	N          int           `json:"n"`
	F          int           `json:"f"`
	C          int           `json:"c"`
	FastQuorum int           `json:"fast_quorum"` // shares for the fast path
	SlowQuorum int           `json:"slow_quorum"`
	ExecQuorum int           `json:"exec_quorum"`
	Scheme     string        `json:"scheme"`
	Window     int           `json:"window"`     // slots
	Checkpoint uint64        `json:"checkpoint"` // slots between checkpoints
	Version    string        `json:"version"`
	Profile    string        `json:"profile"`
	Started    string        `json:"started"`
	Ledgers    []ledgerAbout `json:"ledgers"`
	Members    []memberAbout `json:"members"`
}

// ledgerAbout says how to read a ledger's amounts.
type ledgerAbout struct {
	Number   uint32 `json:"number"`
	Currency string `json:"currency"`
	Scale    uint8  `json:"scale"` // digits after the point
}

// memberAbout is one replica of genesis.
type memberAbout struct {
	Replica uint16 `json:"replica"`
	Peer    string `json:"peer_addr"`
	Client  string `json:"client_addr"`
}

func aboutOf(cfg *Config) about {
	g := cfg.Genesis
	q, hash := g.Quorums(), g.Hash()
	a := about{Name: g.Name, Cluster: hex.EncodeToString(hash[:]), Replica: uint16(cfg.Self), N: q.N, F: q.F, C: q.C,
		FastQuorum: q.Sigma, SlowQuorum: q.Tau, ExecQuorum: q.Pi, Scheme: string(g.Scheme), Window: g.Window, Checkpoint: uint64(g.CheckpointInterval()),
		Version: cfg.Version, Profile: cfg.Profile, Started: cfg.Now().UTC().Format(time.RFC3339), Ledgers: []ledgerAbout{}}
	for _, l := range g.Ledgers[:min(len(g.Ledgers), ledgersShownMax)] {
		a.Ledgers = append(a.Ledgers, ledgerAbout{l.Number, l.Currency, l.Scale})
	}
	for _, m := range g.Members {
		a.Members = append(a.Members, memberAbout{uint16(m.ID), m.PeerAddr, m.ClientAddr})
	}
	return a
}

// ledgersShownMax bounds the ledgers whose currency the page knows; amounts of
// others are shown in their smallest unit.
const ledgersShownMax = 64

// replicaNow is one row of the replicas' table.
type replicaNow struct {
	Replica     uint16  `json:"replica"`
	Self        bool    `json:"self"`
	Known       bool    `json:"known"` // it was heard of: the figures are its own
	Role        string  `json:"role"`  // primary, backup, changing, amnesia, diverged, unreachable, unknown
	View        uint64  `json:"view"`
	Seq         uint64  `json:"seq"`
	Stable      uint64  `json:"stable"`
	LedgerSeq   uint64  `json:"ledger_seq"`
	Lag         uint64  `json:"lag"` // slots behind the replica that has executed most
	FastCommits uint64  `json:"fast_commits"`
	SlowCommits uint64  `json:"slow_commits"`
	ViewChanges uint64  `json:"view_changes"`
	Events      uint64  `json:"events"`
	SyncP99     float64 `json:"sync_p99"` // milliseconds, since its start
	PeersUp     uint16  `json:"peers_up"`
	CertExpiry  uint64  `json:"cert_expiry"` // seconds since 1970 UTC
	State       string  `json:"state"`       // execution digest at seq
	Fork        bool    `json:"fork"`        // another has a different digest at the same seq
	Age         float64 `json:"age"`         // seconds since it said so
}

// replicas judges what each replica said last, at now. c.mu is held.
func (c *Console) replicas(now time.Time) []replicaNow {
	top := wire.SeqNum(0)
	digests, forked := map[wire.SeqNum]wire.Digest{}, map[wire.SeqNum]bool{}
	for i := range c.standings {
		s := c.standings[i].status
		if s == nil {
			continue
		}
		top = max(top, s.Executed)
		if d, ok := digests[s.Executed]; ok && d != s.Execute {
			forked[s.Executed] = true
		}
		digests[s.Executed] = s.Execute
	}
	out := make([]replicaNow, len(c.standings))
	for i := range c.standings {
		at, r := &c.standings[i], &out[i]
		r.Replica, r.Self, r.Role = uint16(i), wire.ReplicaID(i) == c.cfg.Self, "unknown"
		s := at.status
		if s == nil {
			if at.silent {
				r.Role = "unreachable"
			}
			continue
		}
		*r = replicaNow{Replica: r.Replica, Self: r.Self, Known: true, Role: role(s), View: uint64(s.View), Seq: uint64(s.Executed), Stable: uint64(s.Stable),
			LedgerSeq: uint64(s.LedgerSeq), Lag: uint64(top - s.Executed), FastCommits: s.FastCommits, SlowCommits: s.SlowCommits,
			ViewChanges: s.ViewChanges, Events: s.Events, SyncP99: float64(s.FsyncP99) / 1e6, PeersUp: s.PeersUp, CertExpiry: s.CertExpiry,
			State: fmt.Sprintf("%x", s.Execute[:]), Fork: forked[s.Executed], Age: now.Sub(at.at).Seconds()}
		if at.silent {
			r.Role = "unreachable"
		}
	}
	return out
}

// role is what a replica says that it is.
func role(s *wire.NodeStatus) string {
	switch {
	case s.Diverged:
		return "diverged"
	case s.Amnesia:
		return "amnesia"
	case !s.Active:
		return "changing"
	case s.Primary == s.Replica:
		return "primary"
	default:
		return "backup"
	}
}
