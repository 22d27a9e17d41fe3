package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: kill -9 anywhere, of one replica or of all, loses no acknowledged
// payment, executes none twice, and the replica comes back by itself.
// Method: real load with loadgen's audit as the judge; it compares every
// acknowledged payment, the totals and the digests of all replicas.

func TestNormalRun(t *testing.T) {
	d := running(t)
	r := d.load(4).passes(4)
	if r.Whole.Achieved < r.Whole.Offered/2 {
		t.Errorf("achieved %d of %d", r.Whole.Achieved, r.Whole.Offered)
	}
	d.agree(0, 1, 2, 3)
	for i := range d.nodes {
		d.checkLog(i)
	}
}

// checkLog wants every line of replica i's log to be one JSON object in which
// no key stands twice: a log store keeps either of the two, and no one knows
// which.
func (d *deployment) checkLog(i int) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.node(i), "log.jsonl"))
	if err != nil || len(text) == 0 {
		d.t.Fatalf("log of replica %d: %d bytes, %v", i, len(text), err)
	}
	for line := range bytes.Lines(text) {
		in := json.NewDecoder(bytes.NewReader(line))
		seen := map[string]bool{}
		for key := true; ; {
			token, err := in.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				d.t.Fatalf("log of replica %d: %v: %s", i, err, line)
			}
			switch v := token.(type) {
			case json.Delim:
				continue
			case string:
				if key && seen[v] {
					d.t.Fatalf("log of replica %d: key %q stands twice: %s", i, v, line)
				}
				seen[v] = seen[v] || key
			}
			key = !key
		}
	}
}

func TestPrimaryKilled(t *testing.T) {
	d := running(t)
	l := d.load(10)
	d.flowing(1)
	before := d.mustStatus(1)
	victim := int(before.Primary)
	witness := (victim + 1) % 4
	d.nodes[victim].kill()
	killed := time.Now()
	eventually(t, settleMax, "another view", func() error {
		s, err := d.status(witness)
		return errOf(err == nil && s.View > before.View && s.Active && s.Executed > before.Executed, "%+v, %v", s, err)
	})
	t.Logf("replica %d serves again after %v", witness, time.Since(killed).Round(time.Millisecond))
	d.start(victim)
	l.passes(4)
	if at := d.agree(0, 1, 2, 3); at.View <= before.View {
		t.Errorf("view %d, before the kill %d", at.View, before.View)
	}
	d.ready(4)
}

func TestBackupKilled(t *testing.T) {
	long(t)
	d := running(t)
	l := d.load(8)
	d.flowing(1)
	before := d.mustStatus(1)
	victim := (int(before.Primary) + 2) % 4
	d.nodes[victim].kill()
	witness := int(before.Primary)
	eventually(t, settleMax, "it goes on without", func() error {
		s, err := d.status(witness)
		return errOf(err == nil && s.Executed > before.Executed+10, "%+v, %v", s, err)
	})
	d.start(victim)
	l.passes(4)
	d.agree(0, 1, 2, 3)
	d.ready(4)
}

func TestAllKilledAtOnce(t *testing.T) {
	long(t)
	d := running(t)
	l := d.load(8)
	d.flowing(1)
	for _, p := range d.nodes {
		p.signal(syscall.SIGKILL)
	}
	for i, p := range d.nodes {
		p.kill() // waits for its end
		d.start(i)
	}
	// The audit of the run that lived through it looks for every payment that
	// was acknowledged before.
	l.passes(4)
	at := d.agree(0, 1, 2, 3)
	d.load(2).passes(4)
	if d.agree(0, 1, 2, 3).Executed <= at.Executed {
		t.Error("a second run executed nothing")
	}
}

// TestDeadForLong: a small window makes the others throw away the slots that the
// dead replica misses; it must come back from ledgers alone.
func TestDeadForLong(t *testing.T) {
	long(t)
	const window = 8
	d := running(t, "--window", fmt.Sprint(window))
	d.load(2).passes(4)
	victim := (int(d.mustStatus(0).Primary) + 1) % 4
	others := without(victim)
	d.nodes[victim].kill()
	before := d.mustStatus(others[0])
	d.load(5, "--expect-replicas", "3").passes(3)
	now := d.mustStatus(others[0])
	if now.Stable < before.Executed+4*window {
		t.Fatalf("stable at %d only, it died at %d", now.Stable, before.Executed)
	}
	begun := time.Now()
	d.start(victim)
	d.agree(0, 1, 2, 3)
	t.Logf("%d slots caught up in %v", now.Executed-before.Executed, time.Since(begun).Round(time.Millisecond))
	// It must take part again, not only follow: without it and one other, there
	// is no quorum.
	d.ready(4)
	d.nodes[others[1]].kill()
	d.load(2, "--expect-replicas", "3").passes(3)
	d.agree(victim, others[0], others[2])
}

// without gives the replicas but one.
func without(victim int) (others []int) {
	for i := range 4 {
		if i != victim {
			others = append(others, i)
		}
	}
	return others
}

// TestPaused: a replica that stops for a while, as a stalled host does, and goes
// on with old timers and full sockets harms nothing.
func TestPaused(t *testing.T) {
	long(t)
	d := running(t)
	l := d.load(8)
	d.flowing(1)
	victim := int(d.mustStatus(1).Primary)
	d.nodes[victim].signal(syscall.SIGSTOP)
	var seen wire.View
	eventually(t, settleMax, "another view", func() error {
		s, err := d.status((victim + 1) % 4)
		seen = s.View
		return errOf(err == nil && int(s.Primary) != victim && s.Active, "%+v, %v", s, err)
	})
	d.nodes[victim].signal(syscall.SIGCONT)
	l.passes(4)
	if at := d.agree(0, 1, 2, 3); at.View < seen {
		t.Errorf("view went back from %d to %d", seen, at.View)
	}
}
