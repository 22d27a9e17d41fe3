package sim

import (
	"context"

	"quorate/payments"
	"quorate/pipeline"
	"quorate/wire"
)

// settleTicksMax bounds the time from the end of faults until rest. Timers may
// have doubled up to their cap of 2,000 ticks, and f bad primaries may follow
// one another: 80 s.
const settleTicksMax = 16_000

// run is one life of the cluster: phases of faults, rest, and perhaps a crash of
// all.
func (w *world) run() {
	if w.choice.script != nil {
		w.follow(w.choice.script)
	} else {
		for i := 0; i < w.opt.Phases && !w.failed(); i++ {
			w.sky.pass()
		}
	}
	if b := w.choice.book; b != nil {
		b.Calm = w.now
	}
	if w.failed() {
		return
	}
	w.settle("faults stop", 8)
	w.check.convicted()
	if w.opt.Final && !w.failed() {
		w.say("— everybody dies")
		w.crashAll()
		w.settle("all restart", 2)
	}
	if !w.failed() {
		w.close()
	}
}

// follow does what a script says until it says that faults stop. Roles were given
// before the start.
func (w *world) follow(s *Scenario) {
	for i := range s.entries {
		e := &s.entries[i]
		if !e.topic.timed() || e.topic.early() || w.failed() {
			continue
		}
		if e.at > w.now {
			w.until(e.at)
		}
		if e.at < s.Calm {
			e.met = true
			w.sky.act(e)
		}
	}
	if s.Calm > w.now {
		w.until(s.Calm)
	}
}

// settle stops faults and waits for rest (C9). Each client asks for a few things
// more, so that there is something to agree on.
func (w *world) settle(why string, ops int) {
	w.say("— %s", why)
	w.calm = true
	w.sky.clear()
	for _, u := range w.users {
		if u.absent {
			continue
		}
		u.left = ops
		u.later(span{0, 500_000})
	}
	start := w.now
	for w.now-start < settleTicksMax*tickMicros {
		w.ticks(50)
		if w.failed() {
			return
		}
		if w.unrest() == "" {
			w.result.Settle = max(w.result.Settle, (w.now-start)/tickMicros)
			return
		}
	}
	w.fail("C9: no rest %d ticks after %s: %s", settleTicksMax, why, w.unrest())
	w.states()
}

// states writes where everyone is.
func (w *world) states() {
	for _, n := range w.nodes {
		if !n.up {
			w.say("replica %d is down", n.id)
			continue
		}
		s := n.replica.Status()
		w.say("replica %d: view %d active %v executed %d stable %d ledger %d amnesia %v faulty %v", n.id, s.View, s.Active, s.Executed, s.Stable, s.LedgerSeq, s.Amnesia, n.faulty)
	}
	for _, u := range w.users {
		w.say("client %d: %d to do, %d under way, next seq %d, %+v", u.id+1, u.left, u.session.Outstanding(), u.session.NextSeq(), u.session.Stats())
	}
}

// unrest says what is still unsettled, or nothing.
func (w *world) unrest() string {
	for _, u := range w.users {
		if !u.idle() {
			return "a client waits"
		}
	}
	for _, n := range w.nodes {
		switch {
		case n.liar != nil:
		case !n.up:
			return "a replica is down"
		case int(n.replica.Status().Executed) < len(w.check.chain):
			return "a replica is behind"
		}
	}
	return ""
}

// close looks at what is left when all is done.
func (w *world) close() {
	if last := wire.SeqNum(len(w.check.chain)); last < w.check.ackMax {
		w.fail("C6: block %d was answered from, the chain ends at %d", w.check.ackMax, last)
	}
	if l := w.check.linear; l != nil {
		if problem := l.check(&w.opt, &w.cfg); problem != "" {
			w.fail("C4: Porcupine: %s", problem)
		}
		w.result.Linear, w.result.Contended = uint64(min(len(l.ops), linearOps)), uint64(l.contended())
	}
	for i := range w.nodes {
		n := w.nodes[(i+int(w.opt.Seed))%w.q.N]
		if n.liar == nil {
			w.audit(n)
			return
		}
	}
}

// audit verifies one ledger from genesis with nothing else, and compares the
// accounts with what the results said (C2, C5).
func (w *world) audit(n *node) {
	cfg := pipeline.Config{Cluster: w.keys.cluster, Epoch: 1, Payments: w.cfg}
	report, err := pipeline.VerifyLedger(context.Background(), cfg, w.keys.verifier, n.ledger, nil)
	if err != nil {
		w.fail("C2: ledger of replica %d: %v", n.id, err)
		return
	}
	m := n.replica.Machine()
	if err := m.Audit(); err != nil {
		w.fail("C5: replica %d: %v", n.id, err)
	}
	if root := m.StateRoot(); root != report.StateRoot {
		w.fail("C2: replica %d: state root %v, from genesis %v", n.id, root, report.StateRoot)
	}
	var debits, credits payments.U128
	for i := range w.opt.Load.Accounts + oddAccounts {
		a, _ := m.Account(payments.U64(uint64(i + 1)))
		debits, _ = debits.Add(a.DebitsPosted)
		credits, _ = credits.Add(a.CreditsPosted)
	}
	for i := range payersMax {
		a, _ := m.Account(payerAccount(i))
		debits, _ = debits.Add(a.DebitsPosted)
		credits, _ = credits.Add(a.CreditsPosted)
	}
	if debits != credits || debits != w.check.posted {
		w.fail("C5: accounts were debited %v and credited %v, the results say %v", debits, credits, w.check.posted)
	}
}
