package sim

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"quorate/wire"
)

// A timeline has a line per happening. What reaches a replica stands in the
// replica's column, sender first; what a script or the weather does begins with
// a mark; all else is prose over the full width.
const (
	timelineColumns  = 100
	timelineReplicas = 8 // more of them get no columns
	timeColumns      = 12
)

// say adds a line of prose.
func (w *world) say(format string, args ...any) {
	if w.lines != nil {
		fmt.Fprintf(w.lines, "%6d.%03d  %s\n", w.now/1000, w.now%1000, fmt.Sprintf(format, args...))
	}
}

// arrives adds a frame that reaches a replica.
func (w *world) arrives(e *event) {
	if w.lines == nil {
		return
	}
	text := fmt.Sprintf("%d→ %s", e.peer, describe(e.frame, e.body))
	if w.q.N > timelineReplicas {
		w.say("|%d: %s", e.node, text)
		return
	}
	width := (timelineColumns - timeColumns) / w.q.N
	cells := make([]string, w.q.N)
	for i := range cells {
		cells[i] = strings.Repeat(" ", width-1)
	}
	short := []rune(text)
	short = short[:min(len(short), width-1)]
	cells[e.node] = string(short) + strings.Repeat(" ", width-1-len(short))
	w.say("|%s", strings.TrimRight(strings.Join(cells, "|"), " |"))
}

var kindShort = map[wire.Kind]string{
	wire.KindPrePrepare: "propose", wire.KindSignShare: "share", wire.KindFullCommitProof: "σ-proof", wire.KindPrepare: "prepare",
	wire.KindCommit: "commit", wire.KindSlowCommitProof: "ττ-proof", wire.KindSignState: "state", wire.KindExecuteProof: "π-proof",
	wire.KindCheckpoint: "checkpt", wire.KindStable: "stable", wire.KindComplaint: "complain", wire.KindViewChange: "vc", wire.KindNewView: "nv",
	wire.KindFetchBody: "body?", wire.KindFetchViewChange: "vc?", wire.KindFetchBlocks: "blocks?",
}

// describe puts a frame into a few words: what, which slot or view, and what
// tells it from others of its kind.
func describe(kind wire.Kind, body []byte) string {
	name, ok := kindShort[kind]
	if !ok {
		name = kindName(uint8(kind))
	}
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return name + " " + strconv.Itoa(len(body)) + " bytes"
	}
	slot := func(s wire.SlotID) string {
		return fmt.Sprintf("%s %d/%d %.4s", name, s.View, s.Seq, s.Digest.String())
	}
	switch m := m.(type) {
	case *wire.PrePrepare:
		return slot(m.Slot)
	case *wire.SignShare:
		if m.HasTau {
			name += "+τ"
		}
		return slot(m.Slot)
	case *wire.FullCommitProof:
		return slot(m.Slot)
	case *wire.Prepare:
		return slot(m.Slot)
	case *wire.Commit:
		return slot(m.Slot)
	case *wire.SlowCommitProof:
		return slot(m.Slot)
	case *wire.ViewChange:
		return fmt.Sprintf("%s of %d to %d, stable %d, %d slots", name, m.Replica, m.To, m.Stable.State.Seq, len(m.Slots))
	case *wire.NewView:
		return fmt.Sprintf("%s %d", name, m.To)
	case *wire.Status:
		return fmt.Sprintf("status %d %s exec %d ckpt %d%s", m.View, either(m.Active, "in", "left"), m.Executed, m.Stable, either(m.Amnesia, " amnesia", ""))
	case *wire.Complaint:
		return fmt.Sprintf("%s %d", name, m.View)
	case *wire.Blocks:
		return fmt.Sprintf("blocks %d+%d", m.Blocks[0].Proof.Slot.Seq, len(m.Blocks))
	case *wire.FetchBlocks:
		return fmt.Sprintf("%s %d-%d", name, m.From, m.To)
	case *wire.SignState:
		return fmt.Sprintf("%s %d", name, m.Seq)
	case *wire.ExecuteProof:
		return fmt.Sprintf("%s %d", name, m.Seq)
	case *wire.Checkpoint:
		return fmt.Sprintf("%s %d", name, m.State.Seq)
	case *wire.Stable:
		return fmt.Sprintf("%s %d", name, m.State.Seq)
	case *wire.FetchBody:
		return fmt.Sprintf("%s %.4s", name, m.Digest.String())
	}
	return name
}

func either(set bool, yes, no string) string {
	if set {
		return yes
	}
	return no
}

// Digest takes a timeline and gives what a reader wants first: all prose and all
// faults, and of the frames the last ones before the end.
type Digest struct {
	Frames int // how many frames to keep
	lines  [][]byte
	frames int
}

var _ io.Writer = (*Digest)(nil)

// Write takes one line.
func (d *Digest) Write(line []byte) (int, error) {
	d.lines = append(d.lines, bytes.Clone(line))
	if isFrame(line) {
		d.frames++
	}
	if d.frames > 2*d.Frames+1000 {
		d.thin()
	}
	return len(line), nil
}

// thin forgets the earliest frames.
func (d *Digest) thin() {
	kept := d.lines[:0]
	for _, line := range d.lines {
		if isFrame(line) {
			if d.frames > d.Frames {
				d.frames--
				continue
			}
		}
		kept = append(kept, line)
	}
	d.lines = kept
}

// String is the digest so far.
func (d *Digest) String() string {
	d.thin()
	return string(bytes.Join(d.lines, nil))
}

func isFrame(line []byte) bool { return len(line) > timeColumns && line[timeColumns] == '|' }
