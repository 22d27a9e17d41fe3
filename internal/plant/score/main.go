package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"quorate/internal/plant"
)

func main() {
	jobs := flag.Int("jobs", 2, "test processes at a time")
	only := flag.String("only", "", "names of bugs, joined by commas; empty: all")
	seeds := flag.Int("seeds", 0, "try the simulator on every bug, with this budget; 0: as the table says")
	verbose := flag.Bool("v", false, "print what each failing test said")
	flag.Parse()
	s := &score{verbose: *verbose, jobs: *jobs}
	if err := s.choose(*only, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ok, err := s.all()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// score is one run over the chosen bugs.
type score struct {
	verbose bool
	jobs    int
	bin     binaries
	entries []*plant.Entry
	results []result // by entry
	trouble []string // suites that fail without a bug
	mu      sync.Mutex
}

// result is what became of one bug.
type result struct {
	killed bool
	by     string
	detail string
	seed   uint64
	cpu    time.Duration
}

func (s *score) choose(only string, seeds int) error {
	names := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for i := range plant.Table {
		e := plant.Table[i]
		if len(names) > 0 && !slices.Contains(names, e.Name) {
			continue
		}
		if seeds > 0 {
			e.Kill.Seeds = seeds
		}
		s.entries = append(s.entries, &e)
	}
	if len(s.entries) == 0 || len(names) > 0 && len(s.entries) != len(names) {
		return fmt.Errorf("score: -only %s names a bug that is not planted", only)
	}
	s.results = make([]result, len(s.entries))
	return nil
}

// suite is a package and one pattern of its tests.
type suite struct{ pkg, tests string }

// suites lists those that the chosen bugs need, once each.
func (s *score) suites() (list []suite) {
	for _, e := range s.entries {
		if k := (suite{e.Kill.In, e.Kill.Tests}); k.pkg != "" && !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// all builds, runs and reports. ok is false when a bug survives or a suite fails
// without one.
func (s *score) all() (ok bool, err error) {
	if s.bin.root, err = os.Getwd(); err != nil {
		return false, err
	}
	if s.bin.dir, err = os.MkdirTemp("", "mutants"); err != nil {
		return false, err
	}
	defer os.RemoveAll(s.bin.dir)
	start := time.Now()
	suites := s.suites()
	pkgs := []string{"sim"}
	for _, k := range suites {
		if !slices.Contains(pkgs, k.pkg) {
			pkgs = append(pkgs, k.pkg)
		}
	}
	for _, p := range pkgs {
		if err := s.bin.build(p); err != nil {
			return false, err
		}
	}
	if err := s.parallel(len(suites), func(i int) error { return s.clean(suites[i].pkg, "-test.run="+suites[i].tests) }); err != nil {
		return false, err
	}
	if err := s.parallel(len(s.entries), s.one); err != nil {
		return false, err
	}
	killers := s.killers()
	if err := s.parallel(len(killers), func(i int) error {
		return s.clean("sim", seedArgs(killers[i], 1, "")...)
	}); err != nil {
		return false, err
	}
	return s.report(time.Since(start)), nil
}

// parallel calls fn for 0 to n−1, on s.jobs workers, and gives the first error.
func (s *score) parallel(n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	next, first := 0, error(nil)
	take := func() (int, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := next
		next++
		return i, i < n && first == nil
	}
	for range min(s.jobs, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i, more := take(); more; i, more = take() {
				if err := fn(i); err != nil {
					s.mu.Lock()
					first = err
					s.mu.Unlock()
				}
			}
		}()
	}
	wg.Wait()
	return first
}

// clean runs a suite without a bug; it has to pass.
func (s *score) clean(pkg string, args ...string) error {
	v, err := s.bin.run(pkg, "", args...)
	if err != nil {
		return err
	}
	if v.failed {
		s.mu.Lock()
		s.trouble = append(s.trouble, fmt.Sprintf("%s %s fails without any bug: %s %s", pkg, strings.Join(args, " "), v.by, v.detail))
		s.mu.Unlock()
	}
	return nil
}

// killers lists the seeds that killed something.
func (s *score) killers() (seeds []uint64) {
	for _, r := range s.results {
		if r.seed != 0 && !slices.Contains(seeds, r.seed) {
			seeds = append(seeds, r.seed)
		}
	}
	slices.Sort(seeds)
	return seeds
}

// seedArgs runs a number of the simulator's seeds, up to the first that fails.
func seedArgs(start uint64, n int, want string) []string {
	return []string{"-test.run=^TestSeeds$", fmt.Sprintf("-sim.start=%d", start), fmt.Sprintf("-sim.seeds=%d", n),
		"-sim.want=" + want, "-sim.tail=0", "-sim.fails=1"}
}

// one tries to kill one bug.
func (s *score) one(i int) error {
	e, r := s.entries[i], &s.results[i]
	if e.Kill.Seeds > 0 {
		v, err := s.bin.run("sim", e.Name, seedArgs(1, e.Kill.Seeds, e.Kill.Want)...)
		if err != nil {
			return err
		}
		r.take(v)
	}
	if !r.killed && e.Kill.In != "" {
		v, err := s.bin.run(e.Kill.In, e.Name, "-test.run="+e.Kill.Tests)
		if err != nil {
			return err
		}
		r.take(v)
		if r.killed && r.seed == 0 {
			r.by = e.Kill.In + " " + r.by
		}
	}
	if !r.killed {
		r.by = "SURVIVES"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(os.Stderr, "%-32s %s (%.1f s)\n", e.Name, r.by, r.cpu.Seconds())
	if s.verbose {
		fmt.Fprintln(os.Stderr, "    "+r.detail)
	}
	return nil
}

func (r *result) take(v verdict) {
	r.cpu += v.cpu
	r.killed, r.by, r.detail, r.seed = v.failed, v.by, v.detail, v.seed
}
