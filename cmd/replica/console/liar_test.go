package console

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: what one replica says of itself spoils only its own row, and no number of
// it breaks a page. Method: liars' claims through the API; the parts of the page
// that need no browser, in node where there is one.

// worst is a status whose every bit is set.
func worst(id wire.ReplicaID) wire.NodeStatus {
	const most = math.MaxUint64
	s := wire.NodeStatus{Replica: id, View: most, Active: true, Primary: math.MaxUint16, Executed: most, Stable: most, LedgerSeq: most, FastCommits: most, SlowCommits: most,
		ViewChanges: most, Events: most, FsyncP99: most, PeersUp: math.MaxUint16, Amnesia: true, Diverged: true, CertExpiry: most}
	for i := range s.Execute {
		s.Execute[i], s.StateRoot[i] = 0xff, 0xff
	}
	return s
}

func TestClaimsOfAllOnes(t *testing.T) {
	f, c, now := newFake(t)
	lie := worst(3)
	if back, err := wire.DecodeNodeStatus(lie.Append(nil)); err != nil || back != lie {
		t.Fatalf("no peer can send this: %v", err)
	}
	f.told = []wire.NodeStatus{lie, {Replica: 0, Active: true, Executed: 90, PeersUp: 4, CertExpiry: 1_900_000_000}}
	*now = now.Add(time.Second)
	c.sample()
	w := get(c, "/api/v1/live")
	v := read[liveNow](t, w)
	raw := read[struct{ Replicas []map[string]any }](t, w)
	for key, value := range raw.Replicas[3] {
		if n, ok := value.(float64); ok && (n < 0 || n > numberMax) {
			t.Errorf("%s is %v", key, n)
		}
	}
	if r := v.Replicas[3]; r.Seq != numberMax || r.View != numberMax || r.CertExpiry != expiryMax || r.Lag != 0 || r.Role != "diverged" || r.Fork {
		t.Errorf("%+v", r)
	}
	if day := time.Unix(expiryMax, 0).UTC().Format(time.DateTime); day != "9999-12-31 23:59:59" {
		t.Error(day)
	}
	if r := v.Replicas; r[0].Lag != 10 || r[0].CertExpiry != 1_900_000_000 || r[1].Lag != 0 || r[0].Fork || r[1].Fork || len(r[0].Differs)+len(r[1].Differs)+len(r[2].Differs) != 0 {
		t.Errorf("honest rows: %+v", r)
	}
}

func TestClaimsAtTheirBounds(t *testing.T) {
	for _, most := range []uint64{numberMax, expiryMax} {
		for _, claim := range []uint64{0, most - 1, most, most + 1} {
			var r replicaNow
			r.tell(&wire.NodeStatus{Events: claim, CertExpiry: claim})
			if r.Events != min(claim, numberMax) || r.CertExpiry != min(claim, expiryMax) {
				t.Errorf("%d is shown as %d, and as the end of a certificate as %d", claim, r.Events, r.CertExpiry)
			}
		}
	}
}

// TestLiarsAmongRows: f liars make no honest replica late, and none a fork.
func TestLiarsAmongRows(t *testing.T) {
	const none = -1
	for _, x := range []struct {
		what    string
		f       int
		seqs    []int    // by replica; none: not heard of. Replica 0 is self
		digests string   // one letter each
		lag     []uint64 // likewise
		rows    string   // F: fork, d: differs, undecided, '.': neither
		differs string   // of the last replica
	}{
		{"all agree", 1, []int{10, 10, 10, 10}, "aaaa", []uint64{0, 0, 0, 0}, "....", "[]"},
		{"one claims the moon", 1, []int{100, 99, 95, 1 << 62}, "abcx", []uint64{0, 1, 5, 0}, "....", "[]"},
		{"self is late", 1, []int{10, 100, 100, 1 << 62}, "abbx", []uint64{90, 0, 0, 0}, "....", "[]"},
		{"one copies the others' slot with another digest", 1, []int{10, 10, 10, 10}, "aaax", []uint64{0, 0, 0, 0}, "...F", "[0 1 2]"},
		{"one copies a slot that one has", 1, []int{10, 9, 8, 9}, "abcx", []uint64{0, 1, 2, 1}, ".d.d", "[1]"},
		{"one copies self", 1, []int{10, none, none, 10}, "a--x", []uint64{0, 0, 0, 0}, "d..d", "[0]"},
		{"one is alone and the rest is silent", 1, []int{10, none, none, none}, "a---", []uint64{0, 0, 0, 0}, "....", "[]"},
		{"two against two", 1, []int{10, 10, 10, 10}, "aabb", []uint64{0, 0, 0, 0}, "FFFF", "[0 1]"},
		{"self is the one that differs", 1, []int{10, 10, 10, 10}, "xaaa", []uint64{0, 0, 0, 0}, "F...", "[]"},
		{"two liars against one of seven", 2, []int{10, 9, 9, 9, 8, 10, 10}, "abbbcxx", []uint64{0, 1, 1, 1, 2, 0, 0}, "d....dd", "[0]"},
		{"two liars against three of seven", 2, []int{10, 10, 10, 9, 9, 10, 10}, "aaabbxx", []uint64{0, 0, 0, 1, 1, 0, 0}, ".....FF", "[0 1 2]"},
		{"two liars ahead", 2, []int{10, 9, 9, 9, 8, 500, 501}, "abbbcxy", []uint64{0, 1, 1, 1, 2, 0, 0}, ".......", "[]"},
	} {
		_, c, now := newFake(t)
		c.cfg.Self, c.about.F, c.standings = 0, x.f, make([]standing, len(x.seqs))
		for i, seq := range x.seqs {
			if seq != none {
				c.standings[i].status = &wire.NodeStatus{Replica: wire.ReplicaID(i), Active: true, Executed: wire.SeqNum(seq), Execute: wire.Digest{x.digests[i]}}
			}
		}
		rows, lag := "", []uint64{}
		out := c.replicas(*now)
		for i := range out {
			lag = append(lag, out[i].Lag)
			switch {
			case out[i].Fork:
				rows += "F"
			case len(out[i].Differs) > 0:
				rows += "d"
			default:
				rows += "."
			}
		}
		if last := fmt.Sprint(out[len(out)-1].Differs); rows != x.rows || !slices.Equal(lag, x.lag) || last != x.differs {
			t.Errorf("%s: %s, lag %v, the last differs from %s; want %s, %v, %s", x.what, rows, lag, last, x.rows, x.lag, x.differs)
		}
	}
}

// A page that was open before knows another process, even if its uptime is longer
// or the clock was set back.
func TestEachProcessIsAnother(t *testing.T) {
	_, one, _ := newFake(t)
	_, two, _ := newFake(t)
	a, b := read[liveNow](t, get(one, "/api/v1/live")), read[liveNow](t, get(two, "/api/v1/live"))
	if a.Instance == b.Instance || len(a.Instance) < 16 || a.Instance != read[about](t, get(one, "/api/v1/about")).Instance ||
		a.Instance != read[liveNow](t, get(one, "/api/v1/live")).Instance {
		t.Errorf("%q and %q", a.Instance, b.Instance)
	}
}

// TestPageInNode runs testdata/page.js beside the page's own files.
func TestPageInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not here; 'apt-get install nodejs' installs it")
	}
	dir := t.TempDir() // node wants to be told that .js are modules
	if err := os.CopyFS(dir, os.DirFS("static")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "page.js"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"package.json": []byte(`{"type":"module"}`), "page.js": script} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := exec.Command(node, filepath.Join(dir, "page.js")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
