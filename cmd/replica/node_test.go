package main

// Aim: a node whose files are exposed, damaged or of another cluster is refused
// with exit code 78, the file, the cause and the next step (KEY-02, OPS-01).
// Method: real processes over a fresh cluster with one thing spoilt per row.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit replaces old by new, once, in a file.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s holds no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// copyFile puts from's bytes into to.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lineWith gives the first line of a file that starts so.
func lineWith(t *testing.T, path, start string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, start) {
			return line
		}
	}
	t.Fatalf("%s has no line %q", path, start)
	return ""
}

func TestCheckRefuses(t *testing.T) {
	rows := []struct {
		what  string
		spoil func(t *testing.T, node, other string)
		words []string
	}{
		{"keys for the world", func(t *testing.T, node, _ string) {
			chmod(t, filepath.Join(node, keysFile), 0o644)
		}, []string{keysFile, "mode 0644", "chmod 600"}},
		{"keys for the group", func(t *testing.T, node, _ string) {
			chmod(t, filepath.Join(node, keysFile), 0o640)
		}, []string{"mode 0640", "chmod 600"}},
		{"keys to write", func(t *testing.T, node, _ string) {
			chmod(t, filepath.Join(node, keysFile), 0o602)
		}, []string{"mode 0602"}},
		{"no keys", func(t *testing.T, node, _ string) {
			remove(t, filepath.Join(node, keysFile))
		}, []string{keysFile, "no such file"}},
		{"keys of a neighbour under our name", func(t *testing.T, node, _ string) {
			neighbour := filepath.Join(filepath.Dir(node), "node-1", keysFile)
			copyFile(t, neighbour, filepath.Join(node, keysFile))
			edit(t, filepath.Join(node, keysFile), "replica: 1\n", "replica: 0\n")
		}, []string{"not the key that genesis lists for replica 0"}},
		{"keys of another cluster", func(t *testing.T, node, other string) {
			copyFile(t, filepath.Join(other, keysFile), filepath.Join(node, keysFile))
		}, []string{"not the key that genesis lists", "this cluster"}},
		{"one share of a neighbour", func(t *testing.T, node, _ string) {
			own := filepath.Join(node, keysFile)
			neighbour := filepath.Join(filepath.Dir(node), "node-1", keysFile)
			edit(t, own, lineWith(t, own, "tau_share"), lineWith(t, neighbour, "tau_share"))
		}, []string{"tau_share", "not the secret"}},
		{"a share beyond the group order", func(t *testing.T, node, _ string) {
			own := filepath.Join(node, keysFile)
			edit(t, own, lineWith(t, own, "pi_share"), "pi_share: '"+strings.Repeat("f", 64)+"'\n")
		}, []string{"pi_share"}},
		{"damaged keys", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, keysFile), "sigma_share: '", "sigma_share: 'zz")
		}, []string{"line 5", "sigma_share", "66 characters"}},
		{"genesis of another cluster", func(t *testing.T, node, other string) {
			copyFile(t, filepath.Join(other, genesisFile), filepath.Join(node, genesisFile))
		}, []string{"not the key that genesis lists"}},
		{"no genesis", func(t *testing.T, node, _ string) {
			remove(t, filepath.Join(node, genesisFile))
		}, []string{genesisFile, "replica init"}},
		{"genesis with a typo", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, genesisFile), "window:", "windw:")
		}, []string{genesisFile, "line 9", `unknown key "windw"`}},
		{"genesis of another size", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, genesisFile), "c: 0\n", "c: 1\n")
		}, []string{"n=4 is not 3f+2c+1 = 6"}},
		{"group keys exchanged", func(t *testing.T, node, _ string) {
			path := filepath.Join(node, genesisFile)
			sigma, tau := lineWith(t, path, "sigma: "), lineWith(t, path, "tau: ")
			edit(t, path, sigma, strings.Replace(tau, "tau", "sigma", 1))
			edit(t, path, tau+"pi", strings.Replace(sigma, "sigma", "tau", 1)+"pi")
		}, []string{"keys of sigma", "restore it"}},
		{"no point of the curve", func(t *testing.T, node, _ string) {
			path := filepath.Join(node, genesisFile)
			line := lineWith(t, path, "tau: ")
			edit(t, path, line, line[:len("tau: '")+2]+strings.Repeat("0", 188)+"01'\n")
		}, []string{"key tau", "restore it"}},
		{"config with a typo", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, configFile), "metrics_addr", "metric_addr")
		}, []string{configFile, "line 5", `unknown key "metric_addr"`}},
		{"config out of range", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, configFile), "profile: balanced", "tick_micros: 1")
		}, []string{"line 4", "1 is outside 1000 to 100000 µs"}},
		{"config over the window", func(t *testing.T, node, _ string) {
			edit(t, filepath.Join(node, configFile), "profile: balanced", "slots_in_flight_max: 1024")
		}, []string{"slots_in_flight_max 1024", "line 4", "window 256"}},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			node, other := filepath.Join(newCluster(t), "node-0"), filepath.Join(newCluster(t), "node-0")
			r.spoil(t, node, other)
			replica(t, nil, "check", "--dir", node).want(t, exitConfig, r.words...)
		})
	}
	replica(t, nil, "check", "--dir", filepath.Join(t.TempDir(), "none")).want(t, exitConfig, "replica init")
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestTablesAreSalted: no two starts share the salt of their tables.
func TestTablesAreSalted(t *testing.T) {
	n, err := loadNode(filepath.Join(newCluster(t), "node-0"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := pipelineConfig(n, nil).Payments.IndexSeed, pipelineConfig(n, nil).Payments.IndexSeed
	if a == 0 || b == 0 || a == b {
		t.Errorf("salts %d and %d", a, b)
	}
}
