package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"quorate/bench/procs"
	"quorate/client"
	"quorate/cluster"
	"quorate/wire"
)

// Exit codes of the two commands, as their help texts promise them.
const (
	exitOK        = 0
	exitFailure   = 1
	exitShortfall = 3
	exitConfig    = 78
)

// Deadlines. They are long because a shared machine may be ten times slower than
// an idle one; a good run needs a small part of each.
const (
	readyMax   = 40 * time.Second
	settleMax  = 40 * time.Second
	commandMax = 60 * time.Second
	stopMax    = 15 * time.Second
)

// traceVar is an environment variable that, when set, makes passing tests show
// the logs and each second's standing of all replicas too.
const traceVar = "QUORATE_E2E_TRACE"

var binaries string // folder with replica, loadgen and the fault experiments, built by TestMain

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quorate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir
	build := exec.Command("go", "build", "-o", dir, "quorate/cmd/replica", "quorate/cmd/loadgen", "quorate/bench/kill9", "quorate/bench/netfaults")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// long skips a test that takes long in -short runs.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
}

// process is a child that fails its test instead of giving errors.
type process struct{ *procs.Process }

// spawn starts a command without any QUORATE_ variable but those given, and ends
// it with the test.
func spawn(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p, err := procs.Spawn(nil, env, filepath.Join(binaries, name), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return &process{p}
}

func (p *process) signal(s syscall.Signal) { p.Signal(s) }

func (p *process) kill() { p.Kill() }

func (p *process) alive() bool { return p.Alive() }

// wait gives the exit code, −1 after a signal. A child that does not end in time
// is killed and fails the test.
func (p *process) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	code, err := p.Wait(limit)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// outcome is how a short command ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// replicaCommand runs the replica binary to its end.
func replicaCommand(t *testing.T, args ...string) outcome {
	t.Helper()
	p := spawn(t, nil, "replica", args...)
	code := p.wait(t, commandMax)
	return outcome{code, p.Stdout.String(), p.Stderr.String()}
}

// want fails the test unless the command ended with code and its error output
// has all words.
func (o outcome) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", o.code, code, o.stdout, o.stderr)
	}
	for _, w := range words {
		if !strings.Contains(o.stderr, w) {
			t.Errorf("no %q in: %s", w, o.stderr)
		}
	}
}

// deployment is a cluster of four replicas on this machine.
type deployment struct {
	t       *testing.T
	cluster *procs.Cluster
	dir     string
	genesis *cluster.Genesis
	admin   client.Keys
	metrics int // port of replica 0's metrics
	nodes   [4]*process
}

// deploy makes the files of a cluster and starts nothing.
func deploy(t *testing.T, initArgs ...string) *deployment {
	t.Helper()
	c, err := procs.New(procs.Options{Binaries: binaries, Dir: filepath.Join(t.TempDir(), "c"), InitArgs: initArgs})
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{t: t, cluster: c, dir: c.Dir, genesis: c.Genesis, admin: c.Admin, metrics: c.Metrics}
	t.Cleanup(d.printLogs)
	if os.Getenv(traceVar) != "" {
		d.watch()
	}
	return d
}

// running makes a cluster and starts all of it.
func running(t *testing.T, initArgs ...string) *deployment {
	t.Helper()
	d := deploy(t, initArgs...)
	d.startAll()
	return d
}

// keys reads a client's key file.
func (d *deployment) keys(name string) client.Keys {
	d.t.Helper()
	k, err := d.cluster.Keys(name)
	if err != nil {
		d.t.Fatal(err)
	}
	return k
}

// node is the directory of replica i; its log is log.jsonl in it.
func (d *deployment) node(i int) string { return d.cluster.Node(i) }

// start starts replica i.
func (d *deployment) start(i int) {
	d.t.Helper()
	if err := d.cluster.Start(i); err != nil {
		d.t.Fatal(err)
	}
	p := d.cluster.Nodes[i]
	d.t.Cleanup(p.Kill)
	d.nodes[i] = &process{p}
}

// startAll starts every replica and waits until all see all.
func (d *deployment) startAll() {
	d.t.Helper()
	for i := range d.nodes {
		d.start(i)
	}
	d.ready(len(d.nodes))
}

// stop ends replica i as a service manager does and gives its exit code.
func (d *deployment) stop(i int) int {
	d.t.Helper()
	d.nodes[i].signal(syscall.SIGTERM)
	return d.nodes[i].wait(d.t, stopMax)
}

// status asks replica i where it stands.
func (d *deployment) status(i int) (wire.NodeStatus, error) { return d.cluster.Status(i) }

// mustStatus is status of a replica that must answer, a busy one after a while.
func (d *deployment) mustStatus(i int) (s wire.NodeStatus) {
	d.t.Helper()
	eventually(d.t, settleMax, "status of replica "+strconv.Itoa(i), func() (err error) {
		s, err = d.status(i)
		return err
	})
	return s
}

// ready waits until every running replica is in an active view and has links to
// peers replicas, itself counted.
func (d *deployment) ready(peers int) {
	d.t.Helper()
	for _, i := range d.cluster.Up() {
		eventually(d.t, readyMax, fmt.Sprintf("replica %d ready", i), func() error {
			s, err := d.status(i)
			if err == nil && (int(s.PeersUp) < peers || !s.Active) {
				err = fmt.Errorf("%+v", s)
			}
			return err
		})
	}
}

// agree waits until these replicas stand at the same slot with the same digest,
// which names their whole history, and gives it.
func (d *deployment) agree(ids ...int) (at wire.NodeStatus) {
	d.t.Helper()
	eventually(d.t, settleMax, fmt.Sprintf("replicas %v agree", ids), func() error {
		states, err := d.cluster.Agreed(ids)
		if errors.Is(err, procs.ErrFork) {
			d.t.Fatal(err)
		}
		if err == nil {
			at = states[0]
		}
		return err
	})
	return at
}

// metric reads one sample of replica i, written as in the text format, or 0 if
// it is not there.
func (d *deployment) metric(i int, sample string) float64 {
	d.t.Helper()
	return d.scrape(i)[sample]
}

// scrape reads every sample of replica i.
func (d *deployment) scrape(i int) map[string]float64 {
	d.t.Helper()
	web := http.Client{Timeout: 10 * time.Second}
	res, err := web.Get("http://127.0.0.1:" + strconv.Itoa(d.metrics+i) + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			if v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
				all[line[:at]] = v
			}
		}
	}
	return all
}

// logged reports whether replica i has logged these words in one line.
func (d *deployment) logged(i int, words ...string) bool {
	text, _ := os.ReadFile(filepath.Join(d.node(i), "log.jsonl"))
	for line := range bytes.Lines(text) {
		all := true
		for _, w := range words {
			all = all && bytes.Contains(line, []byte(w))
		}
		if all {
			return true
		}
	}
	return false
}

// printLogs shows the ends of all logs if the test failed, or if the environment
// asks for them.
func (d *deployment) printLogs() {
	if !d.t.Failed() && os.Getenv(traceVar) == "" {
		return
	}
	for i := range d.nodes {
		if text, err := os.ReadFile(filepath.Join(d.node(i), "log.jsonl")); err == nil {
			d.t.Logf("log of replica %d ends with:\n%s", i, tail(text))
		}
	}
}

// watch notes each second where every replica stands, until the test ends.
func (d *deployment) watch() {
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			var line strings.Builder
			for i := range d.nodes {
				s, err := d.status(i)
				fmt.Fprintf(&line, "  %d/%d (%d, %.4s)", s.View, s.Executed, s.Stable, s.Execute)
				if err != nil {
					fmt.Fprint(&line, " down")
				}
			}
			d.t.Logf("%s view/executed (stable, digest):%s", time.Now().UTC().Format("15:04:05.000"), line.String())
			select {
			case <-over:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	d.t.Cleanup(func() { close(over); <-gone })
}

// tail gives the last lines of a text.
func tail(text []byte) string { return procs.Tail(text) }

// eventually tries until try succeeds, or fails the test with its last error.
func eventually(t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	if err := procs.Eventually(limit, what, try); err != nil {
		t.Fatal(err)
	}
}

// audited is what the tests read of loadgen's result.
type audited struct {
	Whole struct {
		Offered, Achieved, Errors uint64
	} `json:"whole_run"`
	FirstErr string `json:"first_error"`
	Audit    struct {
		Acked        uint64   `json:"acked"`
		Checked      uint64   `json:"checked"`
		FoundOnce    uint64   `json:"found_once"`
		Balanced     bool     `json:"balanced"`
		DigestsEqual int      `json:"digests_equal"`
		Receipts     int      `json:"receipts"`
		Faults       []string `json:"faults"`
	} `json:"audit"`
}

// load is a running loadgen.
type load struct {
	*process
	d   *deployment
	out string // where result.json and receipt.json will be
}

// load starts loadgen for so many seconds at a small rate. A shortfall is no
// failure here: the machine may be busy, and a killed primary costs its time.
func (d *deployment) load(seconds int, more ...string) *load {
	d.t.Helper()
	out := filepath.Join(d.t.TempDir(), "out")
	args := []string{"run", "--dir", d.dir, "--rate", "2000", "--batch", "40", "--clients", "2", "--accounts", "200", "--json", "--out", out,
		"--duration", strconv.Itoa(seconds) + "s", "--receipts", "10", "--shortfall", "1",
		"--connect-timeout", "30s", "--drain", "30s", "--audit-timeout", "40s", "--audit-deadline", "90s"}
	return &load{spawn(d.t, nil, "loadgen", append(args, more...)...), d, out}
}

// flowing waits until replica i executes payments of a load that was just
// started.
func (d *deployment) flowing(i int) {
	d.t.Helper()
	first := d.mustStatus(i).Events
	eventually(d.t, readyMax, "payments flow", func() error {
		if s, err := d.status(i); err != nil || s.Events < first+1000 {
			return fmt.Errorf("%d events, at first %d: %w", s.Events, first, err)
		}
		return nil
	})
}

// passes waits for the end and wants a clean audit in which so many replicas
// agree: nothing lost, nothing twice, money conserved, receipts good.
func (l *load) passes(replicas int) audited {
	l.d.t.Helper()
	t := l.d.t
	code := l.wait(t, 200*time.Second)
	var r audited
	if err := json.Unmarshal(l.Stdout.Bytes(), &r); err != nil {
		t.Fatalf("exit code %d, no result: %v\n%s%s", code, err, tail(l.Stdout.Bytes()), tail(l.Stderr.Bytes()))
	}
	a := &r.Audit
	if code != exitOK || len(a.Faults) > 0 || a.Acked == 0 || a.FoundOnce != a.Acked || a.Checked == 0 || !a.Balanced ||
		a.DigestsEqual < replicas || a.Receipts == 0 || r.Whole.Errors != 0 {
		t.Fatalf("exit code %d, %+v\n%s", code, r, tail(l.Stderr.Bytes()))
	}
	t.Logf("offered %d, acked %d, found once %d, %d digests equal; the load:\n%s", r.Whole.Offered, a.Acked, a.FoundOnce, a.DigestsEqual, tail(l.Stderr.Bytes()))
	return r
}

// errOf makes an error of a condition that must hold.
func errOf(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}
