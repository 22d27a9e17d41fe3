package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// fault is what is done to a running cluster, and the alerts that tell of it.
type fault struct {
	name   string
	alerts []string
	needs  func() error             // nil error: it can be staged here
	stage  func() error             // begins it
	heal   func() error             // ends it
	keep   func(done chan struct{}) // runs beside it until done is closed; nil: nothing
}

// Limits of one fault. On an idle host each needs a small part of them.
const (
	fireMax  = 120 * time.Second
	clearMax = 150 * time.Second
)

// notStaged are the alerts whose cause is not made on real processes, and why;
// deploy/prometheus/alerts_test.yml shows them fire and clear on made-up series.
var notStaged = map[string]string{
	"QuorateCertificateExpiry": "a certificate is made at each start for ten years: only another clock would end it",
}

// verdict is how one fault went.
type verdict struct {
	fault        *fault
	fired, ended time.Duration // after staging, after healing
	err          error
	skipped      error
	others       []string // alerts that fired beside the expected ones
}

// alerts stages every fault and holds that its alerts fire and clear, and that
// every alert of the file is either staged or named as not staged.
func (b *bed) alerts(ctx context.Context, o *options) error {
	rules, err := readRules(o.deploy, "alerts.yml")
	if err != nil {
		return err
	}
	begun := time.Now()
	fmt.Printf("drill: durations of the rule files divided by %d\n", shorter)
	if err := b.calm(ctx); err != nil {
		return err
	}
	faults := b.faults()
	var all []error
	proven, skipped := map[string]bool{}, map[string]string{}
	maps.Copy(skipped, notStaged)
	for i := range faults {
		f := &faults[i]
		if o.only != "" && f.name != o.only {
			continue
		}
		v := b.play(ctx, f)
		v.print()
		for _, a := range f.alerts {
			if v.skipped != nil {
				skipped[a] = v.skipped.Error()
			} else if v.err == nil {
				proven[a] = true
			}
		}
		if v.err != nil {
			all = append(all, fmt.Errorf("%s: %w", f.name, v.err))
		}
		if ctx.Err() != nil {
			return errors.Join(append(all, ctx.Err())...)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(skipped)) {
		if !proven[a] {
			fmt.Printf("not staged: %s: %s\n", a, skipped[a])
		}
	}
	for _, r := range rules {
		if _, named := skipped[r.Alert]; o.only == "" && len(all) == 0 && !named && !proven[r.Alert] {
			all = append(all, fmt.Errorf("%s: no fault stages it, and nothing says why", r.Alert))
		}
	}
	fmt.Printf("drill: %d alerts of %d fired in a real fault and cleared, %d not staged, %d faults failed, %.0f s\n",
		len(proven), len(rules), len(rules)-len(proven), len(all), time.Since(begun).Seconds())
	return errors.Join(all...)
}

// calmAfter is how long load runs before the first fault: long enough for every
// replica to be scraped and every alert evaluated some times.
const calmAfter = 8 * time.Second

// calm waits until nothing fires.
func (b *bed) calm(ctx context.Context) error {
	if err := sleep(ctx, calmAfter); err != nil {
		return err
	}
	return b.await(ctx, clearMax, "quiet before the first fault", func(firing map[string]int) string {
		return strings.Join(slices.Sorted(maps.Keys(firing)), " ")
	})
}

// await polls what fires until missing gives nothing.
func (b *bed) await(ctx context.Context, limit time.Duration, what string, missing func(firing map[string]int) string) error {
	deadline := time.Now().Add(limit)
	for {
		firing, err := b.prometheus.firing()
		if err != nil {
			return err
		}
		left := missing(firing)
		if left == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v: %s", what, limit, left)
		}
		if err := sleep(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
}

// play stages one fault, waits for its alerts, heals and waits for their end. What
// was staged is healed whatever comes of it.
func (b *bed) play(ctx context.Context, f *fault) (v verdict) {
	v.fault = f
	if f.needs != nil {
		if v.skipped = f.needs(); v.skipped != nil {
			return v
		}
	}
	begun := time.Now()
	if v.err = f.stage(); v.err != nil {
		v.err = errors.Join(v.err, f.heal())
		return v
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if f.keep != nil {
			f.keep(done)
		}
	}()
	seen := map[string]bool{} // an alert of a passing state may have ended when the next fires
	others := map[string]bool{}
	v.err = b.await(ctx, fireMax, "fires", func(firing map[string]int) string {
		for a := range firing {
			if slices.Contains(f.alerts, a) {
				seen[a] = true
			} else {
				others[a] = true
			}
		}
		return strings.Join(slices.DeleteFunc(slices.Clone(f.alerts), func(a string) bool { return seen[a] }), " ")
	})
	v.fired = time.Since(begun)
	close(done)
	<-ended
	begun = time.Now()
	if v.err = errors.Join(v.err, f.heal()); v.err != nil {
		return v
	}
	v.err = b.await(ctx, clearMax, "clears", func(firing map[string]int) string {
		for a := range firing {
			if !slices.Contains(f.alerts, a) {
				others[a] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(firing)), " ")
	})
	v.ended = time.Since(begun)
	v.others = slices.Sorted(maps.Keys(others))
	return v
}

func (v *verdict) print() {
	names := strings.Join(v.fault.alerts, " ")
	switch {
	case v.skipped != nil:
		fmt.Printf("skipped  %-52s %s: %v\n", v.fault.name, names, v.skipped)
	case v.err != nil:
		fmt.Printf("FAILED   %-52s %s: %v\n", v.fault.name, names, v.err)
	default:
		beside := ""
		if len(v.others) > 0 {
			beside = " (and " + strings.Join(v.others, " ") + ")"
		}
		fmt.Printf("ok       %-52s %s fired after %.0f s, cleared after %.0f s%s\n", v.fault.name, names, v.fired.Seconds(), v.ended.Seconds(), beside)
	}
	_ = os.Stdout.Sync() // a drill takes minutes; whoever watches a pipe sees it
}
