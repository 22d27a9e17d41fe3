package main

// Aim: init makes a cluster whose every node can start, with secrets that their
// owner alone can read, or it makes nothing and says why.
// Method: real processes; the files are read back through check.

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/cluster"
	"quorate/tuning"
)

func TestInit(t *testing.T) {
	rows := []struct {
		args    []string
		n, f, c int
	}{
		{nil, 4, 1, 0},
		{[]string{"--replicas", "6", "--f", "1", "--c", "1", "--hosts", "a.example,b.example,c.example,d.example,e.example,f.example"}, 6, 1, 1},
		{[]string{"--replicas", "7", "--profile", "wan", "--ledgers", "1:USD:2,7:XAU:6", "--hosts", "::1"}, 7, 2, 0},
	}
	for _, r := range rows {
		t.Run(fmt.Sprintf("n=%d", r.n), func(t *testing.T) {
			dir := newCluster(t, r.args...)
			hashes := map[string]bool{}
			for i := range r.n {
				var c checkReport
				got := replica(t, nil, "check", "--dir", filepath.Join(dir, fmt.Sprintf("node-%d", i)), "-o", "json")
				got.want(t, exitOK)
				decode(t, got.stdout, &c)
				if c.Replica != i || c.Replicas != r.n || c.F != r.f || c.C != r.c {
					t.Errorf("%+v", c)
				}
				hashes[c.Cluster] = true
			}
			if len(hashes) != 1 {
				t.Errorf("the nodes disagree on the cluster: %v", hashes)
			}
			checkModes(t, dir)
			checkClients(t, dir)
		})
	}
}

// checkModes walks all files: secrets are 0600, every YAML file has been written.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	secrets := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		secret := d.Name() == keysFile || filepath.Base(filepath.Dir(path)) == clientsDir
		if secret {
			secrets++
		}
		if secret && info.Mode().Perm() != secretMode || filepath.Ext(path) == ".yaml" && info.Size() == 0 {
			t.Errorf("%s: mode %04o, %d bytes", path, info.Mode().Perm(), info.Size())
		}
		return nil
	})
	if err != nil || secrets < 4+3 {
		t.Errorf("%d secrets, %v", secrets, err)
	}
}

// checkClients reads each client's key file against genesis.
func checkClients(t *testing.T, dir string) {
	t.Helper()
	g, err := loadGenesis(filepath.Join(dir, genesisFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Clients) != 3 || g.Clients[0].Roles&cluster.RoleAdmin == 0 || g.Clients[1].Roles != cluster.RolePay|cluster.RoleRead {
		t.Errorf("clients: %+v", g.Clients)
	}
	for i := range g.Clients {
		text, err := readSecret(clientFile(dir, g.Clients[i].Name))
		if err != nil {
			t.Fatal(err)
		}
		k, err := cluster.ParseClientKeys(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Check(g); err != nil {
			t.Error(err)
		}
	}
}

// TestInitReport reads the JSON that other programs read.
func TestInitReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "er")
	got := replica(t, nil, "init", "--dir", dir, "--base-port", "9000", "-o", "json")
	got.want(t, exitOK)
	var r initReport
	decode(t, got.stdout, &r)
	if len(r.Cluster) != 64 || r.Replicas != 4 || r.Fast != 4 || r.Slow != 3 || r.Exec != 2 || len(r.Nodes) != 4 || len(r.Keys) != 65 {
		t.Errorf("%+v", r)
	}
	if r.Peers[3] != "127.0.0.1:9006" || r.Clients[3] != "127.0.0.1:9007" {
		t.Errorf("addresses: %v %v", r.Peers, r.Clients)
	}
	for _, path := range append(r.Nodes, r.Keys...) {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestInitSmallWindow: whatever window and profile init takes, start takes too.
func TestInitSmallWindow(t *testing.T) {
	for _, profile := range tuning.Names() {
		dir := newCluster(t, "--window", "8", "--profile", profile)
		replica(t, nil, "check", "--dir", filepath.Join(dir, "node-0")).want(t, exitOK)
	}
}

func TestInitRefuses(t *testing.T) {
	rows := []struct {
		what  string
		args  []string
		words []string
	}{
		{"three", []string{"--replicas", "3"}, []string{"tolerate no fault", "--replicas 4 --f 1 --c 0"}},
		{"five", []string{"--replicas", "5"}, []string{"n=5 is not 3f+2c+1", "--replicas 6 --f 1 --c 1"}},
		{"wrong f", []string{"--replicas", "7", "--f", "1"}, []string{"n=7 is not 3f+2c+1 = 4", "--f 2"}},
		{"wrong c", []string{"--replicas", "4", "--c", "1"}, []string{"n=4 is not 3f+2c+1 = 6"}},
		{"none", []string{"--replicas", "0"}, []string{"smallest cluster has 4"}},
		{"negative", []string{"--replicas", "-4", "--f", "-1"}, []string{"f must be at least 1"}},
		{"too many", []string{"--replicas", "100000"}, []string{"is not 3f+2c+1", "from 4 to 255"}},
		{"profile", []string{"--profile", "fast"}, []string{"no profile \"fast\"", "balanced"}},
		{"hosts", []string{"--hosts", "a,b"}, []string{"2 hosts for 4 replicas"}},
		{"host", []string{"--hosts", "a b"}, []string{"neither a name nor an IP address"}},
		{"ports", []string{"--base-port", "65530"}, []string{"choose lower ports"}},
		{"ledger form", []string{"--ledgers", "USD"}, []string{"write it as 1:USD:2"}},
		{"ledger number", []string{"--ledgers", "x:USD:2"}, []string{"not a ledger number"}},
		{"ledger scale", []string{"--ledgers", "1:USD:300"}, []string{"not a number of digits"}},
		{"ledger twice", []string{"--ledgers", "1:USD:2,1:EUR:2"}, []string{"ledger 1 stands after ledger 1"}},
		{"window", []string{"--window", "100"}, []string{"not a power of two"}},
		{"clients", []string{"--clients", "4096"}, []string{"register more after the start"}},
		{"name", []string{"--name", "../x"}, []string{"is not a name"}},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			parent := t.TempDir()
			got := replica(t, nil, append([]string{"init", "--dir", filepath.Join(parent, "c")}, r.args...)...)
			got.want(t, exitUsage, r.words...)
			checkEmpty(t, parent)
		})
	}
}

// checkEmpty is invariant R3: a refused init leaves nothing behind.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestInitKeepsWhatIsThere(t *testing.T) {
	dir := newCluster(t)
	before, err := os.ReadFile(filepath.Join(dir, genesisFile))
	if err != nil {
		t.Fatal(err)
	}
	replica(t, nil, "init", "--dir", dir).want(t, exitCreate, "not empty", "choose another directory")
	after, err := os.ReadFile(filepath.Join(dir, genesisFile))
	if err != nil || string(after) != string(before) {
		t.Errorf("genesis was changed: %v", err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	replica(t, nil, "init", "--dir", file).want(t, exitCreate, "choose another directory")
	replica(t, nil, "init", "--dir", filepath.Join(file, "c")).want(t, exitCreate)

	empty := t.TempDir()
	replica(t, nil, "init", "--dir", empty).want(t, exitOK)
	again := t.TempDir()
	replica(t, nil, "init", "--dir", again).want(t, exitOK)
	a, errA := loadGenesis(filepath.Join(empty, genesisFile))
	b, errB := loadGenesis(filepath.Join(again, genesisFile))
	if errA != nil || errB != nil || a.Hash() == b.Hash() {
		t.Errorf("two clusters are one: %v %v", errA, errB)
	}
}

// TestInitShowsNoSecret looks for the keys of a node in what commands print.
func TestInitShowsNoSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	got := replica(t, nil, "init", "--dir", dir, "--clients", "1", "-o", "json")
	text, err := os.ReadFile(filepath.Join(dir, "node-0", keysFile))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	shown := got.stdout + got.stderr + replica(t, nil, "check", "--dir", filepath.Join(dir, "node-0"), "-o", "json").stdout
	for _, secret := range [][cluster.SecretBytes]byte{keys.IdentitySeed, keys.SigmaShare, keys.TauShare, keys.PiShare} {
		if strings.Contains(shown, fmt.Sprintf("%x", secret[:8])) {
			t.Error("a secret was shown")
		}
	}
}
