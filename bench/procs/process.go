package procs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is one child. Its outputs are gathered in memory, unless it was given
// a log.
type Process struct {
	cmd            *exec.Cmd
	Stdout, Stderr bytes.Buffer // complete once Done is closed
	done           chan struct{}
}

// Spawn starts a command with this process's environment, without any QUORATE_
// variable but those in env. Both outputs go to log if it is not nil; the caller
// may close it then.
func Spawn(log *os.File, env []string, path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "QUORATE_") {
			p.cmd.Env = append(p.cmd.Env, pair)
		}
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.Stdout, &p.Stderr
	if log != nil {
		p.cmd.Stdout, p.cmd.Stderr = log, log
	}
	// A group of its own: ctrl-c is for the experiment, which then ends its
	// children in order and not all at once.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second // a grandchild may hold the outputs open (P3)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.done)
	}()
	return p, nil
}

// Signal sends a signal to this child and to nothing else; one that has ended
// gets none.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Kill ends the child at once, paused or not, and waits for its end.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Pid is the number of the child's process, which may have ended.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive reports whether the child has not ended.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait gives the exit code, −1 after a signal. A child that does not end in time
// is killed, and that is an error.
func (p *Process) Wait(limit time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		p.Kill()
		return -1, fmt.Errorf("%s does not end within %v\n%s%s", p, limit, Tail(p.Stdout.Bytes()), Tail(p.Stderr.Bytes()))
	}
}

// Run starts a command, waits for its end and gives its standard output. An exit
// code that is not 0 is an error with the end of both outputs.
func Run(limit time.Duration, path string, args ...string) (string, error) {
	p, err := Spawn(nil, nil, path, args...)
	if err != nil {
		return "", err
	}
	code, err := p.Wait(limit)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit code %d\n%s%s", p, code, Tail(p.Stdout.Bytes()), Tail(p.Stderr.Bytes()))
	}
	return p.Stdout.String(), err
}

// State tells how the child ended, or that it runs.
func (p *Process) State() string {
	if p.Alive() {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// String is the command line.
func (p *Process) String() string { return strings.Join(p.cmd.Args, " ") }

// Tail gives the last lines of a text.
func Tail(text []byte) string {
	const lines = 25
	all := strings.SplitAfter(string(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// Eventually tries until try succeeds, and gives its last error if that takes
// longer than limit.
func Eventually(limit time.Duration, what string, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v: %w", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
