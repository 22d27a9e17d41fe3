package outcome

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Row is a stretch of a run, a second as it is measured. Rates are payments per
// second, counts those of the stretch.
type Row struct {
	Second      int    // at its end, since the start
	Offered     uint64 // rate
	Achieved    uint64 // rate
	Late        uint64
	Dropped     uint64
	Errors      uint64
	Unknown     uint64
	ErrorsTotal uint64 // since the start
	P50         float64
	P90         float64
	P99         float64
	P999        float64
	Most        float64 // the longest, ms
	Outstanding float64 // requests, mean over the stretch
	FastPath    float64 // share of the slots committed in it, −1: not known
	Codes       map[string]uint64
	Replicas    []ReplicaRow // the first of them, see ReplicasShown
	Events      []Event
}

// ReplicaRow is what one replica said of itself last.
type ReplicaRow struct {
	Up      bool // it answered
	View    uint64
	Primary uint16
	Fast    uint64 // slots that it committed on the fast path in the stretch
	Slow    uint64
}

// ReplicasShown is how many replicas rows tell of; more make neither file nor
// plot readable.
const ReplicasShown = 16

// rowsKept is how many rows a Series holds at most: an hour's seconds, and more
// than a plot has pixels.
const rowsKept = 3600

// Series keeps the rows of a run for its report in bounded memory: when it is
// full, every two rows become one. timeseries.csv holds them all.
type Series struct {
	rows []Row
	each int // added rows that make one
	part []Row
}

// Add appends a row.
func (s *Series) Add(r Row) {
	s.each = max(s.each, 1)
	s.part = append(s.part, r)
	if len(s.part) < s.each {
		return
	}
	s.rows = append(s.rows, together(s.part))
	s.part = s.part[:0]
	if len(s.rows) < rowsKept {
		return
	}
	for i := range rowsKept / 2 {
		s.rows[i] = together(s.rows[2*i : 2*i+2])
	}
	clear(s.rows[rowsKept/2:])
	s.rows = s.rows[:rowsKept/2]
	s.each *= 2
}

// Rows gives what there is, and how many added rows one of it stands for.
func (s *Series) Rows() (rows []Row, each int) {
	rows = slices.Clone(s.rows)
	if len(s.part) > 0 {
		rows = append(rows, together(s.part))
	}
	return rows, max(s.each, 1)
}

// together makes one row of several that follow each other: rates and
// outstanding are means, counts sums, latencies the worst of them.
func together(rows []Row) Row {
	out := rows[len(rows)-1]
	if len(rows) == 1 {
		return out
	}
	out.Offered, out.Achieved, out.Late, out.Dropped, out.Errors, out.Unknown, out.Outstanding = 0, 0, 0, 0, 0, 0, 0
	out.Codes, out.Events, out.FastPath = nil, nil, -1
	out.Replicas = slices.Clone(out.Replicas)
	for i := range out.Replicas {
		out.Replicas[i].Fast, out.Replicas[i].Slow = 0, 0
	}
	for i := range rows {
		out.add(&rows[i])
	}
	n := uint64(len(rows))
	out.Offered, out.Achieved, out.Outstanding = (out.Offered+n/2)/n, (out.Achieved+n/2)/n, out.Outstanding/float64(n)
	return out
}

// add adds another row: rates and counts are sums, latencies the worst.
func (r *Row) add(o *Row) {
	r.Offered += o.Offered
	r.Achieved += o.Achieved
	r.Late += o.Late
	r.Dropped += o.Dropped
	r.Errors += o.Errors
	r.Unknown += o.Unknown
	r.Outstanding += o.Outstanding
	r.P50, r.P90, r.P99, r.P999, r.Most = max(r.P50, o.P50), max(r.P90, o.P90), max(r.P99, o.P99), max(r.P999, o.P999), max(r.Most, o.Most)
	if o.FastPath >= 0 && (r.FastPath < 0 || o.FastPath < r.FastPath) {
		r.FastPath = o.FastPath
	}
	for code, count := range o.Codes {
		if r.Codes == nil {
			r.Codes = map[string]uint64{}
		}
		r.Codes[code] += count
	}
	for i := range min(len(o.Replicas), len(r.Replicas)) {
		r.Replicas[i].Fast += o.Replicas[i].Fast
		r.Replicas[i].Slow += o.Replicas[i].Slow
	}
	r.Events = append(r.Events, o.Events...)
}

// columns are those of timeseries.csv before the replicas'.
var columns = []string{"second", "offered", "achieved", "late", "errors_total", "p50_ms", "p99_ms", "p999_ms", "fast_path",
	"dropped", "unknown", "p90_ms", "max_ms", "outstanding", "errors_by_code", "events"}

// Table writes timeseries.csv row by row, so that a run of any length keeps
// nothing and one that dies leaves what it had.
type Table struct {
	w        *csv.Writer
	replicas int
}

// NewTable writes the head. replicas is how many there are.
func NewTable(w io.Writer, replicas int) *Table {
	t := &Table{w: csv.NewWriter(w), replicas: min(replicas, ReplicasShown)}
	head := slices.Clone(columns)
	for i := range t.replicas {
		for _, name := range []string{"view", "primary", "fast", "slow"} {
			head = append(head, fmt.Sprintf("%s_%d", name, i))
		}
	}
	_ = t.w.Write(head) // kept until Flush, as are errors
	return t
}

// Write appends a row, and gives the first error of any.
func (t *Table) Write(r *Row) error {
	number := func(v uint64) string { return strconv.FormatUint(v, 10) }
	decimal := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	var codes, events []string
	for _, code := range slices.Sorted(maps.Keys(r.Codes)) {
		codes = append(codes, code+"="+number(r.Codes[code]))
	}
	for _, e := range r.Events {
		events = append(events, e.Text)
	}
	record := []string{strconv.Itoa(r.Second), number(r.Offered), number(r.Achieved), number(r.Late), number(r.ErrorsTotal),
		decimal(r.P50, 3), decimal(r.P99, 3), decimal(r.P999, 3), decimal(r.FastPath, 4),
		number(r.Dropped), number(r.Unknown), decimal(r.P90, 3), decimal(r.Most, 3), decimal(r.Outstanding, 2),
		strings.Join(codes, ";"), strings.Join(events, "; ")}
	for i := range t.replicas {
		if i >= len(r.Replicas) || !r.Replicas[i].Up {
			record = append(record, "", "", "", "")
			continue
		}
		p := &r.Replicas[i]
		record = append(record, number(p.View), number(uint64(p.Primary)), number(p.Fast), number(p.Slow))
	}
	_ = t.w.Write(record)
	t.w.Flush()
	return t.w.Error()
}
