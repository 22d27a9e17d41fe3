package consensus

// Aim: what a restart has to do again, where no scenario can stop between two
// effects. Method: one core, its records taken by hand.

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// records collects what a core persisted.
func records(effects []Effect) (out []wire.Record) {
	for _, e := range effects {
		if p, ok := e.(Persist); ok {
			out = append(out, p.Record)
		}
	}
	return out
}

// TestUnsignedViewChange: a checkpoint becomes stable between leaving a view and
// signing its view change. The anchor then holds an unsigned one, which must be
// signed after a restart before it is sent.
func TestUnsignedViewChange(t *testing.T) {
	q, _ := cluster.NewQuorums(4, 1, 0)
	cfg := Config{Self: 2, Quorums: q, Window: 8, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	effects := c.Step(Received{From: 1, Msg: &wire.Complaint{}}, nil)
	effects = c.Step(Overdue{}, effects)
	stable := &wire.Stable{State: wire.CheckpointState{Seq: 4}}
	effects = c.Step(Verified{From: 1, Msg: stable}, effects)
	if c.active || c.low() != 4 {
		t.Fatalf("active %v stable %d", c.active, c.low())
	}

	c, err = Recover(cfg, Past{Records: records(effects)})
	if err != nil {
		t.Fatal(err)
	}
	effects = c.Step(Tick{}, nil)
	var job *Sign
	for _, e := range effects {
		switch e := e.(type) {
		case Sign:
			if e.Purpose == PurposeViewChange {
				job = &e
			}
		case Send:
			if _, ok := e.Msg.(*wire.ViewChange); ok {
				t.Error("sent without a signature")
			}
		}
	}
	if job == nil {
		t.Fatal("not signed again")
	}
	sent := false
	for _, e := range c.Step(Signed{Job: *job, Author: wire.Signature{1}}, nil) {
		if s, ok := e.(Send); ok {
			m, isChange := s.Msg.(*wire.ViewChange)
			sent = sent || isChange && m.Signature == wire.Signature{1} && s.After != 0
		}
	}
	if !sent {
		t.Error("not sent behind its record")
	}
}
