package pipeline

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/scheme"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// The harness of this room's tests: real replicas with real cryptography,
// journals and ledgers on a file system in memory, joined by function calls in
// place of sockets. Goroutines and clock are real, as in production.

// testKeys deals a cluster of n = 4 with some clients.
func testKeys(t testing.TB, clients int) (*cluster.Genesis, []*cluster.NodeKeys, []ed25519.PrivateKey) {
	t.Helper()
	return testKeysOf(t, cluster.ThresholdBLS, clients)
}

// testKeysOf is testKeys in any signature scheme.
func testKeysOf(t testing.TB, s cluster.Scheme, clients int) (*cluster.Genesis, []*cluster.NodeKeys, []ed25519.PrivateKey) {
	t.Helper()
	g := &cluster.Genesis{Name: "test", Epoch: 1, Scheme: s, F: 1, C: 0, Window: 64, TimeBound: uint64(3 * time.Second), CreatedAt: 1,
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "USD", Scale: 2}}}
	q, err := cluster.NewQuorums(4, 1, 0)
	must(t, err)
	var keys []*cluster.NodeKeys
	for i := range q.N {
		k := &cluster.NodeKeys{Replica: wire.ReplicaID(i)}
		_, err := rand.Read(k.IdentitySeed[:])
		must(t, err)
		g.Members = append(g.Members, cluster.Member{ID: wire.ReplicaID(i), PeerAddr: fmt.Sprintf("127.0.0.1:%d", 7000+2*i),
			ClientAddr: fmt.Sprintf("127.0.0.1:%d", 7001+2*i), Identity: k.Identity().Public().(ed25519.PublicKey)})
		keys = append(keys, k)
	}
	must(t, scheme.Deal(g, keys, nil))
	var secrets []ed25519.PrivateKey
	for i := range clients {
		pub, sec, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		secrets = append(secrets, sec)
		g.Clients = append(g.Clients, cluster.ClientKey{ID: wire.ClientID(i + 1), Name: fmt.Sprintf("c%d", i+1), Key: pub,
			Roles: cluster.RolePay | cluster.RoleRead | cluster.RoleAdmin})
	}
	must(t, g.Validate())
	return g, keys, secrets
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testCluster is n replicas and what they wrote to clients.
type testCluster struct {
	t       testing.TB
	genesis *cluster.Genesis
	keys    []*cluster.NodeKeys
	secrets []ed25519.PrivateKey
	fs      []*storage.MemFS
	nodes   []*testNode
	seq     []atomic.Uint64 // per client

	mu      sync.Mutex
	replies map[requestKey]chan wire.Reply
	rejects []wire.Reject
	told    []wire.NodeStatus // what replicas said of themselves to clients, unasked
	mute    atomic.Bool       // messages about π are lost

	queueBytes int // RequestQueueBytes of those that start from now on
	packBytes  int // PackBytesMin of the same
	traceEvery int // requests of which one is traced, of the same; 0: none
}

type testNode struct {
	replica *Replica
	stop    context.CancelFunc
	done    chan error
	up      atomic.Bool
}

func newTestCluster(t testing.TB, clients int) *testCluster {
	c := &testCluster{t: t, replies: make(map[requestKey]chan wire.Reply), seq: make([]atomic.Uint64, clients)}
	c.genesis, c.keys, c.secrets = testKeys(t, clients)
	for range c.keys {
		c.fs = append(c.fs, storage.NewMemFS())
		c.nodes = append(c.nodes, &testNode{})
	}
	for i := range c.nodes {
		c.start(i, true)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.kill(i)
		}
	})
	return c
}

// testPort is the transport of one replica.
type testPort struct {
	c    *testCluster
	self int
}

func (p testPort) Send(to wire.ReplicaID, _ wire.Lane, kind wire.Kind, body []byte) error {
	peer := p.c.nodes[to]
	if !peer.up.Load() || !p.c.nodes[p.self].up.Load() {
		return fmt.Errorf("down")
	}
	if p.c.mute.Load() && (kind == wire.KindSignState || kind == wire.KindExecuteProof) {
		return nil
	}
	peer.replica.Ingress().PeerFrame(wire.ReplicaID(p.self), kind, body)
	return nil
}

func (p testPort) Reply(_ ConnID, kind wire.Kind, body []byte) error {
	switch kind {
	case wire.KindReply:
		r, err := wire.DecodeReply(body)
		if err != nil {
			p.c.t.Errorf("reply does not decode: %v", err)
			return err
		}
		p.c.mu.Lock()
		ch := p.c.replies[requestKey{r.Client, r.Seq}]
		p.c.mu.Unlock()
		select {
		case ch <- r:
		default:
		}
	case wire.KindStatusReply:
		s, err := wire.DecodeNodeStatus(body)
		if err != nil || s.Replica != wire.ReplicaID(p.self) {
			p.c.t.Errorf("status of replica %d: %+v, %v", p.self, s, err)
			return err
		}
		p.c.mu.Lock()
		p.c.told = append(p.c.told, s)
		p.c.mu.Unlock()
	case wire.KindReject:
		r, err := wire.DecodeReject(body)
		if err != nil {
			p.c.t.Errorf("reject does not decode: %v", err)
			return err
		}
		p.c.mu.Lock()
		p.c.rejects = append(p.c.rejects, r)
		p.c.mu.Unlock()
	}
	return nil
}

// start opens what replica i has on its disk and runs it.
func (c *testCluster) start(i int, create bool) {
	c.t.Helper()
	g := c.genesis
	log := slog.New(slog.DiscardHandler)
	journal, found, err := storage.OpenJournal(storage.Options{FS: c.fs[i], Dir: "journal", Cluster: g.Hash(),
		Replica: wire.ReplicaID(i), Create: create, SegmentBytes: 8 << 20})
	must(c.t, err)
	ledger, err := storage.OpenLedger(storage.LedgerOptions{FS: c.fs[i], Dir: "ledger", Cluster: g.Hash(), Replica: wire.ReplicaID(i)})
	must(c.t, err)
	suite, err := NewSuite(g, c.keys[i])
	must(c.t, err)
	r, err := New(Config{Self: wire.ReplicaID(i), Cluster: g.Hash(), Epoch: 1, Quorums: g.Quorums(), Interval: g.CheckpointInterval(),
		TimeBound: g.TimeBound, Payments: PaymentsConfig(g), Timing: consensus.DefaultTiming(),
		Batch: BatchPolicy{EventsMax: 8189, BytesMax: 2 << 20, EagerSlots: 2, SlotsMax: 16, DelayTicks: 1},
		Tick:  5 * time.Millisecond, RequestQueueMax: 4096, RequestQueueBytes: c.queueBytes, PackBytesMin: c.packBytes, VerifyWorkers: 1, SignWorkers: 1,
		Clock: testClock, Logger: log, Trace: NewTracer(c.traceEvery, testClock, wire.ReplicaID(i), g.Quorums().Primary, nil),
	}, suite, testPort{c, i}, journal, ledger, found.Amnesia)
	must(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	n := c.nodes[i]
	n.replica, n.stop, n.done = r, cancel, make(chan error, 1)
	n.up.Store(true)
	go func() { n.done <- r.Run(ctx) }()
}

func testClock() uint64 { return uint64(time.Now().UnixNano()) }

// kill is a power cut: the replica's disk keeps what was synced and half of the
// rest, and nothing is closed cleanly.
func (c *testCluster) kill(i int) {
	n := c.nodes[i]
	if !n.up.Swap(false) {
		return
	}
	c.fs[i] = c.fs[i].CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: mrand.New(mrand.NewPCG(uint64(i), 7))})
	n.stop()
	if err := <-n.done; err != nil {
		c.t.Errorf("replica %d: %v", i, err)
	}
	_ = n.replica.ledger.Close() // of the abandoned disk
}

// submit signs a request and hands it to the given replicas.
func (c *testCluster) submit(client int, op wire.Op, body []byte, to ...int) (wire.Request, chan wire.Reply) {
	q := wire.Request{Client: wire.ClientID(client + 1), Seq: c.seq[client].Add(1), Op: op, Body: body}
	d := q.Digest(c.genesis.Hash())
	copy(q.Signature[:], ed25519.Sign(c.secrets[client], wire.SigningBytes(d)))
	ch := make(chan wire.Reply, 1)
	c.mu.Lock()
	c.replies[requestKey{q.Client, q.Seq}] = ch
	c.mu.Unlock()
	c.deliver(q, to...)
	return q, ch
}

func (c *testCluster) deliver(q wire.Request, to ...int) {
	frame := q.Append(nil)
	for _, i := range to {
		if c.nodes[i].up.Load() {
			c.nodes[i].replica.Ingress().ClientFrame(ConnID(1), q.Client, wire.KindRequest, append([]byte(nil), frame...))
		}
	}
}

// await waits for a reply, sending the request again meanwhile, and checks it.
func (c *testCluster) await(q wire.Request, ch chan wire.Reply) wire.Reply {
	c.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case r := <-ch:
			if !r.Proves(q.Digest(c.genesis.Hash())) {
				c.t.Fatalf("reply to %d/%d does not prove its result", q.Client, q.Seq)
			}
			scope := wire.Scope{Cluster: c.genesis.Hash(), Epoch: 1}
			hash := scope.ExecuteHash(r.Header.Seq, r.Header.Hash())
			if !c.nodes[0].replica.suite.VerifyGroup(consensus.PurposePi, hash, r.Pi) {
				c.t.Fatalf("certificate of block %d does not verify", r.Header.Seq)
			}
			return r
		case <-time.After(time.Second):
			c.deliver(q, 0, 1, 2, 3)
		case <-deadline:
			for i, n := range c.nodes {
				c.t.Logf("replica %d up %v: %+v", i, n.up.Load(), n.replica.Status())
			}
			c.t.Fatalf("no reply to %d/%d", q.Client, q.Seq)
		}
	}
}

func (c *testCluster) do(client int, op wire.Op, body []byte, to ...int) wire.Reply {
	c.t.Helper()
	q, ch := c.submit(client, op, body, to...)
	return c.await(q, ch)
}

func accountsBody(from, n int) []byte {
	var b []byte
	for i := range n {
		a := payments.Account{ID: payments.U128{Lo: uint64(from + i)}, Ledger: 1, Code: 1}
		b = a.Append(b)
	}
	return b
}

func transfersBody(id uint64, n, accounts int) []byte {
	b := make([]byte, 0, n*payments.RecordBytes)
	for i := range n {
		k := id + uint64(i)
		t := payments.Transfer{ID: payments.U128{Lo: k}, DebitAccountID: payments.U128{Lo: 1 + k%uint64(accounts)},
			CreditAccountID: payments.U128{Lo: 1 + (k+1)%uint64(accounts)}, Amount: payments.U128{Lo: 1}, Ledger: 1, Code: 1}
		b = t.Append(b)
	}
	return b
}

func codesAllZero(t testing.TB, r wire.Reply, n int) {
	t.Helper()
	if r.Status != 0 || len(r.Result) != 4*n {
		t.Fatalf("status %d with %d result bytes, want 0 with %d", r.Status, len(r.Result), 4*n)
	}
	for i := range n {
		if c := binary.LittleEndian.Uint32(r.Result[4*i:]); c != 0 {
			t.Fatalf("event %d: code %d", i, c)
		}
	}
}

// waitExecuted waits until every replica executed slot seq.
func (c *testCluster) waitExecuted(seq wire.SeqNum) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		n := 0
		for _, node := range c.nodes {
			if node.replica.Status().Executed >= seq {
				n++
			}
		}
		if n == len(c.nodes) {
			return
		}
	}
	c.t.Fatalf("slot %d is not executed everywhere", seq)
}

// settle waits until all running replicas executed the same, and compares.
func (c *testCluster) settle() wire.Digest {
	c.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		var at []*wire.NodeStatus
		for _, n := range c.nodes {
			if n.up.Load() {
				at = append(at, n.replica.Status())
			}
		}
		same := true
		for _, s := range at {
			same = same && s.Executed == at[0].Executed
		}
		if same {
			for _, s := range at {
				if s.Execute != at[0].Execute {
					c.t.Fatalf("replicas differ at slot %d", s.Executed)
				}
			}
			return at[0].Execute
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("replicas do not meet: %+v", at)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
