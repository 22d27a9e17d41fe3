package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// traceLineBytesMax bounds a line of a trace.
const traceLineBytesMax = 4096

// errTrace is wrapped by every reason for which a trace is refused, with its line.
var errTrace = errors.New("trace refused")

// trace gives the times of a CSV whose first column is seconds from the start,
// one request a line, never going back. It is read as the run goes, so that a
// trace of a day takes no memory.
type trace struct {
	name  string
	file  *os.File
	lines *bufio.Scanner
	line  int
	last  time.Duration
	first bool
	err   error // the file changed since it was checked
}

// openTrace checks the whole file, so that a fault in its last line is found
// before anything is sent, and opens it at its begin. span is its last time.
func openTrace(name string) (t *trace, count uint64, span time.Duration, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("--trace: %w", err)
	}
	t = &trace{name: name, file: f}
	t.rewind()
	for {
		at := t.take()
		if at == never {
			break
		}
		count, span = count+1, at
	}
	if t.err == nil && count == 0 {
		t.err = fmt.Errorf("%w: %s has no times; its first column is seconds from the start, such as 0.25", errTrace, name)
	}
	if t.err == nil {
		_, t.err = f.Seek(0, io.SeekStart)
	}
	if t.err != nil {
		_ = f.Close()
		return nil, 0, 0, t.err
	}
	t.rewind()
	return t, count, span, nil
}

// rewind reads from the file's position on.
func (t *trace) rewind() {
	t.lines = bufio.NewScanner(t.file)
	t.lines.Buffer(make([]byte, 0, traceLineBytesMax), traceLineBytesMax)
	t.line, t.last, t.first = 0, 0, true
}

// take gives the next time, or never at the end and behind a fault.
func (t *trace) take() time.Duration {
	for t.err == nil && t.lines.Scan() {
		t.line++
		cell, _, _ := strings.Cut(t.lines.Text(), ",")
		cell = strings.TrimSpace(cell)
		first := t.first
		t.first = false
		if cell == "" || strings.HasPrefix(cell, "#") {
			continue
		}
		seconds, err := strconv.ParseFloat(cell, 64)
		switch {
		case err != nil && first:
			continue // the head
		case err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > 1e9:
			t.err = fmt.Errorf("%w: %s:%d: %.45q is no number of seconds from the start, 0 to 1e9", errTrace, t.name, t.line, cell)
			return never
		}
		at := time.Duration(seconds * 1e9)
		if at < t.last {
			t.err = fmt.Errorf("%w: %s:%d: %v comes after %v; sort the file by time", errTrace, t.name, t.line, at, t.last)
			return never
		}
		t.last = at
		return at
	}
	if t.err == nil {
		if err := t.lines.Err(); err != nil {
			t.err = fmt.Errorf("%w: %s:%d: %w", errTrace, t.name, t.line+1, err)
		}
	}
	return never
}

// close ends the reading.
func (t *trace) close() { _ = t.file.Close() }
