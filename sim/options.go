package sim

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"quorate/cluster"
	"quorate/pipeline"
	"quorate/wire"
)

// timeBound is the genesis' bound on clocks, nanoseconds.
const timeBound = 3_000_000_000

// Faults is a set of kinds of faults.
type Faults uint32

// The kinds.
const (
	FaultLoss Faults = 1 << iota
	FaultDuplicate
	FaultReplay // any earlier frame again
	FaultDelay  // long tails
	FaultPartition
	FaultCrash     // at any effect, with restart
	FaultCrashAll  // everybody at once
	FaultSync      // a disk sync or a ledger commit fails; the replica must stop
	FaultTorn      // a crash keeps some of what was not synced
	FaultAmnesia   // a journal is lost, of at most f replicas
	FaultClock     // clocks beyond the bound, of at most f replicas
	FaultByzantine // liars, at most f
	FaultStall     // stages that stand still for long
	FaultRot       // bytes on a disk change, of at most f replicas
	FaultFull      // a disk takes nothing new
	FaultRead      // reads fail
	FaultClog      // a link holds back what it carries
	FaultNarrow    // links carry few frames at once, or few bytes
	FaultPause     // a whole replica stands still, and goes on
	FaultStorm     // crash after crash
	faultKinds     = 20
	faultsAll      = 1<<faultKinds - 1
)

var faultNames = [faultKinds]string{"loss", "duplicate", "replay", "delay", "partition", "crash", "crash-all", "sync", "torn", "amnesia", "clock", "byzantine", "stall", "rot", "full", "read", "clog", "narrow", "pause", "storm"}

// count notes that one fault of a single kind happened.
func (w *world) count(f Faults) {
	kind := bits.TrailingZeros32(uint32(f))
	w.result.Faults[kind]++
	w.result.Phases[kind][w.struck()]++
}

// String lists the kinds.
func (f Faults) String() string {
	var names []string
	for i, n := range faultNames {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "+")
}

// Options is everything that a run is made of beside its draws. All of it
// follows from the seed, but a caller may change what it likes.
type Options struct {
	Seed    uint64
	F, C    int
	Window  wire.SeqNum // a power of two: genesis wants it so
	Faults  Faults
	Lies    uint64 // rows of the table of strategies that every liar keeps to; 0: drawn
	Real    bool   // real signatures
	Scheme  int    // of cluster.Schemes; with ideal signatures, over 0: certificates that tell their signers
	Batch   pipeline.BatchPolicy
	Queue   int  // RequestQueueMax
	Bytes   int  // RequestQueueBytes
	Phases  int  // of faults
	Final   bool // crash everybody at the end
	Network network
	Stages  [8]span // delays of verify, crypto, order, journal, execute, commit, serve, payers
	Load    load
	Journal shape

	plant plant  // tests break the program here, to see that it is noticed
	meter *meter // MeasureTraffic counts with it; nil: nobody counts
	shift bool   // tests shift every stream by a draw, as a change of the program does
}

// plant names a bug that one replica has on purpose; it is set by tests only.
type plant uint8

const (
	plantNone  plant = iota
	plantSync        // replica 0 says that its journal is synced and does not sync it
	plantTrust       // replica 1 takes every certificate for good
)

// network is the weather of calm times; faults come on top.
type network struct {
	Codec  bool // frames pass as bytes, in pieces, with their headers
	Delay  span // microseconds
	FIFO   bool // frames of one link keep their order
	Client span
}

// shape is how a journal is cut. In small segments a crash often meets the first
// group of a new one, and with many superblocks the writing of one.
type shape struct {
	Small  bool // segments hold little more than the largest record
	Groups int  // synced between two superblocks; 0: 16
}

func drawShape(seed uint64) shape {
	r := newStream(seed, "journal")
	return shape{Small: r.chance(500), Groups: 1 << r.below(6)}
}

// load is what clients do.
type load struct {
	Clients  int
	Depth    int // requests of one client under way; closed loop
	Open     int // microseconds between requests, 0: closed loop alone
	Events   int // most per request
	Accounts int
	Ops      int  // requests per client
	Repeat   int  // of 1000 answered requests that are sent again
	Linear   bool // few requests under way and no timeouts: see linear.go
	Rogue    bool // the last client of several signs two requests under one seq
	Odd      oddities
}

// sizes are those of most runs, the frequent ones several times; large ones are
// drawn rarely, and with little load: a run costs the square of its replicas.
var (
	sizes = [][2]int{{1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 1}, {1, 1}, {1, 1}, {2, 0}, {2, 0}, {2, 0},
		{1, 2}, {2, 1}, {2, 1}, {3, 0}, {3, 1}, {4, 0}}
	sizesLarge = [][2]int{{5, 0}, {6, 0}, {8, 0}, {10, 0}} // 16, 19, 25, 31
)

// loadMax bounds requests × replicas².
const loadMax = 15_000

// Draw gives the options of a seed.
func Draw(seed uint64) Options {
	r := newStream(seed, "options")
	size := sizes[r.below(len(sizes))]
	if r.chance(12) {
		size = sizesLarge[r.below(len(sizesLarge))]
	}
	o := Options{Seed: seed, F: size[0], C: size[1], Window: 4 << r.below(8), Phases: r.between(2, 7), Final: r.chance(400), Real: r.chance(10)}
	o.Faults = drawFaults(&r)
	o.Scheme = drawScheme(seed)
	o.Batch = pipeline.BatchPolicy{EventsMax: r.between(1, 1+r.below(2000)), BytesMax: 4 << 10 << r.below(5), EagerSlots: r.between(1, 4),
		SlotsMax: r.between(1, int(o.Window)), DelayTicks: r.between(0, 4)}
	o.Queue = 16 << r.below(8)
	if b := newStream(seed, "queue-bytes"); b.chance(300) {
		o.Bytes = 512 << b.below(6)
	}
	fast := r.between(1, 20)
	o.Network = network{Codec: r.chance(100), Delay: span{50, 200 * fast}, FIFO: r.chance(500), Client: span{50, 400 * fast}}
	slow := 1 + r.below(4)*r.below(4)
	for i, s := range [8]span{{10, 200}, {10, 300}, {5, 50}, {50, 3000}, {20, 200}, {100, 5000}, {50, 1000}, {10, 2000}} {
		o.Stages[i] = span{s.low, s.high * slow}
	}
	o.Load = load{Clients: r.between(1, 6), Depth: 1 << r.below(5), Events: 1 << r.below(6), Accounts: 2 << r.below(6), Ops: 20 << r.below(4), Repeat: 100 * r.below(4)}
	if r.chance(300) {
		o.Load.Open = 2000 << r.below(6)
	}
	o.Load.Rogue = r.chance(150)
	if isLinear(seed) {
		o.Load.Linear, o.Load.Rogue, o.Load.Open, o.Load.Depth = true, false, 0, 1
		o.Load.Clients = linearClientsMin + int(mix(seed+1)%(linearClientsMax-linearClientsMin+1))
		o.Load.Ops = loadMax // as many as there is room for
	} else if o.Load.Odd = drawOddities(seed); o.Load.Odd.Wide {
		o.Load.Depth = max(o.Load.Depth, 8)
		o.Window, o.Batch.SlotsMax, o.Batch.EventsMax, o.Batch.EagerSlots = 256, 256, 8, 64
	}
	o.Journal = drawShape(seed)
	if n := o.replicas(); n > 10 {
		o.Window, o.Phases = min(o.Window, 64), min(o.Phases, 3)
	}
	o.Load.Ops = max(2, min(o.Load.Ops, loadMax/(o.Load.Clients*o.replicas()*o.replicas())))
	o.Batch.SlotsMax = min(o.Batch.SlotsMax, int(o.Window))
	if o.Real { // thousands of times slower
		o.F, o.C, o.Phases, o.Load.Ops = 1, 0, min(o.Phases, 3), 10
	}
	return o
}

// drawScheme gives half of the runs the default scheme, whose certificates are
// unique: what relies on that shows in the others.
func drawScheme(seed uint64) int {
	r := newStream(seed, "scheme")
	return max(0, r.below(4)-1)
}

// drawFaults picks the kinds of a run: few, half or most of them, or none.
func drawFaults(r *stream) (f Faults) {
	if r.chance(80) {
		return 0
	}
	p := [...]int{200, 500, 800}[r.below(3)]
	for k := range faultKinds {
		if r.chance(p) {
			f |= 1 << k
		}
	}
	if r.chance(500) {
		f |= FaultCrash
	}
	return f
}

func (o *Options) replicas() int { return 3*o.F + 2*o.C + 1 }

func (o *Options) quorums() cluster.Quorums {
	q, err := cluster.NewQuorums(o.replicas(), o.F, o.C)
	if err != nil {
		panic(err)
	}
	return q
}

// field is one option as it stands in the head of a scenario.
type field struct {
	name  string
	value any // a pointer
}

// fields lists everything of the options but what chance alone needs.
func (o *Options) fields() []field {
	list := []field{{"seed", &o.Seed}, {"f", &o.F}, {"c", &o.C}, {"window", (*uint64)(&o.Window)}, {"real", &o.Real}, {"scheme", &o.Scheme}, {"final", &o.Final},
		{"queue", &o.Queue}, {"queue-bytes", &o.Bytes}, {"batch-events", &o.Batch.EventsMax}, {"batch-bytes", &o.Batch.BytesMax}, {"batch-eager", &o.Batch.EagerSlots},
		{"batch-slots", &o.Batch.SlotsMax}, {"batch-delay", &o.Batch.DelayTicks},
		{"delay", &o.Network.Delay}, {"fifo", &o.Network.FIFO}, {"codec", &o.Network.Codec}, {"client-delay", &o.Network.Client},
		{"clients", &o.Load.Clients}, {"depth", &o.Load.Depth}, {"open", &o.Load.Open}, {"events", &o.Load.Events},
		{"accounts", &o.Load.Accounts}, {"ops", &o.Load.Ops}, {"rogue", &o.Load.Rogue}, {"linear", &o.Load.Linear}, {"lies", &o.Lies},
		{"segments-small", &o.Journal.Small}, {"superblock-groups", &o.Journal.Groups}}
	odd := &o.Load.Odd
	list = append(list, field{"odd-events", &odd.Events}, field{"odd-queries", &odd.Queries}, field{"odd-wrong", &odd.Wrong},
		field{"odd-large", &odd.Large}, field{"odd-open", &odd.Open}, field{"odd-tight", &odd.Tight}, field{"odd-humble", &odd.Humble}, field{"odd-signed", &odd.Signed}, field{"odd-newcomer", &odd.Newcomer})
	for i := range o.Stages {
		list = append(list, field{"stage-" + stageNames[i], &o.Stages[i]})
	}
	return list
}

func formatField(v any) string {
	switch v := v.(type) {
	case *uint64:
		return strconv.FormatUint(*v, 10)
	case *int:
		return strconv.Itoa(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *span:
		return fmt.Sprintf("%d-%d", v.low, v.high)
	}
	panic("sim: option of an unknown type")
}

func parseField(s string, v any) (err error) {
	switch v := v.(type) {
	case *uint64:
		*v, err = strconv.ParseUint(s, 10, 64)
	case *int:
		*v, err = strconv.Atoi(s)
	case *bool:
		*v, err = strconv.ParseBool(s)
	case *span:
		_, err = fmt.Sscanf(s, "%d-%d", &v.low, &v.high)
	}
	return err
}

// validate refuses options that no run can have.
func (o *Options) validate() error {
	_, err := cluster.NewQuorums(o.replicas(), o.F, o.C)
	l := &o.Load
	ok := o.Scheme >= 0 && o.Scheme < len(cluster.Schemes()) && o.Window >= 2 && o.Window&(o.Window-1) == 0 && l.Clients >= 0 && l.Clients <= clientsMax &&
		min(l.Depth, l.Events, l.Accounts, o.Queue, o.Batch.EventsMax, o.Batch.BytesMax, o.Batch.EagerSlots, o.Batch.SlotsMax) > 0 && l.Ops >= 0 && o.Journal.Groups >= 0
	for _, s := range append(o.Stages[:], o.Network.Delay, o.Network.Client) {
		ok = ok && 0 <= s.low && s.low <= s.high
	}
	if err != nil || !ok {
		return fmt.Errorf("%w: options out of range (%v)", ErrScenario, err)
	}
	return nil
}

// String is the full set, for the head of a report.
func (o Options) String() string {
	return fmt.Sprintf("seed %d: n=%d f=%d c=%d window %d real %v scheme %s phases %d final crash %v\n  faults %v\n  batch %+v queue %d\n  network %+v\n  stages %v\n  load %+v",
		o.Seed, o.replicas(), o.F, o.C, o.Window, o.Real, cluster.Schemes()[o.Scheme], o.Phases, o.Final, o.Faults, o.Batch, o.Queue, o.Network, o.Stages, o.Load)
}
