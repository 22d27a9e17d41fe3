package disks

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"quorate/cluster"
	"quorate/pipeline"
	"quorate/sim"
	"quorate/storage"
	"quorate/wire"
)

// Options of a run of crash points.
type Options struct {
	Seed  uint64
	Every int // one of so many file-system operations is a crash point; 1: each
	Joint int // one of so many crash points is one of all replicas at once
}

// Figures are what a run of crash points gave.
type Figures struct {
	Ops         uint64 // file-system operations that can change a disk
	States      uint64 // disks as a crash left them that were opened
	Joint       uint64 // crashes of all replicas at once among the crash points
	JointStates uint64 // disks opened after those
	Torn        uint64 // journals whose newest group was half there
	Words       uint64 // votes, locks, view changes and the like that were held against a restarted replica
	Acked       uint64 // acknowledged requests that were asked for again
	Blocks      uint64 // of the chain
	Fetched     uint64 // blocks that laggards fetched in the script
	Rolls       uint64 // segments of journals that were begun
	Views       uint64
	Problem     string // the first violation; empty when all is well
	Kind        Kind   // of it
}

// Kind says which promise a violation breaks.
type Kind string

// The kinds of violations.
const (
	LostAck      Kind = "lost ack"
	Equivocation Kind = "equivocation"
	FailedOpen   Kind = "failed open"
	BadLedger    Kind = "bad ledger"
	Stuck        Kind = "no progress"
)

// shot is a moment at which the power could have gone.
type shot struct {
	op     storage.FSOp
	number uint64
	keep   int // percent of what was not synced
	node   int // whose operation it was
	images []*storage.MemFS
	words  []int // said until then
	acks   int
}

// shooter takes the shots of a run and looks at them.
type shooter struct {
	opt   Options
	setup *Setup
	c     *crowd
	mems  []*storage.MemFS // the disks as they are
	fig   Figures

	mu     sync.Mutex // Pebble's threads take shots too
	lives  []uint64   // of each replica; shots of an earlier one are void
	queue  []shot
	chance *rand.Rand
	ops    atomic.Uint64
	rolls  atomic.Uint64
	acks   atomic.Int64
	spoken []atomic.Int64
}

const (
	crashWindow   = 8
	crashClients  = 3
	crashAccounts = 12
)

// CrashPoints runs the script and looks at each crash point.
func CrashPoints(opt Options) Figures {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		return Figures{Problem: err.Error()}
	}
	s := &shooter{opt: opt, setup: idealSetup(opt.Seed, q), chance: rand.New(rand.NewPCG(opt.Seed, 1)),
		lives: make([]uint64, q.N), spoken: make([]atomic.Int64, q.N), mems: make([]*storage.MemFS, q.N)}
	s.c = newCrowd(s.setup)
	s.c.between = s.drain
	s.c.spoke = func(i wire.ReplicaID, words int) { s.spoken[i].Store(int64(words)) }
	s.c.clients.acked = func(acks int) { s.acks.Store(int64(acks)) }
	s.script()
	s.drain()
	s.c.stopAll()
	if s.fig.Problem == "" && s.c.problem != "" {
		s.fig.Problem, s.fig.Kind = "in the script: "+s.c.problem, Equivocation
	}
	s.fig.Ops, s.fig.Rolls, s.fig.Blocks = s.ops.Load(), s.rolls.Load(), uint64(len(s.c.chain.headers))
	return s.fig
}

// idealSetup is a cluster with ideal cryptography and small files.
func idealSetup(seed uint64, q cluster.Quorums) *Setup {
	keys := sim.IdealKeys(seed, q)
	s := &Setup{Quorums: q, Cluster: keys.Cluster(), Epoch: 1, Interval: crashWindow / 2, Payments: keys.Genesis(crashClients),
		Sign: keys.Sign, Now: 1_700_000_000_000_000_000,
		Disk: pipeline.Disk{Dir: "data", JournalSegmentBytes: 64 << 10, JournalSegmentsMin: 2, SuperblockGroups: 16, CacheBytes: 1 << 20, MemTableBytes: 256 << 10}}
	for i := range q.N {
		s.Suites = append(s.Suites, keys.Suite(wire.ReplicaID(i)))
	}
	return s
}

// freshDisk is the disk of a replica that `replica init` has just made.
func freshDisk(dir string) (*storage.MemFS, error) {
	fs := storage.NewMemFS()
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f, err := fs.Create(fs.PathJoin(dir, storage.FreshName), "")
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	for _, name := range []string{dir, ""} {
		if err != nil {
			break
		}
		var d storage.FSFile
		if d, err = fs.OpenDir(name); err == nil {
			err = d.Sync()
		}
	}
	return fs, err
}

func (s *shooter) fail(kind Kind, at *shot, format string, args ...any) {
	if s.fig.Problem != "" {
		return
	}
	where := ""
	if at != nil {
		where = fmt.Sprintf("crash before operation %d (%s of replica %d), %d %% of the unsynced kept, all replicas %v: ",
			at.number, at.op.Path, at.node, at.keep, len(at.images) > 1)
	}
	s.fig.Kind, s.fig.Problem = kind, where+fmt.Sprintf(format, args...)
	s.c.fail("a crash point failed")
}

// keeps are the parts of the unsynced bytes that a crash leaves, percent.
var keeps = [...]int{0, 50, 100, 20, 80}

// boot starts replica i on a disk, under watch.
func (s *shooter) boot(i int, mem *storage.MemFS) {
	s.mu.Lock()
	s.lives[i]++
	life := s.lives[i]
	s.mems[i] = mem
	s.mu.Unlock()
	watched := storage.WatchFS(mem, func(op storage.FSOp) error {
		if op.Write {
			if !op.Sync && op.Offset == 0 && strings.Contains(op.Path, "segment-") {
				s.rolls.Add(1)
			}
			s.shoot(i, life, op)
		}
		return nil
	})
	if err := s.c.start(i, watched); err != nil {
		s.fail(FailedOpen, nil, "replica %d does not start in the script: %v", i, err)
	}
	s.drain()
}

// shoot notes a crash point. What left before the copy was made must be in it,
// so the counts come first.
func (s *shooter) shoot(i int, life uint64, op storage.FSOp) {
	number := s.ops.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lives[i] != life || number%uint64(s.opt.Every) != 0 {
		return
	}
	at := shot{op: op, number: number, node: i, keep: keeps[s.chance.IntN(len(keeps))], acks: int(s.acks.Load())}
	for j := range s.spoken {
		at.words = append(at.words, int(s.spoken[j].Load()))
	}
	cfg := storage.CrashCloneCfg{UnsyncedDataPercent: at.keep, RNG: s.chance}
	if s.opt.Joint > 0 && number/uint64(s.opt.Every)%uint64(s.opt.Joint) == 0 {
		for _, m := range s.mems {
			if m == nil {
				return // the first start is not over
			}
			at.images = append(at.images, m.CrashClone(cfg))
		}
	} else {
		at.images = []*storage.MemFS{s.mems[i].CrashClone(cfg)}
	}
	s.queue = append(s.queue, at)
}

// kill is a crash of replica i in the script.
func (s *shooter) kill(i, keep int) {
	s.mu.Lock()
	s.lives[i]++ // what its threads still do happens to nobody
	s.mems[i] = s.mems[i].CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: keep, RNG: s.chance})
	s.mu.Unlock()
	s.c.stop(i)
}

// drain looks at the shots taken since the last call.
func (s *shooter) drain() {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	for i := range queue {
		if s.fig.Problem != "" {
			return
		}
		at := &queue[i]
		if len(at.images) > 1 {
			s.joint(at)
		} else {
			s.single(at)
		}
	}
}

// script is the history in which the crashes happen.
func (s *shooter) script() {
	for i := range s.c.nodes {
		mem, err := freshDisk(s.setup.Disk.Dir)
		if err != nil {
			s.fail(FailedOpen, nil, "%v", err)
			return
		}
		s.boot(i, mem)
	}
	s.c.clients.ask(1, wire.OpCreateAccounts, accounts(crashAccounts))
	s.flow("the first accounts", 0)
	s.flow("payments", 12)

	s.kill(3, 50)
	s.flow("a replica misses more than a window", 20)
	s.boot(3, s.mems[3])
	s.flow("it fetches blocks", 4)
	s.fig.Fetched = uint64(s.c.nodes[3].fetched())

	s.kill(0, 100)
	s.flow("the primary is gone", 6)
	s.boot(0, s.mems[0])
	s.flow("it is back", 6)

	s.kill(1, 20)
	s.boot(1, s.mems[1])
	s.flow("a replica restarted at once", 4)

	for i := range s.c.nodes {
		s.kill(i, 0)
	}
	for i := range s.c.nodes {
		s.boot(i, s.mems[i])
	}
	s.flow("all restarted", 6)
	for _, n := range s.c.nodes {
		if n.up {
			s.fig.Views = max(s.fig.Views, uint64(n.replica.Status().View))
		}
	}
}

// sizes are the payments of a request; the large ones make journal groups of
// several blocks, which can be torn.
var sizes = [...]int{3, 40, 7, 60, 1, 24}

// stepTicks bounds one part of the script, 20 s of its time.
const stepTicks = 4000

// flow has clients ask so many things, one block each, and waits until everyone
// running has executed all of it.
func (s *shooter) flow(what string, requests int) {
	for n := range requests {
		client := wire.ClientID(1 + n%crashClients)
		switch {
		case n%5 == 4:
			s.c.clients.ask(client, wire.OpLedgerTotals, nil)
		default:
			s.c.clients.ask(client, wire.OpCreateTransfers, transfers(s.c.ids, sizes[n%len(sizes)], crashAccounts))
			s.c.ids += 64
		}
		if n%3 == 2 {
			s.c.until(3, func() bool { return false }) // several requests share a block now and then
		} else {
			s.await(what)
		}
	}
	s.await(what)
}

func (s *shooter) await(what string) {
	done := s.c.until(stepTicks, func() bool { return len(s.c.clients.open) == 0 && s.c.level() })
	if !done && s.fig.Problem == "" && s.c.problem == "" {
		s.fail(Stuck, nil, "%s: %d requests are open after %d ticks", what, len(s.c.clients.open), stepTicks)
	}
}
