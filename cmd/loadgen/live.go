package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"quorate/cmd/loadgen/outcome"
)

const (
	// sparkSeconds is the width of the sparkline in a plain line.
	sparkSeconds = 12
	// viewWidth is the width of the view where the terminal does not say; wider
	// than viewWidest is not read any better.
	viewWidth  = 80
	viewWidest = 120
	// viewEvents is how many of the last events the view shows.
	viewEvents = 3
)

// live shows a run while it goes: a view that is drawn over itself on a terminal,
// a plain line each second anywhere else. One goroutine uses it.
type live struct {
	out      io.Writer
	terminal *os.File // nil: plain lines
	title    string
	total    time.Duration
	warmup   time.Duration
	achieved []uint64  // the last seconds, at most viewWidest
	p99      []float64 // the same
	events   []outcome.Event
	drawn    int // lines of the view that are on the screen
}

// newLive tells a terminal from anything else.
func newLive(out io.Writer, title string, total, warmup time.Duration) *live {
	l := &live{out: out, title: title, total: total, warmup: warmup}
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			l.terminal = f
		}
	}
	return l
}

// second shows a row.
func (l *live) second(r *outcome.Row, c *counts) {
	l.achieved = lastOf(append(l.achieved, r.Achieved), viewWidest)
	l.p99 = lastOf(append(l.p99, r.P99), viewWidest)
	l.events = lastOf(append(l.events, r.Events...), viewEvents)
	if l.terminal == nil {
		for _, e := range r.Events {
			fmt.Fprintf(l.out, "  %s %s\n", clock(e.At), e.Text)
		}
		fmt.Fprintln(l.out, line(r, spark(l.achieved, sparkSeconds)))
		return
	}
	lines := l.view(r, c, l.width())
	if l.drawn > 0 {
		fmt.Fprintf(l.out, "\033[%dA", l.drawn)
	}
	l.drawn = len(lines)
	fmt.Fprint(l.out, strings.Join(lines, "\033[K\n"), "\033[K\n\033[J")
}

// clear takes the view off the terminal.
func (l *live) clear() {
	if l.terminal != nil && l.drawn > 0 {
		fmt.Fprintf(l.out, "\033[%dA\033[J", l.drawn)
		l.drawn = 0
	}
}

// width is that of the terminal.
func (l *live) width() int {
	size, err := unix.IoctlGetWinsize(int(l.terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col < 20 {
		return viewWidth
	}
	return min(int(size.Col), viewWidest)
}

// view is the picture of a second, each line at most width runes.
func (l *live) view(r *outcome.Row, c *counts, width int) []string {
	done := min(max(float64(r.Second)/l.total.Seconds(), 0), 1)
	phase := ""
	if float64(r.Second) <= l.warmup.Seconds() {
		phase = "  warm-up"
	}
	right := fmt.Sprintf(" %3.0f%%  %s / %s%s", 100*done, clock(float64(r.Second)), clock(l.total.Seconds()), phase)
	lines := []string{
		"  " + l.title,
		"  " + bar(done, width-4-len([]rune(right))) + right,
		fmt.Sprintf("  rate     offered %d/s  achieved %d/s  late %d  dropped %d  outstanding %.1f", r.Offered, r.Achieved, c.Late, c.Dropped, r.Outstanding),
		"           " + spark(l.achieved, width-12),
		fmt.Sprintf("  latency  p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f ms", r.P50, r.P90, r.P99, r.P999, r.Most),
		"       p99 " + spark(l.p99, width-12),
		fmt.Sprintf("  cluster  %s  %s", path(r.FastPath), standing(r.Replicas)),
		fmt.Sprintf("  errors   %d  unknown %d", c.Errors, c.Unknown),
	}
	for _, e := range l.events {
		lines = append(lines, fmt.Sprintf("  %7s  %s", clock(e.At), e.Text))
	}
	for i := range lines {
		if runes := []rune(lines[i]); len(runes) > width {
			lines[i] = string(runes[:width-1]) + "…"
		}
	}
	return lines
}

// line shows one second in the look of the manual. Programs read it: what stands
// in it stays.
func line(r *outcome.Row, sparkline string) string {
	return fmt.Sprintf("%d:%02d offered %d/s achieved %d/s late %d | p50 %.1f p99 %.1f p99.9 %.0f ms | %s | errors %d | %s",
		r.Second/60, r.Second%60, r.Offered, r.Achieved, r.Late, r.P50, r.P99, r.P999, path(r.FastPath), r.ErrorsTotal, sparkline)
}

func path(share float64) string {
	if share < 0 {
		return "fast path ?"
	}
	return fmt.Sprintf("fast path %.0f%%", 100*share)
}

// standing says who is up and in which view.
func standing(replicas []outcome.ReplicaRow) string {
	up, view, primary := 0, uint64(0), -1
	for i := range replicas {
		if r := &replicas[i]; r.Up {
			if up++; r.View >= view {
				view, primary = r.View, int(r.Primary)
			}
		}
	}
	if up == 0 {
		return "no replica tells its state"
	}
	return fmt.Sprintf("view %d  primary %d  up %d/%d", view, primary, up, len(replicas))
}

// bar draws a share of width runes, in eighths.
func bar(share float64, width int) string {
	width = max(width-2, 1)
	eighths := int(share*float64(width*8) + 0.5)
	s := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[eighths%8-1])
	}
	return "[" + s + strings.Repeat(" ", width-len([]rune(s))) + "]"
}

// spark draws the last width values, relative to the highest.
func spark[N uint64 | float64](values []N, width int) string {
	values = values[max(len(values)-max(width, 0), 0):]
	high := N(1)
	for _, v := range values {
		high = max(high, v)
	}
	levels := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(levels[int(v*N(len(levels)-1)/high)])
	}
	return b.String()
}

// lastOf keeps the last n, without letting the array behind them grow.
func lastOf[T any](s []T, n int) []T {
	if len(s) <= n {
		return s
	}
	return append(s[:0], s[len(s)-n:]...)
}

// clock shows seconds as minutes.
func clock(seconds float64) string { return fmt.Sprintf("%d:%02d", int(seconds)/60, int(seconds)%60) }
