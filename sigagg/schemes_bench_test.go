package sigagg

import (
	"fmt"
	"syscall"
	"testing"
)

// Aim: the crossover of the three schemes over n. Method: what all replicas
// together spend on one block of the fast path, and on the same block of the slow
// path, with c = 0. Run:
//
//	go test ./sigagg -run '^$' -bench 'Block|EdBatch' -benchtime 3x
//
// The column that counts is cpu-µs/block, CPU time of the process, which does not
// depend on what else runs but for caches and clock. Each block has a new digest,
// and each replica hashes it to the curve anew, as in a process of its own.

// blockStep is one certificate of a block: every replica signs, one of them
// combines threshold votes, and all others verify.
type blockStep struct {
	domain    Domain
	threshold func(f int) int
	group     int // which of σ, τ, π
}

// The certificates of a block. π is made of f+1 shares that the collector waits
// for; all sign.
var (
	fastBlock = []blockStep{{FastCommit, sigmaOf, 0}, {ExecState, piOf, 2}}
	slowBlock = []blockStep{{FastCommit, nil, 0}, {Prepare, tauOf, 1}, {SlowCommit, tauOf, 1}, {ExecState, piOf, 2}}
)

func sigmaOf(f int) int { return 3*f + 1 }
func tauOf(f int) int   { return 2*f + 1 }
func piOf(f int) int    { return f + 1 }

// BenchmarkBlock reports, for each scheme and n, the time of all replicas per
// block and the bytes of σ.
func BenchmarkBlock(b *testing.B) {
	for _, n := range []int{4, 7, 10, 16, 31, 64, 100} {
		f := (n - 1) / 3
		var sets [3][]scheme // σ, τ, π of each scheme
		for i, k := range []int{sigmaOf(f), tauOf(f), piOf(f)} {
			sets[i] = schemesOf(b, k, n)
		}
		for at := range sets[0] {
			groups := [3]*scheme{&sets[0][at], &sets[1][at], &sets[2][at]}
			for i, steps := range [][]blockStep{fastBlock, slowBlock} {
				b.Run(fmt.Sprintf("%s/%s/n=%d", []string{"fast", "slow"}[i], groups[0].name, n), func(b *testing.B) {
					start := cpuMicros(b)
					for i := 0; b.Loop(); i++ {
						for _, step := range steps {
							playStep(b, groups[step.group], step, f, digestOf(i))
						}
					}
					b.ReportMetric((cpuMicros(b)-start)/float64(b.N), "cpu-µs/block")
					b.ReportMetric(float64(groups[0].bytes), "B/σ")
				})
			}
		}
	}
}

// playStep is what n replicas do for one certificate. On the slow path σ shares
// are signed and not combined.
func playStep(b *testing.B, s *scheme, step blockStep, f int, digest [32]byte) {
	var votes []Vote
	for i := range s.group.Size() {
		messages.mu.Lock()
		clear(messages.known)
		messages.mu.Unlock()
		votes = append(votes, s.votes(step.domain, digest, i)...)
	}
	if step.threshold == nil {
		return
	}
	cert, culprits, err := s.group.Combine(step.domain, digest, votes[:step.threshold(f)])
	if err != nil || culprits != nil {
		b.Fatal(culprits, err)
	}
	for range s.group.Size() - 1 {
		if err := s.group.Verify(step.domain, digest, cert); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuMicros is the CPU time that the process has had.
func cpuMicros(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	micros := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	return micros(u.Utime) + micros(u.Stime)
}

// BenchmarkEdBatch is where edSingles comes from: count signatures one by one and
// together.
func BenchmarkEdBatch(b *testing.B) {
	for _, count := range []int{1, 2, 3, 4, 5, 7, 11, 67} {
		s := edScheme(b, count, count)
		g := s.group.(*EdGroup)
		votes := s.votes(Prepare, digestOf(0), firstOf(count)...)
		message := edMessage(Prepare, digestOf(0))
		batch := newEdBatch(count)
		for i := range votes {
			batch.add(&g.keys.keys[votes[i].Signer], message, votes[i].Sig)
		}
		for name, each := range map[string]func() []bool{"singles": batch.oneByOne, "together": batch.together} {
			b.Run(fmt.Sprintf("%s/%d", name, count), func(b *testing.B) {
				start := cpuMicros(b)
				for b.Loop() {
					if !each()[0] {
						b.Fatal("a good signature is refused")
					}
				}
				b.ReportMetric((cpuMicros(b)-start)/float64(b.N*count), "cpu-µs/signature")
			})
		}
	}
}
