package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// Aim: every peer starts, takes load, and has at the end what it acknowledged;
// and the command's own rules. Method: this test binary is also the program that
// starts children of itself, as the command does. Each system runs for a second;
// no figure decides anything.

// TestMain lets the test binary be its own children.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && strings.HasPrefix(os.Args[2], "{") {
		main()
		return
	}
	os.Exit(m.Run())
}

// product is where `make peers-test` puts the product's binaries.
const product = "../../bin"

func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("starts clusters")
	}
	o := options{product: product, dir: t.TempDir(), secs: 1, warmup: 0.5, commit: "test"}
	all := variants(&o)
	if len(all) < 3 {
		t.Fatalf("%d variants", len(all))
	}
	seen := map[string]bool{}
	for i := range all {
		v := &all[i]
		t.Run(v.Claims.System+", "+v.Claims.Variant, func(t *testing.T) {
			if name := v.Claims.System + v.Claims.Variant; seen[name] {
				t.Fatal("two variants have this name")
			} else {
				seen[name] = true
			}
			row, err := one(t.Context(), &o, v, 1)
			if trial.Skipped(err) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			// A starved machine may acknowledge nothing inside so short a window:
			// that would be no row, and is no failure of what is tested here.
			if row.Acked == 0 || row.CheckText == "" {
				t.Errorf("%d payments acknowledged, checked: %q", row.Acked, row.CheckText)
			}
			if left, _ := filepath.Glob(filepath.Join(o.dir, "*")); len(left) > 0 {
				t.Errorf("a good run left %v", left)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for _, args := range []string{"-repeat 0", "-secs 0", "-secs NaN", "-warmup -1", "-secs 4000", "rest", "-unknown"} {
		var o options
		if err := o.parse(strings.Fields(args)); err == nil {
			t.Errorf("%s is taken", args)
		}
	}
	if err := run(t.Context(), []string{"-only", "nobody", "-out", filepath.Join(t.TempDir(), "x")}, os.Stdout); err == nil {
		t.Error("a run of nothing succeeds")
	}
	for _, args := range [][]string{nil, {"no-such"}, {"table"}} {
		if err := dispatch(context.Background(), args, os.Stdout); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestTableOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	r := rows.Row{Schema: rows.Schema, System: rows.Etcd, Version: "v1", Variant: "x", Class: rows.Single, Replicas: 3, Faults: "f", Durable: "d",
		Signed: "s", TLS: "t", ClientAt: "c", CheckText: "k", Figures: rows.Figures{Payments: 50, Seconds: 10, ServerCPU: 1, Acked: 50}}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rows.Write(f, &r), f.Close()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := dispatch(t.Context(), []string{"table", file}, &b); err != nil || !strings.Contains(b.String(), "| etcd v1 | x | 5 |") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestVersions holds go.mod to the versions that the documents name: go mod tidy
// takes the newest when a line is missing.
func TestVersions(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\tgithub.com/cometbft/cometbft v0.38.21\n", "\tgo.etcd.io/etcd/server/v3 v3.6.6\n", "\tgo.etcd.io/etcd/client/v3 v3.6.6\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("go.mod has no line %q", want)
		}
	}
	if strings.Contains(string(text), "replace") {
		t.Error("go.mod replaces a module: what is measured would not be what is published")
	}
}
