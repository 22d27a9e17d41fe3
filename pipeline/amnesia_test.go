package pipeline

import (
	"slices"
	"testing"

	"quorate/consensus"
	"quorate/storage"
	"quorate/wire"
)

// orderJournal notes the order in which a journal is used.
type orderJournal struct {
	Journal
	calls []string
}

func (j *orderJournal) Append(kind uint8, _ wire.SeqNum, _ ...[]byte) storage.LSN {
	j.calls = append(j.calls, "append")
	return storage.LSN(len(j.calls))
}
func (j *orderJournal) Sync() (storage.LSN, error) { j.calls = append(j.calls, "sync"); return 1, nil }
func (j *orderJournal) Healed() error              { j.calls = append(j.calls, "healed"); return nil }
func (j *orderJournal) Distrust(string) error      { j.calls = append(j.calls, "distrust"); return nil }

// The stable checkpoint that ends amnesia is an anchor record. Were the mark
// taken away before it is synced, a crash would leave a replica that may vote
// and stands below the bound. Amnesia begins at once.
func TestAmnesiaEndsBehindItsAnchor(t *testing.T) {
	r := &Replica{failed: make(chan struct{})}
	j := &orderJournal{}
	r.order = &orderStage{r: r, events: newRing[consensus.Event](8, newWaker())}
	r.journal = &journalStage{r: r, journal: j, items: newRing[journalItem](8, newWaker())}
	r.journal.items.put(journalItem{record: &wire.AnchorRecord{Active: true}, token: 1})
	r.journal.items.put(journalItem{healed: true})
	r.journal.Step()
	r.journal.items.put(journalItem{distrust: "a test"})
	r.journal.Step()
	if want := []string{"append", "sync", "healed", "distrust"}; !slices.Equal(j.calls, want) || r.Err() != nil {
		t.Fatalf("%v, want %v; %v", j.calls, want, r.Err())
	}
}
