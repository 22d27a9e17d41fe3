package cluster

import (
	"errors"
	"fmt"

	"quorate/internal/plant"
	"quorate/wire"
)

// ErrSize says that n replicas cannot form a cluster for these f and c.
var ErrSize = errors.New("cluster: impossible size")

// Quorums holds how many votes decide what, for one (f, c). Source: SBFT paper,
// section V.
type Quorums struct {
	F, C       int
	N          int // 3f+2c+1
	Sigma      int // 3f+c+1: fast commit
	Tau        int // 2f+c+1: prepare, slow commit, stable checkpoint
	Pi         int // f+1: execution certificate
	ViewChange int // 2f+2c+1 = n−f: the set that opens a view, exactly
	FastClaim  int // f+c+1: votes in that set which may witness a fast commit
	Complain   int // f+1: complaints, and reports of a higher view to join it
}

// NewQuorums computes the quorums of n replicas. It refuses n ≠ 3f+2c+1 and
// n < 4: three replicas tolerate no fault at all.
func NewQuorums(n, f, c int) (Quorums, error) {
	switch {
	case f < 1 || c < 0:
		return Quorums{}, fmt.Errorf("%w: f=%d c=%d; f must be at least 1 and c at least 0: with f=0 no Byzantine fault is tolerated", ErrSize, f, c)
	case n < 4:
		return Quorums{}, fmt.Errorf("%w: %d replicas tolerate no fault; the smallest cluster has 4 (f=1, c=0)", ErrSize, n)
	case f > wire.ReplicasMax || c > wire.ReplicasMax || n != 3*f+2*c+1:
		return Quorums{}, fmt.Errorf("%w: n=%d is not 3f+2c+1 = %d for f=%d c=%d", ErrSize, n, 3*f+2*c+1, f, c)
	case n > wire.ReplicasMax:
		return Quorums{}, fmt.Errorf("%w: n=%d is over %d", ErrSize, n, wire.ReplicasMax)
	}
	q := Quorums{
		F: f, C: c, N: n,
		Sigma:      3*f + c + 1,
		Tau:        2*f + c + 1,
		Pi:         f + 1,
		ViewChange: 2*f + 2*c + 1,
		FastClaim:  f + c + 1,
		Complain:   f + 1,
	}
	if plant.On(plant.TauOneLow) {
		q.Tau--
	}
	if plant.On(plant.SigmaOneLow) {
		q.Sigma--
	}
	return q, nil
}

// Primary is the primary of a view.
func (q Quorums) Primary(v wire.View) wire.ReplicaID {
	return wire.ReplicaID(uint64(v) % uint64(q.N))
}

// CommitCollectors appends to dst the c+1 commit collectors of slot (s, v),
// first to act first; the primary is the last of them. The others rotate
// pseudo-randomly with (s, v) so that the load of collecting is spread.
func (q Quorums) CommitCollectors(dst []wire.ReplicaID, s wire.SeqNum, v wire.View) []wire.ReplicaID {
	return q.collectors(dst, mix(uint64(s), uint64(v), 1), q.Primary(v))
}

// ExecCollectors appends to dst the c+1 execution collectors of slot s, first
// to act first. The primary of view v is the last of them: clients are mostly
// connected to it, and it answers them when it holds the certificate.
func (q Quorums) ExecCollectors(dst []wire.ReplicaID, s wire.SeqNum, v wire.View) []wire.ReplicaID {
	return q.collectors(dst, mix(uint64(s), uint64(v), 2), q.Primary(v))
}

// collectors appends c replicas other than the primary, in a rotation that seed
// chooses, and the primary. The rotation counts from the primary over the n−1
// others: stepping over the primary instead would give its successor a double
// share of the work.
func (q Quorums) collectors(dst []wire.ReplicaID, seed uint64, primary wire.ReplicaID) []wire.ReplicaID {
	others := uint64(q.N - 1)
	start := seed % others
	for i := range uint64(q.C) {
		id := (uint64(primary) + 1 + (start+i)%others) % uint64(q.N)
		dst = append(dst, wire.ReplicaID(id))
	}
	return append(dst, primary)
}

// mix is a splitmix64 finalizer over three words: every replica must compute
// the same rotation, and it need not be unpredictable.
func mix(a, b, c uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 ^ b*0xbf58476d1ce4e5b9 ^ c*0x94d049bb133111eb
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
