package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Aim: mistakes and losses on disk are refused with a cause and a stable exit
// code, and what an honest stop leaves behind can be verified.
// Method: real nodes whose files are damaged between starts.

// TestRefusesToStart: one wrong thing at a time.
func TestRefusesToStart(t *testing.T) {
	d := deploy(t)
	d.start(0)
	eventually(t, readyMax, "replica 0 holds its directory", func() error {
		return errOf(d.logged(0, `"msg":"started"`), "not yet")
	})
	replicaCommand(t, "start", "--dir", d.node(0)).want(t, exitConfig, "in use by another process")
	replicaCommand(t, "verify", "--dir", d.node(0)).want(t, exitFailure, "in use by another process")

	keys := filepath.Join(d.node(1), "keys.yaml")
	if err := os.Chmod(keys, 0o644); err != nil {
		t.Fatal(err)
	}
	replicaCommand(t, "start", "--dir", d.node(1)).want(t, exitConfig, "0644", "chmod 600")

	d.configure(2, "slots_in_fligth_max: 8")
	replicaCommand(t, "start", "--dir", d.node(2)).want(t, exitConfig, "line 6", "slots_in_fligth_max")

	genesis := filepath.Join(d.node(3), "genesis.yaml")
	text, err := os.ReadFile(genesis)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(genesis, text, 0o644); err != nil {
		t.Fatal(err)
	}
	replicaCommand(t, "start", "--dir", d.node(3)).want(t, exitConfig, "genesis")
	replicaCommand(t, "start", "--dir", t.TempDir()).want(t, exitConfig, "replica init")
}

// TestAmnesia: a replica whose data directory was wiped does not know what it
// voted for. It must say so, not vote, harm nothing, and be whole again once the
// window has moved past everything that it may have signed.
func TestAmnesia(t *testing.T) {
	long(t)
	d := running(t, "--window", "8")
	d.load(2).passes(4)
	victim := (int(d.mustStatus(0).Primary) + 1) % 4
	d.nodes[victim].kill()
	data := filepath.Join(d.node(victim), "data")
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(data, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	d.start(victim)
	eventually(t, readyMax, "amnesia", func() error {
		s, err := d.status(victim)
		return errOf(err == nil && s.Amnesia, "%+v, %v", s, err)
	})
	if !d.logged(victim, "amnesia", "WARN") {
		t.Error("it does not say so in its log")
	}
	// The three others go on, and it follows them.
	d.load(4).passes(4)
	d.agree(0, 1, 2, 3)
	eventually(t, settleMax, "it votes again", func() error {
		s, err := d.status(victim)
		return errOf(err == nil && !s.Amnesia, "%+v, %v", s, err)
	})
	d.nodes[(victim+1)%4].kill()
	d.load(2, "--expect-replicas", "3").passes(3)
}

// TestSignals: SIGTERM ends a load, which is audited all the same, and replicas,
// which exit with 0 and come back with all they had.
func TestSignals(t *testing.T) {
	d := running(t)
	l := d.load(60)
	d.flowing(0)
	l.signal(syscall.SIGTERM)
	begun := time.Now()
	l.passes(4)
	t.Logf("loadgen ended and audited in %v", time.Since(begun).Round(time.Millisecond))
	before := d.agree(0, 1, 2, 3)
	for i, p := range d.nodes {
		p.signal(syscall.SIGTERM)
		if code := p.wait(t, stopMax); code != exitOK {
			t.Errorf("replica %d ended with %d", i, code)
		}
	}
	d.startAll()
	d.same(before)
	// A second signal does not make a stop a failure.
	d.nodes[3].signal(syscall.SIGINT)
	if code := d.nodes[3].wait(t, stopMax); code != exitOK {
		t.Errorf("SIGINT: replica 3 ended with %d", code)
	}
}

// TestVerify: what was stopped verifies offline, and one changed byte in it does
// not; the same for receipts.
func TestVerify(t *testing.T) {
	long(t)
	d := running(t)
	l := d.load(2)
	l.passes(4)
	d.agree(0, 1, 2, 3)
	for i := range d.nodes {
		d.stop(i)
	}
	good := replicaCommand(t, "verify", "--dir", d.node(1))
	good.want(t, exitOK)
	if !strings.Contains(good.stdout, "debits = credits") {
		t.Error(good.stdout)
	}
	for _, kind := range []string{".sst", ".log"} {
		for _, path := range ledgerFiles(t, d.node(1), kind) {
			flipped(t, path, func() {
				if o := replicaCommand(t, "verify", "--dir", d.node(1)); o.code == exitOK {
					t.Errorf("verify passes with a changed byte in %s: %s", path, o.stdout)
				} else {
					t.Logf("%s: %s", filepath.Base(path), strings.TrimSpace(o.stderr))
				}
			})
		}
	}
	replicaCommand(t, "verify", "--dir", d.node(1)).want(t, exitOK)

	receipt, genesis := filepath.Join(l.out, "receipt.json"), filepath.Join(d.dir, "genesis.yaml")
	verify := []string{"receipt", "verify", "--genesis", genesis, "-o", "json", receipt}
	var verdict struct{ Valid bool }
	if err := json.Unmarshal([]byte(replicaCommand(t, verify...).stdout), &verdict); err != nil || !verdict.Valid {
		t.Fatal(verdict, err)
	}
	flipped(t, receipt, func() { replicaCommand(t, verify...).want(t, exitFailure) })
	replicaCommand(t, verify...).want(t, exitOK)
}

// ledgerFiles lists the ledger's files of a kind that hold anything.
func ledgerFiles(t *testing.T, node, kind string) (paths []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(node, "data", "ledger", "*"+kind))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if info, err := os.Stat(path); err == nil && info.Size() > 1000 {
			paths = append(paths, path)
		}
	}
	return paths
}

// flipped changes one bit in the middle of a file, calls do and mends it.
func flipped(t *testing.T, path string, do func()) {
	t.Helper()
	flip := func() {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	defer flip()
	do()
}
