package payments

import (
	"fmt"

	"quorate/internal/mark"
)

// transferQuery is one OpQueryTransfers on its way: a walk over ordinals, which
// are in the order of timestamps (P6), through archive and block.
type transferQuery struct {
	m        *Machine
	filter   QueryFilter
	reversed bool
	from, to uint64 // timestamps, inclusive
	limit    int
	found    int
	full     bool   // the limit or the other end of the span is reached
	visited  uint64 // timestamp of the executed transfer visited last, 0 before
}

// queryTransfers executes OpQueryTransfers.
func (m *Machine) queryTransfers(body []byte, ro *RequestOutcome) error {
	q := transferQuery{m: m}
	if ro.Status = decodeFilter(&q.filter, body); ro.Status != StatusOK {
		return nil
	}
	q.limit = limitOf(q.filter.Limit)
	q.reversed = q.filter.Flags&QueryReversed != 0
	q.from, q.to = span(q.filter.TimestampMin, q.filter.TimestampMax)
	first, last := m.ordinalFrom(q.from), m.ordinalTo(q.to)
	if last < first {
		return nil
	}
	units, cut := uint64(m.limits.QueryUnits), false
	if last-first >= units {
		cut = true
		if q.reversed {
			first = last - units + 1
		} else {
			last = first + units - 1
		}
	}
	m.block.units -= last - first + 1
	if err := m.scan(first, last, q.reversed, q.visit); err != nil {
		return err
	}
	if next := q.next(first); cut && !q.full && next != 0 {
		m.cutAt(next)
	}
	return nil
}

// visit takes one executed transfer; it reports whether to go on.
func (q *transferQuery) visit(_ uint64, t *Transfer) bool {
	q.visited = t.Timestamp
	before, beyond := t.Timestamp < q.from, t.Timestamp > q.to
	if q.reversed {
		before, beyond = beyond, before
	}
	switch {
	case beyond:
		q.full = true
	case !before && q.filter.matches(t.UserData128, t.UserData64, t.UserData32, t.Ledger, t.Code):
		out := q.m.block.out
		out.results = t.Append(out.results)
		q.found++
		q.full = q.found == q.limit
	}
	mark.If(q.full, mark.QueryFull)
	return !q.full
}

// next tells where a cut walk that began or, reversed, ended at ordinal first
// goes on: beyond the transfer visited last. It gives 0 if nothing is left.
//
// A walk up always visits one that is not before the span: it starts at the last
// sample before the span, so there is one before the next sample, which is
// nearer than QueryUnits. A walk down may meet failed events only; the sample
// above its end then bounds what is left.
func (q *transferQuery) next(first uint64) uint64 {
	if !q.reversed {
		return max(q.from, q.visited+1)
	}
	next := q.m.timeBelow(first, q.visited, q.to)
	if next < q.from {
		return 0
	}
	return next
}

// timeBelow bounds the timestamps of what a walk down has not seen: it ended at
// ordinal first, after the transfer with timestamp visited (0 if none), and was
// to start at timestamp to.
func (m *Machine) timeBelow(first, visited, to uint64) uint64 {
	if visited != 0 && visited <= to {
		return visited - 1
	}
	return min(to, m.timeAbove(first))
}

// scan calls fn for the executed transfers from ordinal first to last, or
// reversed, through archive and block, until it returns false.
func (m *Machine) scan(first, last uint64, reversed bool, fn func(uint64, *Transfer) bool) error {
	block := m.block.out.FirstOrdinal // from here on the block itself knows
	on := true
	visit := func(ordinal uint64, t *Transfer) bool {
		on = fn(ordinal, t)
		return on
	}
	if reversed && last >= block {
		m.scanBlock(max(first, block), last, true, visit)
	}
	if old := min(last, block-1); on && first <= old {
		if err := m.block.archive.Scan(first, old, reversed, visit); err != nil {
			return fmt.Errorf("%w: scan of %d to %d: %w", ErrArchive, first, old, err)
		}
	}
	if !reversed && on && last >= block {
		m.scanBlock(max(first, block), last, false, visit)
	}
	return nil
}

// scanBlock visits the executed transfers of this block.
func (m *Machine) scanBlock(first, last uint64, reversed bool, fn func(uint64, *Transfer) bool) {
	mark.Hit(mark.ScanBlock)
	b := &m.block
	for n := uint64(0); first+n <= last; n++ {
		ordinal := first + n
		if reversed {
			ordinal = last - n
		}
		at := ordinal - b.out.FirstOrdinal
		if b.codes[at] != 0 || b.out.IDEntries[at] == 0 {
			continue // failed, or an account
		}
		m.blockTransfer(ordinal)
		if !fn(ordinal, &b.stored.Transfer) {
			return
		}
	}
}

// timeAbove gives a bound for the timestamps of executed transfers with
// ordinals below this one.
func (m *Machine) timeAbove(ordinal uint64) uint64 {
	lo, hi := 0, len(m.timeline)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if m.timeline[mid].ordinal < ordinal {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(m.timeline) {
		return m.timeline[lo].time
	}
	return m.meta.transferTime
}
