package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// bridge is the name of the bridge; replica i's end of its veth pair is eth0 in
// the namespace replica-i, the bridge's is port-i.
const bridge = "faults"

func namespace(i int) string { return "replica-" + strconv.Itoa(i) }

func port(i int) string { return "port-" + strconv.Itoa(i) }

// within gives the words that run a command in replica i's namespace.
func within(i int) []string { return []string{"ip", "netns", "exec", namespace(i)} }

// missing gives the first tool that is not installed, or "".
func missing() string {
	for _, tool := range []string{"ip", "tc", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// space is the network of one run.
type space struct {
	n   int
	now *weather
}

// makeSpace makes the namespaces, the bridge and the links. The process must be
// in a network and a mount namespace of its own.
func makeSpace(n int) (*space, error) {
	// Names of namespaces are files in /run/netns: in this mount namespace alone.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("private mounts: %w", err)
	}
	if err := syscall.Mount("none", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return nil, fmt.Errorf("mount /run: %w", err)
	}
	s := &space{n: n, now: fair(n)}
	commands := []string{
		"ip link set lo up",
		"ip link add " + bridge + " type bridge stp_state 0 forward_delay 0",
		"ip addr add " + s.now.address(n).String() + "/24 dev " + bridge,
		"ip link set " + bridge + " up",
	}
	for i := range n {
		ns := namespace(i)
		commands = append(commands,
			"ip netns add "+ns,
			"ip link add "+port(i)+" type veth peer name eth0 netns "+ns,
			"ip link set "+port(i)+" master "+bridge+" up",
			"ip -n "+ns+" link set lo up",
			"ip -n "+ns+" addr add "+s.now.address(i).String()+"/24 dev eth0",
			"ip -n "+ns+" link set eth0 up",
		)
	}
	for _, c := range commands {
		if err := command("", strings.Fields(c)...); err != nil {
			return nil, err
		}
	}
	return s, s.set(s.now)
}

// command runs a short command.
func command(stdin string, words ...string) error {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// hosts gives the replicas' addresses.
func (s *space) hosts() (all []string) {
	for i := range s.n {
		all = append(all, s.now.address(i).String())
	}
	return all
}

// set puts a weather in place at all places. It changes one after another: what
// the weather demands counts from when set has returned.
func (s *space) set(w *weather) error {
	var all []error
	for place := range s.n + 1 {
		words := []string{"nft", "-f", "-"}
		if place < s.n {
			words = append(within(place), words...)
		}
		all = append(all, command(w.rules(place), words...))
	}
	for i, rate := range w.rate {
		if rate == s.now.rate[i] {
			continue
		}
		words := []string{"tc", "-n", namespace(i), "qdisc", "del", "dev", "eth0", "root"}
		if rate > 0 {
			// 32 KB are the least burst that holds two segments of veth's size.
			words = append([]string{"tc", "-n", namespace(i), "qdisc", "replace", "dev", "eth0", "root", "tbf"},
				"rate", strconv.Itoa(rate)+"kbit", "burst", "32kb", "latency", "400ms")
		}
		all = append(all, command("", words...))
	}
	s.now = w
	return errors.Join(all...)
}

// plug joins replica i to the bridge or pulls its cable.
func (s *space) plug(i int, in bool) error {
	state := "down"
	if in {
		state = "up"
	}
	return command("", "ip", "link", "set", port(i), state)
}

// reenter starts this command again in namespaces of its own and gives its exit
// code. Signals that come meanwhile are passed on.
func reenter(args []string, signals <-chan os.Signal) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(exe, append([]string{insideFlag}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		// In a group of its own it gets ctrl-c once, from here.
		Setpgid: true, Pdeathsig: syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}
