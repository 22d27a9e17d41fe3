package sim

import "quorate/wire"

// Bounded answers (C10): whatever a replica is asked, and however often, it sends
// one other no more bodies, blocks and view changes than its rules allow. A flood
// of small questions must not become a flood of large answers.

// bucket is a leaky bucket of answers.
type bucket struct {
	at            uint64
	bulk, changes uint64 // thousandths of answers that have not leaked yet
}

// What leaks per tick, and what may be there at once. Bodies and blocks: 4 per
// tick, behind a queue of 4n. View changes: those of two new views per 40 ticks,
// what a replica sends by itself (its own, again and again, and one per status
// report), and the same twice, since a window of time may span two intervals.
const (
	bulkPerTick    = 4
	changesPerTick = 4
)

// served counts an answer.
func (k *checker) served(n *node, to wire.ReplicaID, kind wire.Kind) {
	if kind != wire.KindBody && kind != wire.KindBlocks && kind != wire.KindViewChange {
		return
	}
	b := &k.buckets[int(n.id)*k.w.q.N+int(to)]
	ticks := (k.w.now - b.at) * 1000 / (tickMicros - 20)
	b.at = k.w.now
	b.bulk -= min(b.bulk, ticks*bulkPerTick)
	b.changes -= min(b.changes, ticks*changesPerTick)
	if kind == wire.KindViewChange {
		b.changes += 1000
	} else {
		b.bulk += 1000
	}
	if most := uint64(4*k.w.q.N + 64); b.bulk > most*1000 || b.changes > most*1000 {
		k.w.fail("C10: replica %d sends %d too much: %d bodies and blocks, %d view changes above its rate", n.id, to, b.bulk/1000, b.changes/1000)
	}
}
