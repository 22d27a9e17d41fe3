package pipeline

import "sync"

// waker wakes one consumer. Many producers may call wake; the consumer waits on
// C. A wake that comes while the consumer works is kept, and more are merged.
type waker chan struct{}

func newWaker() waker { return make(waker, 1) }

func (w waker) wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// ring is a bounded queue from many producers to one consumer. The consumer
// takes all that waits at once, so the lock is paid per batch.
type ring[T any] struct {
	mu    sync.Mutex
	items []T
	max   int
	to    waker
}

func newRing[T any](max int, to waker) *ring[T] { return &ring[T]{max: max, to: to} }

// offer adds v unless the ring is full.
func (r *ring[T]) offer(v T) bool {
	r.mu.Lock()
	full := len(r.items) >= r.max
	if !full {
		r.items = append(r.items, v)
	}
	first := len(r.items) == 1
	r.mu.Unlock()
	if first {
		r.to.wake()
	}
	return !full
}

// put adds v even above the bound. It is for what the core emits: its own
// bounds (window, n) hold the number down, and dropping it would stall a slot.
func (r *ring[T]) put(v T) {
	r.mu.Lock()
	r.items = append(r.items, v)
	first := len(r.items) == 1
	r.mu.Unlock()
	if first {
		r.to.wake()
	}
}

// take swaps everything that waits into buf's place: the caller owns the result
// and gives it back as buf with the next call.
func (r *ring[T]) take(buf []T) []T {
	clear(buf) // what is beyond was never used since it was cleared
	r.mu.Lock()
	out := r.items
	r.items = buf[:0]
	r.mu.Unlock()
	return out
}

// takeOne removes the oldest item.
func (r *ring[T]) takeOne() (v T, ok bool) { return r.takeIf(func(T) bool { return true }) }

// takeIf removes the oldest item if pick picks it.
func (r *ring[T]) takeIf(pick func(T) bool) (v T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.items) == 0 || !pick(r.items[0]) {
		return v, false
	}
	v = r.items[0]
	var zero T
	r.items[0] = zero
	r.items = r.items[1:]
	if len(r.items) > 0 {
		r.to.wake()
	}
	return v, true
}

// first is the oldest item, which stays.
func (r *ring[T]) first() (v T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.items) == 0 {
		return v, false
	}
	return r.items[0], true
}

func (r *ring[T]) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.items)
}
