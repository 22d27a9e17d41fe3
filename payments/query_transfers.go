package payments

import "fmt"

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
	if err := q.walk(first, last); err != nil {
		return fmt.Errorf("%w: scan of %d to %d: %w", ErrArchive, first, last, err)
	}
	if next := q.next(first); cut && !q.full && next != 0 {
		m.cutAt(next)
	}
	return nil
}

// walk visits the executed transfers from first to last in the query's order.
func (q *transferQuery) walk(first, last uint64) error {
	block := q.m.block.out.FirstOrdinal // from here on the block itself knows
	old := min(last, block-1)
	if q.reversed {
		q.walkBlock(max(first, block), last)
		if first > old || q.full {
			return nil
		}
		return q.m.block.archive.Scan(first, old, true, q.visit)
	}
	if first <= old {
		if err := q.m.block.archive.Scan(first, old, false, q.visit); err != nil {
			return err
		}
	}
	q.walkBlock(max(first, block), last)
	return nil
}

// walkBlock visits the executed transfers of this block.
func (q *transferQuery) walkBlock(first, last uint64) {
	b := &q.m.block
	for n := uint64(0); first+n <= last && !q.full; n++ {
		ordinal := first + n
		if q.reversed {
			ordinal = last - n
		}
		at := ordinal - b.out.FirstOrdinal
		if b.codes[at] != 0 || b.out.IDEntries[at] == 0 {
			continue // failed, or an account
		}
		q.m.blockTransfer(ordinal)
		q.visit(ordinal, &b.stored.Transfer)
	}
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
	next := min(q.to, q.visited-1)
	if q.visited == 0 || q.visited > q.to {
		next = min(q.to, q.m.timeAbove(first))
	}
	if next < q.from {
		return 0
	}
	return next
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
