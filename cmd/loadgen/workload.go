package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"quorate/payments"
	"quorate/wire"
)

// Workloads.
const (
	workUniform  = "uniform"
	workZipf     = "zipf"
	workHot      = "hot"
	workTwoPhase = "two-phase"
	workLinked   = "linked"
	workRetail   = "retail"
)

var workloads = []string{workUniform, workZipf, workHot, workTwoPhase, workLinked, workRetail}

const (
	// accountsHi is the high half of the ids of the accounts that loadgen makes:
	// "load" in ASCII, so that they are not mistaken for anybody's.
	accountsHi = 0x6c6f6164
	// zipfSkew is the exponent of the zipf workload: 1.1, a little above the
	// 0.99 of YCSB, since the sampler needs more than 1.
	zipfSkew = 1.1
	// hotShare is how many of ten transfers credit the hot account.
	hotShare = 9
	// chainEvents is the length of a linked chain; one of brokenChain chains
	// holds an event that fails it.
	chainEvents = 4
	brokenChain = 16
	// retailShops is one of how many accounts is a shop; one of retailHolds
	// purchases is a reservation that is posted.
	retailShops = 100
	retailHolds = 8
	amountMax   = 10_000
)

// Offsets of the fields that differ between events, in the encoding of
// payments.Transfer. TestOffsets holds them against the codec.
const (
	offID      = 0
	offDebit   = 16
	offCredit  = 32
	offAmount  = 48
	offPending = 64
	offFlags   = 118
)

// generator makes the bodies of batches. Batch b has the same bytes whenever it
// is made (Invariant L2), so the audit keeps no copies. It may be used from any
// goroutine: nothing in it changes.
type generator struct {
	work     string
	accounts uint64
	events   int // per batch
	run      uint64
	seed     uint64
	template [wire.EventBytes]byte // ledger and code
	payers   *payers               // with --signed: who signs, else nil
}

// newGenerator checks the numbers.
func newGenerator(work string, accounts uint64, events int, run, seed uint64, ledger uint32) (*generator, error) {
	switch {
	case !slices.Contains(workloads, work):
		return nil, fmt.Errorf("--workload %q is not one of %s", work, strings.Join(workloads, ", "))
	case accounts < 2 || accounts > 1<<28:
		return nil, fmt.Errorf("--accounts %d is outside 2 to %d", accounts, 1<<28)
	case events < 1 || events > wire.EventsMax:
		return nil, fmt.Errorf("--batch %d is outside 1 to %d", events, wire.EventsMax)
	}
	g := &generator{work: work, accounts: accounts, events: events, run: run, seed: seed}
	t := payments.Transfer{Ledger: ledger, Code: 1}
	copy(g.template[:], t.Append(nil))
	return g, nil
}

// account gives the id of account i.
func account(i uint64) payments.U128 { return payments.U128{Hi: accountsHi, Lo: i + 1} }

// id gives the id of event i of batch b: run id ‖ counter.
func (g *generator) id(b uint64, i int) payments.U128 {
	return payments.U128{Hi: g.run, Lo: b*uint64(g.events) + uint64(i) + 1}
}

// fill writes batch b into dst, which is taken as scratch space, and returns the
// body.
func (g *generator) fill(dst []byte, b uint64) []byte {
	if g.payers == nil {
		return g.transfers(dst, b)
	}
	if size := g.events * wire.SignedEventBytes; cap(dst) < size {
		dst = make([]byte, 0, size)
	}
	events := g.transfers(dst, b)
	return append(events, g.payers.sealsOf(b, events)...)
}

// op is what batches ask for.
func (g *generator) op() wire.Op {
	if g.payers != nil {
		return wire.OpCreateSignedTransfers
	}
	return wire.OpCreateTransfers
}

// account gives the id of account i.
func (g *generator) account(i uint64) payments.U128 {
	if g.payers != nil {
		return g.payers.ids[i]
	}
	return account(i)
}

// transfers is fill without seals.
func (g *generator) transfers(dst []byte, b uint64) []byte {
	size := g.events * wire.EventBytes
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	dst = dst[:size]
	rng := rand.New(rand.NewPCG(g.seed, b))
	pick := g.picker(rng, b)
	for i := 0; i < g.events; i++ {
		e := dst[i*wire.EventBytes : (i+1)*wire.EventBytes]
		copy(e, g.template[:])
		putID(e[offID:], g.id(b, i))
		debit, credit := pick()
		putID(e[offDebit:], g.account(debit))
		putID(e[offCredit:], g.account(credit))
		binary.LittleEndian.PutUint64(e[offAmount:], 1+rng.Uint64N(amountMax))
	}
	switch g.work {
	case workTwoPhase:
		g.reserve(dst, b, rng, 1)
	case workRetail:
		g.reserve(dst, b, rng, retailHolds)
	case workLinked:
		link(dst, rng)
	}
	return dst
}

// picker gives the accounts of each transfer of batch b in turn, never the same
// twice.
func (g *generator) picker(rng *rand.Rand, b uint64) func() (debit, credit uint64) {
	n := g.accounts
	other := func(than uint64) uint64 { return (than + 1 + rng.Uint64N(n-1)) % n }
	switch g.work {
	case workZipf:
		zipf := rand.NewZipf(rng, zipfSkew, 1, n-1)
		return func() (uint64, uint64) {
			debit, credit := zipf.Uint64(), zipf.Uint64()
			if debit == credit {
				credit = other(debit)
			}
			return debit, credit
		}
	case workHot:
		return func() (uint64, uint64) {
			debit := 1 + rng.Uint64N(n-1)
			if rng.Uint64N(10) < hotShare {
				return debit, 0
			}
			return debit, other(debit)
		}
	case workRetail:
		shops := max(n/retailShops, 1)
		zipf := rand.NewZipf(rng, zipfSkew, 1, shops-1)
		return func() (uint64, uint64) {
			debit, credit := rng.Uint64N(n), zipf.Uint64()
			if debit == credit {
				debit = other(credit)
			}
			return debit, credit
		}
	}
	if g.payers != nil { // all accounts pay in turn, so that neighbours are other signers
		next := b * uint64(g.events)
		return func() (uint64, uint64) {
			debit := next % n
			next++
			return debit, other(debit)
		}
	}
	return func() (uint64, uint64) {
		debit := rng.Uint64N(n)
		return debit, other(debit)
	}
}

// reserve turns one of every `of` pairs of events into a reservation and its
// end: posted three times of four, else voided. Both stand in one request, so
// that no order between requests is needed.
func (g *generator) reserve(body []byte, b uint64, rng *rand.Rand, of uint64) {
	for i := 0; i+1 < g.events; i += 2 {
		end := payments.TransferPostPending
		if rng.Uint64N(4) == 0 {
			end = payments.TransferVoidPending
		}
		if of > 1 && rng.Uint64N(of) != 0 {
			continue
		}
		first := body[i*wire.EventBytes : (i+1)*wire.EventBytes]
		second := body[(i+1)*wire.EventBytes : (i+2)*wire.EventBytes]
		copy(second[offDebit:offPending], first[offDebit:offPending]) // accounts and amount
		putID(second[offPending:], g.id(b, i))
		binary.LittleEndian.PutUint16(first[offFlags:], uint16(payments.TransferPending))
		binary.LittleEndian.PutUint16(second[offFlags:], uint16(end))
	}
}

// link ties each chainEvents events together and breaks some of the chains by a
// transfer from an account to itself.
func link(body []byte, rng *rand.Rand) {
	n := len(body) / wire.EventBytes
	for i := 0; i < n; i += chainEvents {
		last := min(i+chainEvents, n) - 1
		for k := i; k < last; k++ {
			binary.LittleEndian.PutUint16(body[k*wire.EventBytes+offFlags:], uint16(payments.TransferLinked))
		}
		if rng.Uint64N(brokenChain) == 0 {
			e := body[last*wire.EventBytes : (last+1)*wire.EventBytes]
			copy(e[offCredit:offCredit+16], e[offDebit:offDebit+16])
		}
	}
}

// expected appends the code of each event of a body: what a ledger without any
// limit on these accounts must answer.
func expected(dst []uint32, body []byte) []uint32 {
	n := len(body) / wire.EventBytes
	for i := 0; i < n; {
		end := i
		for end < n-1 && flagsOf(body, end)&payments.TransferLinked != 0 {
			end++
		}
		bad := -1
		for k := i; k <= end && bad < 0; k++ {
			e := body[k*wire.EventBytes : (k+1)*wire.EventBytes]
			if string(e[offDebit:offDebit+16]) == string(e[offCredit:offCredit+16]) {
				bad = k
			}
		}
		for k := i; k <= end; k++ {
			switch {
			case bad < 0:
				dst = append(dst, uint32(payments.TransferOK))
			case k == bad:
				dst = append(dst, uint32(payments.TransferAccountsMustBeDifferent))
			default:
				dst = append(dst, uint32(payments.TransferLinkedEventFailed))
			}
		}
		i = end + 1
	}
	return dst
}

func flagsOf(body []byte, i int) payments.TransferFlags {
	return payments.TransferFlags(binary.LittleEndian.Uint16(body[i*wire.EventBytes+offFlags:]))
}

func putID(b []byte, v payments.U128) {
	binary.LittleEndian.PutUint64(b, v.Lo)
	binary.LittleEndian.PutUint64(b[8:], v.Hi)
}
