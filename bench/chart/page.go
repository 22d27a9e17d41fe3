package chart

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"slices"
	"strings"

	"quorate/bench/compare"
	"quorate/bench/record"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// columns are the figures of the page's table.
var columns = []struct {
	figure, head string
	scale        float64
}{
	{"payments_per_second", "payments/s", 1},
	{"goodput_ratio", "of the peak", 1},
	{"latency_p50_ms", "p50 ms", 1},
	{"latency_p99_ms", "p99 ms", 1},
	{"outage_seconds", "longest silence s", 1},
	{"replica_cpu_us_per_payment", "CPU µs, replicas", 1},
	{"loadgen_cpu_us_per_payment", "CPU µs, loadgen", 1},
	{"ledger_bytes_per_payment", "disk B", 1},
	{"sent_bytes_per_payment", "sent B", 1},
	{"payments_per_block", "payments/block", 1},
	{"syncs_per_block", "syncs/block", 1},
	{"slow_path_share", "slow path", 1},
	{"view_changes", "views", 1},
	{"replica_memory_max_bytes", "memory MiB", 1.0 / (1 << 20)},
}

// row is an experiment of the table.
type row struct {
	Name  string
	Runs  int
	Cells []string
	Why   string // of a run that is not OK
}

// picture is a chart of the page.
type picture struct {
	Name, Title, Caption string
	SVG                  template.HTML
}

// Page gives the whole of a result as one HTML file (G4).
func Page(runs []record.Run) ([]byte, error) {
	var pictures []picture
	for _, c := range Charts(runs) {
		svg, err := c.Draw("svg")
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, picture{c.Name, c.Title, c.Caption, template.HTML(inline(svg))})
	}
	first, last := runs[0].At, runs[0].At
	for i := range runs {
		if at := runs[i].At; at.Before(first) {
			first = at
		} else if at.After(last) {
			last = at
		}
	}
	var heads []string
	for _, c := range columns {
		heads = append(heads, c.head)
	}
	var out bytes.Buffer
	err := page.Execute(&out, map[string]any{
		"Host": runs[0].Host, "Commit": commit(&runs[0]), "Command": runs[0].Command, "Busy": busiest(runs), "Memory": runs[0].Host.MemoryBytes >> 30,
		"First": first.Format("2006-01-02 15:04"), "Last": last.Format("15:04 MST"), "Heads": heads, "Rows": rows(runs), "Pictures": pictures, "Figures": record.Figures(),
	})
	return out.Bytes(), err
}

func commit(r *record.Run) string {
	if r.Dirty {
		return r.Commit + " with changes"
	}
	return r.Commit
}

func busiest(runs []record.Run) string {
	load := 0.0
	for i := range runs {
		load = max(load, runs[i].Host.LoadBefore)
	}
	return fmt.Sprintf("%.1f", load)
}

// rows gives medians of each experiment in the order in which they ran.
func rows(runs []record.Run) (all []row) {
	at := map[string]int{}
	values := map[string]map[string][]float64{}
	for i := range runs {
		r := &runs[i]
		k, seen := at[r.Experiment]
		if !seen {
			k = len(all)
			at[r.Experiment], values[r.Experiment] = k, map[string][]float64{}
			all = append(all, row{Name: r.Experiment})
		}
		if r.Outcome != record.OK {
			all[k].Why = r.Outcome + ": " + r.Why
			continue
		}
		all[k].Runs++
		for name, v := range r.Figures {
			values[r.Experiment][name] = append(values[r.Experiment][name], v)
		}
	}
	for k := range all {
		for _, c := range columns {
			cell := ""
			if v := values[all[k].Name][c.figure]; v != nil {
				s := compare.NewSample(v)
				cell = significant(s.Median * c.scale)
			}
			all[k].Cells = append(all[k].Cells, cell)
		}
	}
	// Simulated networks have none of these figures.
	return slices.DeleteFunc(all, func(r row) bool { return r.Why == "" && strings.Join(r.Cells, "") == "" })
}

// significant writes three digits, and whole numbers whole.
func significant(v float64) string {
	if v == 0 || math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// head is what an SVG file has before its element; inside a page it is wrong.
var head = regexp.MustCompile(`(?s)^.*?<svg `)

// inline makes an SVG file a part of a page: it grows with its frame, and its
// colours are the page's, which has two sets.
func inline(svg []byte) string {
	s := head.ReplaceAllString(string(svg), `<svg role="img" `)
	s = sized.ReplaceAllString(s, "")
	for i, c := range series {
		s = strings.ReplaceAll(s, hex(c.R, c.G, c.B), fmt.Sprintf("var(--series-%d)", i))
	}
	s = strings.ReplaceAll(s, hex(ink.R, ink.G, ink.B), "var(--ink)")
	return strings.ReplaceAll(s, hex(faint.R, faint.G, faint.B), "var(--faint)")
}

var sized = regexp.MustCompile(`(width|height)="[0-9.]+pt" `)

func hex(r, g, b uint8) string { return fmt.Sprintf("#%02X%02X%02X", r, g, b) }
