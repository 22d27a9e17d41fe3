package sim

import "quorate/wire"

// tickMicros is the length of a core's tick in virtual time.
const tickMicros = 5000

// eventKind says what happens.
type eventKind uint8

const (
	evTick     eventKind = iota // a replica's clock ticks
	evStep                      // a replica's stage steps
	evPeer                      // a frame reaches a replica from a replica
	evRequest                   // a frame reaches a replica from a client
	evReply                     // a frame reaches a client
	evLink                      // a replica learns that a link is up or down
	evHello                     // a client learns the same
	evClient                    // a client's timer
	evSubmit                    // a client has something to ask
	evRestart                   // a crashed replica starts again
	evHeldBack                  // a liar lets a frame go that it held back
)

// event is one thing that will happen. Which fields count depends on kind.
type event struct {
	at    uint64 // virtual microseconds
	order uint64 // of scheduling: breaks ties
	kind  eventKind
	node  int16 // replica, or client for evReply, evClient, evSubmit, evHello
	peer  int16 // the other side; the stage for evStep
	up    bool  // evLink, evHello
	frame wire.Kind
	life  uint32 // of node: it is dropped when the replica has died since
	body  []byte
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// queue is a heap of events with four children per node: fewer cache lines than
// two.
type queue struct {
	items []event
	count uint64
}

func (q *queue) push(e event) {
	e.order = q.count
	q.count++
	q.items = append(q.items, e)
	i := len(q.items) - 1
	for i > 0 {
		p := (i - 1) / 4
		if !e.before(&q.items[p]) {
			break
		}
		q.items[i] = q.items[p]
		i = p
	}
	q.items[i] = e
}

func (q *queue) pop() event {
	top := q.items[0]
	n := len(q.items) - 1
	last := q.items[n]
	q.items[n] = event{}
	q.items = q.items[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if q.items[c].before(&q.items[least]) {
				least = c
			}
		}
		if !q.items[least].before(&last) {
			break
		}
		q.items[i] = q.items[least]
		i = least
	}
	q.items[i] = last
	return top
}
