package main

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"quorate/client"
	"quorate/cmd/loadgen/outcome"
	"quorate/payments"
	"quorate/wire"
)

// payers are the accounts of a load whose payments are signed one by one: account
// i is that of key i, which is the same in every run, so that a second run finds
// the accounts of the first. In the field each payer signs on a machine of its
// own; so the signatures are made before the clock starts, as far as they fit,
// and those that are made later are counted.
type payers struct {
	keys    []ed25519.PrivateKey
	ids     []payments.U128
	index   map[payments.U128]int
	cluster wire.Digest

	ahead   [][]byte      // seals of batch b
	took    time.Duration // to make them
	payable int           // events of a batch
	late    atomic.Uint64 // payments signed while the clock ran
}

// payerSeed tells the keys of payers from those of anybody else.
const payerSeed wire.Domain = "quorate/loadgen/payer"

// newPayers makes the keys of n payers of a cluster.
func newPayers(n uint64, cluster wire.Digest) *payers {
	p := &payers{cluster: cluster, keys: make([]ed25519.PrivateKey, n), ids: make([]payments.U128, n), index: make(map[payments.U128]int, n)}
	parallel(int(n), func(i int) {
		seed := wire.Sum(payerSeed, binary.LittleEndian.AppendUint64(nil, uint64(i)))
		p.keys[i] = ed25519.NewKeyFromSeed(seed[:])
		p.ids[i] = payments.KeyAccount([wire.KeyBytes]byte(p.keys[i].Public().(ed25519.PublicKey)))
	})
	for i, id := range p.ids {
		p.index[id] = i
	}
	return p
}

// parallel calls fn for 0..n−1 on all cores.
func parallel(n int, fn func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				fn(i)
			}
		})
	}
	all.Wait()
}

// signBy makes each payment signed. Workloads that void what they reserved are
// refused: that is not the payer's to sign.
func (g *generator) signBy(p *payers) error {
	switch {
	case g.work == workTwoPhase || g.work == workRetail:
		return fmt.Errorf("--signed does not go with --workload %s: a payer cannot void what it reserved", g.work)
	case g.events > wire.SignedEventsMax:
		return fmt.Errorf("--batch %d is over %d with --signed", g.events, wire.SignedEventsMax)
	}
	g.payers, p.payable = p, g.events
	return nil
}

// seal makes the seals of the transfers in events, each by who is debited.
func (p *payers) seal(events []byte) []byte {
	out := make([]byte, 0, len(events)/wire.EventBytes*wire.SealBytes)
	for ; len(events) > 0; events = events[wire.EventBytes:] {
		e := events[:wire.EventBytes]
		key := p.keys[p.index[getID(e[offDebit:])]]
		s := client.SealTransfer(p.cluster, key, e)
		out = append(append(out, s.Key[:]...), s.Signature[:]...)
	}
	return out
}

// sealsOf gives the seals of batch b, whose transfers are events.
func (p *payers) sealsOf(b uint64, events []byte) []byte {
	if b < uint64(len(p.ahead)) {
		return p.ahead[b]
	}
	p.late.Add(uint64(p.payable))
	return p.seal(events)
}

// signedAheadMax bounds what is signed ahead: 2 GB of seals.
const signedAheadMax = 20_000_000

// signedAheadDefault is what is signed ahead when neither rate nor flag says how
// many: 200 MB of seals.
const signedAheadDefault = 2_000_000

// signAhead signs what the run will need before it starts.
func (fl *runFlags) signAhead(g *generator, live io.Writer) {
	if g.payers == nil {
		return
	}
	want := fl.ahead
	if want == 0 && fl.rate.perSecond > 0 {
		want = uint64(fl.rate.perSecond*fl.duration.Seconds()) + uint64(g.events)
	}
	if want == 0 {
		want = signedAheadDefault
	}
	want = min(want, signedAheadMax)
	start := time.Now()
	ahead := make([][]byte, (want+uint64(g.events)-1)/uint64(g.events))
	parallel(len(ahead), func(b int) { ahead[b] = g.payers.seal(g.transfers(nil, uint64(b))) })
	g.payers.ahead, g.payers.took = ahead, time.Since(start)
	fmt.Fprintf(live, "signed %d payments of %d payers in %.1f s, before the clock starts\n",
		len(ahead)*g.events, len(g.payers.keys), g.payers.took.Seconds())
}

// shown is what a result says of signatures.
func (p *payers) shown() *outcome.Signed {
	return &outcome.Signed{Payers: len(p.keys), Ahead: len(p.ahead) * p.payable, Late: p.late.Load(), Seconds: p.took.Seconds()}
}

func getID(b []byte) payments.U128 {
	return payments.U128{Lo: binary.LittleEndian.Uint64(b), Hi: binary.LittleEndian.Uint64(b[8:])}
}
