package sim

// Aim: the checkers of this package see what they are there for. Method: a run
// that is well, and then one lie in its history: each must be refused.

import (
	"strings"
	"testing"

	"quorate/storage"
	"quorate/wire"
)

// wellRun is a finished run with answered requests.
func wellRun(t *testing.T, change func(o *Options)) *world {
	t.Helper()
	opt := Draw(4)
	opt.Faults, opt.Phases, opt.Final, opt.Real = 0, 2, false, false
	opt.Load.Clients, opt.Load.Depth, opt.Load.Ops, opt.Load.Open, opt.Load.Rogue, opt.Load.Linear = 3, 2, 40, 0, false, true
	opt.Load.Odd = oddities{}
	if change != nil {
		change(&opt)
	}
	w := newWorld(opt, nil, nil, nil)
	w.run()
	if w.failed() || len(w.check.acked) == 0 {
		t.Fatalf("%d answered: %s", len(w.check.acked), w.result.Problem)
	}
	return w
}

// refused wants a violation of one checker, and takes it back.
func refused(t *testing.T, w *world, checker string) {
	t.Helper()
	if !strings.Contains(w.result.Problem, checker+":") {
		t.Errorf("%s says %q", checker, w.result.Problem)
	}
	w.result.Problem = ""
}

// again gives the blocks of a ledger to a new checker, one of them changed.
func again(w *world, change func(b *storage.Block) bool) {
	k := newChecker(w)
	k.signed = w.check.signed
	changed := false
	for _, b := range w.nodes[0].ledger.blocks {
		c := *b
		c.Requests = append([]storage.RequestBody(nil), b.Requests...)
		if !changed && change != nil {
			changed = change(&c)
		}
		k.block(w.nodes[0], &c)
	}
}

func TestReplayRefusesAnotherResult(t *testing.T) {
	w := wellRun(t, func(o *Options) { o.Load.Linear = false })
	if again(w, nil); w.failed() {
		t.Fatalf("the history as it is: %s", w.result.Problem)
	}
	for op, name := range map[wire.Op]string{wire.OpCreateTransfers: "codes", wire.OpLookupAccounts: "accounts", wire.OpLedgerTotals: "totals", wire.OpGetAccountTransfers: "history"} {
		again(w, func(b *storage.Block) bool {
			for i := range b.Requests {
				if r := &b.Requests[i]; r.Kind == uint8(op) && len(r.Result) > 0 {
					r.Result = append([]byte(nil), r.Result...)
					r.Result[len(r.Result)-1] ^= 1
					return true
				}
			}
			return false
		})
		t.Log(name)
		refused(t, w, "C4")
	}
}

func TestRealTimeOrderIsHeld(t *testing.T) {
	w := wellRun(t, nil)
	key := requestKey{1, 1}
	p := w.check.executed[key]
	w.check.floor[key] = p // asked after it was answered
	w.check.ordered(key, p)
	refused(t, w, "C4")
	w.check.told(key, &wire.Reply{Result: []byte("another"), Status: 0})
	refused(t, w, "C4")
}

func TestPorcupineRefusesAnotherResult(t *testing.T) {
	w := wellRun(t, nil)
	l := w.check.linear
	if problem := l.check(&w.opt, &w.cfg); problem != "" {
		t.Fatal(problem)
	}
	for i := range l.ops {
		o := &l.ops[i]
		if o.op != wire.OpLookupAccounts || len(o.result) == 0 || i > linearOps/2 {
			continue
		}
		o.result = append([]byte(nil), o.result...)
		o.result[20] ^= 1
		if problem := l.check(&w.opt, &w.cfg); !strings.HasPrefix(problem, "no order") {
			t.Errorf("a balance that never was: %q", problem)
		}
		return
	}
	t.Fatal("no lookup in the run")
}

func TestEvidenceAgainstAnHonestReplicaIsRefused(t *testing.T) {
	w := wellRun(t, nil)
	var heads [2]wire.Head
	for i := range heads {
		heads[i].Slot = wire.SlotID{View: 1, Seq: 3, Digest: wire.Digest{byte(i + 1)}}
		heads[i].Author = w.keys.suites[1].SignIdentity(w.scope.AuthorBytes(heads[i].Slot))
	}
	e := wire.NewEvidence(heads[0], heads[1])
	w.check.accused(w.nodes[0], e.Append(nil))
	refused(t, w, "C11")
	e.Authors[1][9] ^= 1
	w.check.accused(w.nodes[0], e.Append(nil))
	refused(t, w, "C11")
	key := slotKey{1, 3}
	for i, n := range w.nodes[2:4] {
		w.check.victims[key] = append(w.check.victims[key], fallen{n: n, life: n.life, digest: wire.Digest{byte(i)}})
	}
	w.check.split = append(w.check.split, key)
	w.now += proofMicros
	w.check.convicted()
	refused(t, w, "C11")
}
