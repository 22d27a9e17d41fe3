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
	archive                 []letter // some earlier frames
	seen                    int
}

// letter is an old frame that may come again.
type letter struct {
	from, to wire.ReplicaID
	kind     wire.Kind
	body     []byte
}

const archiveMax = 128

func newNet(w *world) *net {
	n := w.q.N
	return &net{w: w, rnd: newStream(w.opt.Seed, "net"), n: n, cut: make([]bool, n*n), broken: make([]bool, n*n), last: make([]uint64, n*n), hello: make([]uint64, 2*n*clientsMax)}
}

var errDown = errors.New("sim: link is down")

// send takes a frame from a replica. A body handed over is immutable, and may be
// on its way to several receivers.
func (t *net) send(n *node, to wire.ReplicaID, kind wire.Kind, body []byte) error {
	if !n.linkUp[to] {
		return errDown
	}
	if n.liar != nil {
		n.liar.send(to, kind, body)
		return nil
	}
	t.w.check.said(n, to, kind, body)
	t.post(n.id, to, kind, body)
	return nil
}

// post puts a frame on the way.
func (t *net) post(from, to wire.ReplicaID, kind wire.Kind, body []byte) {
	if t.keep() {
		t.remember(letter{from, to, kind, body})
	}
	if t.cut[int(from)*t.n+int(to)] {
		return
	}
	if t.rnd.chance(t.loss) {
		t.w.count(FaultLoss)
		return
	}
	t.deliver(from, to, kind, body)
	if t.rnd.chance(t.dup) {
		t.w.count(FaultDuplicate)
		t.deliver(from, to, kind, body)
	}
	if t.replay > 0 && len(t.archive) > 0 && t.rnd.chance(t.replay) {
		t.w.count(FaultReplay)
		old := t.archive[t.rnd.below(len(t.archive))]
		t.deliver(old.from, old.to, old.kind, old.body)
	}
}

func (t *net) keep() bool {
	t.seen++
	return t.seen%7 == 0
}

func (t *net) remember(l letter) {
	if len(t.archive) < archiveMax {
		t.archive = append(t.archive, l)
		return
	}
	t.archive[t.rnd.below(archiveMax)] = l
}

// deliver schedules the arrival of a copy.
func (t *net) deliver(from, to wire.ReplicaID, kind wire.Kind, body []byte) {
	delay := t.w.opt.Network.Delay.draw(&t.rnd)
	if t.tail > 0 && t.rnd.chance(t.tail) {
		t.w.count(FaultDelay)
		delay += uint64(t.rnd.below(500_000))
	}
	at := t.w.now + delay
	if t.w.opt.Network.FIFO {
		last := &t.last[int(from)*t.n+int(to)]
		at = max(at, *last)
		*last = at
	}
	t.w.after(at-t.w.now, event{kind: evPeer, node: int16(to), peer: int16(from), frame: kind,
		life: t.w.nodes[to].life, body: append([]byte(nil), body...)})
}

// linkDelayMax is how long a side may take to learn that a link came or went.
const linkDelayMax = 300_000

// nodeUp connects a replica that has started.
func (t *net) nodeUp(n *node) {
	for _, o := range t.w.nodes {
		if o != n && o.up {
			t.connect(n, o, true)
		}
	}
	for _, u := range t.w.users {
		t.w.after(uint64(t.rnd.between(500, linkDelayMax)), event{kind: evHello, node: int16(u.id), peer: int16(n.id), up: true, life: n.life})
	}
}

// connect tells two running replicas that the link between them is up or down.
func (t *net) connect(a, b *node, up bool) {
	for _, p := range [2][2]*node{{a, b}, {b, a}} {
		t.w.after(uint64(t.rnd.between(500, linkDelayMax)), event{kind: evLink, node: int16(p[0].id), peer: int16(p[1].id), up: up, life: p[0].life})
	}
}

// nodeDown breaks the links of a replica that has died.
func (t *net) nodeDown(n *node) {
	for _, o := range t.w.nodes {
		if o != n && o.up {
			t.w.after(uint64(t.rnd.between(100, linkDelayMax)), event{kind: evLink, node: int16(o.id), peer: int16(n.id), life: o.life})
		}
	}
	for _, u := range t.w.users {
		t.w.after(uint64(t.rnd.between(100, linkDelayMax)), event{kind: evHello, node: int16(u.id), peer: int16(n.id), life: n.life})
	}
}

// request takes a frame from a client.
func (t *net) request(u *user, to wire.ReplicaID, kind wire.Kind, body []byte) {
	if t.rnd.chance(t.clientLoss) {
		return
	}
	at := t.clientTime(2 * (u.id*t.n + int(to)))
	t.w.after(at, event{kind: evRequest, node: int16(to), peer: int16(u.id), frame: kind, life: t.w.nodes[to].life, body: append([]byte(nil), body...)})
}

// reply takes a frame for a client.
func (t *net) reply(n *node, client int, kind wire.Kind, body []byte) error {
	if client < 0 || client >= len(t.w.users) {
		t.w.fail("replica %d replies to connection %d", n.id, client+1)
		return errDown
	}
	if n.liar != nil && n.liar.withholds() {
		return nil
	}
	if n.liar != nil {
		kind, body = n.liar.answer(kind, body)
	}
	if t.rnd.chance(t.clientLoss) {
		return nil
	}
	at := t.clientTime(2*(client*t.n+int(n.id)) + 1)
	t.w.after(at, event{kind: evReply, node: int16(client), peer: int16(n.id), frame: kind, body: append([]byte(nil), body...)})
	return nil
}

// clientTime gives the delay of a frame from or to a client; these links keep
// their order.
func (t *net) clientTime(link int) uint64 {
	at := max(t.w.now+t.w.opt.Network.Client.draw(&t.rnd), t.hello[link])
	t.hello[link] = at
	return at - t.w.now
}

// cutList names the cut links, for the timeline.
func (t *net) cutList() (list [][2]int) {
	for i, cut := range t.cut {
		if cut {
			list = append(list, [2]int{i / t.n, i % t.n})
		}
	}
	return list
}
