package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"quorate/bench/procs"
	"quorate/bench/teller"
	"quorate/client"
	"quorate/wire"
)

// Patience is how long each step towards rest may take once every replica is up
// and connected: the next acknowledgement, all answers, one state at all
// replicas. A good run needs a second; a starved host many.
const Patience = 90 * time.Second

// mark is a file that says that a directory belongs to a trial.
const mark = ".quorate-trial"

// Options describe a trial.
type Options struct {
	Name    string // of the experiment, for messages
	Dir     string // of the run; what an earlier run left there is removed
	Repeat  string // the command that repeats this run
	Cluster procs.Options
	Load    teller.Options
	Out     io.Writer
}

// Trial is a cluster under load.
type Trial struct {
	Options
	Cluster *procs.Cluster
	Teller  *teller.Teller
	checked uint64 // payments that were acknowledged at the last check
}

// Open makes the run's directory, the cluster and the load, and waits until all
// is connected. The gate of the load is closed.
func Open(ctx context.Context, o Options) (*Trial, error) {
	if err := clearDir(o.Dir); err != nil {
		return nil, err
	}
	o.Cluster.Dir = filepath.Join(o.Dir, "cluster")
	t := &Trial{Options: o}
	var err error
	if t.Cluster, err = procs.New(o.Cluster); err != nil {
		return nil, err
	}
	if err := t.Cluster.StartAll(); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.connect(ctx); err != nil {
		t.Close()
		return nil, t.Failed("start", "", err)
	}
	return t, nil
}

func (t *Trial) connect(ctx context.Context) error {
	if _, err := t.Rest(ctx); err != nil {
		return err
	}
	var keys []client.Keys
	for i := range t.Options.Cluster.Clients {
		k, err := t.Cluster.Keys(fmt.Sprintf("load-%02d", i+1))
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	load := t.Load
	load.Ledger = t.Cluster.Genesis.Ledgers[0].Number
	load.Plaintext = t.Cluster.Plaintext
	var err error
	t.Teller, err = teller.Open(ctx, t.Cluster.Genesis, keys, load)
	return err
}

// clearDir makes dir empty, if it is nobody else's.
func clearDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, mark)); err != nil {
			return fmt.Errorf("%s is not empty and is no trial's: choose another directory", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, mark), nil, 0o644)
}

// Close ends the load and kills what still runs.
func (t *Trial) Close() {
	if t.Teller != nil {
		t.Teller.Close()
	}
	t.Cluster.Close()
}

// Printf writes a line of the experiment.
func (t *Trial) Printf(format string, args ...any) { fmt.Fprintf(t.Out, format+"\n", args...) }

// Rest waits until all replicas are at rest in one state, and gives where they
// stand.
func (t *Trial) Rest(ctx context.Context) (states []wire.NodeStatus, err error) {
	err = t.await(ctx, "all replicas at rest in one state", func() (err error) {
		if err := t.Cluster.Died(); err != nil {
			return err
		}
		states, err = t.Cluster.AtRest()
		return err
	})
	return states, err
}

// await tries until try succeeds, Patience ends, or waiting is of no use.
func (t *Trial) await(ctx context.Context, what string, try func() error) error {
	var hopeless error
	err := procs.Eventually(Patience, what, func() error {
		err := try()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if ctx.Err() != nil || errors.Is(err, procs.ErrFork) || errors.Is(err, procs.ErrDied) {
			hopeless = err
			return nil
		}
		return err
	})
	return errors.Join(err, hopeless)
}

// CaughtUp waits until each of these replicas has executed what the furthest
// replica had executed by now, under load, and gives how long that took.
func (t *Trial) CaughtUp(ctx context.Context, ids []int) (time.Duration, error) {
	begun := time.Now()
	var mark wire.SeqNum
	for i := range t.Cluster.Nodes {
		if s, err := t.Cluster.Status(i); err == nil {
			mark = max(mark, s.Executed)
		}
	}
	err := t.await(ctx, fmt.Sprintf("replicas %v reach slot %d", ids, mark), func() error {
		if err := t.Cluster.Died(); err != nil {
			return err
		}
		states, err := t.Cluster.Statuses(ids)
		for i := range states {
			if err == nil && states[i].Executed < mark {
				err = errors.New(procs.Standing(states))
			}
		}
		return err
	})
	return time.Since(begun), err
}

// Served waits until a request that was sent after a time is acknowledged, and
// gives how long after that time it was.
func (t *Trial) Served(ctx context.Context, since time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return t.Teller.ServedAfter(ctx, since)
}

// Check closes the gate and audits what came since the last check: every request
// answered, all replicas at rest in one state, every acknowledged payment there
// once, the sums as they must be. The report is nil if it could not be made.
func (t *Trial) Check(ctx context.Context) (*teller.Report, error) {
	settling, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := errors.Join(t.Teller.Settle(settling), t.Cluster.Died()); err != nil {
		return nil, err
	}
	if _, err := t.Rest(ctx); err != nil {
		return nil, err
	}
	auditing, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	r, err := t.Teller.Audit(auditing)
	if err != nil {
		return nil, err
	}
	if len(r.Faults) == 0 && r.Acked == t.checked {
		return r, errors.New("nothing was acknowledged since the last check")
	}
	t.checked = r.Acked
	return r, faulty(r)
}

// faulty makes an error of what an audit found.
func faulty(r *teller.Report) error {
	const shown = 10
	if len(r.Faults) == 0 {
		return nil
	}
	return fmt.Errorf("audit: %d faults:\n  %s", len(r.Faults), strings.Join(r.Faults[:min(len(r.Faults), shown)], "\n  "))
}

// Finish looks every payment of the run up once more, stops the replicas as a
// service manager does, and verifies each ledger offline: chain, signatures,
// certificates, results, sums. All must end in one state.
func (t *Trial) Finish(ctx context.Context) (*teller.Report, error) {
	r, err := t.Teller.AuditAll(ctx)
	if err == nil {
		err = faulty(r)
	}
	if err != nil {
		return r, err
	}
	// The audit's own queries were ordered too.
	if _, err := t.Rest(ctx); err != nil {
		return r, err
	}
	t.Teller.Close()
	if err := t.Cluster.Stop(); err != nil {
		return r, err
	}
	reports, err := t.Cluster.Verify()
	if err != nil {
		return r, err
	}
	for i, line := range reports {
		t.Printf("  ledger of replica %d: %s", i, line)
		if state(line) != state(reports[0]) {
			return r, fmt.Errorf("%w: ledgers of replicas 0 and %d end in different states", procs.ErrFork, i)
		}
	}
	return r, os.RemoveAll(t.Cluster.Dir)
}

// state is the digest in a report of `replica verify`.
func state(line string) string {
	_, rest, _ := strings.Cut(line, "; state ")
	digest, _, _ := strings.Cut(rest, " ")
	return digest
}

// Failed writes what is known of a failed round to failed.txt and gives the
// error to end with. A run that was interrupted is not a failed one.
func (t *Trial) Failed(round, plan string, cause error) error {
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s: interrupted in %s", t.Name, round)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s failed in %s: %s\n%v\n\nrepeat: %s\n", t.Name, round, plan, cause, t.Repeat)
	for i, p := range t.Cluster.Nodes {
		if p == nil {
			continue
		}
		text, _ := os.ReadFile(t.Cluster.Log(i))
		fmt.Fprintf(&b, "\n== replica %d: %s; %s ends with:\n%s", i, p.State(), t.Cluster.Log(i), procs.Tail(text))
		// Where a replica stands still, its goroutines say why: SIGQUIT makes the
		// runtime write them to the log and end the process.
		p.Signal(syscall.SIGCONT)
		p.Signal(syscall.SIGQUIT)
		_, _ = p.Wait(procs.StopMax)
	}
	path := filepath.Join(t.Dir, "failed.txt")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		cause = errors.Join(cause, err)
	}
	return fmt.Errorf("%s: %s (%s): %w\n  logs and data are kept in %s, a summary in %s\n  repeat: %s", t.Name, round, plan, cause, t.Cluster.Dir, path, t.Repeat)
}
