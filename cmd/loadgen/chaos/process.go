package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a replica that runs or ran here, and how it was started.
type process struct {
	pid     int
	handle  *os.File // a pidfd, which no other process inherits with the number
	lock    string   // file that it holds
	program string   // file that it runs
	args    []string
	dir     string
	env     []string
	logs    [2]string // what is behind standard output and error; empty: none
}

// find gives the process that runs replica number of the cluster in dir: the one
// that holds the lock of its data directory. Arguments would fit a wrapper
// (timeout, sudo, strace) as well.
func find(dir string, number int) (*process, error) {
	node := filepath.Join(dir, "node-"+strconv.Itoa(number))
	none := fmt.Errorf("%w: replica %d does not run on this host as far as this user may see: no process holds %s/data/lock; start it, or do without steps for it",
		ErrPlan, number, node)
	lock, err := filepath.EvalSymlinks(filepath.Join(node, "data", "lock"))
	if err == nil {
		lock, err = filepath.Abs(lock)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", none, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("%w: processes are found in /proc, which this system does not have: %w", ErrPlan, err)
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p := look(pid, lock); p != nil {
				return p, nil
			}
		}
	}
	return nil, none
}

// look reads what is known of a process, or gives nil when it holds no such lock
// as a replica that was started. Verification holds the lock, too.
func look(pid int, lock string) *process {
	at := filepath.Join("/proc", strconv.Itoa(pid))
	args := list(filepath.Join(at, "cmdline"))
	if !slices.Contains(args, "start") {
		return nil // most processes end here
	}
	// The handle comes first: what is read below is of its process, or the handle
	// is of one that ended, and no signal meets anybody.
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil
	}
	p := &process{pid: pid, handle: os.NewFile(uintptr(fd), "pidfd"), lock: lock, args: args, env: list(filepath.Join(at, "environ"))}
	program, failed := os.Readlink(filepath.Join(at, "exe"))
	dir, err := os.Readlink(filepath.Join(at, "cwd"))
	if failed != nil || err != nil || !holds(at, lock) {
		_ = p.handle.Close()
		return nil
	}
	p.program, p.dir = undeleted(program), dir
	for i := range p.logs {
		if to, err := os.Readlink(filepath.Join(at, "fd", strconv.Itoa(i+1))); err == nil {
			p.logs[i] = undeleted(to)
		}
	}
	return p
}

// holds reports whether the process at a directory of /proc has locked a file; to
// have it open alone is what a second one does before it gives up.
func holds(at, lock string) bool {
	fds, err := os.ReadDir(filepath.Join(at, "fd"))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if to, err := os.Readlink(filepath.Join(at, "fd", fd.Name())); err != nil || to != lock {
			continue
		}
		info, err := os.ReadFile(filepath.Join(at, "fdinfo", fd.Name()))
		if err == nil && strings.Contains(string(info), "\nlock:") {
			return true
		}
	}
	return false
}

// undeleted is the path of a file that was there when it was opened; the kernel
// says of a program or a log that was replaced since that it is deleted.
func undeleted(path string) string { return strings.TrimSuffix(path, " (deleted)") }

// list reads words that end in zero bytes.
func list(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// startable says why it could not be started as it was, or nothing.
func (p *process) startable() error {
	if _, err := os.Stat(p.program); err != nil {
		return fmt.Errorf("%w: process %d could not be started again: its program: %w", ErrPlan, p.pid, err)
	}
	for i, name := range []string{"standard output", "standard error"} {
		path := p.logs[i]
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%w: %s of process %d goes to %s, to which nobody can connect it again: its log would be lost; start the replica with 2>FILE, or do without steps that start it again",
				ErrPlan, name, p.pid, path)
		}
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("%w: process %d could not be started again: its log: %w", ErrPlan, p.pid, err)
		}
	}
	return nil
}

// signal sends a signal to the process itself, or gives ESRCH when it ended.
func (p *process) signal(s unix.Signal) error {
	return unix.PidfdSendSignal(int(p.handle.Fd()), s, nil, 0)
}

// wait gives whether it ended within a time. The arguments of one that ends are
// gone before its files are closed, so the handle is asked.
func (p *process) wait(limit time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(p.handle.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(limit.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return n > 0, err
}

// ended waits until it is gone.
func (p *process) ended(ctx context.Context, limit time.Duration) error {
	for until := time.Now().Add(limit); ; {
		if gone, err := p.wait(20 * time.Millisecond); gone || err != nil {
			return err
		}
		if ctx.Err() != nil || time.Now().After(until) {
			return fmt.Errorf("process %d is still there; it was given %v", p.pid, limit)
		}
	}
}

// start runs it again as it ran before, and returns when it holds its lock.
func (p *process) start() error {
	cmd := &exec.Cmd{Path: p.program, Args: p.args, Dir: p.dir, Env: p.env, SysProcAttr: &unix.SysProcAttr{Setsid: true}}
	for i, path := range p.logs {
		if path == "" {
			continue
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if i == 0 {
			cmd.Stdout = f
		} else {
			cmd.Stderr = f
		}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it is our child now: someone has to wait for it
	for until := time.Now().Add(startPatience); time.Now().Before(until); {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended at once (%v); see %s", err, p.logs[1])
		case <-time.After(20 * time.Millisecond):
		}
		if now := look(cmd.Process.Pid, p.lock); now != nil {
			return now.handle.Close()
		}
	}
	return fmt.Errorf("process %d does not hold %s after %v; see %s", cmd.Process.Pid, p.lock, startPatience, p.logs[1])
}
