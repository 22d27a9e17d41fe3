package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quorate/bench/procs"
	"quorate/cluster"
	"quorate/consensus"
	"quorate/netio"
	"quorate/pipeline"
	"quorate/wire"
)

// liar holds a replica's keys and stands in its place, as whoever took its host
// over would: it contradicts what that replica signed as primary, and answers every
// proposal with shares of something else.
type liar struct {
	self  wire.ReplicaID
	scope wire.Scope
	suite pipeline.Suite
	lie   wire.Head // of a slot that the replica proposed

	mu  sync.Mutex
	net *netio.Transport // nil until Listen has returned
	up  []wire.ReplicaID // who came before
}

// newLiar takes replica id's keys from its directory and its ports from genesis.
func newLiar(c *procs.Cluster, id wire.ReplicaID, view wire.View, seq wire.SeqNum) (*liar, error) {
	text, err := os.ReadFile(filepath.Join(c.Node(int(id)), "keys.yaml"))
	if err != nil {
		return nil, err
	}
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		return nil, err
	}
	suite, err := pipeline.NewSuite(c.Genesis, keys)
	if err != nil {
		return nil, err
	}
	g := c.Genesis
	l := &liar{self: id, suite: suite, scope: wire.Scope{Cluster: g.Hash(), Epoch: g.Epoch}}
	l.lie.Slot = wire.SlotID{View: view, Seq: seq, Digest: wire.Digest{1}}
	l.lie.Author = suite.SignIdentity(l.scope.AuthorBytes(l.lie.Slot))
	net, err := netio.Listen(netio.Config{Self: id, Members: g.Members, Identity: keys.Identity(), GenesisHash: g.Hash(),
		PeerAddr: g.Members[id].PeerAddr, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))}, l)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.net = net
	early := l.up
	l.mu.Unlock()
	for _, to := range early {
		l.contradict(to)
	}
	return l, nil
}

// PeerUp implements netio.Handler: whoever is there hears the contradiction.
func (l *liar) PeerUp(to wire.ReplicaID) {
	l.mu.Lock()
	known := l.net != nil
	if !known {
		l.up = append(l.up, to)
	}
	l.mu.Unlock()
	if known {
		l.contradict(to)
	}
}

func (l *liar) contradict(to wire.ReplicaID) {
	_ = l.net.Send(to, wire.LaneConsensus, wire.KindHead, l.lie.Append(nil)) // a lost lie is no loss: there are others
}

// PeerFrame implements netio.Handler: a proposal gets shares that verify for
// another slot.
func (l *liar) PeerFrame(_ wire.ReplicaID, kind wire.Kind, body []byte) {
	m, err := wire.DecodeMessage(kind, body)
	p, ok := m.(*wire.PrePrepare)
	l.mu.Lock()
	net := l.net
	l.mu.Unlock()
	if err != nil || !ok || net == nil {
		return
	}
	other := l.scope.SlotHash(l.lie.Slot)
	share := &wire.SignShare{Slot: p.Slot, Sigma: l.suite.SignShare(consensus.PurposeSigma, other),
		HasTau: true, Tau: l.suite.SignShare(consensus.PurposeTau, other)}
	for to := range wire.ReplicaID(4) {
		if to != l.self {
			_ = net.Send(to, wire.LaneConsensus, wire.KindSignShare, share.Append(nil))
		}
	}
}

// PeerDown implements netio.Handler.
func (l *liar) PeerDown(wire.ReplicaID) {}

// ClientFrame implements netio.Handler.
func (l *liar) ClientFrame(netio.ConnID, wire.ClientID, wire.Kind, []byte) {}

// ClientDown implements netio.Handler.
func (l *liar) ClientDown(netio.ConnID) {}

func (l *liar) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), runMax)
	defer cancel()
	return l.net.Close(ctx)
}

// takeOver ends the primary of now and puts a liar in its place.
func (b *bed) takeOver() error {
	var at wire.NodeStatus
	err := procs.Eventually(readyMax, "a primary that has proposed", func() (err error) {
		if at, err = b.Status(0); err == nil && (!at.Active || b.proposedIn != at.View) {
			b.proposedIn = at.View
			err = errors.New("no slot of this view yet")
		}
		return err
	})
	if err != nil {
		return err
	}
	time.Sleep(time.Second) // slots of this view, by this primary
	if at, err = b.Status(0); err != nil {
		return err
	}
	b.lied = int(at.Primary)
	b.Nodes[b.lied].Kill()
	b.liar, err = newLiar(b.Cluster, at.Primary, at.View, at.Executed)
	return err
}

// giveBack ends the liar and starts every replica again, one at a time as an
// operator does: who was banned stays so until who banned it is started anew.
func (b *bed) giveBack() error {
	if b.liar != nil {
		if err := b.liar.close(); err != nil {
			return err
		}
		b.liar = nil
	}
	b.stopLoad() // replicas stand at one slot only when nobody pays
	if err := b.Start(b.lied); err != nil {
		return err
	}
	for i := range b.Nodes {
		err := procs.Eventually(readyMax, "all replicas agree", func() error { _, err := b.Agreed(b.Up()); return err })
		if err != nil {
			return err
		}
		if i == b.lied {
			continue
		}
		b.Nodes[i].Kill()
		if err := b.Start(i); err != nil {
			return err
		}
	}
	return b.startLoad(baseRate)
}
