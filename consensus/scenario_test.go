package consensus

// Aim: each story of the protocol can be read, and is played as it reads.
// Method: testdata/*.txt in the manner of datadriven tests: lines of commands,
// "----", what happened, a blank line. Time is exact: a message takes half a
// tick, a job a tenth, an fsync two tenths, and nothing is left to chance.
// go test -run TestScenarios -rewrite writes what happens now into the files;
// then read the difference.

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quorate/wire"
)

var rewriteFlag = flag.Bool("rewrite", false, "write what happens into the scenario files")

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			now, err := play(string(old))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case now == string(old):
			case *rewriteFlag:
				if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("it does not go as written:\n%s", firstDifference(string(old), now))
			}
		})
	}
}

func firstDifference(old, now string) string {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			got := "(end)"
			if i < len(b) {
				got = strings.Join(b[i:min(len(b), i+12)], "\n")
			}
			return fmt.Sprintf("line %d\nwritten: %s\nnow:     %s", i+1, a[i], got)
		}
	}
	return "more lines now"
}

// play runs a file and gives it back with what happened now.
func play(text string) (string, error) {
	var out strings.Builder
	st := &stage{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "----" {
			out.WriteString("----\n")
			for i+1 < len(lines) && lines[i+1] != "" {
				i++
			}
			out.WriteString(st.take())
			continue
		}
		out.WriteString(line)
		if i < len(lines)-1 {
			out.WriteString("\n")
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := st.command(line); err != nil {
			return "", fmt.Errorf("line %d: %q: %w", i+1, line, err)
		}
		if st.w.check.failed() {
			return "", fmt.Errorf("line %d: %q: %s\n%s", i+1, line, st.w.check.problem, st.w)
		}
	}
	return out.String(), nil
}

// stage is a world that a script moves.
type stage struct {
	w    *world
	out  []string
	loss []*lossRule
	held []letter
}

// lossRule loses or holds messages; times < 0 is for ever.
type lossRule struct {
	kind     string
	from, to int // -1: any
	times    int
	hold     bool
}

// take gives what happened since the last take: what commands printed, then
// observations, those alike on one line.
func (st *stage) take() string {
	var order []string
	who := map[string][]string{} // looked up only
	for _, e := range st.w.check.events {
		id, what, _ := strings.Cut(e, " ")
		if who[what] == nil {
			order = append(order, what)
		}
		if !slices.Contains(who[what], id) {
			who[what] = append(who[what], id)
		}
	}
	st.w.check.events = nil
	for _, what := range order {
		slices.Sort(who[what])
		st.out = append(st.out, what+": "+strings.Join(who[what], " "))
	}
	if len(st.out) == 0 {
		st.out = []string{"ok"}
	}
	text := strings.Join(st.out, "\n") + "\n"
	st.out = nil
	return text
}

func (st *stage) print(format string, args ...any) {
	st.out = append(st.out, fmt.Sprintf(format, args...))
}

// args are the words of a command: key=value pairs, and the rest in order.
type args struct {
	rest  []string
	pairs [][2]string
}

func parse(words []string) args {
	var a args
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			a.pairs = append(a.pairs, [2]string{k, v})
		} else {
			a.rest = append(a.rest, w)
		}
	}
	return a
}

func (a args) text(key, absent string) string {
	for _, p := range a.pairs {
		if p[0] == key {
			return p[1]
		}
	}
	return absent
}

func (a args) int(key string, absent int) int {
	n, err := strconv.Atoi(a.text(key, strconv.Itoa(absent)))
	if err != nil {
		panic(fmt.Sprintf("%s is not a number", key))
	}
	return n
}

func (a args) has(word string) bool { return slices.Contains(a.rest, word) }

func (st *stage) command(line string) error {
	words := strings.Fields(line)
	a := parse(words[1:])
	if words[0] == "cluster" {
		st.cluster(a)
		return nil
	}
	if st.w == nil {
		return fmt.Errorf("no cluster yet")
	}
	switch words[0] {
	case "want":
		for _, name := range a.rest {
			st.w.want(name)
		}
	case "run":
		st.w.ticks(a.int("ticks", 20))
	case "lose", "hold":
		st.loss = append(st.loss, &lossRule{kind: a.text("kind", ""), from: a.int("from", -1), to: a.int("to", -1),
			times: a.int("times", -1), hold: words[0] == "hold"})
	case "release":
		st.loss = nil
		for _, l := range st.held {
			st.w.deliver(l.from, l.to, l.msg)
		}
		st.held = nil
	case "image", "rollback", "crash", "restart", "isolate", "heal", "puppet", "overdue":
		return st.replicas(words[0], a)
	case "state":
		st.state()
	case "slot":
		st.slot(a)
	case "journal":
		st.journal()
	default:
		return st.inject(words[0], a)
	}
	return nil
}

func (st *stage) cluster(a args) {
	f, c := a.int("f", 1), a.int("c", 0)
	st.w = newWorld(1, 3*f+2*c+1, f, c, wire.SeqNum(a.int("window", 8)))
	q := st.w.q
	st.w.filter = st.pass
	st.print("n=%d sigma=%d tau=%d pi=%d view-change=%d complaints=%d", q.N, q.Sigma, q.Tau, q.Pi, q.ViewChange, q.Complain)
}

// pass is the network's filter.
func (st *stage) pass(from, to wire.ReplicaID, m wire.Message) bool {
	for _, r := range st.loss {
		if r.times == 0 || r.kind != "" && r.kind != kindName(m) || r.from >= 0 && r.from != int(from) || r.to >= 0 && r.to != int(to) {
			continue
		}
		r.times--
		if r.hold {
			st.held = append(st.held, letter{from, to, m})
		}
		return false
	}
	return true
}

// replicas does something to each replica named.
func (st *stage) replicas(what string, a args) error {
	w := st.w
	for _, word := range a.rest {
		id, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		nd := w.nodes[id]
		switch what {
		case "crash":
			w.crash(nd)
		case "puppet":
			w.crash(nd)
			nd.liar = &liar{w: w}
			st.linked(nd)
		case "image": // of what is durable now
			nd.image = nd.copyDisk()
		case "rollback":
			w.crash(nd)
			nd.putDisk(nd.image, a.text("keep", ""))
			w.start(nd, false)
		case "restart":
			if a.has("wiped") {
				nd.journal, nd.ledger, nd.durable, nd.ledgerDurable = nil, nil, 0, 0
			}
			w.start(nd, a.has("amnesia"))
		case "isolate":
			for i := range w.q.N {
				w.cut[id*w.q.N+i], w.cut[i*w.q.N+id] = true, true
			}
		case "overdue":
			w.step(nd, Overdue{})
		}
	}
	if what == "heal" {
		clear(w.cut)
		st.loss = nil
	}
	return nil
}

// linked keeps a puppet's links up: it is there, and a dead link would be a reason
// to leave it that a scenario about something else must not have.
func (st *stage) linked(nd *node) {
	for _, o := range st.w.nodes {
		if o != nd && o.up {
			st.w.after(2, o, func() { st.w.step(o, Link{Peer: nd.id, Up: true}) })
		}
	}
}

func (st *stage) state() {
	for _, nd := range st.w.nodes {
		switch {
		case nd.liar != nil:
			st.print("%d puppet", nd.id)
		case !nd.up:
			st.print("%d down", nd.id)
		default:
			c := nd.core
			s := fmt.Sprintf("%d view %d", nd.id, c.view)
			if !c.active {
				s += " (on the way)"
			}
			if c.amnesia.on {
				s += " (amnesia)"
			}
			st.print("%s stable %d executed %d proposable %d", s, c.low(), c.executed, c.Proposable())
		}
	}
}

// name gives a batch's name for its digest.
func (st *stage) name(d wire.Digest) string {
	if d.IsNull() {
		return "null"
	}
	for _, n := range strings.Fields("a b c d e f g h i j") {
		if st.digest(n) == d {
			return n
		}
	}
	return d.String()
}

func (st *stage) digest(name string) wire.Digest {
	if name == "null" {
		return wire.NullDigest
	}
	return bodyDigest([]byte("batch " + name))
}

func (st *stage) slot(a args) {
	for _, word := range a.rest {
		seq, _ := strconv.Atoi(word)
		for _, nd := range st.w.nodes {
			if !nd.up {
				continue
			}
			s := nd.core.slot(wire.SeqNum(seq))
			if s == nil {
				st.print("%d: slot %d is outside the window", nd.id, seq)
				continue
			}
			text := fmt.Sprintf("%d: slot %d", nd.id, seq)
			if s.hasVote {
				text += fmt.Sprintf(" vote %s in %d", st.name(s.vote.Digest), s.vote.View)
			}
			if s.hasLock {
				text += fmt.Sprintf(" lock %s in %d", st.name(s.lock.Digest), s.lock.View)
			}
			if s.committed {
				text += fmt.Sprintf(" committed %s in %d", st.name(s.proof.Slot.Digest), s.proof.Slot.View)
			}
			st.print("%s", text)
		}
	}
}

// journal counts what each journal holds.
func (st *stage) journal() {
	for _, nd := range st.w.nodes {
		lowest := wire.SeqNum(0)
		for _, e := range nd.journal {
			if s := e.record.RecordSeq(); s != 0 && (lowest == 0 || s < lowest) {
				lowest = s
			}
		}
		st.print("%d: %d records, slots from %d, %d bodies in memory", nd.id, len(nd.journal), lowest, len(nd.bodies))
	}
}
