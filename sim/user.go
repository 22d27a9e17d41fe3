package sim

import (
	"time"

	"quorate/client"
	"quorate/payments"
	"quorate/wire"
)

// user is one client: the real session, a program that asks, and what it
// remembers for the checkers.
type user struct {
	w          *world
	id         int    // client id less one
	rnd        stream // of the request being made
	asked      uint64 // requests made
	session    *client.Session
	out        []client.Output
	left       int             // requests still to submit
	timer      uint64          // when the scheduled evClient comes; 0: none
	serial     uint64          // of ids
	made       []payments.U128 // ids of some pending transfers
	rogue      bool
	absent     bool   // not registered yet
	introduced uint64 // seq of its registration of the newcomer; 0: none
	seq        uint64 // last one of a rogue
	odd        stream
	fresh      payments.U128       // the odd account that it asked for last
	freshAt    uint64              // the time that it was to get, if it was imported; 0: used up
	sent       []payments.Transfer // some odd ones
	expect     map[uint64]refusal  // by seq: requests that must be refused; looked up only
}

func newUser(w *world, id int) *user {
	u := &user{w: w, id: id, left: w.opt.Load.Ops, expect: map[uint64]refusal{}}
	s, err := client.NewSession(client.SessionConfig{Client: wire.ClientID(id + 1), Cluster: w.keys.cluster, Quorums: w.q,
		Sign: func(m []byte) wire.Signature { return w.keys.sign(id, m) }, Check: w.keys.check, FirstSeq: 1,
		Window: min(client.WindowMax, max(w.opt.Load.Depth, 8)), RetryMin: 300 * time.Millisecond, RetryMax: 2 * time.Second, Seed: w.opt.Seed + uint64(id)})
	if err != nil {
		w.fail("client %d: %v", id, err)
	}
	u.session = s
	return u
}

func (u *user) time() time.Duration { return time.Duration(u.w.now) * time.Microsecond }

// begin starts the program.
func (u *user) begin() {
	u.later(span{0, 50_000})
}

// later plans when the client asks next.
func (u *user) later(s span) {
	k := u.w.choice.nth(key{a: -int16(u.id + 1)})
	u.w.after(u.w.choice.time(topicSubmit, k, s, &u.w.rndUsers), event{kind: evSubmit, node: int16(u.id)})
}

func (u *user) happen(e *event) {
	if u.rogue {
		u.misbehave(e)
		return
	}
	switch e.kind {
	case evReply:
		u.w.check.reply(u, wire.ReplicaID(e.peer), e.frame, e.body)
		u.out = u.session.Receive(u.time(), wire.ReplicaID(e.peer), e.frame, e.body, u.out[:0])
	case evHello:
		n := u.w.nodes[e.peer]
		switch {
		case e.up && n.up && n.life == e.life:
			u.out = u.session.LinkUp(u.time(), n.id, u.out[:0])
		case !e.up && !n.up:
			u.out = u.session.LinkDown(u.time(), n.id, u.out[:0])
		default:
			return
		}
	case evClient:
		if u.timer != e.at {
			return // another one was scheduled
		}
		u.timer = 0
		u.out = u.session.Tick(u.time(), u.out[:0])
	case evSubmit:
		u.out = u.out[:0]
		u.submit()
		if u.w.opt.Load.Open > 0 && u.left > 0 && !u.w.failed() {
			u.later(span{1, 2 * u.w.opt.Load.Open})
		}
	}
	u.carryOut()
}

// submit asks for something if the session takes it: up to the depth in a
// closed loop, once per call in an open one.
func (u *user) submit() {
	l := &u.w.opt.Load
	for u.left > 0 && u.session.Free() && u.session.Outstanding() < l.Depth {
		u.pick()
		op, body := u.compose()
		u.left--
		seq, out, err := u.session.Submit(u.time(), op, body, 0, u.out)
		if err != nil {
			u.w.fail("client %d: %v", u.id+1, err)
			return
		}
		u.out = out
		u.w.check.submitted(u, seq, op, body)
		if l.Open > 0 {
			return
		}
	}
}

// carryOut does what the session asks for.
func (u *user) carryOut() {
	for i := 0; i < len(u.out); i++ {
		o := u.out[i]
		switch o.Kind {
		case client.OutputSend:
			u.w.net.request(u, o.Replica, o.FrameKind, o.Body)
		case client.OutputDone:
			u.w.check.done(u, &o.Result)
			u.welcome(&o.Result)
			u.repeat(&o.Result)
			if u.w.opt.Load.Open == 0 {
				u.submit() // may append to u.out
			}
		case client.OutputDrop:
			n := u.w.nodes[o.Replica]
			u.w.say("client %d drops replica %d: it lies", u.id+1, o.Replica)
			if n.liar == nil {
				u.w.fail("client %d takes honest replica %d for a liar", u.id+1, o.Replica)
			}
			u.out = u.session.LinkDown(u.time(), o.Replica, u.out)
			u.w.after(dropMicros, event{kind: evHello, node: int16(u.id), peer: int16(o.Replica), up: true, life: n.life})
		}
	}
	u.out = u.out[:0]
	u.schedule()
}

// dropMicros is how long a client keeps away from a replica that lied.
const dropMicros = 30_000_000

// schedule plans the session's next timer.
func (u *user) schedule() {
	next, ok := u.session.NextTick()
	if !ok {
		return
	}
	at := max(uint64(next/time.Microsecond)+1, u.w.now+1)
	if u.timer == 0 || at < u.timer || u.timer <= u.w.now {
		u.timer = at
		u.w.after(at-u.w.now, event{kind: evClient, node: int16(u.id)})
	}
}

// repeat sends an answered request again, to see that nothing happens twice.
func (u *user) repeat(r *client.Result) {
	if r.Err != nil {
		return
	}
	k := key{a: -int16(u.id + 1), seq: r.Request.Seq}
	mask, again := u.w.choice.maybe(topicRepeat, k, u.w.opt.Load.Repeat, span{1, 1<<u.w.q.N - 1}, &u.w.rndUsers)
	if !again {
		return
	}
	frame := r.Request.Append(nil)
	for i := range u.w.q.N {
		if mask>>i&1 != 0 {
			u.w.net.request(u, wire.ReplicaID(i), wire.KindRequest, frame)
		}
	}
}

// misbehave is a client that keeps no rule: it signs two requests under one seq,
// leaves seqs out, and sends each to whom it likes. It believes nothing, so only
// the checkers of the ledger see what it did.
func (u *user) misbehave(e *event) {
	if e.kind == evReply {
		u.w.check.reply(u, wire.ReplicaID(e.peer), e.frame, e.body)
	}
	if e.kind != evSubmit || u.left == 0 {
		return
	}
	u.left--
	u.pick()
	u.wrongFrames()
	u.seq += uint64(u.rnd.between(0, 2))
	for range 2 {
		op, body := u.compose()
		q := wire.Request{Client: wire.ClientID(u.id + 1), Seq: max(u.seq, 1), Op: op, Body: body}
		q.Signature = u.w.keys.sign(u.id, wire.SigningBytes(q.Digest(u.w.keys.cluster)))
		u.w.check.submitted(u, q.Seq, op, body)
		frame := q.Append(nil)
		for i := range u.w.q.N {
			if u.rnd.chance(400) {
				u.w.net.request(u, wire.ReplicaID(i), wire.KindRequest, frame)
			}
		}
	}
	u.later(span{1, 100_000})
}

// idle reports whether nothing is asked and nothing will be.
func (u *user) idle() bool { return u.rogue || u.left == 0 && u.session.Outstanding() == 0 }
