package procs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"quorate/client"
	"quorate/client/tally"
	"quorate/cluster"
	"quorate/wire"
)

// Deadlines of single steps. They are long because a shared machine may be ten
// times slower than an idle one; a good run needs a small part of each.
const (
	commandMax = 60 * time.Second // init of any size
	verifyMax  = 15 * time.Minute // executes a whole ledger again
	statusMax  = 3 * time.Second
	// StopMax is how long a replica may take to end after SIGTERM.
	StopMax = 20 * time.Second
)

// ErrFork says that replicas hold different histories: no waiting mends it.
var ErrFork = errors.New("procs: replicas differ")

// ErrDied says that a replica ended by itself: no waiting brings it back.
var ErrDied = errors.New("procs: a replica ended by itself")

// Options describe a cluster to make.
type Options struct {
	Binaries  string   // folder with the binary replica
	Dir       string   // directory of the cluster; it must not exist or be empty
	Replicas  int      // 0: four
	F, C      int      // as for replica init
	Hosts     []string // one per replica; nil: 127.0.0.1 for all
	Clients   int      // besides the admin; 0: six
	Plaintext bool
	InitArgs  []string // further arguments of replica init
	StartArgs []string // further arguments of replica start
	// Within gives the words that run a command where replica i lives, such as
	// "ip netns exec". Nil: here.
	Within func(i int) []string
}

// Cluster is the files of a cluster and the processes of its replicas.
type Cluster struct {
	Options
	Genesis *cluster.Genesis
	Admin   client.Keys
	Metrics int        // port of the first replica's metrics, on loopback
	Nodes   []*Process // nil before the first start; owned by the goroutine that starts
}

// New makes the files of a cluster on free ports and starts nothing.
func New(o Options) (*Cluster, error) {
	if o.Replicas == 0 {
		o.Replicas = 4
	}
	if o.Clients == 0 {
		o.Clients = 6
	}
	base, err := FreePorts(3 * o.Replicas)
	if err != nil {
		return nil, err
	}
	// A path without a slash would be looked up in PATH.
	if o.Binaries, err = filepath.Abs(o.Binaries); err != nil {
		return nil, err
	}
	c := &Cluster{Options: o, Metrics: base + 2*o.Replicas, Nodes: make([]*Process, o.Replicas)}
	args := []string{"init", "--dir", o.Dir, "--replicas", strconv.Itoa(o.Replicas), "--f", strconv.Itoa(o.F), "--c", strconv.Itoa(o.C),
		"--clients", strconv.Itoa(o.Clients), "--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(c.Metrics)}
	if o.Hosts != nil {
		args = append(args, "--hosts", strings.Join(o.Hosts, ","))
	}
	if _, err := Run(commandMax, c.binary(), append(args, o.InitArgs...)...); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, "genesis.yaml"))
	if err != nil {
		return nil, err
	}
	if c.Genesis, err = cluster.ParseGenesis(text); err != nil {
		return nil, err
	}
	c.Admin, err = c.Keys("admin")
	return c, err
}

func (c *Cluster) binary() string { return filepath.Join(c.Binaries, "replica") }

// FreePorts finds n ports in a row that nobody listens on, below the range from
// which the kernel picks. Others search at the same time, so each process begins
// elsewhere.
func FreePorts(n int) (int, error) {
	const low, high = 12_000, 32_000
	at := low + os.Getpid()*37%(high-low-n)
	for range (high - low) / n {
		free := 0
		for ; free < n; free++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(at+free))
			if err != nil {
				break
			}
			_ = l.Close()
		}
		if free == n {
			return at, nil
		}
		if at += n; at+n > high {
			at = low
		}
	}
	return 0, fmt.Errorf("procs: no %d free ports in a row", n)
}

// Keys reads a client's key file.
func (c *Cluster) Keys(name string) (client.Keys, error) {
	text, err := os.ReadFile(filepath.Join(c.Dir, "clients", name+".yaml"))
	if err != nil {
		return client.Keys{}, err
	}
	k, err := cluster.ParseClientKeys(text)
	if err != nil {
		return client.Keys{}, err
	}
	return client.Keys{ID: k.ID, Key: k.Key()}, nil
}

// Node is the directory of replica i.
func (c *Cluster) Node(i int) string { return filepath.Join(c.Dir, "node-"+strconv.Itoa(i)) }

// Log is the file with all that replica i ever wrote.
func (c *Cluster) Log(i int) string { return filepath.Join(c.Node(i), "log.jsonl") }

// Start starts replica i.
func (c *Cluster) Start(i int) error {
	log, err := os.OpenFile(c.Log(i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{c.binary(), "start", "--dir", c.Node(i)}
	if c.Within != nil {
		args = append(c.Within(i), args...)
	}
	if c.Plaintext {
		args = append(args, "--insecure-plaintext-on-loopback")
	}
	args = append(args, c.StartArgs...)
	c.Nodes[i], err = Spawn(log, nil, args[0], args[1:]...)
	return err
}

// StartAll starts every replica that does not run.
func (c *Cluster) StartAll() error {
	for i, p := range c.Nodes {
		if p != nil && p.Alive() {
			continue
		}
		if err := c.Start(i); err != nil {
			return err
		}
	}
	return nil
}

// Close kills all replicas that run, paused or not.
func (c *Cluster) Close() {
	for _, p := range c.Nodes {
		if p != nil {
			p.Kill()
		}
	}
}

// Stop ends all replicas as a service manager does. One that does not end, or
// not with code 0, is an error.
func (c *Cluster) Stop() error {
	for _, p := range c.Nodes {
		p.Signal(syscall.SIGTERM)
	}
	var all []error
	for i, p := range c.Nodes {
		code, err := p.Wait(StopMax)
		if err == nil && code != 0 {
			err = fmt.Errorf("replica %d stops with: %s", i, p.State())
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// Up lists the replicas whose processes run.
func (c *Cluster) Up() (ids []int) {
	for i, p := range c.Nodes {
		if p != nil && p.Alive() {
			ids = append(ids, i)
		}
	}
	return ids
}

// Died is an error if a replica that should run does not.
func (c *Cluster) Died() error {
	for i, p := range c.Nodes {
		if p != nil && !p.Alive() {
			return fmt.Errorf("%w: replica %d: %s; its log is %s", ErrDied, i, p.State(), c.Log(i))
		}
	}
	return nil
}

// Status asks replica i where it stands.
func (c *Cluster) Status(i int) (wire.NodeStatus, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statusMax)
	defer cancel()
	return client.FetchStatus(ctx, c.Genesis, c.Admin, wire.ReplicaID(i), c.Plaintext)
}

// Statuses asks these replicas at once; states[k] is that of ids[k], and the
// error joins those of all that do not answer.
func (c *Cluster) Statuses(ids []int) ([]wire.NodeStatus, error) {
	states, errs := make([]wire.NodeStatus, len(ids)), make([]error, len(ids))
	var all sync.WaitGroup
	for k, i := range ids {
		all.Go(func() { states[k], errs[k] = c.Status(i) })
	}
	all.Wait()
	return states, errors.Join(errs...)
}

// Agreed looks once whether these replicas stand at the same slot with the same
// digest, which names their whole history. Different digests are ErrFork.
func (c *Cluster) Agreed(ids []int) ([]wire.NodeStatus, error) {
	states, err := c.Statuses(ids)
	if err != nil {
		return nil, err
	}
	equal, fault := tally.Agree(states)
	switch {
	case fault != "":
		return nil, fmt.Errorf("%w: %s", ErrFork, fault)
	case equal < len(ids):
		return nil, fmt.Errorf("replicas stand apart: %s", Standing(states))
	}
	return states, nil
}

// AtRest looks once whether all replicas agree, are in one active view, hear one
// another and vote. Call it when nobody pays.
func (c *Cluster) AtRest() ([]wire.NodeStatus, error) {
	ids := make([]int, len(c.Nodes))
	for i := range ids {
		ids[i] = i
	}
	states, err := c.Agreed(ids)
	if err != nil {
		return nil, err
	}
	for i := range states {
		s := &states[i]
		if !s.Active || s.View != states[0].View || int(s.PeersUp) < len(c.Nodes) || s.Amnesia {
			return nil, fmt.Errorf("not at rest: %s", Standing(states))
		}
	}
	return states, nil
}

// Standing is where replicas stand, in one line.
func Standing(states []wire.NodeStatus) string {
	var b strings.Builder
	for i := range states {
		s := &states[i]
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "replica %d at slot %d (stable %d) in view %d with %d links", s.Replica, s.Executed, s.Stable, s.View, s.PeersUp)
		if !s.Active {
			b.WriteString(" leaving it")
		}
		if s.Amnesia {
			b.WriteString(" AMNESIA")
		}
	}
	return b.String()
}

// Verify checks the ledger of every replica offline with `replica verify` and
// gives their reports. All must have stopped.
func (c *Cluster) Verify() (reports []string, err error) {
	for i := range c.Nodes {
		out, err := Run(verifyMax, c.binary(), "verify", "--dir", c.Node(i))
		if err != nil {
			return reports, fmt.Errorf("ledger of replica %d: %w", i, err)
		}
		reports = append(reports, strings.TrimSpace(out))
	}
	return reports, nil
}
