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

// process is a replica that runs here, and how it was started.
type process struct {
	pid  int
	args []string
	dir  string
	env  []string
	logs [2]string // files behind standard output and error; empty: none
}

// find gives the process that runs replica number of the cluster in dir.
func find(dir string, number int) (*process, error) {
	want, err := resolved("", filepath.Join(dir, "node-"+strconv.Itoa(number)))
	if err != nil {
		return nil, fmt.Errorf("%w: replica %d: %w", ErrPlan, number, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("%w: processes are found in /proc, which this system does not have: %w", ErrPlan, err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p := look(pid); p != nil && p.serves(want) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: no process of this user and host runs replica %d (replica start --dir %s); start it, or do without steps for it", ErrPlan, number, want)
}

// look reads what is known of a process, or nil when it ended or is not ours.
func look(pid int) *process {
	at := filepath.Join("/proc", strconv.Itoa(pid))
	args := list(filepath.Join(at, "cmdline"))
	if !slices.Contains(args, "start") {
		return nil // most processes end here
	}
	p := &process{pid: pid, args: args}
	var err error
	if p.dir, err = os.Readlink(filepath.Join(at, "cwd")); err != nil {
		return nil
	}
	p.env = list(filepath.Join(at, "environ"))
	for i := range p.logs {
		if to, err := os.Readlink(filepath.Join(at, "fd", strconv.Itoa(i+1))); err == nil && filepath.IsAbs(to) {
			p.logs[i] = to
		}
	}
	return p
}

// list reads words that end in zero bytes.
func list(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// serves reports whether the process runs the node in a directory.
func (p *process) serves(node string) bool {
	for i, arg := range p.args {
		dir, joined := strings.CutPrefix(arg, "--dir=")
		if arg == "--dir" && i+1 < len(p.args) {
			dir, joined = p.args[i+1], true
		}
		if !joined {
			continue
		}
		if got, err := resolved(p.dir, dir); err == nil && got == node {
			return true
		}
	}
	return false
}

// resolved is the one absolute name of a path that is relative to dir.
func resolved(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// signal sends a signal to the process itself: a handle is opened first and the
// process looked at again, so that no other that took its number is met.
func (p *process) signal(s unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if now := look(p.pid); now == nil || !slices.Equal(now.args, p.args) {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, s, nil, 0)
}

// alive reports whether it has not ended; one that nobody waited for has.
func (p *process) alive() bool {
	now := look(p.pid)
	return now != nil && slices.Equal(now.args, p.args)
}

// ended waits until it is gone.
func (p *process) ended(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for p.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d is still there after %v", p.pid, limit)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// start runs it again as it ran before.
func (p *process) start() error {
	program := p.args[0]
	if !filepath.IsAbs(program) && strings.ContainsRune(program, '/') {
		program = filepath.Join(p.dir, program)
	}
	cmd := exec.Command(program, p.args[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
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
	select {
	case err := <-ended:
		return fmt.Errorf("it ended at once: %w; see %s", errors.Join(err), p.logs[1])
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}
