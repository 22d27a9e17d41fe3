package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// Aim: every sample is counted once, at the stage whose label it has, and what is
// no CPU profile is refused. Method: profiles made here.

// sample is one of a made profile: its stack, the innermost first.
func sample(nanos int64, labels map[string][]string, stack ...string) *profile.Sample {
	s := &profile.Sample{Value: []int64{1, nanos}, Label: labels}
	for _, name := range stack {
		s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
	}
	return s
}

func TestEverySampleHasItsPlace(t *testing.T) {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		Sample: []*profile.Sample{
			sample(5e6, map[string][]string{"stage": {"crypto"}}, "runtime.cgocall", "quorate/sigagg.verify", "quorate/pipeline.Stage.run"),
			sample(3e6, map[string][]string{"stage": {"crypto"}}, "crypto/sha256.Sum256", "quorate/wire.HashLeaf"),
			sample(2e6, map[string][]string{"pebble": {"flush"}}, "runtime.memmove"),
			sample(1e6, nil, "runtime.memmove", "github.com/panjf2000/gnet/v2.(*eventloop).run"),
			sample(4e6, nil, "runtime.scanobject", "runtime.gcBgMarkWorker"),
			sample(5e6, nil, "runtime.futex", "runtime.mcall"),
		},
	}
	c := costs{}
	if err := c.add(p); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.print(&out, 2000); err != nil {
		t.Fatal(err)
	}
	want := `| stage | CPU s | µs per payment | of all | of it |
|---|---|---|---|---|
| crypto | 0.01 | 4.000 | 40.0 % | BLS 25.0, SHA-256 15.0 |
| rest | 0.01 | 2.500 | 25.0 % | other 25.0 |
| garbage collection | 0.00 | 2.000 | 20.0 % | other 20.0 |
| flush and compact | 0.00 | 1.000 | 10.0 % | copying 10.0 |
| network | 0.00 | 0.500 | 5.0 % | copying 5.0 |
| all | 0.02 | 10.000 | 100.0 % |  |
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestRefusesWhatIsNoProfile(t *testing.T) {
	dir := t.TempDir()
	text, heap := filepath.Join(dir, "text"), filepath.Join(dir, "heap")
	if err := os.WriteFile(text, []byte("no profile"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(heap)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.WriteHeapProfile(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for path, says := range map[string]string{text: "no CPU profile", heap: "not a CPU profile", filepath.Join(dir, "none"): "no such file"} {
		if err := run(&bytes.Buffer{}, 0, []string{path}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want one that says %q", filepath.Base(path), err, says)
		}
	}
}
