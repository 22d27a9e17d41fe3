package rows

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Aim: R1 to R3. Method: a good row with one thing taken away each time; a table
// of rows whose ratios are known by hand.

func good(system, variant string, class Class, payments uint64) Row {
	return Row{Schema: Schema, System: system, Version: "v1", Variant: variant, Class: class, Replicas: 4, Run: 1,
		Faults: "byzantine", Durable: "all", Signed: "nothing", TLS: "none", ClientAt: "beside", Settings: "default",
		CheckText: "all read back", Commit: "abc", At: "2026-01-01T00:00:00Z",
		Host:    Host{CPUs: 2, Model: "some", Kernel: "6", Go: "go1.26", Load: 0.5},
		Figures: Figures{Payments: payments, Seconds: 10, P50: 1.25, P99: 20, ServerCPU: 4, ClientCPU: 1, Disk: 700, Written: 900, Acked: payments}}
}

func TestOpenClaimsAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(r *Row){
		"schema":     func(r *Row) { r.Schema++ },
		"system":     func(r *Row) { r.System = "" },
		"version":    func(r *Row) { r.Version = "" },
		"variant":    func(r *Row) { r.Variant = "" },
		"class":      func(r *Row) { r.Class = "fast" },
		"replicas":   func(r *Row) { r.Replicas = 0 },
		"faults":     func(r *Row) { r.Faults = "" },
		"durable":    func(r *Row) { r.Durable = "" },
		"signed":     func(r *Row) { r.Signed = "" },
		"tls":        func(r *Row) { r.TLS = "" },
		"client":     func(r *Row) { r.ClientAt = "" },
		"check":      func(r *Row) { r.CheckText = "" },
		"payments":   func(r *Row) { r.Payments = 0 },
		"seconds":    func(r *Row) { r.Seconds = 0 },
		"acked":      func(r *Row) { r.Acked = r.Payments - 1 },
		"server cpu": func(r *Row) { r.ServerCPU = 0 },
	} {
		r := good(Etcd, "one", Single, 1000)
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&r)
		var b bytes.Buffer
		if err := Write(&b, &r); !errors.Is(err, ErrRow) || b.Len() > 0 {
			t.Errorf("%s: a row without it is written: %v", name, err)
		}
	}
}

func TestWriteAndRead(t *testing.T) {
	var b bytes.Buffer
	want := []Row{good(Etcd, "one", Single, 1000), good(Ours, "two", Batched, 2000)}
	for i := range want {
		if err := Write(&b, &want[i]); err != nil {
			t.Fatal(err)
		}
	}
	text := b.String()
	got, err := Read(strings.NewReader(text + "\n"))
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("%v, %+v", err, got)
	}
	for _, bad := range []string{"{", strings.Replace(text, `"schema":1`, `"schema":2`, 1), strings.Replace(text, `"payments":1000`, `"payments":0`, 1)} {
		if _, err := Read(strings.NewReader(bad)); !errors.Is(err, ErrRow) {
			t.Errorf("%.40q is read: %v", bad, err)
		}
	}
}

func TestTable(t *testing.T) {
	var all []Row
	for _, n := range []uint64{30_000, 10_000, 20_000} { // median 2,000/s
		all = append(all, good(Etcd, "one put", Single, n))
	}
	slow := good(CometBFT, "paced", Paced, 10_000)
	slow.P50, slow.P99 = 10, 40
	all = append(all, slow, good(Ours, "paced", Paced, 10_000))
	all = append(all, good(CometBFT, "signed", Signed, 5000), good(Etcd, "many puts", Batched, 100_000),
		good(Ours, "one event", Single, 70_000), good(Ours, "full", Batched, 1_000_000))
	upper := good(Upper, "alone", Bound, 500_000)
	upper.Replicas, upper.P50, upper.P99 = 1, 0, 0
	all = append(all, upper)
	var b strings.Builder
	if err := Table(&b, all); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"| etcd v1 | one put | 2,000 (1,000–3,000, 3 runs) | 3.5× | 1.2 / 20.0 |",
		"| etcd v1 | many puts | 10,000 | 10.0× |",
		"| CometBFT v1 | paced | 1,000 | latency ours ÷ this: p50 0.12×, p99 0.50× | 10.0 / 40.0 |",
		"| CometBFT v1 | signed | 500 | no run of ours |",
		"| quorate v1 | full | 100,000 | – | 1.2 / 20.0 | 0.004 / 0.001 | 1,000,000 | 700 / 900 |",
		"| quorate, not replicated v1 | alone | 50,000 | – | – |",
		// 1,000,000 payments for 4/4 CPU seconds, against 500,000 for 4.
		`One replica of ours does 800 % of what "alone" does per CPU second (1,000,000 of 125,000 payments).`,
		"* **CometBFT, signed**: byzantine; durable before the answer: all; signatures: nothing; TLS: none; client: beside;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n* **"); n != 8 {
		t.Errorf("%d caveats of 8 settings", n)
	}
	if err := Table(&b, nil); !errors.Is(err, ErrRow) {
		t.Errorf("a table of nothing: %v", err)
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7.4: "7", 999.4: "999", 1000: "1,000", 1234: "1,230", 1235: "1,240",
		99_960: "100,000", 211_549: "212,000", 1_234_567: "1,230,000"} {
		if got := thousands(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestMedianIsARealRun(t *testing.T) {
	for n := range 5 {
		var all []Row
		for i := range n + 1 {
			all = append(all, good(Etcd, "x", Single, uint64(1000*(i+1))))
		}
		s := summarize(all)
		if want := fmt.Sprint(1000 * (n/2 + 1)); len(s) != 1 || fmt.Sprint(s[0].Payments) != want || s[0].runs != n+1 {
			t.Errorf("of %d runs: %d payments, want %s", n+1, s[0].Payments, want)
		}
	}
}
