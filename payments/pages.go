package payments

import "quorate/wire"

// Region names one table of the paged state.
type Region uint8

// The regions. Page p of a region holds its records from p·(records per page).
const (
	RegionMeta     Region = 0 // counters; one page
	RegionLedgers  Region = 1 // registry and totals
	RegionAccounts Region = 2 // accounts in order of creation, 128 bytes each
	RegionHeads    Region = 3 // per account the ordinal of the last transfer that touched it, u64
	RegionPendings Region = 4 // open pending transfers by slot
	RegionSessions Region = 5 // clients in order of registration
	RegionTimeline Region = 6 // samples (ordinal, timestamp) for searches by time
	RegionIDs      Region = 7 // per ordinal the hash of the transfer id it used up, or 0, u64

	Regions = 8
)

// PageBytes is the size of a page. 16 KiB: SHA-256 and Pebble both run at their
// bulk speed from there, and one touched account costs no more than needed.
const PageBytes = 16 << 10

// Dirty calls fn for each page that changed since the last MarkClean, region by
// region and page by page in ascending order. data has PageBytes bytes and is
// valid during the call; copy it to give it to another thread.
func (m *Machine) Dirty(fn func(region Region, page uint32, data []byte)) {}

// MarkClean makes the current state the base of the next Dirty.
func (m *Machine) MarkClean() {}

// StateRoot is the Merkle root over all pages. Only pages that changed since
// the last call are hashed again.
func (m *Machine) StateRoot() wire.Digest { return wire.Digest{} }

// LoadPage puts one page of a checkpoint into a machine fresh from New. Pages
// may come in any order; all pages of all regions must come (RegionIDs may come
// through LoadIDs instead).
func (m *Machine) LoadPage(region Region, page uint32, data []byte) error { return nil }

// LoadIDs appends id entries in the order of ordinals, starting with ordinal 1:
// the concatenation of Outcome.IDEntries of all blocks. Calls may cut it
// anywhere. It is an alternative to the pages of RegionIDs.
func (m *Machine) LoadIDs(entries []uint64) error { return nil }

// Finish checks what was loaded and rebuilds the indexes. After nil the machine
// goes on exactly like the one that gave the pages; the caller compares
// StateRoot with the certified root. ErrState tells what is wrong.
func (m *Machine) Finish() error { return nil }
