package e2e

// Aim: the commands of capacity planning as an operator meets them: bad files and
// flags are refused with a cause and a next step and leave nothing behind, rules are
// rules, and a real measurement fails a prediction that is wrong and names the stage.
// Method: the binary, a calibration with made-up costs for this host, one short
// cluster. Whether a prediction is right is decided by no test: `make capacity` does.

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"quorate/capacity"
	"quorate/tuning"
	"quorate/wire"
)

// calibrationFile writes a calibration for this host and the binary under test.
func calibrationFile(t *testing.T, dir string, bend func(*capacity.Calibration)) string {
	t.Helper()
	cost := func(payment, request, block float64) capacity.Cost {
		return capacity.Cost{PerPayment: payment, PerRequest: request, PerBlock: block, PerSecond: 2000}
	}
	c := &capacity.Calibration{Schema: capacity.CalibrationSchema, Made: "2026-01-02T03:04:05Z", Build: capacity.Build{Version: "devel", Go: runtime.Version()},
		Host: tuning.DetectHost(), Scheme: "threshold-bls", Profile: tuning.Balanced, Replicas: 4, Reference: 15_000,
		Groups: []capacity.Group{{Replicas: 4, Each: 2300, SlowEach: 1500, Bytes: 48}},
		Syncs:  []capacity.Sync{{Bytes: 4096, CPU: 50, P50: 300, P99: 900}, {Bytes: 1 << 20, CPU: 400, P50: 2000, P99: 5000}},
		Model: capacity.Model{Client: capacity.Cost{PerPayment: 0.4, PerRequest: 40}, Busy: 0.95, Path: 0.45, Slot: 0.6, Tails: []capacity.Tail{{Busy: 0, Times: 2.2}}, TailFull: 2, TailClosed: 1.8, SyncBase: 600, SyncByte: 0.004,
			Ledger: capacity.Cost{PerPayment: 142, PerRequest: 170, PerBlock: 630}, Link: capacity.Cost{PerPayment: 380, PerRequest: 700, PerBlock: 4500}}}
	for _, stage := range []string{"commit", "crypto", "execute", "journal", "network", "order", capacity.Rest} {
		c.Model.Stages = append(c.Model.Stages, capacity.StageCost{Stage: stage, Primary: cost(0.25, 4, 500), Backup: cost(0.2, 4, 500)})
	}
	if bend != nil {
		bend(c)
	}
	text, err := capacity.EncodeCalibration(c)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "host.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCapacityRefuses(t *testing.T) {
	dir := t.TempDir()
	good := calibrationFile(t, dir, nil)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := write("cut.json", string(whole[:len(whole)/2]))
	later := write("later.json", strings.Replace(string(whole), `"schema": 2`, `"schema": 7`, 1))
	other := write("other.json", strings.Replace(string(whole), `"version": "devel"`, `"version": "older"`, 1))
	few := write("few.json", `{"schema":1,"kind":"sweep","steps":[{"achieved":10,"p50":1,"p99":1,"outstanding_mean":1,"steady":true}]}`)
	wild := write("wild.json", `{"schema":1,"kind":"cores","points":[{"cores":1,"achieved":10},{"cores":2,"achieved":90},{"cores":4,"achieved":5},{"cores":8,"achieved":80},{"cores":16,"achieved":7},{"cores":32,"achieved":60}]}`)
	rules := filepath.Join(dir, "rules.yml")
	const usage = 64
	for _, r := range []struct {
		args string
		code int
		word string
	}{
		{"predict", usage, "calibration"},
		{"predict --calibration " + dir + "/none.json", exitConfig, "replica capacity calibrate"},
		{"predict --calibration " + cut, exitConfig, "make it again"},
		{"predict --calibration " + later, exitConfig, "schema 7, this build reads 2"},
		{"predict --calibration " + other, exitConfig, `build is "older" there`},
		{"predict --calibration " + good + " --scheme ed25519", exitConfig, "calibrate with --scheme ed25519"},
		{"predict --calibration " + good + " --rate 5/min", usage, "as 20000"},
		{"predict --calibration " + good + " --replicas 5", usage, "4, 7, 10"},
		{"predict --calibration " + good + " --batch 9000", usage, "8189"},
		{"predict --calibration " + good + " --profile fast", usage, "choose one of"},
		{"predict --calibration " + good + " --link 1GB", usage, "1Gbit"},
		{"verify --calibration " + good + " --load 2", usage, "--load"},
		{"verify --calibration " + good + " --measured " + cut, exitConfig, "cut.json"},
		{"fit " + few, exitFailure, "6 are needed"},
		{"fit " + wild, exitFailure, "explains"},
		{"fit " + cut, exitConfig, "loadgen sweep"},
		{"plan --calibration " + good + " --target 20.000.000", usage, "as 20000"},
		{"plan --calibration " + good + " --target 20k --growth 8%", usage, "8%/month"},
		{"plan --calibration " + good + " --target 20k --slo p95<1ms", usage, "p99<100ms"},
		{"plan --calibration " + good + " --target 90M --rules " + rules, exitFailure, "raise"},
		{"calibrate --out " + dir + "/x.json --scheme rsa", usage, "choose one of"},
		{"calibrate --out " + dir + "/x.json --dir " + dir, 73, "not empty"},
		{"calibrate --out " + dir + "/no/such/x.json", 73, "no such"},
	} {
		got := replicaCommand(t, append([]string{"capacity"}, strings.Fields(r.args)...)...)
		if got.code != r.code || !strings.Contains(got.stderr, r.word) {
			t.Errorf("%s: code %d, want %d with %q: %s", r.args, got.code, r.code, r.word, got.stderr)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".capacity*")); err != nil || len(left) != 6 || len(hidden) != 0 {
		t.Errorf("left behind: %v %v, %v", left, hidden, err)
	}
	// The operator's word lets another build's calibration pass, with a warning.
	if got := replicaCommand(t, "capacity", "predict", "--calibration", other, "--other-host"); got.code != exitOK || !strings.Contains(got.stderr, "warning") {
		t.Errorf("--other-host: %+v", got)
	}
}

func TestCapacityAnswers(t *testing.T) {
	dir := t.TempDir()
	good := calibrationFile(t, dir, nil)
	var p capacity.Prediction
	got := replicaCommand(t, "capacity", "predict", "--calibration", good, "--batch", "1000", "--cores", "8", "--rate", "20ktps", "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &p); got.code != exitOK || err != nil || p.At.Rate != 20_000 || p.Question.Cores != 8 || p.Highest <= 0 {
		t.Errorf("predict: %+v, %v", got, err)
	}
	if got := replicaCommand(t, "capacity", "predict", "--calibration", good, "--together"); got.code != exitOK || !strings.Contains(got.stdout, "highest rate") || !strings.Contains(got.stdout, "execute") {
		t.Errorf("predict: %+v", got)
	}
	var steps []string
	for _, n := range []float64{1, 2, 4, 8, 16, 32, 64} {
		steps = append(steps, fmt.Sprintf(`{"achieved":%v,"p50":1,"p99":1,"outstanding_mean":%v,"steady":true}`, 1000*n/(1+0.05*(n-1)+0.001*n*(n-1)), n))
	}
	sweep := filepath.Join(dir, "sweep.json")
	if err := os.WriteFile(sweep, []byte(`{"schema":1,"kind":"sweep","steps":[`+strings.Join(steps, ",")+`]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var law capacity.Law
	got = replicaCommand(t, "capacity", "fit", sweep, "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &law); got.code != exitOK || err != nil || math.Abs(law.Sigma.Value-0.05) > 1e-6 {
		t.Errorf("fit: %+v, %v", got, err)
	}
	rules := filepath.Join(dir, "rules.yml")
	got = replicaCommand(t, "capacity", "plan", "--calibration", good, "--target", "20000tps", "--growth", "8%/month", "--slo", "p99<100ms", "--memory", "64GiB", "--rules", rules)
	if got.code != exitOK || !strings.Contains(got.stdout, "one server down") || !strings.Contains(got.stdout, "headroom") {
		t.Errorf("plan: %+v", got)
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not here (Debian: prometheus, see deploy/check.sh)")
	}
	if out, err := exec.Command("promtool", "check", "rules", rules).CombinedOutput(); err != nil || !strings.Contains(string(out), "5 rules found") || !strings.Contains(got.stdout, "checked by promtool") {
		t.Errorf("promtool: %s, %v", out, err)
	}
}

// One short run, held against three calibrations: what a prediction with a stage a
// thousand times too dear says is wrong on any host.
func TestCapacityVerifyNamesTheStage(t *testing.T) {
	long(t)
	dir := t.TempDir()
	good, kept := calibrationFile(t, dir, nil), filepath.Join(dir, "kept.json")
	run := func(args ...string) outcome {
		p := spawn(t, nil, "replica", append([]string{"capacity", "verify", "--calibration", good}, args...)...)
		code := p.wait(t, 4*time.Minute)
		return outcome{code, p.Stdout.String(), p.Stderr.String()}
	}
	first := run("--batch", "500", "--clients", "2", "--in-flight", "2", "--seconds", "2", "--load", "0.05", "--save", kept)
	if first.code != exitOK && !strings.Contains(first.stderr, "the prediction is off") || !strings.Contains(first.stdout, "stage execute") || strings.Count(first.stdout, "note: host speed") != 2 {
		t.Fatalf("%+v", first)
	}
	m, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	measured, err := capacity.DecodeMeasurement(m)
	if err != nil || measured.Peak.Payments <= 0 || measured.Steady.Payments <= 0 {
		t.Fatalf("%+v, %v", measured, err)
	}
	for _, stage := range []string{"execute", "crypto", "network"} {
		found := false
		for _, s := range measured.Peak.Stages {
			found = found || s.Stage == stage && s.Primary > 0 && s.Backup > 0
		}
		if !found && runtime.GOOS == "linux" {
			t.Errorf("no CPU of stage %s in %+v", stage, measured.Peak.Stages)
		}
	}
	again := run("--measured", kept)
	if again.code != first.code || again.stdout != first.stdout {
		t.Errorf("the kept measurement says %+v, first it was %+v", again, first)
	}
	calibrationFile(t, dir, func(c *capacity.Calibration) {
		c.Model.Stages[2].Primary.PerPayment *= 1000
		c.Model.Stages[2].Backup.PerPayment *= 1000
	})
	if bent := run("--measured", kept); bent.code != exitFailure || !strings.Contains(bent.stderr, "stage execute at the peak") {
		t.Errorf("a stage that is wrong: %+v", bent)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".capacity*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The model's copies of the wire format's numbers.
func TestCapacityKnowsTheWireFormat(t *testing.T) {
	if capacity.EventsOfRequest != wire.EventsMax {
		t.Errorf("a request holds %d events, package capacity says %d", wire.EventsMax, capacity.EventsOfRequest)
	}
}
