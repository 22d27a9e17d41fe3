package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Patience of a step: how long a replica may take to end and to hold its lock
// again, and a command to run.
const (
	endPatience   = 15 * time.Second
	startPatience = 15 * time.Second
	execPatience  = 30 * time.Second
)

// Runner does the steps of a plan. Its fields are set before Run.
type Runner struct {
	Dir      string // of the cluster
	Replicas int
	Steps    []Step
	Seed     uint64 // chooses what Backup and Any mean
	// Primary gives the primary of the highest view, or −1 when nobody knows.
	Primary func() int
	// Say is told of each thing done.
	Say func(text string)

	rng     *rand.Rand
	killed  map[int]*process // ended by us and not started again
	forGood map[int]bool     // those of them that are meant to stay down
	stopped map[int]*process
	undo    []undoing
}

// undoing ends a step that was for a time.
type undoing struct {
	at      time.Duration
	action  Action // Start, or Stop for going on
	replica int
}

// Check refuses what cannot be done on this host (Invariant K1).
func (r *Runner) Check(total time.Duration) error {
	if err := Check(r.Steps, total, r.Replicas); err != nil {
		return err
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		first, last := s.Target, s.Target
		switch {
		case s.Action == Exec:
			continue
		case s.Target < 0:
			first, last = 0, r.Replicas-1 // it may be any
		}
		for n := first; n <= last; n++ {
			p, err := find(r.Dir, n)
			if err != nil {
				return err
			}
			if r.comesBack(s) {
				err = p.startable()
			}
			if err := errors.Join(err, p.handle.Close()); err != nil {
				return fmt.Errorf("%q: %w", s.String(), err)
			}
		}
	}
	return nil
}

// comesBack reports whether what a step ends is to be started again, by itself or
// by a later step.
func (r *Runner) comesBack(s *Step) bool {
	switch s.Action {
	case Restart:
		return true
	case Kill:
		return s.For > 0 || slices.ContainsFunc(r.Steps, func(o Step) bool {
			return o.Action == Start && o.At >= s.At && (s.Target < 0 || o.Target == s.Target)
		})
	}
	return false
}

// Run does each step at its time after start, until ctx ends, and then undoes
// what was for a time (Invariant K2). It returns what went wrong; later steps are
// done all the same.
func (r *Runner) Run(ctx context.Context, start time.Time) (err error) {
	r.rng = rand.New(rand.NewPCG(r.Seed, 0x746172676574))
	r.killed, r.forGood, r.stopped = map[int]*process{}, map[int]bool{}, map[int]*process{}
	defer func() { err = errors.Join(err, r.restore()) }()
	steps := slices.Clone(r.Steps)
	for len(steps) > 0 || len(r.undo) > 0 {
		slices.SortStableFunc(r.undo, func(a, b undoing) int { return int(a.at - b.at) })
		if len(r.undo) > 0 && (len(steps) == 0 || r.undo[0].at <= steps[0].At) {
			u := r.undo[0]
			if !wait(ctx, start.Add(u.at)) {
				return err
			}
			r.undo = r.undo[1:]
			err = errors.Join(err, r.end(u))
			continue
		}
		s := steps[0]
		if !wait(ctx, start.Add(s.At)) {
			return err
		}
		steps = steps[1:]
		if problem := r.step(ctx, &s); problem != nil {
			r.Say(fmt.Sprintf("FAILED: %s: %v", s.String(), problem))
			err = errors.Join(err, fmt.Errorf("chaos: %s: %w", s.String(), problem))
		}
	}
	return err
}

// Down gives the replicas that were killed for good, in order, but for those that
// someone started meanwhile. One that was to come back and did not is none of
// them: who counts on it shall miss it.
func (r *Runner) Down() (out []int) {
	for n := range r.forGood {
		if !r.runs(n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// wait reports whether the time came before ctx ended.
func wait(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// step does one step now.
func (r *Runner) step(ctx context.Context, s *Step) error {
	if s.Action == Exec {
		return r.command(ctx, s.Command)
	}
	n, role := r.resolve(s.Target)
	if n < 0 {
		return errors.New("no replica tells which one is the primary")
	}
	if s.Action == Start {
		return r.start(n)
	}
	p, err := find(r.Dir, n)
	if err != nil {
		return err
	}
	if r.comesBack(s) {
		if err := p.startable(); err != nil {
			return err // before anything is stopped
		}
	}
	switch s.Action {
	case Kill:
		r.Say(fmt.Sprintf("kill -9 replica %d%s", n, role))
		return r.kill(ctx, n, p, s)
	case Stop:
		r.Say(fmt.Sprintf("stop replica %d%s", n, role))
		if err := p.signal(unix.SIGSTOP); err != nil {
			return err
		}
		r.stopped[n] = p
		r.undo = append(r.undo, undoing{s.At + s.For, Stop, n})
		return nil
	}
	r.Say(fmt.Sprintf("restart replica %d%s", n, role))
	// What starts it again is noted first, so that it does not stay down whatever
	// comes between; and a stopped process takes no SIGTERM.
	r.killed[n] = p
	r.forget(Stop, n)
	r.undo = append(r.undo, undoing{s.At, Start, n})
	if err := errors.Join(p.signal(unix.SIGCONT), p.signal(unix.SIGTERM)); err != nil {
		return err
	}
	return r.start(n)
}

// kill ends a replica at once.
func (r *Runner) kill(ctx context.Context, n int, p *process, s *Step) error {
	if err := p.signal(unix.SIGKILL); err != nil {
		return err
	}
	r.killed[n] = p
	r.forget(Stop, n)
	if s.For > 0 {
		r.undo = append(r.undo, undoing{s.At + s.For, Start, n})
	} else {
		r.forGood[n] = true
	}
	return p.ended(ctx, endPatience)
}

// resolve gives the replica that a target means now, and what to say of it.
func (r *Runner) resolve(target int) (n int, role string) {
	primary := -1
	if target == Primary || target == Backup {
		primary = r.Primary() // it asks every replica, which takes seconds when some are down
	}
	switch target {
	case Primary:
		n = primary
	case Backup, Any:
		if target == Backup && primary < 0 {
			return -1, ""
		}
		var up []int
		for i := range r.Replicas {
			if r.killed[i] == nil && r.stopped[i] == nil && (target == Any || i != primary) {
				up = append(up, i)
			}
		}
		if len(up) == 0 {
			return -1, ""
		}
		n = up[r.rng.IntN(len(up))]
	default:
		n = target
	}
	if n == primary && n >= 0 {
		role = " (primary)"
	}
	return n, role
}

// start runs a replica again that is down by us, unless someone else did, such as
// a supervisor.
func (r *Runner) start(n int) error {
	p := r.killed[n]
	if p == nil {
		return fmt.Errorf("replica %d was not killed by an earlier step", n)
	}
	if err := p.ended(context.Background(), endPatience); err != nil {
		r.Say(fmt.Sprintf("kill -9 replica %d, which did not end in %v", n, endPatience))
		if err := errors.Join(p.signal(unix.SIGKILL), p.ended(context.Background(), endPatience)); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("replica %d runs again: something else started it", n)
	if !r.runs(n) {
		// Who else starts it may do so now: one of both gets the lock.
		err := p.start()
		if err != nil && !r.runs(n) {
			return fmt.Errorf("start replica %d: %w", n, err)
		}
		if err == nil {
			text = fmt.Sprintf("start replica %d", n)
		}
	}
	delete(r.killed, n)
	delete(r.forGood, n)
	r.forget(Start, n)
	r.Say(text)
	return nil
}

// forget drops what undoes a step that something else has undone: later it would
// undo a later step.
func (r *Runner) forget(action Action, n int) {
	if action == Stop {
		delete(r.stopped, n)
	}
	r.undo = slices.DeleteFunc(r.undo, func(u undoing) bool { return u.action == action && u.replica == n })
}

// runs reports whether a process runs a replica.
func (r *Runner) runs(n int) bool {
	p, err := find(r.Dir, n)
	return err == nil && p.handle.Close() == nil
}

// end undoes a step that was for a time.
func (r *Runner) end(u undoing) error {
	if u.action == Start {
		if r.killed[u.replica] == nil {
			return nil // a step started it before its time
		}
		return r.start(u.replica)
	}
	p := r.stopped[u.replica]
	longer := slices.ContainsFunc(r.undo, func(o undoing) bool { return o.action == Stop && o.replica == u.replica })
	if p == nil || longer {
		return nil // it ended meanwhile, or another step holds it for longer
	}
	delete(r.stopped, u.replica)
	r.Say(fmt.Sprintf("resume replica %d", u.replica))
	if err := p.signal(unix.SIGCONT); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("chaos: resume replica %d: %w", u.replica, err)
	}
	return nil
}

// restore undoes what is still to be undone.
func (r *Runner) restore() (err error) {
	for len(r.undo) > 0 {
		u := r.undo[0]
		r.undo = r.undo[1:]
		err = errors.Join(err, r.end(u))
	}
	return err
}

// command runs a command of the user's.
func (r *Runner) command(ctx context.Context, text string) error {
	r.Say("exec " + text)
	ctx, cancel := context.WithTimeout(ctx, execPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", text)
	cmd.Env = append(os.Environ(), "QUORATE_DIR="+r.Dir, "QUORATE_PRIMARY="+strconv.Itoa(r.Primary()))
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %.200s", err, out)
	}
	return nil
}
