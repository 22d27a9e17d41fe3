package etcd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// Peer is what ONLY= calls etcd.
const Peer = "etcd"

const members = 3

// Variants lists the settings. docs/PERFORMANCE.md says how the client's
// numbers were chosen.
func Variants(version string) []trial.Variant {
	claims := rows.Row{
		System: rows.Etcd, Version: version, Replicas: members,
		Faults:  "one crash of three, no lying replica",
		Durable: "the write-ahead log of two of three, fsynced",
		Signed:  "none", TLS: "none",
		ClientAt: "a process beside, gRPC over loopback to the leader",
	}
	variant := func(name string, class rows.Class, conns, inFlight, ops, perSecond int) trial.Variant {
		c := claims
		c.Variant, c.Class = name, class
		c.Settings = fmt.Sprintf("%d requests in flight over %d connections, %d puts each; a put counts as a payment, though a transfer needs three; heartbeat %d ms, election %d ms, backend quota 8 GiB, gRPC gateway off, the rest default",
			inFlight, conns, ops, heartbeatMillis, electionMillis)
		if ops > 128 {
			c.Settings += fmt.Sprintf("; max-txn-ops raised from 128 to %d", ops)
		}
		return trial.Variant{Peer: Peer, Claims: c, Run: func(ctx context.Context, t *trial.Trial) (rows.Figures, string, error) {
			return run(ctx, t, LoadConfig{Conns: conns, InFlight: cmp.Or(t.InFlight, inFlight), Ops: ops, PerSecond: perSecond})
		}}
	}
	return []trial.Variant{
		variant("one put per request", rows.Single, 16, 1024, 1, 0),
		variant("128 puts per transaction", rows.Batched, 4, 32, 128, 0),
		variant("500 puts per transaction", rows.Batched, 4, 16, 500, 0),
		variant(fmt.Sprintf("one put per request, %d/s", trial.PacedPerSecond), rows.Paced, 4, 256, 1, trial.PacedPerSecond),
	}
}

// run starts three members and drives them.
func run(ctx context.Context, t *trial.Trial, cfg LoadConfig) (f rows.Figures, checked string, err error) {
	base, err := child.FreePorts(2 * members)
	if err != nil {
		return f, "", err
	}
	var nodes [members]NodeConfig
	var cluster, dirs []string
	for i := range nodes {
		n := &nodes[i]
		n.Name = fmt.Sprintf("member-%d", i)
		n.Peer = fmt.Sprintf("http://127.0.0.1:%d", base+2*i)
		n.Client = fmt.Sprintf("http://127.0.0.1:%d", base+2*i+1)
		n.Ops = uint(cfg.Ops)
		if n.Dir, err = t.Sub(n.Name); err != nil {
			return f, "", err
		}
		cluster = append(cluster, n.Name+"="+n.Peer)
		dirs = append(dirs, n.Dir)
		cfg.Endpoints = append(cfg.Endpoints, n.Client)
	}
	var servers []*child.Process
	for i := range nodes {
		nodes[i].Cluster = strings.Join(cluster, ",")
		p, err := t.Start(KindNode, nodes[i].Name, nodes[i])
		if err != nil {
			return f, "", err
		}
		defer p.Kill()
		servers = append(servers, p)
	}
	if err := child.Eventually(time.Minute, "etcd elects a leader", func() error {
		if err := trial.Alive(servers); err != nil {
			return err
		}
		_, err := leaderOf(ctx, cfg.Endpoints)
		return err
	}); err != nil {
		return f, "", err
	}
	before, err := trial.HeldBy(dirs)
	if err != nil {
		return f, "", err
	}
	cfg.Servers, cfg.Dir, cfg.Warmup, cfg.Length = trial.Pids(servers), t.Dir, t.Warmup, t.Length
	out, err := t.Load(ctx, KindLoad, cfg, servers)
	if err != nil {
		return f, "", err
	}
	out.Figures.Disk, err = trial.Grown(before, out.Figures.Acked, dirs)
	return out.Figures, out.Checked, err
}

// Kinds of children.
const (
	KindNode = "etcd-node"
	KindLoad = "etcd-load"
)
