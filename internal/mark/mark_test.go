package mark

// Aim: the registry is whole, and both builds do what they say. Method: both
// builds run this file (go test -tags marks); that no call is left without the
// tag is looked up in the compiled packages themselves.

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func TestRegistry(t *testing.T) {
	all := All()
	if len(all) < 150 {
		t.Errorf("%d marks", len(all))
	}
	for i, info := range all {
		if info.Name == "" || info.What == "" {
			t.Errorf("mark %d has no entry", i)
		}
	}
	for i, f := range AllFamilies() {
		if f.Prefix == "" || len(f.Expected) == 0 {
			t.Errorf("family %d has no entry", i)
		}
		for _, code := range f.Expected {
			if code == 0 || code >= CodesMax {
				t.Errorf("%s: code %d is not counted", f.Prefix, code)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	m := Mark(0)
	before, beforeCode := Count(m), CodeCount(CoreRejects, 300)
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 100 {
				Hit(m)
				If(true, m)
				If(false, m)
				Code(CoreRejects, 300)
			}
		}()
	}
	wg.Wait()
	Code(CoreRejects, 0)
	Code(CoreRejects, CodesMax) // outside: no counter, and no panic
	want, wantCode := uint64(0), uint64(0)
	if Enabled {
		want, wantCode = 800, 400
	}
	if got := Count(m) - before; got != want {
		t.Errorf("counted %d, want %d", got, want)
	}
	if got := CodeCount(CoreRejects, 300) - beforeCode; got != wantCode {
		t.Errorf("counted %d of a code, want %d", got, wantCode)
	}
}

func TestRejectNumbers(t *testing.T) {
	for kind := range uint8(CodesMax / reasonsMax) {
		for why := range uint8(reasonsMax) {
			if k, w := SplitReject(RejectNumber(kind, why)); k != kind || w != why {
				t.Fatalf("kind %d reason %d come back as %d and %d", kind, why, k, w)
			}
		}
	}
}

// TestNothingIsLeft holds invariant M2: a package that hits marks refers to this
// one with the tag, and without it has no symbol of it.
func TestNothingIsLeft(t *testing.T) {
	for _, tags := range []string{"", "marks"} {
		export := output(t, "go", "list", "-export", "-tags", tags, "-f", "{{.Export}}", "quorate/payments")
		symbols := output(t, "go", "tool", "nm", strings.TrimSpace(export))
		// Names of types and debug information stay; code and counters must not.
		for _, name := range []string{"quorate/internal/mark.counts\n", "quorate/internal/mark.codeCounts\n"} {
			if got := strings.Contains(symbols, name); got != (tags == "marks") {
				t.Errorf("with tags %q: payments refers to %s: %v", tags, strings.TrimSpace(name), got)
			}
		}
		for _, fn := range []string{"Hit", "If", "Code"} {
			if strings.Contains(symbols, "U quorate/internal/mark."+fn+"\n") {
				t.Errorf("with tags %q: a call of mark.%s was not inlined", tags, fn)
			}
		}
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return string(out)
}
