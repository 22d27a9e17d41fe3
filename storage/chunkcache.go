package storage

import (
	"bytes"
	"sync"
)

// chunkCacheMax is the number of chunks kept: about 2 MiB. A query that names
// payments of one request asks for each chunk 64 times in a row, and a seek in
// Pebble costs ten times as much as finding it here.
const chunkCacheMax = 128

// chunkCache keeps the chunks read last. Chunks never change once written, so
// nothing has to be thrown out but for room. Any goroutine may use it.
type chunkCache struct {
	mu   sync.Mutex
	ring [chunkCacheMax]*chunk
	next int // place that is overwritten next
	last int // place found last: the likely one
}

// find gives the chunk that has the ordinal, or nil.
func (k *chunkCache) find(ordinal uint64) *chunk {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.ring[k.last]; c != nil && ordinal-c.first < uint64(c.count()) {
		return c
	}
	for i, c := range k.ring {
		if c != nil && ordinal-c.first < uint64(c.count()) {
			k.last = i
			return c
		}
	}
	return nil
}

// keep copies a chunk whose slices belong to an iterator and keeps it.
func (k *chunkCache) keep(c *chunk) *chunk {
	own := *c
	own.events = bytes.Clone(c.events)
	own.balances = nil
	for _, b := range c.balances {
		own.balances = append(own.balances, BalanceRecord{Ordinal: b.Ordinal, Bytes: bytes.Clone(b.Bytes)})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring[k.next] = &own
	k.last = k.next
	k.next = (k.next + 1) % chunkCacheMax
	return &own
}
