package pipeline

import (
	"sync"

	"quorate/storage"
)

// journalKept is what the journal said of itself after its last group. The
// journal belongs to its thread; who scrapes reads this copy.
type journalKept struct {
	mu    sync.Mutex
	stats storage.JournalStats
}

// note copies a journal's statistics, if it has any: a simulator's has none. It
// runs on the journal's thread, once per group.
func (k *journalKept) note(j Journal) {
	source, ok := j.(interface{ Stats() storage.JournalStats })
	if !ok {
		return
	}
	stats := source.Stats()
	k.mu.Lock()
	k.stats = stats
	k.mu.Unlock()
}

func (k *journalKept) read() storage.JournalStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats
}

// ledgerStats asks the ledger, which may be a simulator's that has none. It is
// for whoever scrapes: Pebble takes a lock to answer.
func (r *Replica) ledgerStats() storage.LedgerStats {
	if source, ok := r.ledger.(interface{ Stats() storage.LedgerStats }); ok {
		return source.Stats()
	}
	return storage.LedgerStats{}
}
