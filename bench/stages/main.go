// Command stages says where the CPU of replicas went: it reads CPU profiles that
// `replica start --cpuprofile` wrote and prints the time of each stage, per
// payment when it is told how many there were.
//
//	stages [-payments N] PROFILE…
//
// A sample belongs to the stage whose goroutine it hit: the pipeline labels its
// goroutines, what they start inherits the label, and the rest is told apart by
// the function at the root of the stack. The sum is that of all samples.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

func main() {
	payments := flag.Uint64("payments", 0, "payments of the run; 0 prints seconds alone")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: stages [-payments N] PROFILE…")
		os.Exit(2)
	}
	if err := run(os.Stdout, *payments, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "stages:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, payments uint64, paths []string) error {
	all := costs{}
	for _, path := range paths {
		p, err := read(path)
		if err != nil {
			return err
		}
		if err := all.add(p); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return all.print(w, payments)
}

func read(path string) (*profile.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s is no CPU profile of a process that has ended: %w", path, err)
	}
	return p, nil
}

// part is a stage, and what its samples did, by the kind of work.
type part struct{ stage, work string }

// costs is nanoseconds of CPU.
type costs map[part]int64

// add counts the samples of a profile. It refuses profiles of something else.
func (c costs) add(p *profile.Profile) error {
	value := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" && t.Unit == "nanoseconds" })
	if value < 0 {
		return fmt.Errorf("not a CPU profile")
	}
	for _, s := range p.Sample {
		names := stack(s)
		if len(names) > 0 {
			c[part{stageOf(s, names), workOf(names)}] += s.Value[value]
		}
	}
	return nil
}

// stack lists a sample's functions, the innermost first.
func stack(s *profile.Sample) (names []string) {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

// places tell the stage of samples without a label, by a function on the stack;
// the first that fits counts.
var places = []struct{ function, stage string }{
	{"github.com/cockroachdb/pebble", "flush and compact"},
	{"github.com/panjf2000/gnet", "network"},
	{"quorate/netio", "network"},
	{"runtime.gcBgMarkWorker", "garbage collection"},
	{"runtime.bgsweep", "garbage collection"},
	{"runtime.bgscavenge", "garbage collection"},
}

func stageOf(s *profile.Sample, names []string) string {
	if l := s.Label["stage"]; len(l) > 0 {
		return l[0]
	}
	if len(s.Label["pebble"]) > 0 {
		return "flush and compact"
	}
	for _, p := range places {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, p.function) }) {
			return p.stage
		}
	}
	return "rest"
}

// kinds tell the work of a sample, by a function on the stack; the first that
// fits counts.
var kinds = []struct{ function, work string }{
	{"quorate/sigagg.", "BLS"},
	{"quorate/internal/edbatch", "Ed25519"},
	{"github.com/oasisprotocol/curve25519-voi", "Ed25519"},
	{"crypto/ed25519", "Ed25519"},
	{"crypto/tls.", "TLS"},
	{"crypto/sha256.", "SHA-256"},
	{"hash/crc32.", "CRC"},
	{"runtime.gcAssistAlloc", "allocation"},
	{"runtime.mallocgc", "allocation"},
	{"quorate/payments.", "payments"},
	{"syscall.", "system calls"},
	{"internal/runtime/syscall", "system calls"},
	{"runtime.memmove", "copying"},
}

func workOf(names []string) string {
	for _, k := range kinds {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, k.function) }) {
			return k.work
		}
	}
	return "other"
}

// print writes a table: stages by cost, and of each the kinds of work that are
// worth a hundredth of the whole.
func (c costs) print(w io.Writer, payments uint64) error {
	byStage, whole := map[string]int64{}, int64(0)
	for p, v := range c {
		byStage[p.stage] += v
		whole += v
	}
	if whole == 0 {
		return fmt.Errorf("no samples: the run was too short")
	}
	line := func(name string, v int64, of string) {
		per := ""
		if payments > 0 {
			per = fmt.Sprintf("%.3f", float64(v)/1e3/float64(payments))
		}
		fmt.Fprintf(w, "| %s | %.2f | %s | %.1f %% | %s |\n", name, float64(v)/1e9, per, 100*float64(v)/float64(whole), of)
	}
	fmt.Fprintln(w, "| stage | CPU s | µs per payment | of all | of it |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, stage := range byCost(byStage) {
		work := map[string]int64{}
		for p, v := range c {
			if p.stage == stage {
				work[p.work] += v
			}
		}
		var of []string
		for _, k := range byCost(work) {
			if 100*work[k] >= whole {
				of = append(of, fmt.Sprintf("%s %.1f", k, 100*float64(work[k])/float64(whole)))
			}
		}
		line(stage, byStage[stage], strings.Join(of, ", "))
	}
	line("all", whole, "")
	return nil
}

// byCost lists keys, the dearest first.
func byCost(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	return keys
}
