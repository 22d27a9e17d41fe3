package sim

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Scenario is one run as a list of what happened, with no chance in it: replayed,
// it gives the same run, and goes on meaning the same when the program changes.
//
// What a scenario does not list is plain: frames arrive, after the middle of the
// usual delay; nothing fails; liars tell the truth. What a name in the list does
// not meet in the run has no effect; a name may leave parts open, and then answers
// for all that fit. The seed is salt for what does not depend on
// the course of the run: keys, nonces, and the content of each client's n-th
// request.
//
// The file has one option or one choice per line; # begins a comment.
type Scenario struct {
	Note    string // what it shows, for people; may have several lines
	Found   string // class of the violation that it was made from
	Opt     Options
	Calm    uint64 // when faults stop, virtual microseconds
	Jitter  uint64 // not 0: plain delays are spread by this salt and their names
	entries []entry
}

// ErrScenario is a scenario file that does not make sense.
var ErrScenario = errors.New("sim: bad scenario")

// Len is the number of choices in the list.
func (s *Scenario) Len() int { return len(s.entries) }

// Record runs a seed and writes down all that chance decided.
func Record(opt Options, lines io.Writer) (Result, *Scenario) {
	s := &Scenario{Opt: opt}
	r := newWorld(opt, nil, s, lines).live()
	s.Found = Class(r.Problem)
	return r, s
}

// Run replays the scenario.
func (s *Scenario) Run(lines io.Writer) Result { return newWorld(s.Opt, s, nil, lines).live() }

// Class is the part of a violation that tells one kind of failure from another:
// the number of its check, or its words without numbers.
func Class(problem string) string {
	_, text, ok := strings.Cut(problem, " ms: ")
	if !ok {
		text = problem
	}
	if check, _, ok := strings.Cut(text, ":"); ok && len(check) <= 3 && strings.HasPrefix(check, "C") {
		return check
	}
	text, _, _ = strings.Cut(text, "\n")
	var words []string
	for _, w := range strings.Fields(text) {
		if !strings.ContainsAny(w, "0123456789") {
			words = append(words, w)
		}
	}
	return strings.Join(words[:min(len(words), 12)], " ")
}

// Text is the file of a scenario.
func (s *Scenario) Text() []byte {
	var b bytes.Buffer
	for line := range strings.Lines(s.Note) {
		fmt.Fprintf(&b, "# %s\n", strings.TrimRight(line, "\n"))
	}
	fmt.Fprintf(&b, "found %s\ncalm %s\njitter %#x\n", s.Found, formatMillis(s.Calm), s.Jitter)
	for _, f := range s.Opt.fields() {
		fmt.Fprintf(&b, "option %s %s\n", f.name, formatField(f.value))
	}
	for i := range s.entries {
		b.WriteString(s.entries[i].text())
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// ParseScenario reads a scenario file.
func ParseScenario(text []byte) (*Scenario, error) {
	s := &Scenario{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if note, ok := strings.CutPrefix(line, "#"); ok {
			if len(s.entries) == 0 {
				s.Note += strings.TrimSpace(note) + "\n"
			}
			continue
		}
		if line == "" {
			continue
		}
		if err := s.line(line); err != nil {
			return nil, fmt.Errorf("%w: line %d: %q: %w", ErrScenario, number, line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	return s, s.validate()
}

// line reads one line that is neither empty nor a comment.
func (s *Scenario) line(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "found":
		s.Found = rest
	case "calm":
		s.Calm, err = parseMillis(rest)
	case "jitter":
		_, err = fmt.Sscanf(rest, "%v", &s.Jitter)
	case "option":
		name, value, _ := strings.Cut(rest, " ")
		for _, f := range s.Opt.fields() {
			if f.name == name {
				return parseField(value, f.value)
			}
		}
		return fmt.Errorf("unknown option")
	default:
		var e entry
		if e, err = parseEntry(line); err == nil {
			s.entries = append(s.entries, e)
		}
	}
	return err
}

// validate refuses what would not run: a cluster that cannot be, and replicas
// and clients that are not there.
func (s *Scenario) validate() error {
	o := &s.Opt
	if err := o.validate(); err != nil {
		return err
	}
	faulty := map[int16]bool{}
	clients := o.Load.Clients
	if o.Load.Odd.Newcomer {
		clients++
	}
	for i := range s.entries {
		e := &s.entries[i]
		if !e.fits(3*o.F+2*o.C+1, clients) {
			return fmt.Errorf("%w: %q: no such replica or client", ErrScenario, e.text())
		}
		if e.topic.role() {
			faulty[e.key.a] = true
		}
	}
	if len(faulty) > o.F {
		return fmt.Errorf("%w: %d faulty replicas, f is %d", ErrScenario, len(faulty), o.F)
	}
	return nil
}

// fits reports whether an entry speaks of these replicas and clients only.
func (e *entry) fits(n, clients int) bool {
	end := func(x int16) bool {
		for x >= liarEnd {
			x -= liarEnd
		}
		return int(x) < n && int(-x) <= clients
	}
	for _, x := range e.links {
		if x < 0 || x >= n {
			return false
		}
	}
	if e.key.open != 0 && (e.topic.timed() || e.topic.timing()) || e.old.open != 0 {
		return false
	}
	return end(e.key.a) && end(e.key.b) && end(e.old.a) && end(e.old.b) && (e.topic != topicStall || int(e.key.kind) < len(stageNames))
}
