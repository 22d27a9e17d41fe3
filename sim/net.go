package sim

import (
	"errors"

	"quorate/wire"
)

// net carries frames between replicas, and between clients and replicas. Faults
// are set by the weather.
type net struct {
	w      *world
	rnd    stream
	n      int
	cut    []bool   // cut[from*n+to]: frames are lost
	broken []bool   // both sides have noticed: the link is down
	last   []uint64 // arrival of the last frame per link, for FIFO
	hello  []uint64 // the same from and to clients

	loss, dup, replay, tail int // of 1000 frames
	clientLoss              int
	clog                    []uint64       // per link: until when it holds its frames back
	under                   []int          // per link: frames under way
	capacity                int            // of each link, frames; 0: no bound
	bandwidth               int            // of each replica, bytes per millisecond; 0: no bound
	busy                    []uint64       // per replica: until when it is sending
	archive                 []letter       // some earlier frames
	kept                    map[key]letter // those that a script asks for
	seen                    int
	codec                   codec
}

// letter is an old frame that may come again.
type letter struct {
	from, to wire.ReplicaID
	kind     wire.Kind
	body     []byte
	key      key
}

const archiveMax = 128

func newNet(w *world) *net {
	n := w.q.N
	return &net{w: w, rnd: newStream(w.opt.Seed, "net"), n: n, cut: make([]bool, n*n), clog: make([]uint64, n*n), under: make([]int, n*n), busy: make([]uint64, n), broken: make([]bool, n*n), last: make([]uint64, n*n), hello: make([]uint64, 2*n*clientsMax), kept: map[key]letter{},
		codec: codec{rnd: newStream(w.opt.Seed, "codec")}}
}

var errDown = errors.New("sim: link is down")

// send takes a frame from a replica. A body handed over is immutable, and may be
// on its way to several receivers.
func (t *net) send(n *node, to wire.ReplicaID, kind wire.Kind, body []byte) error {
	if !n.linkUp[to] {
		return errDown
	}
	if n.liar != nil {
		n.liar.send(n, to, kind, body)
		return nil
	}
	t.w.check.said(n, to, kind, body)
	t.w.check.served(n, to, kind)
	if m := t.w.opt.meter; m != nil {
		m.passed(kind, body)
	}
	t.post(n.id, to, kind, body)
	return nil
}

// post puts a frame on the way.
func (t *net) post(from, to wire.ReplicaID, kind wire.Kind, body []byte) {
	c := t.w.choice
	l := letter{from, to, kind, body, c.frame(int(from), int(to), kind, body)}
	t.remember(&l)
	if t.cut[int(from)*t.n+int(to)] {
		return
	}
	if _, lost := c.maybe(topicLost, l.key, t.loss, span{}, &t.rnd); lost {
		t.w.count(FaultLoss)
		return
	}
	delay := c.time(topicDelay, l.key, t.w.opt.Network.Delay, &t.rnd)
	if late, ok := c.maybe(topicLate, l.key, t.tail, lateSpan, &t.rnd); ok {
		t.w.count(FaultDelay)
		delay += late
	}
	link := int(from)*t.n + int(to)
	wait, ok := t.squeeze(int(from), link, len(body))
	if !ok {
		t.w.count(FaultNarrow)
		return
	}
	delay += wait
	if t.w.opt.Network.FIFO {
		last := &t.last[link]
		*last = max(t.w.now+delay, *last)
		delay = *last - t.w.now
	}
	t.deliver(&l, delay)
	if delay, again := c.maybe(topicAgain, l.key, t.dup, lateSpan, &t.rnd); again {
		t.w.count(FaultDuplicate)
		t.deliver(&l, delay)
	}
	if old, delay := t.old(l.key); old != nil {
		t.w.count(FaultReplay)
		t.deliver(old, delay)
	}
}

// squeeze is how much longer a frame takes because links are held up or narrow; or
// that there is no room for it.
func (t *net) squeeze(from, link, size int) (wait uint64, ok bool) {
	if t.capacity > 0 && t.under[link] >= t.capacity {
		return 0, false
	}
	if t.bandwidth > 0 {
		start := max(t.busy[from], t.w.now)
		if start-t.w.now > backlogMicros {
			return 0, false
		}
		t.busy[from] = start + uint64(size*1000/t.bandwidth)
		wait = t.busy[from] - t.w.now
	}
	if until := t.clog[link]; until > t.w.now+wait {
		wait = until - t.w.now
	}
	return wait, true
}

// backlogMicros is how much a replica may have waiting for a narrow link.
const backlogMicros = 2_000_000

// lateSpan is the delay of what is late or comes again.
var lateSpan = span{50, 500_000}

// old picks an earlier frame that comes again beside this one.
func (t *net) old(k key) (*letter, uint64) {
	c := t.w.choice
	if c.script != nil {
		if e := c.answer(topicReplay, k); e != nil {
			if l, ok := t.kept[e.old]; ok {
				return &l, e.value
			}
		}
		return nil, 0
	}
	if t.replay == 0 || len(t.archive) == 0 || !t.rnd.chance(t.replay) {
		return nil, 0
	}
	l := t.archive[t.rnd.below(len(t.archive))]
	delay := lateSpan.draw(&t.rnd)
	c.note(entry{topic: topicReplay, key: k, old: l.key, value: delay})
	return &l, delay
}

// remember keeps some frames, so that they can come again: every seventh, or
// those that the script will ask for.
func (t *net) remember(l *letter) {
	if c := t.w.choice; c.script != nil {
		if c.old[l.key] {
			t.kept[l.key] = *l
		}
		return
	}
	if t.seen++; t.seen%7 != 0 {
		return
	}
	if len(t.archive) < archiveMax {
		t.archive = append(t.archive, *l)
		return
	}
	t.archive[t.rnd.below(archiveMax)] = *l
}

// deliver schedules the arrival of a copy.
func (t *net) deliver(l *letter, delay uint64) {
	t.under[int(l.from)*t.n+int(l.to)]++
	t.w.after(delay, event{kind: evPeer, node: int16(l.to), peer: int16(l.from), frame: l.kind,
		life: t.w.nodes[l.to].life, body: t.carry(l.kind, l.body)})
}

// carry copies a body, or sends it through the codec.
func (t *net) carry(kind wire.Kind, body []byte) []byte {
	if !t.w.opt.Network.Codec {
		return append([]byte(nil), body...)
	}
	out, err := t.codec.carry(kind, body)
	if err != nil {
		t.w.fail("frame of kind %d with %d bytes: %v", kind, len(body), err)
	}
	return out
}

// linkSpan is how long a side may take to learn that a link came or went.
var linkSpan = span{500, 300_000}

// nodeUp connects a replica that has started.
func (t *net) nodeUp(n *node) {
	for _, o := range t.w.nodes {
		if o != n && o.up {
			t.connect(n, o, true)
		}
	}
	for _, u := range t.w.users {
		t.hears(u, n, true)
	}
}

// connect tells two running replicas that the link between them is up or down.
func (t *net) connect(a, b *node, up bool) {
	for _, p := range [2][2]*node{{a, b}, {b, a}} {
		t.tell(p[0], int(p[1].id), up)
	}
}

// tell lets a replica learn, a little later, that a link came or went.
func (t *net) tell(n *node, peer int, up bool) {
	k := t.w.choice.nth(key{a: int16(n.id), b: int16(peer)})
	t.w.after(t.w.choice.time(topicLink, k, linkSpan, &t.rnd), event{kind: evLink, node: k.a, peer: k.b, up: up, life: n.life})
}

// hears lets a client learn the same.
func (t *net) hears(u *user, n *node, up bool) {
	k := t.w.choice.nth(key{a: -int16(u.id + 1), b: int16(n.id)})
	t.w.after(t.w.choice.time(topicHello, k, linkSpan, &t.rnd), event{kind: evHello, node: int16(u.id), peer: k.b, up: up, life: n.life})
}

// nodeDown breaks the links of a replica that has died.
func (t *net) nodeDown(n *node) {
	for _, o := range t.w.nodes {
		if o != n && o.up {
			t.tell(o, int(n.id), false)
		}
	}
	for _, u := range t.w.users {
		t.hears(u, n, false)
	}
}

// request takes a frame from a client.
func (t *net) request(u *user, to wire.ReplicaID, kind wire.Kind, body []byte) {
	at, lost := t.clientTime(t.w.choice.frame(-u.id-1, int(to), kind, body), 2*(u.id*t.n+int(to)))
	if lost {
		return
	}
	t.w.after(at, event{kind: evRequest, node: int16(to), peer: int16(u.id), frame: kind, life: t.w.nodes[to].life, body: append([]byte(nil), body...)})
}

// reply takes a frame for a client.
func (t *net) reply(n *node, client int, kind wire.Kind, body []byte) error {
	if client < 0 || client >= len(t.w.users) {
		t.w.fail("replica %d replies to connection %d", n.id, client+1)
		return errDown
	}
	k := t.w.choice.frame(int(n.id), -client-1, kind, body)
	if n.liar != nil {
		told := false
		if kind, body, told = n.liar.reply(k, kind, body); !told {
			return nil
		}
	}
	at, lost := t.clientTime(k, 2*(client*t.n+int(n.id))+1)
	if lost {
		return nil
	}
	t.w.after(at, event{kind: evReply, node: int16(client), peer: int16(n.id), frame: kind, body: append([]byte(nil), body...)})
	return nil
}

// clientTime gives the delay of a frame from or to a client, or that it is lost.
// These links keep their order.
func (t *net) clientTime(k key, link int) (delay uint64, lost bool) {
	c := t.w.choice
	if _, lost := c.maybe(topicLost, k, t.clientLoss, span{}, &t.rnd); lost {
		t.w.count(FaultLoss)
		return 0, true
	}
	at := max(t.w.now+c.time(topicClient, k, t.w.opt.Network.Client, &t.rnd), t.hello[link])
	t.hello[link] = at
	return at - t.w.now, false
}
