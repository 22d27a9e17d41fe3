package outcome

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// ErrMerge is wrapped by every reason for which runs are not merged.
var ErrMerge = errors.New("merge refused")

// Part is one run of a merge with its time series.
type Part struct {
	Run  *Run
	Rows []Row
}

// Merge makes one run of several that loaded one cluster at once. The histogram
// is that of all their payments (Invariant O3). alone says that nobody else paid
// meanwhile, so that the ledgers' growth is theirs together.
func Merge(parts []Part, alone bool) (*Run, []Row, *hdrhistogram.Histogram, error) {
	if err := mergeable(parts); err != nil {
		return nil, nil, nil, err
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return a.Run.Started.Compare(b.Run.Started) })
	first := parts[0].Run
	out := *first
	out.Kind, out.Parts, out.Signed, out.Events, out.FirstErr = KindMerged, nil, nil, nil, ""
	out.Measured, out.Whole, out.Client, out.Errors = Counts{}, Counts{}, first.Client, map[string]uint64{}
	out.Clients, out.Achieved, out.Outstanding, out.CPU, out.Memory = 0, 0, 0, 0, 0
	h := NewHistogram()
	rate, numeric := 0.0, true
	for i := range parts {
		r := parts[i].Run
		part, err := DecodeHistogram(r.Histogram)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%w: run %s: %w", ErrMerge, r.RunID, err)
		}
		if dropped := h.Merge(part); dropped > 0 {
			return nil, nil, nil, fmt.Errorf("%w: run %s: %d latencies do not fit", ErrMerge, r.RunID, dropped)
		}
		out.take(r, i > 0)
		v, err := strconv.ParseFloat(r.Rate, 64)
		rate, numeric = rate+v, numeric && err == nil
	}
	if numeric {
		out.Rate = strconv.FormatFloat(rate, 'f', -1, 64)
	}
	slices.SortStableFunc(out.Events, func(a, b Event) int { return int(math.Copysign(1, a.At-b.At)) })
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(out.Parts)), " ")))
	out.RunID = fmt.Sprintf("%x", sum[:8])
	out.Audit = audits(parts, alone)
	out.LatencyMS = Latencies(h)
	var err error
	if out.Histogram, err = EncodeHistogram(h); err != nil {
		return nil, nil, nil, err
	}
	return &out, mergeRows(parts), h, nil
}

// take adds a part. more says that its client counters are not in out yet.
func (r *Run) take(p *Run, more bool) {
	r.Measured.Plus(&p.Measured)
	r.Whole.Plus(&p.Whole)
	for code, n := range p.Errors {
		r.Errors[code] += n
	}
	r.Clients += p.Clients
	r.Achieved += p.Achieved
	r.Outstanding += p.Outstanding
	r.CPU += p.CPU
	r.Memory += p.Memory
	if r.FirstErr == "" {
		r.FirstErr = p.FirstErr
	}
	shift := p.Started.Sub(r.Started).Seconds()
	if p.Silence.Seconds < r.Silence.Seconds {
		// A time in which nobody was answered is one of each part.
		r.Silence = Silence{p.Silence.Seconds, p.Silence.At + shift}
	}
	for _, e := range p.Events {
		if !more || e.Kind == "chaos" { // all parts see the same views
			e.At += shift
			r.Events = append(r.Events, e)
		}
	}
	if len(p.Parts) > 0 {
		r.Parts = append(r.Parts, p.Parts...)
	} else {
		r.Parts = append(r.Parts, p.RunID)
	}
	if more {
		c, o := &r.Client, &p.Client
		c.Submitted, c.Completed, c.Resent, c.Overloads = c.Submitted+o.Submitted, c.Completed+o.Completed, c.Resent+o.Resent, c.Overloads+o.Overloads
		c.Rejects, c.Duplicates, c.Lies, c.Malformed, c.Failovers = c.Rejects+o.Rejects, c.Duplicates+o.Duplicates, c.Lies+o.Lies, c.Malformed+o.Malformed, c.Failovers+o.Failovers
	}
}

// mergeable refuses what did not load one cluster together.
func mergeable(parts []Part) error {
	if len(parts) < 2 {
		return fmt.Errorf("%w: one run is no merge; name two or more", ErrMerge)
	}
	seen := map[string]bool{}
	first := parts[0].Run
	for i := range parts {
		r := parts[i].Run
		ids := r.Parts
		if len(ids) == 0 {
			ids = []string{r.RunID}
		}
		for _, id := range ids {
			if seen[id] {
				return fmt.Errorf("%w: run %s is in it twice", ErrMerge, id)
			}
			seen[id] = true
		}
		if r.Kind != KindRun && r.Kind != KindMerged {
			return fmt.Errorf("%w: run %s is a %s; only loads are merged", ErrMerge, r.RunID, r.Kind)
		}
		if differ := differences(first, r, "rate", "clients"); len(differ) > 0 {
			return fmt.Errorf("%w: runs %s and %s were asked for different things: %s", ErrMerge, first.RunID, r.RunID, strings.Join(differ, ", "))
		}
		if r.Cluster != first.Cluster {
			return fmt.Errorf("%w: runs %s and %s loaded different clusters", ErrMerge, first.RunID, r.RunID)
		}
		apart := r.Started.Sub(first.Started).Abs()
		if most := time.Duration(first.Duration * float64(time.Second) / 2); apart > most {
			return fmt.Errorf("%w: runs %s and %s began %v apart, and share less than half of their time; begin them together with --begin, or hold them against each other with loadgen compare", ErrMerge, first.RunID, r.RunID, apart.Round(time.Second))
		}
	}
	return nil
}

// audits sums up what each part found, and holds the ledgers' growth against all
// parts together: each alone only knows its own.
func audits(parts []Part, alone bool) *Audit {
	out := &Audit{Balanced: true, Before: math.MaxUint64, DigestsEqual: math.MaxInt}
	for i := range parts {
		r, a := parts[i].Run, parts[i].Run.Audit
		out.Acked += a.Acked
		out.Checked += a.Checked
		out.FoundOnce += a.FoundOnce
		out.Unanswered += a.Unanswered
		out.FoundLater += a.FoundLater
		out.Balanced = out.Balanced && a.Balanced
		out.DigestsEqual = min(out.DigestsEqual, a.DigestsEqual)
		out.Replicas = a.Replicas
		out.Receipts += a.Receipts
		out.ReceiptsHad += a.ReceiptsHad
		out.Before = min(out.Before, a.Before)
		out.After = max(out.After, a.After)
		for _, f := range a.Faults {
			out.Faults = append(out.Faults, "run "+r.RunID+": "+f)
		}
	}
	if grown, want := out.After-out.Before, out.Acked+out.FoundLater; alone && grown != want {
		out.Faults = append(out.Faults, fmt.Sprintf("the ledgers grew by %d transfers, and all parts together executed %d", grown, want))
	} else if alone && len(out.Faults) == 0 {
		out.FoundOnce = out.Acked
	}
	return out
}

// mergeRows adds the parts' rows up by the second of the wall in which they
// ended. Latencies are the worst of the parts': a row keeps no histogram.
func mergeRows(parts []Part) []Row {
	sums := map[int]*Row{}
	total := map[int]uint64{}
	for i := range parts {
		shift := int(math.Round(parts[i].Run.Started.Sub(parts[0].Run.Started).Seconds()))
		for k := range parts[i].Rows {
			row := parts[i].Rows[k]
			at := row.Second + shift
			sum := sums[at]
			if sum == nil {
				sum = &Row{Second: at, FastPath: row.FastPath, Replicas: row.Replicas}
				sums[at] = sum
			}
			replicas, fast := sum.Replicas, sum.FastPath
			sum.Replicas = nil
			sum.add(&row)
			sum.Replicas, sum.FastPath = replicas, fast // every part sees the same ones
			total[at] += row.ErrorsTotal
		}
	}
	out := make([]Row, 0, len(sums))
	for _, at := range slices.Sorted(maps.Keys(sums)) {
		sums[at].ErrorsTotal = total[at]
		out = append(out, *sums[at])
	}
	return out
}
