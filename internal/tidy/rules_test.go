package tidy

// Aim: each rule finds what it is there for, and nothing else. Method: small
// sources, one breach or one legal case per row.

import (
	"go/token"
	"strings"
	"testing"
)

// one parses a file of the given folder.
func one(t *testing.T, folder, text string) *source {
	t.Helper()
	s, err := parseSource(token.NewFileSet(), folder+"/x.go", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// expect wants exactly one finding with this word, or none for an empty word.
func expect(t *testing.T, what string, found []finding, word string) {
	t.Helper()
	switch {
	case word == "" && len(found) != 0:
		t.Errorf("%s: found %v", what, found)
	case word != "" && (len(found) != 1 || !strings.Contains(found[0].text, word)):
		t.Errorf("%s: found %v, want one with %q", what, found, word)
	}
}

func TestRuleImports(t *testing.T) {
	rows := []struct{ folder, path, word string }{
		{"wire", "quorate/cluster", "may not import cluster"},
		{"wire", "time", "may not import time"},
		{"wire", "net/netip", "may not import net/netip"},
		{"wire", "encoding/binary", ""},
		{"cluster", "quorate/wire", ""},
		{"cluster", "os", "may not import os"},
		{"consensus", "quorate/sigagg", "may not import sigagg"},
		{"consensus", "sync/atomic", "may not import sync/atomic"},
		{"consensus", "math/rand/v2", "may not import math/rand/v2"},
		{"consensus", "math/bits", ""},
		{"consensus/deep", "quorate/consensus", ""},
		{"consensus/deep", "time", "may not import time"},
		{"payments", "quorate/cluster", "may not import cluster"},
		{"payments", "unsafe", "may not import unsafe"},
		{"sigagg", "github.com/herumi/bls-eth-go-binary/bls", ""},
		{"client", "github.com/herumi/bls-eth-go-binary/bls", "belongs to sigagg"},
		{"client", "crypto/tls", ""},
		{"client", "quorate/pipeline", "may not import pipeline"},
		{"pipeline", "crypto/tls", "belongs to netio"},
		{"pipeline", "quorate/netio", "may not import netio"},
		{"pipeline", "quorate/storage", ""},
		{"pipeline", "github.com/prometheus/client_golang/prometheus", ""},
		{"storage", "github.com/prometheus/client_golang/prometheus", "belongs to pipeline"},
		{"storage", "github.com/cockroachdb/pebble/v2/vfs", ""},
		{"pipeline", "github.com/cockroachdb/pebble/v2", "belongs to storage"},
		{"pipeline", "github.com/panjf2000/gnet/v2", "belongs to netio"},
		{"bench/peers/etcd", "quorate/bench/peers/rows", ""},
		{"bench/peers/etcd", "quorate/bench/procs", "may not import bench/procs"},
		{"bench/peers/etcd", "quorate/wire", "may not import wire"},
		{"bench/teller", "go.etcd.io/etcd/client/v3", "belongs to bench/peers"},
		{"sim", "quorate/netio", "may not import netio"},
		{"sim", "quorate/client", ""},
		{"bench", "quorate/sim", "may not import sim"},
		{"cmd/replica", "quorate/netio", ""},
		{"cmd/replica", "quorate/sim", "may not import sim"},
		{"cmd/loadgen", "quorate/consensus", "may not import consensus"},
		{"tuning", "quorate/wire", "may not import wire"},
		{"capacity", "time", "may not import time"},
		{"capacity", "quorate/wire", "may not import wire"},
		{"capacity", "gonum.org/v1/gonum/mat", ""},
		{"capacity/calibrate", "quorate/netio", ""},
		{"capacity/calibrate", "quorate/client", "may not import client"},
		{"cmd/loadgen", "quorate/capacity", "may not import capacity"},
		{"kitchen", "fmt", "is no room"},
	}
	for _, r := range rows {
		s := one(t, r.folder, "package x\n\nimport _ \""+r.path+"\"\n")
		expect(t, r.folder+" imports "+r.path, checkImports([]*source{s}), r.word)
	}
}

func TestRulePurity(t *testing.T) {
	rows := []struct{ what, text, word string }{
		{"go", "func f() { go f() }", "a go statement"},
		{"select", "func f() { select {} }", "a select"},
		{"channel", "func f(c chan int) {}", "a channel"},
		{"float", "func f(x float64) {}", "a float"},
		{"literal", "const half = 0.5", "a float"},
		{"map", "func f(m map[int]int) { for range m {} }", "a range over a map"},
		{"named map", "type m map[int]int\nfunc f(x m) { for range x {} }", "a range over a map"},
		{"map in a struct", "type s struct{ m map[int]int }\nfunc f(x *s) { for k := range x.m { _ = k } }", "a range over a map"},
		{"marked", "func f(m map[int]int) {\n\t//tidy:sorted it only counts\n\tfor range m {}\n}", ""},
		{"marked without a reason", "func f(m map[int]int) {\n\t//tidy:sorted \n\tfor range m {}\n}", "a range over a map"},
		{"sortedKeys", "func sortedKeys(m map[int]int) { for range m {} }", ""},
		{"slice", "func f(m []int) { for range m {} }", ""},
		{"keys", "import \"maps\"\nfunc f(m map[int]int) { maps.Keys(m) }", "maps.Keys"},
		{"sorted keys", "import (\n\"maps\"\n\"slices\"\n)\nfunc f(m map[int]int) { slices.Sorted(maps.Keys(m)) }", ""},
		{"integers", "func f(x uint64) uint64 { return x * 3 / 2 }", ""},
	}
	export, err := exports(".", "maps", "slices")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		files := []*source{one(t, "consensus", "package x\n\n"+r.text+"\n")}
		info, err := typed("consensus", files, export)
		if err != nil && !strings.Contains(err.Error(), "is not used") {
			t.Fatalf("%s: %v", r.what, err)
		}
		expect(t, r.what, checkPurity(files, info), r.word)
	}
}

func TestRuleSteps(t *testing.T) {
	rows := []struct{ folder, text, word string }{
		{"sim", "func f() { go f() }", "a go statement"},
		{"sim", "import \"time\"\nvar x = time.Now()", "time.Now"},
		{"sim", "import \"time\"\nvar x = time.Second", ""},
		{"netio", "func f() { go f() }", ""},
	}
	for _, r := range rows {
		expect(t, r.text, checkSteps([]*source{one(t, r.folder, "package x\n"+r.text+"\n")}), r.word)
	}
}

func TestRuleDocs(t *testing.T) {
	rows := []struct{ folder, text, word string }{
		{"wire", "package wire\n", "package without a comment"},
		{"wire", "// Package wire is it.\npackage wire\n", ""},
		{"wire", "// This is it.\npackage wire\n", "does not start"},
		{"cmd/replica", "// Command replica is it.\npackage main\n", ""},
		{"cmd/replica", "// Package main is it.\npackage main\n", "does not start"},
	}
	for _, r := range rows {
		expect(t, r.text, checkDocs([]*source{one(t, r.folder, r.text)}), r.word)
	}
}

func TestRuleSizes(t *testing.T) {
	body := func(lines int, line string) string {
		return "package x\n\nfunc f() {\n" + strings.Repeat(line, lines) + "}\n"
	}
	rows := []struct {
		what, text  string
		found, long int
	}{
		{"a screen", body(68, "\tf()\n"), 0, 0},
		{"over a screen", body(69, "\tf()\n"), 0, 1},
		{"at the end", body(98, "\tf()\n"), 0, 1},
		{"over the end", body(99, "\tf()\n"), 1, 0},
		{"comments", body(300, "\t// why\n\n"), 0, 0},
		{"code with comments", body(99, "\tf() // why\n"), 1, 0},
		{"file", "package x\n" + strings.Repeat("\n", fileLinesMax), 1, 0},
		{"file at its end", "package x\n" + strings.Repeat("\n", fileLinesMax-1), 0, 0},
	}
	for _, r := range rows {
		found, long := checkSizes([]*source{one(t, "wire", r.text)})
		if len(found) != r.found || len(long) != r.long {
			t.Errorf("%s: found %v, long %v", r.what, found, long)
		}
	}
}

func TestRuleWordsAndFolders(t *testing.T) {
	expect(t, "mark", checkWords("a", "fine\n// TO"+"DO later\n"), "TO"+"DO")
	expect(t, "mark", checkWords("a", "FIX"+"ME\n"), "FIX"+"ME")
	expect(t, "part of a word", checkWords("a", "TO"+"DOS and X"+"XXL\n"), "")
	expect(t, "folder", checkFolders([]string{".", "wire", "netio/util"}), "says nothing")
	expect(t, "folders", checkFolders([]string{".", "utility", "commons"}), "")
}

func TestRuleMetrics(t *testing.T) {
	rows := []struct{ text, word string }{
		{`var _ = prometheus.CounterOpts{Name: "quorate_rejects_total"}`, ""},
		{`var _ = prometheus.CounterOpts{Help: "x", Name: "quorate_rejects"}`, "ends in _total"},
		{`var _ = prometheus.GaugeOpts{Name: "quorate_view_total"}`, "only a counter"},
		{`var _ = prometheus.HistogramOpts{Name: "quorate_fsync_ms"}`, "use seconds"},
		{`var _ = prometheus.HistogramOpts{Name: "quorate_fsync_seconds"}`, ""},
		{`var _ = prometheus.GaugeOpts{Name: "fsync_seconds"}`, "names are quorate_"},
		{`const name = "quorate_queue_kib"`, "use bytes"},
		{`const name = "quorate_Queue"`, "names are quorate_"},
		{`const name = "quorate"`, ""},
	}
	for _, r := range rows {
		s := one(t, "pipeline", "package x\n"+r.text+"\n")
		expect(t, r.text, checkMetrics([]*source{s}), r.word)
	}
}

func TestRuleLogs(t *testing.T) {
	const page = "| attribute | what |\n|---|---|\n| `seq` | a slot |\n| `error` | what failed |\n"
	rows := []struct{ call, word string }{
		{`log.Info("started", "seq", 1, "error", err)`, ""},
		{`s.r.log.Warn("bad share", slog.Uint64("seq", 1), "error", err)`, ""},
		{`log.With(oplog.RoomKey, "netio").Info("up")`, ""},
		{`slog.New(h).With("seq", 1)`, ""},
		{`t.Error("x", 1, "Y")`, ""},
		{`log.Info("slot " + seq)`, "no constant"},
		{`log.Info(fmt.Sprintf("slot %d", seq))`, "no constant"},
		{`c.t.cfg.Logger.Debug("closed", "slot", 1)`, "no row"},
		{`log.Error("x", "Seq", 1)`, "snake_case"},
		{`log.Error("x", name, 1)`, "snake_case"},
		{`log.Error("x", slog.Int("slot", 1))`, "no row"},
		{`log.With("slot", 1)`, "no row"},
	}
	for _, r := range rows {
		s := one(t, "netio", "package x\n\nfunc f() { "+r.call+" }\n")
		expect(t, r.call, checkLogs([]*source{s}, page), r.word)
	}
}

func TestRuleMarks(t *testing.T) {
	const registry = `package mark
type Mark uint16
const (
	A Mark = iota
	B
	allEnd
)
var marks = [...]Info{
	A: {"a.first", "wire", "the first thing happened"},
	B: {"a.second", "wire", "the second thing happened"},
}
`
	const calls = "package wire\nfunc f(n int) {\n\tmark.Hit(mark.A)\n\tmark.If(n > 0, mark.B)\n}\n"
	rows := []struct{ what, registry, folder, calls, word string }{
		{"all is well", registry, "wire", calls, ""},
		{"no entry", strings.Replace(registry, "\tB\n", "\tB\n\tC\n", 1), "wire", calls, "mark C has no entry"},
		{"no call", registry, "wire", strings.Replace(calls, "mark.Hit(mark.A)", "", 1), "mark A is hit by 0 calls"},
		{"two calls", registry, "wire", strings.Replace(calls, "mark.B", "mark.A", 1) + "func g() { mark.Hit(mark.B) }\n", "mark A is hit by 2"},
		{"unknown", registry, "wire", calls + "func g() { mark.Hit(m) }\n", "by its name"},
		{"twice the name", strings.Replace(registry, "a.second", "a.first", 1), "wire", calls, "two marks are called"},
		{"odd name", strings.Replace(registry, "a.second", "Second", 1), "wire", calls, "small words"},
		{"says nothing", strings.Replace(registry, "the second thing happened", "it", 1), "wire", calls, "says what happened"},
		{"a call inside", registry, "wire", strings.Replace(calls, "n > 0", "g(n)", 1) + "func g(int) bool { return true }\nfunc h() { mark.Hit(mark.B) }\n", "stays in production"},
	}
	for _, r := range rows {
		expect(t, r.what, checkMarks([]*source{one(t, markRoom, r.registry), one(t, r.folder, r.calls)}), r.word)
	}
	other := checkMarks([]*source{one(t, markRoom, registry), one(t, "cluster", calls)})
	if len(other) != 4 { // two of another room, which leaves both without a call
		t.Errorf("calls of another room: %v", other)
	}
}
