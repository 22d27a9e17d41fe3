package payments

// Aim: what one payment costs, by kind. Method: whole blocks of one request of
// 8,189 events on a machine that is warm; the figure that counts is CPU time per
// event, as the median over blocks and, for hosts with neighbours, the 5th percentile.
// Ids are drawn from a fixed pseudo-random sequence, so that the index is hit at
// random. The archive is one that refuses, since plain payments must not read.

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"quorate/wire"
)

// noArchive fails every call.
type noArchive struct{}

var errNoArchive = errors.New("the archive must not be read here")

func (noArchive) Transfer(uint64, *Stored) (bool, error)      { return false, errNoArchive }
func (noArchive) PendingStatus(uint64) (PendingStatus, error) { return 0, errNoArchive }
func (noArchive) Balances(uint64, *AccountBalance, *AccountBalance) (bool, bool, error) {
	return false, false, errNoArchive
}
func (noArchive) Scan(uint64, uint64, bool, func(uint64, *Transfer) bool) error { return errNoArchive }

// splitmix is a small deterministic generator.
type splitmix uint64

func (s *splitmix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// benchArchive knows nothing: a false candidate (one in thousands) is answered
// with a transfer of another id.
type benchArchive struct{ noArchive }

func (benchArchive) Transfer(ordinal uint64, out *Stored) (bool, error) {
	*out = Stored{Transfer: Transfer{ID: U128{Lo: ordinal, Hi: ^uint64(0)}}}
	return true, nil
}

type bencher struct {
	m    *Machine
	out  Outcome
	rnd  splitmix
	seq  uint64
	n    uint32
	body []byte
}

func newBencher(b testing.TB, accounts uint32) *bencher {
	m, err := New(Config{Clients: []ClientRecord{{ID: 1, Key: testKey(1), Roles: RolesAll}}, IndexSeed: 7})
	if err != nil {
		b.Fatal(err)
	}
	x := &bencher{m: m, n: accounts, rnd: 1}
	for made := uint32(0); made < accounts; {
		x.body = x.body[:0]
		for i := 0; i < wire.EventsMax && made < accounts; i++ {
			made++
			a := Account{ID: accountID(made), Ledger: 1, Code: 1}
			x.body = a.Append(x.body)
		}
		x.apply(b, wire.OpCreateAccounts)
	}
	return x
}

func accountID(i uint32) U128 {
	s := splitmix(i)
	return U128{Lo: s.next(), Hi: s.next() >> 1}
}

func (x *bencher) apply(b testing.TB, op wire.Op) {
	x.seq++
	req := [1]Request{{Client: 1, Seq: x.seq, Digest: wire.Digest{byte(x.seq), 1}, Op: op, Body: x.body}}
	if err := x.m.Apply(x.m.Seq()+1, 0, req[:], benchArchive{}, &x.out); err != nil {
		b.Fatal(err)
	}
	if x.out.Requests[0].Status != StatusOK {
		b.Fatal(x.out.Requests[0].Status)
	}
}

// fill makes a request body of 8,189 transfers.
func (x *bencher) fill(edit func(i int, t *Transfer)) {
	x.body = x.body[:0]
	for i := 0; i < wire.EventsMax; i++ {
		r := x.rnd.next()
		dr := uint32(r)%x.n + 1
		cr := uint32(r>>32)%x.n + 1
		if cr == dr {
			cr = dr%x.n + 1
		}
		t := Transfer{
			ID: U128{Lo: x.rnd.next(), Hi: x.rnd.next() >> 1}, DebitAccountID: accountID(dr), CreditAccountID: accountID(cr),
			Amount: U64(r % 1000), Ledger: 1, Code: 1,
		}
		if edit != nil {
			edit(i, &t)
		}
		x.body = t.Append(x.body)
	}
}

func (x *bencher) run(b *testing.B, fill func()) {
	for i := 0; i < 8; i++ {
		fill()
		x.apply(b, wire.OpCreateTransfers)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var cpu []time.Duration
	for i := 0; i < b.N; i++ {
		fill()
		if i%64 == 0 {
			x.m.MarkClean()
		}
		start := cpuTime(b)
		x.apply(b, wire.OpCreateTransfers)
		cpu = append(cpu, cpuTime(b)-start)
	}
	b.ReportMetric(0, "ns/op") // it has the filling in it
	slices.Sort(cpu)
	b.ReportMetric(float64(cpu[len(cpu)/2].Nanoseconds())/wire.EventsMax, "p50-cpu-ns/event")
	b.ReportMetric(float64(cpu[len(cpu)/20].Nanoseconds())/wire.EventsMax, "p5-cpu-ns/event")
	for i, c := range x.m.block.codes {
		if c != 0 {
			b.Fatalf("event %d: %v", i, TransferCode(c))
		}
	}
}

// cpuTime is what the process used: other processes on the host do not count.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchPlain(b *testing.B, accounts uint32) {
	x := newBencher(b, accounts)
	x.run(b, func() { x.fill(nil) })
}

func BenchmarkPlain10k(b *testing.B) { benchPlain(b, 10_000) }
func BenchmarkPlain1M(b *testing.B)  { benchPlain(b, 1_000_000) }

func BenchmarkHotAccount(b *testing.B) {
	x := newBencher(b, 1_000_000)
	x.run(b, func() {
		x.fill(func(i int, t *Transfer) {
			t.CreditAccountID = accountID(1)
			if t.DebitAccountID == t.CreditAccountID {
				t.DebitAccountID = accountID(2)
			}
		})
	})
}

// BenchmarkLinked has chains of four.
func BenchmarkLinked(b *testing.B) {
	x := newBencher(b, 1_000_000)
	x.run(b, func() {
		x.fill(func(i int, t *Transfer) {
			if i%4 != 3 && i != wire.EventsMax-1 {
				t.Flags = TransferLinked
			}
		})
	})
}

// BenchmarkTwoPhase opens and posts in turn.
func BenchmarkTwoPhase(b *testing.B) {
	x := newBencher(b, 1_000_000)
	var last U128
	x.run(b, func() {
		x.fill(func(i int, t *Transfer) {
			t.Flags = TransferPending
			t.Timeout = 3600
			if i%2 == 1 {
				*t = Transfer{ID: t.ID, PendingID: last, Amount: MaxU128, Flags: TransferPostPending}
			}
			last = t.ID
		})
	})
}

func benchRoot(b *testing.B, touch func(m *Machine)) {
	x := newBencher(b, 1_000_000)
	x.m.StateRoot()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		touch(x.m)
		x.m.StateRoot()
	}
}

func BenchmarkStateRootFewPages(b *testing.B) {
	benchRoot(b, func(m *Machine) {
		for p := uint32(0); p < 16; p++ {
			m.mark(RegionAccounts, p*100)
		}
	})
}

func BenchmarkStateRootAllPages(b *testing.B) {
	benchRoot(b, func(m *Machine) {
		for p := uint32(0); p < m.pages(RegionAccounts); p++ {
			m.mark(RegionAccounts, p)
		}
	})
}

// BenchmarkDirtyAllPages is what the machine's thread pays when another one
// hashes: encode and copy.
func BenchmarkDirtyAllPages(b *testing.B) {
	x := newBencher(b, 1_000_000)
	pool := make([]byte, PageBytes)
	for i := 0; i < b.N; i++ {
		for p := uint32(0); p < x.m.pages(RegionAccounts); p++ {
			x.m.mark(RegionAccounts, p)
		}
		x.m.Dirty(func(_ Region, _ uint32, data []byte) { copy(pool, data) })
		x.m.MarkClean()
	}
}

func testKey(i byte) [32]byte {
	pub := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)).Public()
	return [32]byte(pub.(ed25519.PublicKey))
}
