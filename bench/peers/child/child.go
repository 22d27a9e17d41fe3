// Package child starts the processes of a comparison on this machine and says
// what they cost: CPU time, bytes written to the disk, bytes held in directories.
//
// It knows no system. It is bench/procs for a module that may not import the
// product.
//
// Thread: a Process may be used from any goroutine.
//
// Invariants:
//
//	K1  A process is ended by the handle that started it, never by a name, and
//	    ends with its parent (Pdeathsig).
//	K2  Every wait has a deadline.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrEnded says that a process that should run has ended.
var ErrEnded = errors.New("child: a process ended by itself")

// Process is one child. Its standard output is gathered in memory, its standard
// error goes to its log.
type Process struct {
	cmd    *exec.Cmd
	log    string
	Stdout bytes.Buffer // complete once Done is closed
	done   chan struct{}
}

// Start starts a command that logs to a file.
func Start(log, path string, args ...string) (*Process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &Process{cmd: exec.Command(path, args...), log: log, done: make(chan struct{})}
	for _, pair := range os.Environ() {
		// Replicas of ours refuse variables that are no settings of theirs.
		if !strings.HasPrefix(pair, "QUORATE_") {
			p.cmd.Env = append(p.cmd.Env, pair)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.Stdout, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.done)
	}()
	return p, nil
}

// Pid is the number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive is an error if the process has ended.
func (p *Process) Alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %s: %s\n%s", ErrEnded, strings.Join(p.cmd.Args, " "), p.cmd.ProcessState, Tail(p.log))
	default:
		return nil
	}
}

// Kill ends the process at once and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the process to end, and kills it when it does not within limit.
func (p *Process) Stop(limit time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.Kill()
	}
}

// Wait waits for an end with exit code 0.
func (p *Process) Wait(limit time.Duration) error {
	select {
	case <-p.done:
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("child: %s does not end within %v\n%s", strings.Join(p.cmd.Args, " "), limit, Tail(p.log))
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("child: %s: %s\n%s%s", strings.Join(p.cmd.Args, " "), p.cmd.ProcessState, Tail(p.log), last(p.Stdout.String()))
	}
	return nil
}

// Run starts a command and waits for its end; it gives its standard output.
func Run(limit time.Duration, log, path string, args ...string) (string, error) {
	p, err := Start(log, path, args...)
	if err != nil {
		return "", err
	}
	err = p.Wait(limit)
	return p.Stdout.String(), err
}

// Tail is the end of a log.
func Tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return last(string(text))
}

// last gives the last lines of a text.
func last(text string) string {
	const lines = 20
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// FreePorts finds n ports in a row that nobody listens on, below the range from
// which the kernel picks.
func FreePorts(n int) (int, error) {
	const low, high = 12_000, 32_000
	at := low + os.Getpid()*37%(high-low-n)
	for range (high - low) / n {
		free := 0
		for ; free < n; free++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(at+free))
			if err != nil {
				break
			}
			_ = l.Close()
		}
		if free == n {
			return at, nil
		}
		if at += n; at+n > high {
			at = low
		}
	}
	return 0, fmt.Errorf("child: no %d free ports in a row", n)
}

// Eventually tries until try succeeds, and gives its last error if that takes
// longer than limit.
func Eventually(limit time.Duration, what string, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil || errors.Is(err, ErrEnded) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v: %w", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
