package comet

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// Peer is what ONLY= calls CometBFT.
const Peer = "cometbft"

const validators = 4

// Kinds of children.
const (
	KindNode = "comet-node"
	KindLoad = "comet-load"
)

// setting is what differs between the variants.
type setting struct {
	gossip, signed bool
	payments       int // per transaction
	inFlight       int
	batch          int
	perSecond      int
}

// Variants lists the settings. With gossip, the default, a transaction reaches
// the next proposer wherever it was sent; without, it waits for its validator's
// turn, which costs latency and saves every validator three copies.
func Variants(version string) []trial.Variant {
	claims := rows.Row{
		System: rows.CometBFT, Version: version, Replicas: validators,
		Faults:   "one lying validator of four",
		Durable:  "block store, state store and consensus log of the validator that is asked, fsynced; the others do the same about then",
		TLS:      "between validators CometBFT's own encryption; none to the client",
		ClientAt: "a process beside, JSON-RPC over loopback to all four; it reads the blocks of the first and checks no certificate",
	}
	variant := func(name string, class rows.Class, s setting) trial.Variant {
		c := claims
		c.Variant, c.Class, c.Signed = name, class, "none"
		how := "mempool gossip on"
		if !s.gossip {
			how = "mempool gossip off"
			c.Variant += ", gossip off"
		}
		if s.signed {
			c.Signed = "one Ed25519 per payment, signed before the clock starts, checked by all four: in CheckTx, or in batches in FinalizeBlock"
		}
		if s.perSecond > 0 {
			c.Variant += fmt.Sprintf(", %d/s", s.perSecond)
		}
		c.Settings = fmt.Sprintf("%s, at most %d transactions in flight in JSON-RPC batches of %d; %s", how, s.inFlight, s.batch, rpcSetting)
		return trial.Variant{Peer: Peer, Claims: c, Run: func(ctx context.Context, t *trial.Trial) (rows.Figures, string, error) {
			return run(ctx, t, s)
		}}
	}
	return []trial.Variant{
		variant("one payment per transaction", rows.Single, setting{true, false, 1, 5000, 50, 0}),
		variant("one payment per transaction", rows.Single, setting{false, false, 1, 30_000, 100, 0}),
		variant("every payment signed by its payer", rows.Signed, setting{true, true, 1, 5000, 50, 0}),
		variant("every payment signed by its payer", rows.Signed, setting{false, true, 1, 20_000, 100, 0}),
		variant("100 payments per transaction", rows.Batched, setting{true, false, 100, 300, 4, 0}),
		variant("100 payments per transaction", rows.Batched, setting{false, false, 100, 800, 8, 0}),
		variant("one payment per transaction", rows.Paced, setting{true, false, 1, 5000, 1, trial.PacedPerSecond}),
	}
}

// How many batches, or paced transactions, are on their way to each validator at
// once.
const (
	sendersPerValidator      = 2
	sendersPerValidatorPaced = 16
)

// run starts four validators and drives them.
func run(ctx context.Context, t *trial.Trial, s setting) (f rows.Figures, checked string, err error) {
	base, err := child.FreePorts(2 * validators)
	if err != nil {
		return f, "", err
	}
	var dirs []string
	for i := range validators {
		d, err := t.Sub(fmt.Sprintf("validator-%d", i))
		if err != nil {
			return f, "", err
		}
		dirs = append(dirs, d)
	}
	ids, err := deal(dirs)
	if err != nil {
		return f, "", err
	}
	load := LoadConfig{Signed: s.signed, Payments: s.payments, InFlight: cmp.Or(t.InFlight, s.inFlight), Batch: s.batch, Senders: sendersPerValidator,
		PerSecond: s.perSecond, Warmup: t.Warmup, Length: t.Length}
	if s.perSecond > 0 {
		load.Senders = sendersPerValidatorPaced
	}
	var servers []*child.Process
	for i, dir := range dirs {
		c := NodeConfig{Dir: dir, P2P: base + 2*i, RPC: base + 2*i + 1, Gossip: s.gossip, Signed: s.signed, Payments: s.payments}
		for k, id := range ids {
			if k != i {
				c.Peers = append(c.Peers, fmt.Sprintf("%s@127.0.0.1:%d", id, base+2*k))
			}
		}
		p, err := t.Start(KindNode, fmt.Sprintf("validator-%d", i), c)
		if err != nil {
			return f, "", err
		}
		defer p.Kill()
		servers = append(servers, p)
		load.Ports = append(load.Ports, c.RPC)
	}
	if err := ready(ctx, servers, load.Ports); err != nil {
		return f, "", err
	}
	before, err := trial.HeldBy(dirs)
	if err != nil {
		return f, "", err
	}
	load.Servers, load.Dir = trial.Pids(servers), t.Dir
	out, err := t.Load(ctx, KindLoad, load, servers)
	if err != nil {
		return f, "", err
	}
	out.Figures.Disk, err = trial.Grown(before, out.Figures.Acked, dirs)
	return out.Figures, out.Checked, err
}

// ready waits until every validator has committed some blocks with the others.
func ready(ctx context.Context, servers []*child.Process, ports []int) error {
	for i, port := range ports {
		node := dial(port, 1)
		err := child.Eventually(90*time.Second, fmt.Sprintf("validator %d takes part", i), func() error {
			if err := trial.Alive(servers); err != nil {
				return err
			}
			h, err := node.height(ctx)
			if err == nil && h < 3 {
				err = fmt.Errorf("height %d", h)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
