package calibrate

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"quorate/capacity"
	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// A round of the reference work: about a third of its time each for a certificate
// (threshold BLS, whatever the cluster's scheme is), for hashing, and for reads of
// memory that wait for one another, in a table no second-level cache holds. That is what payments
// take, and neighbours slow each of the three in another way.
const (
	refVerifies  = 4
	refHashBytes = 4 << 20
	refReads     = 24 << 10
	refTableLog  = 22 // 2^22 words: 32 MiB
	refRounds    = 25 // of each core: some 0.3 s
)

// Reference is a fixed work that tells how fast the host is at this moment.
type Reference struct {
	keys  *dealt
	hash  wire.Digest
	cert  wire.Certificate
	table []uint64
	body  []byte
	cores int
}

// NewReference prepares the work; the same on each host and in each build.
func NewReference() (*Reference, error) {
	keys, err := deal(groupSizes[0], cluster.ThresholdBLS)
	if err != nil {
		return nil, err
	}
	r := &Reference{keys: keys, hash: digestOf(98, 1), table: make([]uint64, 1<<refTableLog), body: make([]byte, refHashBytes), cores: runtime.GOMAXPROCS(0)}
	var shares []consensus.ShareOf
	for i, s := range keys.suites {
		shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: s.SignShare(consensus.PurposeSigma, r.hash)})
	}
	var ok bool
	if r.cert, _, ok = keys.suites[0].Combine(consensus.PurposeSigma, r.hash, shares); !ok {
		return nil, errRefused
	}
	x := uint64(1)
	for i := range r.table {
		x = x*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		r.table[i] = x
	}
	return r, nil
}

// round does the work once. What it read is given back, so that it has to be read.
func (r *Reference) round(at uint64) (uint64, error) {
	for range refVerifies {
		if !r.keys.suites[0].VerifyGroup(consensus.PurposeSigma, r.hash, r.cert) {
			return 0, errRefused
		}
	}
	sum := sha256.Sum256(r.body)
	at += uint64(sum[0])
	for i := range uint64(refReads) {
		at = at*0x9e3779b97f4a7c15 + r.table[at>>(64-refTableLog)] + i
	}
	return at, nil
}

// Micros does the work on all cores at once, as a busy cluster would, and gives the
// CPU time of a round, µs: the mean, because a neighbour that comes and goes counts.
func (r *Reference) Micros() (float64, error) {
	type answer struct {
		cpu float64
		err error
	}
	answers := make(chan answer, r.cores)
	for core := range r.cores {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			at, err := r.round(uint64(core)) // warms up
			begun := now(unix.CLOCK_THREAD_CPUTIME_ID)
			for i := 0; i < refRounds && err == nil; i++ {
				at, err = r.round(at)
			}
			cpu, _ := begun.since(unix.CLOCK_THREAD_CPUTIME_ID)
			answers <- answer{cpu / refRounds, err}
		}()
	}
	sum := 0.0
	var all []error
	for range r.cores {
		a := <-answers
		sum += a.cpu
		all = append(all, a.err)
	}
	return sum / float64(r.cores), errors.Join(all...)
}

// Gauge tells how fast the host is: Reference.Micros.
type Gauge func() (micros float64, err error)

// steadyTries is how often a load is measured before it is taken as it is.
const steadyTries = 3

// Steady measures a load between two looks at the host's speed, and again where these
// differ by more than capacity.SwingMost. The try in which they differed least
// is given, with both; its Swing tells what came of it. say hears of each try that
// was not steady.
func Steady(ctx context.Context, gauge Gauge, say func(format string, args ...any), measure func() (capacity.Load, error)) (best capacity.Load, err error) {
	for i := range steadyTries {
		before, err := gauge()
		if err = errors.Join(err, ctx.Err()); err != nil {
			return best, err
		}
		l, err := measure()
		if err != nil {
			return best, err
		}
		l.RefBefore = before
		if l.RefAfter, err = gauge(); err != nil {
			return best, err
		}
		if i == 0 || l.Swing() < best.Swing() {
			best = l
		}
		if l.Swing() <= capacity.SwingMost {
			break
		}
		say("the host's speed changed by %.0f %% meanwhile, try %d of %d", 100*l.Swing(), i+1, steadyTries)
	}
	return best, nil
}
