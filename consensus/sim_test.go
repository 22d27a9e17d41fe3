package consensus

// Aim: no run of chance breaks safety, and every run recovers once its faults
// stop. Method: each seed draws a cluster size, a window, rates of loss,
// duplication and delay, partitions, crashes at any effect, restarts, and
// liars; the checkers watch all of it; then faults stop, and everything must
// come to rest with every batch executed everywhere.

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"quorate/wire"
)

var (
	seedsFlag = flag.Int("seeds", 60, "random runs per cluster size")
	seedFlag  = flag.Uint64("seed", 0, "first seed")
	traceFlag = flag.Bool("tell", false, "print the run of -seed")
)

func TestSimulation(t *testing.T) {
	sizes := [][3]int{{4, 1, 0}, {6, 1, 1}, {7, 2, 0}}
	for _, size := range sizes {
		t.Run(fmt.Sprintf("n=%d", size[0]), func(t *testing.T) {
			for i := range uint64(*seedsFlag) {
				seed := *seedFlag + i
				if problem := simulate(seed, size[0], size[1], size[2], *traceFlag); problem != "" {
					t.Errorf("seed %d: %s", seed, problem)
				}
			}
		})
	}
}

// simulate runs one seed and returns what went wrong.
func simulate(seed uint64, n, f, c int, trace bool) string {
	windows := []wire.SeqNum{4, 8, 16, 32}
	s := splitmix(seed*1000003 + uint64(n))
	w := newWorld(s.next(), n, f, c, windows[s.below(len(windows))])
	if trace {
		w.trace = func(format string, args ...any) {
			fmt.Fprintf(os.Stdout, "%5d.%d ", w.now/unitsPerTick, w.now%unitsPerTick)
			fmt.Fprintf(os.Stdout, format+"\n", args...)
		}
	}
	r := &w.rnd
	liars := 0
	if r.chance(500) {
		liars = r.below(f + 1)
	}
	for i := range liars {
		id := (r.below(n) + i) % n
		ways := bend(r.next()) & bendAll
		w.nodes[id].liar = &liar{w: w, ways: ways, rate: 50 + r.below(600)}
		w.trace("%d lies: %b", id, ways)
	}
	w.luck = r.chance(500)
	w.codec = 100
	w.ledgerSync = r.below(1001)
	phases := 3 + r.below(6)
	for p := range phases {
		w.fault(f - liars)
		for range 1 + r.below(8) {
			w.want(fmt.Sprint(seed, "-", p, "-", r.next()))
		}
		w.ticks(20 + r.below(600))
		if w.check.failed() {
			return w.check.problem + "\n" + w.String()
		}
	}
	return w.settle()
}

// fault draws the weather of one phase. At most spare replicas lose their
// journal and are not over it: like liars, they count as faulty.
func (w *world) fault(spare int) {
	r := &w.rnd
	w.net = span{1 + r.below(5), 6 + r.below(40)}
	if r.chance(200) {
		w.net.high += 300
	}
	w.job = span{0, 1 + r.below(20)}
	w.sync = span{1, 2 + r.below(30)}
	w.loss, w.dup = 0, 0
	if r.chance(500) {
		w.loss = r.below(300)
	}
	if r.chance(300) {
		w.dup = r.below(300)
	}
	clear(w.cut)
	switch r.below(5) {
	case 0: // one replica cut off
		x := r.below(w.q.N)
		for i := range w.q.N {
			w.cut[x*w.q.N+i], w.cut[i*w.q.N+x] = true, true
		}
	case 1: // two halves
		for i := range w.q.N * w.q.N {
			w.cut[i] = (i/w.q.N)%2 != (i%w.q.N)%2
		}
	case 2: // some links, one way
		for i := range w.cut {
			w.cut[i] = r.chance(150)
		}
	}
	for _, nd := range w.nodes {
		if nd.wiped && nd.up && !nd.core.Amnesia() {
			nd.wiped = false
		}
		if nd.wiped {
			spare--
		}
	}
	for _, nd := range w.nodes {
		if nd.up || !r.chance(600) {
			continue
		}
		if spare > 0 && nd.liar == nil && !nd.wiped && r.chance(200) {
			spare--
			w.wipe(nd)
		}
		w.start(nd, nd.wiped)
	}
	for range r.below(3) {
		nd := w.nodes[r.below(w.q.N)]
		if nd.up {
			nd.crashAt = nd.effects + 1 + r.below(400)
		}
	}
	if r.chance(30) { // everybody at once
		for _, nd := range w.nodes {
			w.crash(nd)
		}
	}
}

// wipe takes a node's journal, and in half of the cases its ledger.
func (w *world) wipe(nd *node) {
	w.trace("%d loses its journal", nd.id)
	nd.wiped = true
	nd.journal = nil
	if w.rnd.chance(500) {
		nd.ledger, nd.ledgerDurable = nil, 0
	}
}

// settle ends all faults but the liars and waits for peace: every batch
// executed everywhere, everyone at one height, views at rest.
func (w *world) settle() string {
	w.net, w.job, w.sync = span{2, 8}, span{0, 2}, span{1, 4}
	w.loss, w.dup = 0, 0
	clear(w.cut)
	for _, nd := range w.nodes {
		nd.crashAt = 0
		if !nd.up {
			w.start(nd, nd.wiped)
		}
	}
	w.trace("-- faults stop")
	w.want("last")
	for range 60 {
		w.ticks(500)
		w.ask()
		if w.check.failed() {
			return w.check.problem + "\n" + w.String()
		}
		if w.peace() == "" {
			view := w.check.views
			w.ticks(1500)
			if w.check.failed() {
				return w.check.problem
			}
			if w.peace() == "" && (w.check.views == view || w.hasLiar()) {
				return ""
			}
		}
	}
	return "no peace: " + w.peace() + "\n" + w.String()
}

func (w *world) hasLiar() bool {
	for _, nd := range w.nodes {
		if nd.liar != nil {
			return true
		}
	}
	return false
}

// ask is clients who ask for results that were never certified.
func (w *world) ask() {
	for _, nd := range w.nodes {
		for i := range nd.ledger {
			if s := wire.SeqNum(i + 1); !nd.certified[s] && nd.core.executed >= s && nd.halted == "" {
				w.step(nd, Uncertified{Seq: s, Digest: nd.ledger[i].digest})
			}
		}
	}
}

// peace says what is still unsettled.
func (w *world) peace() string {
	height := -1
	for _, nd := range w.nodes {
		if nd.liar != nil {
			continue
		}
		for _, b := range w.batches {
			if !w.check.hasExecuted(nd, b.digest) {
				return fmt.Sprintf("batch %q is not executed at %d", b.name, nd.id)
			}
		}
		if height >= 0 && len(nd.ledger) != height && !w.hasLiar() {
			return fmt.Sprintf("%d is at %d, another at %d", nd.id, len(nd.ledger), height)
		}
		for i := range nd.ledger {
			if !nd.certified[wire.SeqNum(i+1)] {
				return fmt.Sprintf("%d is not certified at %d", i+1, nd.id)
			}
		}
		height = len(nd.ledger)
		if !w.hasLiar() && !nd.core.active && !nd.core.Amnesia() {
			return fmt.Sprintf("%d is not active", nd.id)
		}
	}
	return ""
}

// TestEverySlotCertified: without faults every slot is certified everywhere
// though no client asks twice, also those right below a checkpoint that becomes
// stable first.
func TestEverySlotCertified(t *testing.T) {
	for _, size := range [][3]int{{4, 1, 0}, {6, 1, 1}, {7, 2, 0}} {
		w := newWorld(5, size[0], size[1], size[2], 4)
		w.net = span{3, 12}
		for i := range 40 {
			w.want(fmt.Sprint(i))
		}
		w.ticks(400)
		if p := w.check.problem + w.peace(); p != "" {
			t.Errorf("n=%d: %s\n%s", size[0], p, w)
		}
	}
}
