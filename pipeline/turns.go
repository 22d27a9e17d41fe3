package pipeline

import "quorate/wire"

// turns is what waits for a batch: a line per client, served in turn, one
// request each, so that whoever sends most waits behind itself and not before
// others (CLI-04). Requests of one client keep their order; between clients
// there is none to keep. The order of turns is that in which lines began, so a
// simulated run can be repeated.
//
// The way not taken, one queue in order of arrival, let a client with a full
// window of large requests stand before everybody for 64 batches.
type turns struct {
	front []pendingRequest // given back by the core: before all others, in order
	lines map[wire.ClientID]*line
	queue []*line // lines with something in them, next turn first
	head  int     // of queue
	spare []*line
	count int
}

// line is one client's requests in order.
type line struct {
	client wire.ClientID
	items  []pendingRequest
	head   int
}

func newTurns() turns { return turns{lines: make(map[wire.ClientID]*line)} }

func (t *turns) len() int { return t.count }

// push puts a request at the end of its client's line.
func (t *turns) push(p pendingRequest) {
	t.count++
	l := t.lines[p.request.Client]
	if l == nil {
		if n := len(t.spare); n > 0 {
			l, t.spare = t.spare[n-1], t.spare[:n-1]
		} else {
			l = new(line)
		}
		l.client = p.request.Client
		t.lines[l.client] = l
		t.queue = append(t.queue, l)
	}
	l.items = append(l.items, p)
}

// pushFront puts requests before all others, in their order.
func (t *turns) pushFront(all []pendingRequest) {
	t.count += len(all)
	t.front = append(all, t.front...)
}

// next is the request whose turn it is. Something waits.
func (t *turns) next() *pendingRequest {
	if len(t.front) > 0 {
		return &t.front[0]
	}
	l := t.queue[t.head]
	return &l.items[l.head]
}

// pop removes it, and its client goes behind the others.
func (t *turns) pop() {
	t.count--
	if len(t.front) > 0 {
		t.front[0] = pendingRequest{}
		t.front = t.front[1:]
		return
	}
	l := t.queue[t.head]
	t.queue[t.head] = nil
	t.head++
	if t.head == len(t.queue) {
		t.queue, t.head = t.queue[:0], 0
	} else if t.head > len(t.queue)/2 { // each place is moved once per turn
		n := copy(t.queue, t.queue[t.head:])
		clear(t.queue[n:])
		t.queue, t.head = t.queue[:n], 0
	}
	l.items[l.head] = pendingRequest{}
	l.head++
	if l.head < len(l.items) {
		// A client that always has something waiting would make its line longer
		// for ever: what was served goes, each item moved at most once.
		if l.head > len(l.items)/2 {
			n := copy(l.items, l.items[l.head:])
			clear(l.items[n:])
			l.items, l.head = l.items[:n], 0
		}
		t.queue = append(t.queue, l)
		return
	}
	delete(t.lines, l.client)
	l.items, l.head = l.items[:0], 0
	if len(t.spare) < sparesMax {
		t.spare = append(t.spare, l)
	}
}

// sparesMax bounds the empty lines that are kept for the next clients.
const sparesMax = 1024

// oldest is the tick of the request that waits longest. Something waits.
func (t *turns) oldest() uint64 {
	tick := t.next().tick
	for i := range t.front {
		tick = min(tick, t.front[i].tick)
	}
	for _, l := range t.queue[t.head:] {
		tick = min(tick, l.items[l.head].tick)
	}
	return tick
}

// drain removes everything, in turn.
func (t *turns) drain() []pendingRequest {
	out := make([]pendingRequest, 0, t.count)
	for t.count > 0 {
		out = append(out, *t.next())
		t.pop()
	}
	return out
}
