package pipeline

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"

	"quorate/wire"
)

// cpuNanos is the CPU time that this process has used: on a busy machine it says
// more than the clock.
func cpuNanos(b *testing.B) int64 {
	b.Helper()
	var r syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return r.Utime.Nano() + r.Stime.Nano()
}

// benchSignatures makes n signatures of n payers.
func benchSignatures(n int) []PayerSignature {
	out := make([]PayerSignature, n)
	for i := range out {
		var e [wire.EventBytes]byte
		binary.LittleEndian.PutUint64(e[:], uint64(i))
		out[i].Digest = wire.TransferDigest(wire.Digest{}, e[:])
		out[i].Seal = sealOf(wire.Digest{}, payerKey(i), e[:])
	}
	return out
}

// BenchmarkPayers gives the CPU time per payer's signature in the stage that
// verifies them: together where the processor can, and by the library: by the size of
// a part, for keys never met and for those that are kept expanded, and with one bad
// signature in the part. "turn" goes round more payers than are kept, the worst case
// for what keeps them.
func BenchmarkPayers(b *testing.B) {
	all := benchSignatures(payerKeysMax + payerKeysMax/4)
	measure := func(name string, n int, together together, prepare func(*realSuite), next func(i int) []PayerSignature) {
		b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
			suite := &realSuite{payers: newPayerKeys(), together: together}
			prepare(suite)
			ok := make([]bool, n)
			b.ResetTimer()
			start := cpuNanos(b)
			for i := range b.N {
				suite.VerifyPayers(next(i), ok)
			}
			b.ReportMetric(float64(cpuNanos(b)-start)/float64(b.N*n)/1000, "cpu-µs/payment")
		})
	}
	run := func(name string, n int, prepare func(*realSuite), next func(i int) []PayerSignature) {
		measure("library/"+name, n, together{}, prepare, next)
	}
	nothing := func(*realSuite) {}
	for _, n := range []int{1, 16, 64, 256, 1024, 2048, 4096} {
		in := all[:n]
		warm := func(s *realSuite) {
			for range 2 {
				s.VerifyPayers(in, make([]bool, n))
			}
		}
		run("expanded", n, warm, func(int) []PayerSignature { return in })
		run("new", n, nothing, func(i int) []PayerSignature { return all[i*n%(len(all)-n):][:n] })
	}
	const part = payerPartMax
	wide := newTogether()
	for _, n := range []int{16, 64, 256, 1024, 2048, 4096} {
		measure("together", n, wide, nothing, func(i int) []PayerSignature { return all[i*n%(len(all)-n):][:n] })
	}
	bad := append([]PayerSignature(nil), all[:part]...)
	bad[part/2].Signature[0] ^= 1
	run("one-bad", part, func(s *realSuite) { s.VerifyPayers(bad, make([]bool, part)) }, func(int) []PayerSignature { return bad })
	measure("together/one-bad", part, wide, nothing, func(int) []PayerSignature { return bad })
	round := func(i int) []PayerSignature { return all[i*part%len(all):][:part] }
	run("turn", part, func(s *realSuite) {
		for i := range 2 * len(all) / part {
			s.VerifyPayers(round(i), make([]bool, part))
		}
	}, round)
}

// BenchmarkPayerDigest is what a replica hashes per signed transfer beside the
// request's tree: what was signed, and whose account the key owns.
func BenchmarkPayerDigest(b *testing.B) {
	var e [wire.EventBytes]byte
	key := payerKey(1).Public().(ed25519.PublicKey)
	for b.Loop() {
		_ = wire.TransferDigest(wire.Digest{}, e[:])
		_ = wire.OwnerDigest(key)
	}
}
