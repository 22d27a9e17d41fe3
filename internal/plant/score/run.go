package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// variable is plant.Variable, which only builds with the tag have.
const variable = "QUORATE_MUTANT"

// processSeconds bounds one test process, wall clock: a bug may make it hang.
const processSeconds = 600

// binaries are test binaries by package folder.
type binaries struct {
	root, dir string
}

// build makes the test binary of one package.
func (b *binaries) build(pkg string) error {
	cmd := exec.Command("go", "test", "-c", "-tags", "mutants", "-o", b.path(pkg), "./"+pkg)
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("score: build the tests of %s: %w\n%s", pkg, err, out)
	}
	return nil
}

func (b *binaries) path(pkg string) string {
	return filepath.Join(b.dir, "bugs-in-"+strings.ReplaceAll(pkg, "/", "-"))
}

// verdict is what one test process said.
type verdict struct {
	failed bool
	seed   uint64 // of the simulator; 0: none
	by     string // test, or the simulator's seed and checker
	detail string
	cpu    time.Duration
}

// run starts a test binary with one active bug, or none, in its folder.
func (b *binaries) run(pkg, bug string, args ...string) (verdict, error) {
	cmd := exec.Command(b.path(pkg), append(args, "-test.timeout="+strconv.Itoa(processSeconds)+"s")...)
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), variable+"="+bug, "GOMAXPROCS=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return verdict{}, fmt.Errorf("score: run the tests of %s: %w", pkg, err)
	}
	v := verdict{failed: err != nil, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if v.failed {
		v.blame(out.String())
		if v.by == "" {
			return v, fmt.Errorf("score: tests of %s with bug %q end without a verdict: %w\n%s", pkg, bug, err, lastLines(out.String(), 20))
		}
	}
	return v, nil
}

var (
	seedLine  = regexp.MustCompile(`seed (\d+): (?:at [\d.]+ ms: )?(.*)`)
	checkWord = regexp.MustCompile(`^C\d+`)
	failLine  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	panicLine = regexp.MustCompile(`(?m)^panic: (.*)`)
	running   = regexp.MustCompile(`(?m)^\s+(Test\w+)(?:/\S*)? \(`)
)

// blame finds out what failed first.
func (v *verdict) blame(out string) {
	if m := seedLine.FindStringSubmatch(out); m != nil && strings.Contains(out, "--- FAIL: TestSeeds") {
		v.seed, _ = strconv.ParseUint(m[1], 10, 64)
		v.detail = m[2]
		v.by = "sim seed " + m[1]
		if check := checkWord.FindString(m[2]); check != "" {
			v.by += " " + check
		}
		return
	}
	if m := failLine.FindStringSubmatch(out); m != nil {
		v.by, _, _ = strings.Cut(m[1], "/")
	}
	if m := panicLine.FindStringSubmatch(out); m != nil {
		v.detail = m[1]
		if r := running.FindStringSubmatch(out); v.by == "" && r != nil {
			v.by = r[1]
		}
		if v.by == "" {
			v.by = "panic"
		}
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
