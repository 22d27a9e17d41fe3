package console

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
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
	Instance   string        `json:"instance"` // random: another one is another process
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
		Version: cfg.Version, Profile: cfg.Profile, Started: cfg.Now().UTC().Format(time.RFC3339), Instance: rand.Text(), Ledgers: []ledgerAbout{}}
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

// numberMax is the largest whole number that a page's script reads exactly, and
// expiryMax the last second that an ISO date of four digits has. Another replica's
// claims are cut to them: a lie may be shown, but must break no page.
const (
	numberMax = 1<<53 - 1
	expiryMax = 253_402_300_799
)

// replicaNow is one row of the replicas' table. Its numbers are at most numberMax.
type replicaNow struct {
	Replica     uint16  `json:"replica"`
	Self        bool    `json:"self"`
	Known       bool    `json:"known"` // it was heard of: the figures are its own
	Role        string  `json:"role"`  // primary, backup, changing, amnesia, diverged, unreachable, unknown
	View        uint64  `json:"view"`
	Seq         uint64  `json:"seq"`
	Stable      uint64  `json:"stable"`
	LedgerSeq   uint64  `json:"ledger_seq"`
	Lag         uint64  `json:"lag"` // slots behind what one honest replica at least has executed; see topOf
	FastCommits uint64  `json:"fast_commits"`
	SlowCommits uint64  `json:"slow_commits"`
	ViewChanges uint64  `json:"view_changes"`
	Events      uint64  `json:"events"`
	SyncP99     float64 `json:"sync_p99"` // milliseconds, since its start
	PeersUp     uint16  `json:"peers_up"`
	CertExpiry  uint64  `json:"cert_expiry"` // seconds since 1970 UTC
	State       string  `json:"state"`       // execution digest at seq
	Fork        bool    `json:"fork"`        // one honest replica at least has a different digest at seq
	Differs     []int   `json:"differs"`     // those with another digest at seq, unless more than f have this one and no fork is known
	Age         float64 `json:"age"`         // seconds since it said so
}

// replicas judges what each replica said last, at now. c.mu is held.
func (c *Console) replicas(now time.Time) []replicaNow {
	said := make([]*wire.NodeStatus, len(c.standings))
	for i := range said {
		said[i] = c.standings[i].status
	}
	top := topOf(said, c.cfg.Self, c.about.F)
	out := make([]replicaNow, len(said))
	for i, s := range said {
		at, r := &c.standings[i], &out[i]
		*r = replicaNow{Replica: uint16(i), Self: wire.ReplicaID(i) == c.cfg.Self, Role: "unknown", Differs: []int{}}
		if s != nil {
			r.tell(s)
			r.Lag, r.Age = shownNumber(uint64(top-min(top, s.Executed))), now.Sub(at.at).Seconds()
			r.Fork, r.Differs = differing(said, i, c.about.F)
		}
		if at.silent {
			r.Role = "unreachable"
		}
	}
	return out
}

// tell fills in what a replica says of itself.
func (r *replicaNow) tell(s *wire.NodeStatus) {
	r.Known, r.Role, r.View, r.Seq = true, role(s), shownNumber(uint64(s.View)), shownNumber(uint64(s.Executed))
	r.Stable, r.LedgerSeq = shownNumber(uint64(s.Stable)), shownNumber(uint64(s.LedgerSeq))
	r.FastCommits, r.SlowCommits = shownNumber(s.FastCommits), shownNumber(s.SlowCommits)
	r.ViewChanges, r.Events = shownNumber(s.ViewChanges), shownNumber(s.Events)
	r.SyncP99, r.PeersUp = float64(shownNumber(s.FsyncP99))/1e6, s.PeersUp
	r.CertExpiry, r.State = min(s.CertExpiry, expiryMax), fmt.Sprintf("%x", s.Execute[:])
}

func shownNumber(v uint64) uint64 { return min(v, numberMax) }

// topOf (Invariant C6) is the slot that lag counts from: the (f+1)-th highest claim, so that f
// liars cannot make all others late, and at least what self has executed.
func topOf(said []*wire.NodeStatus, self wire.ReplicaID, f int) wire.SeqNum {
	var claims []wire.SeqNum
	for _, s := range said {
		if s != nil {
			claims = append(claims, s.Executed)
		}
	}
	slices.Sort(claims)
	top := wire.SeqNum(0)
	if len(claims) > f {
		top = claims[len(claims)-1-f]
	}
	if own := said[self]; own != nil {
		top = max(top, own.Executed)
	}
	return top
}

// differing (Invariant C6) compares the digest of replica i with those of the others at its slot.
// Fork says that more than f hold another one, an honest replica among them: f
// liars cannot bring that upon an honest replica. The list is of those with
// another digest; a digest of more than f, against which there is no fork, needs
// none, so that liars do not stain honest rows.
func differing(said []*wire.NodeStatus, i, f int) (fork bool, others []int) {
	holders, others := map[wire.Digest]int{}, []int{}
	for k, s := range said {
		if s == nil || s.Executed != said[i].Executed {
			continue
		}
		holders[s.Execute]++
		if s.Execute != said[i].Execute {
			others = append(others, k)
		}
	}
	for _, k := range others {
		fork = fork || holders[said[k].Execute] > f
	}
	if !fork && holders[said[i].Execute] > f {
		others = []int{}
	}
	return fork, others
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
