package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"quorate/cmd/loadgen/outcome"
)

// Aim: a terminal sees one view drawn over itself, within its width; anything
// else sees plain lines that programs read.
// Method: rows by hand into a buffer and into a pseudo terminal.

func shownRow(second int) *outcome.Row {
	return &outcome.Row{Second: second, Offered: 5000, Achieved: 4900, P50: 6, P90: 8, P99: 14.8, P999: 27, Most: 31, FastPath: 1,
		Replicas: []outcome.ReplicaRow{{Up: false}, {Up: true, View: 1, Primary: 1}, {Up: true, View: 1, Primary: 1}, {Up: true, View: 1, Primary: 1}},
		Events:   []outcome.Event{{At: float64(second) - 0.5, Kind: eventChaos, Text: fmt.Sprintf("event %d", second)}}}
}

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	l := newLive(&out, "title", time.Minute, 0)
	l.second(shownRow(20), &counts{})
	want := "  0:19 event 20\n0:20 offered 5000/s achieved 4900/s late 0 | p50 6.0 p99 14.8 p99.9 27 ms | fast path 100% | errors 0 | █\n"
	if out.String() != want {
		t.Errorf("%q\nwant\n%q", out.String(), want)
	}
}

func TestView(t *testing.T) {
	l := newLive(nil, strings.Repeat("long title ", 30), time.Minute, 10*time.Second)
	for s := 1; s <= 300; s++ {
		l.achieved = lastOf(append(l.achieved, 5000), viewWidest)
		l.events = lastOf(append(l.events, shownRow(s).Events...), viewEvents)
	}
	if len(l.achieved) != viewWidest || len(l.events) != viewEvents {
		t.Errorf("%d seconds and %d events are kept", len(l.achieved), len(l.events))
	}
	for _, width := range []int{20, 80, 120} {
		lines := l.view(shownRow(30), &counts{Late: 7, Errors: 3}, width)
		for _, line := range lines {
			if n := len([]rune(line)); n > width {
				t.Errorf("width %d: a line of %d: %q", width, n, line)
			}
		}
		if width < 80 {
			continue
		}
		text := strings.Join(lines, "\n")
		for _, want := range []string{"50%  0:30 / 1:00", "late 7", "p99 14.8", "view 1  primary 1  up 3/4", "errors   3", "event 300", "█"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: no %q in\n%s", width, want, text)
			}
		}
	}
	if text := strings.Join(l.view(shownRow(5), &counts{}, 80), "\n"); !strings.Contains(text, "warm-up") {
		t.Errorf("no warm-up in\n%s", text)
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{0: "[        ]", 0.5: "[████    ]", 0.5625: "[████▌   ]", 1: "[████████]"} {
		if got := bar(share, 10); got != want {
			t.Errorf("%v: %q, want %q", share, got, want)
		}
	}
}

// TestTerminal draws two seconds on a pseudo terminal.
func TestTerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer func() { _ = master.Close() }()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer func() { _ = terminal.Close() }()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		t.Fatal(err)
	}
	l := newLive(terminal, "title", time.Minute, 0)
	if l.terminal == nil || l.width() != 100 {
		t.Fatal("a terminal is not taken for one")
	}
	l.second(shownRow(1), &counts{})
	high := l.drawn
	l.second(shownRow(2), &counts{})
	var text strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(text.String(), "event 2"); {
		n, err := master.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(buf[:n])
	}
	if up := fmt.Sprintf("\033[%dA", high); strings.Count(text.String(), up) != 1 {
		t.Errorf("the second view does not begin %d lines up: %q", high, text.String())
	}
}
