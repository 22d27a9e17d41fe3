package rows

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// summary is all runs of one setting.
type summary struct {
	Row            // the run with the median rate
	runs       int // how many there were
	slow, fast float64
}

// summarize joins runs of one setting, in the order in which the settings first
// appear (R3).
func summarize(all []Row) (out []summary) {
	type setting struct{ system, variant string }
	groups, order := map[setting][]Row{}, []setting{}
	for _, r := range all {
		k := setting{r.System, r.Variant}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		g := groups[k]
		slices.SortStableFunc(g, func(a, b Row) int {
			switch d := a.PerSecond() - b.PerSecond(); {
			case d < 0:
				return -1
			case d > 0:
				return 1
			}
			return 0
		})
		// Of an even number the lower middle: a real run, not a mean of two.
		out = append(out, summary{Row: g[(len(g)-1)/2], runs: len(g), slow: g[0].PerSecond(), fast: g[len(g)-1].PerSecond()})
	}
	return out
}

// ours finds our row of a class, the fastest if there are several variants.
func ours(all []summary, class Class) *summary {
	var best *summary
	for i := range all {
		s := &all[i]
		if s.System == Ours && s.Class == class && (best == nil || s.PerSecond() > best.PerSecond()) {
			best = s
		}
	}
	return best
}

// Table writes rows as Markdown: figures, ratios to ours, the bound, and what
// each row did and did not do.
func Table(w io.Writer, all []Row) error {
	if len(all) == 0 {
		return fmt.Errorf("%w: no rows", ErrRow)
	}
	sums := summarize(all)
	var b strings.Builder
	figures(&b, sums)
	bound(&b, sums)
	caveats(&b, sums)
	_, err := io.WriteString(w, b.String())
	return err
}

func figures(b *strings.Builder, sums []summary) {
	b.WriteString("| system | variant | payments/s | ours ÷ this | p50 / p99 ms | CPU s per 1,000: servers / client | per CPU s of one replica | disk B each: held / written to the device |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for i := range sums {
		s := &sums[i]
		rate := thousands(s.PerSecond())
		if s.runs > 1 {
			rate += fmt.Sprintf(" (%s–%s, %d runs)", thousands(s.slow), thousands(s.fast), s.runs)
		}
		per := 1000 / float64(s.Payments)
		fmt.Fprintf(b, "| %s %s | %s | %s | %s | %s | %.3f / %.3f | %s | %.0f / %s |\n", s.System, s.Version, s.Variant, rate,
			ratio(sums, s), latency(s), s.ServerCPU*per, s.ClientCPU*per, thousands(s.PerServerCPU()), s.Disk, written(s))
	}
}

// latency is empty where the client waits for nothing.
func latency(s *summary) string {
	if s.P99 == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f / %.1f", s.P50, s.P99)
}

// written is empty where the system does not tell.
func written(s *summary) string {
	if s.Written <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", s.Written)
}

// ratio is how many times as many payments ours does in the same class, or how
// long they take (R2).
func ratio(sums []summary, s *summary) string {
	if s.System == Ours || s.Class == Bound {
		return "–"
	}
	our := ours(sums, s.Class)
	if our == nil {
		return "no run of ours"
	}
	if s.Class == Paced {
		return fmt.Sprintf("latency ours ÷ this: p50 %.2f×, p99 %.2f×", our.P50/s.P50, our.P99/s.P99)
	}
	return fmt.Sprintf("%.1f×", our.PerSecond()/s.PerSecond())
}

// bound compares ours with the same executor and journal without replication,
// by what one replica's CPU second does.
func bound(b *strings.Builder, sums []summary) {
	our := ours(sums, Batched)
	for i := range sums {
		if s := &sums[i]; s.Class == Bound && our != nil {
			fmt.Fprintf(b, "\nOne replica of ours does %.0f %% of what %q does per CPU second (%s of %s payments).\n",
				100*our.PerServerCPU()/s.PerServerCPU(), s.Variant, thousands(our.PerServerCPU()), thousands(s.PerServerCPU()))
		}
	}
}

func caveats(b *strings.Builder, sums []summary) {
	b.WriteString("\nWhat each row did, and did not do:\n\n")
	for i := range sums {
		s := &sums[i]
		fmt.Fprintf(b, "* **%s, %s**: %s; durable before the answer: %s; signatures: %s; TLS: %s; client: %s; settings: %s; checked at the end: %s.\n",
			s.System, s.Variant, s.Faults, s.Durable, s.Signed, s.TLS, s.ClientAt, s.Settings, s.CheckText)
	}
	h := sums[0].Host
	fmt.Fprintf(b, "\nHost: %d × %s, Linux %s, %s; load average before the runs %s; commit %s. One system at a time; servers and client share the machine, over loopback; a window of %.0f s per run.\n",
		h.CPUs, h.Model, h.Kernel, h.Go, loads(sums), sums[0].Commit, sums[0].Seconds)
}

// loads is the range of load averages: other work on the machine shows here.
func loads(sums []summary) string {
	low, high := sums[0].Host.Load, sums[0].Host.Load
	for i := range sums {
		low, high = min(low, sums[i].Host.Load), max(high, sums[i].Host.Load)
	}
	return fmt.Sprintf("%.1f to %.1f", low, high)
}

// thousands writes a rate with three significant digits and separators.
func thousands(v float64) string {
	n, unit := int64(math.Round(v)), int64(1)
	for n/unit >= 1000 {
		unit *= 10
	}
	n = (n + unit/2) / unit * unit
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
