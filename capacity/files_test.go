package capacity

// Aim: files and flags are taken as they are meant or refused with a reason. Method:
// tables, one bend at a time of what is good, and fuzzing.

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"quorate/tuning"
)

func TestParse(t *testing.T) {
	rate := func(s string) (float64, error) { return ParseRate(s) }
	size := func(s string) (float64, error) { return ParseSize(s) }
	for _, r := range []struct {
		parse func(string) (float64, error)
		text  string
		want  float64 // 0: refused
	}{
		{rate, "20000", 20_000}, {rate, "20k", 20_000}, {rate, "20ktps", 20_000}, {rate, "1.5M/s", 1.5e6}, {rate, "20000tps", 20_000}, {rate, "0.5", 0.5},
		{rate, "5/min", 0}, {rate, "20,000", 0}, {rate, "20 000", 0}, {rate, "-5", 0}, {rate, "1e4", 0}, {rate, "0", 0}, {rate, "", 0}, {rate, "k", 0},
		{rate, "tps", 0}, {rate, "20K", 0}, {rate, "20kk", 0}, {rate, "1.2.3", 0}, {rate, "NaN", 0}, {rate, "Inf", 0}, {rate, "0x10", 0}, {rate, "200M", 0}, {rate, ".", 0},
		{ParseGrowth, "8%/month", 1.08}, {ParseGrowth, "0%/month", 1}, {ParseGrowth, "100%/year", math.Pow(2, 1.0/12)},
		{ParseGrowth, "8%", 0}, {ParseGrowth, "8/month", 0}, {ParseGrowth, "-3%/month", 0}, {ParseGrowth, "8%/week", 0}, {ParseGrowth, "", 0}, {ParseGrowth, "2000%/month", 0},
		{size, "2TB", 2e12}, {size, "64GiB", 64 << 30}, {size, "1.5kB", 1500}, {size, "10B", 10},
		{size, "64", 0}, {size, "64G", 0}, {size, "-1GB", 0}, {size, "GB", 0}, {size, "0TB", 0}, {size, "9999999TiB", 0},
		{ParseLink, "1Gbit", 1e9}, {ParseLink, "100Mbit", 1e8}, {ParseLink, "1GB", 0}, {ParseLink, "1", 0}, {ParseLink, "0Gbit", 0},
	} {
		got, err := r.parse(r.text)
		if (err == nil) != (r.want != 0) || err == nil && !near(got, r.want, 1e-12) {
			t.Errorf("%q gives %v, %v; want %v", r.text, got, err, r.want)
		}
		if err != nil && (!errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), "write")) {
			t.Errorf("%q: no next step in %v", r.text, err)
		}
	}
}

func TestParseObjectives(t *testing.T) {
	for _, r := range []struct {
		text string
		want []Objective // nil: refused
	}{
		{"p99<100ms", []Objective{{"p99", 1e5}}}, {"p50<20ms,p99<0.1s", []Objective{{"p50", 2e4}, {"p99", 1e5}}}, {"p99<500us", []Objective{{"p99", 500}}},
		{"p95<100ms", nil}, {"p99<100", nil}, {"p99>100ms", nil}, {"p99<=100ms", nil}, {"p99<-1ms", nil}, {"p99<100ms,p99<90ms", nil}, {"100ms", nil},
		{"p99<100ms,", nil}, {"p99 < 100ms", nil}, {"p50<1ms,p99<1ms,p50<1ms", nil}, {"p99<9999999s", nil},
	} {
		got, err := ParseObjectives(r.text)
		if r.want == nil && !errors.Is(err, ErrSyntax) || r.want != nil && (err != nil || !reflect.DeepEqual(got, r.want)) {
			t.Errorf("%q gives %v, %v", r.text, got, err)
		}
		for _, o := range got {
			if again, err := ParseObjectives(o.String()); err != nil || again[0] != o {
				t.Errorf("%v writes itself as %s", o, o)
			}
		}
	}
}

func TestCalibrationFile(t *testing.T) {
	c := known(t)
	c.Loads = loads(c)
	text, err := EncodeCalibration(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeCalibration(text)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Fatalf("it is read as %+v, %v", got, err)
	}
	for at := 0; at < len(text)-2; at += 97 {
		if _, err := DecodeCalibration(text[:at]); !errors.Is(err, ErrFile) {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
	}
	for _, r := range []struct{ what, old, new, word string }{
		{"the schema before references", `"schema": 2,`, `"schema": 1,`, "schema 1, this build reads 2; make it again"},
		{"another schema", `"schema": 2,`, `"schema": 3,`, "schema 3, this build reads 2"},
		{"no reference", `"reference_micros": 15000`, `"reference_micros": 0`, "a reference of 0"},
		{"no schema", `"schema": 2,`, ``, "schema none"},
		{"an unknown field", `"made": "2026`, `"extra": 1, "made": "2026`, "extra"},
		{"a negative cost", `"per_block": 2700`, `"per_block": -2700`, "crypto"},
		{"a stage twice", `"stage": "journal"`, `"stage": "crypto"`, "twice"},
		{"an unknown profile", `"profile": "balanced"`, `"profile": "fast"`, "no profile"},
		{"too busy", `"busy": 0.95`, `"busy": 1.5`, "busy 1.5"},
		{"syncs out of order", `"bytes": 4096`, `"bytes": 9999999`, "order"},
		{"no cores", `"cores": 2`, `"cores": 0`, "0 cores"},
		{"a load of no time", `"seconds": 10`, `"seconds": 0`, "load"},
		{"a load with a negative cost", `"backup_cpu_seconds": `, `"backup_cpu_seconds": -`, "load"},
		{"a cost beyond all measure", `"per_block": 2700`, `"per_block": 1e300`, "crypto"},
		{"something behind", "\n}\n", "\n}\n{}", "after top-level"},
	} {
		bent := strings.Replace(string(text), r.old, r.new, -1)
		if bent == string(text) {
			t.Fatalf("%s: nothing was bent", r.what)
		}
		_, err := DecodeCalibration([]byte(bent))
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), r.word) {
			t.Errorf("%s: %v, want %q", r.what, err, r.word)
		}
	}
}

// A file whose stages cost nothing would predict rates that no JSON can say.
func TestCostsOfNothingAreRefused(t *testing.T) {
	for what, bend := range map[string]func(*StageCost){
		"no cost at all": func(s *StageCost) { s.Primary, s.Backup = Cost{}, Cost{} }, "a free primary": func(s *StageCost) { s.Primary = Cost{} },
		"a free backup": func(s *StageCost) { s.Backup = Cost{} }, "seconds alone": func(s *StageCost) { s.Primary, s.Backup = Cost{PerSecond: 1}, Cost{PerSecond: 1} },
	} {
		c := known(t)
		for i := range c.Model.Stages {
			bend(&c.Model.Stages[i])
		}
		text, err := EncodeCalibration(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeCalibration(text); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "cost nothing") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLoadsOfCalibrationsAreChecked(t *testing.T) {
	for what, bend := range map[string]func(*Load){
		"payments without blocks": func(l *Load) { l.Blocks = 0 }, "a tail below the middle": func(l *Load) { l.P99 = l.P50 / 2 },
		"payments without size": func(l *Load) { l.Events = 0 },
	} {
		c := known(t)
		c.Loads = loads(c)
		bend(&c.Loads[3])
		text, err := EncodeCalibration(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeCalibration(text); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), `load "made"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFits(t *testing.T) {
	c := known(t)
	if err := c.Fits(&c.Host, c.Build, c.Scheme); err != nil {
		t.Error(err)
	}
	other := tuning.Host{Cores: 8, Arch: "arm64", Model: "N", Kernel: "L"}
	err := c.Fits(&other, Build{"def", "go2"}, "ed25519")
	for _, word := range []string{"processor", "architecture", "cores", "kernel", "build", "compiler", "scheme", "--other-host"} {
		if !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), word) {
			t.Errorf("no %q in: %v", word, err)
		}
	}
}

const sweepText = `{"schema":1,"kind":"sweep","batch":100,"replicas":4,"by":"outstanding","added_later":true,"steps":[
{"achieved":1000,"p50":1,"p99":2,"outstanding_mean":1,"steady":true},{"achieved":900,"p50":1,"p99":2,"outstanding_mean":2,"steady":false}]}`

func TestSweepFile(t *testing.T) {
	s, over, left, err := DecodeCurve([]byte(sweepText))
	if err != nil || len(s) != 1 || left != 1 || s[0] != (Sample{1, 1000}) || over != "requests under way" {
		t.Fatalf("%v over %s, %d left out, %v", s, over, left, err)
	}
	if s, over, _, err := DecodeCurve([]byte(`{"schema":1,"kind":"cores","points":[{"cores":1,"achieved":10},{"cores":2,"achieved":19}]}`)); err != nil || len(s) != 2 || over != "cores" {
		t.Errorf("%v over %s, %v", s, over, err)
	}
	for _, r := range []struct {
		text string
		want error
	}{
		{``, ErrFile}, {`{}`, ErrFile}, {`[]`, ErrFile}, {sweepText[:60], ErrFile}, {strings.Replace(sweepText, `"schema":1`, `"schema":2`, 1), ErrFile},
		{strings.Replace(sweepText, `"kind":"sweep"`, `"kind":"run"`, 1), ErrFile}, {strings.Replace(sweepText, `"achieved":1000`, `"achieved":-1`, 1), ErrFile},
		{strings.Replace(sweepText, `"p99":2`, `"p99":0.5`, 1), ErrFile}, {`{"schema":1,"kind":"replicas"}`, ErrReplicas},
		{`{"schema":1,"kind":"cores","points":[{"cores":0,"achieved":10}]}`, ErrFile},
	} {
		if _, _, _, err := DecodeCurve([]byte(r.text)); !errors.Is(err, r.want) {
			t.Errorf("%.40q: %v", r.text, err)
		}
	}
}

func TestMeasurementFile(t *testing.T) {
	c := known(t)
	m := &Measurement{Schema: MeasurementSchema, Scheme: c.Scheme, Profile: tuning.Balanced, Replicas: 4, Host: c.Host,
		Peak: made(c, tuning.Balanced, 1000, 0, 64), Steady: made(c, tuning.Balanced, 1000, 10_000, 0)}
	text, err := EncodeMeasurement(m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeMeasurement(text); err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("it is read as %+v, %v", got, err)
	}
	for _, bent := range [][]byte{text[:len(text)/2], bytes.Replace(text, []byte(`"payments": `), []byte(`"payments": -`), 1), []byte(`{"schema":2}`),
		bytes.Replace(text, []byte(`"schema": 2`), []byte(`"schema": 1`), 1), bytes.Replace(text, []byte(`"schema": 2`), []byte(`"schema": 9`), 1),
		bytes.Replace(text, []byte(`"reference_after_micros": 15000`), []byte(`"reference_after_micros": 0`), 1)} {
		if _, err := DecodeMeasurement(bent); !errors.Is(err, ErrFile) {
			t.Errorf("%.60q: %v", bent, err)
		}
	}
}

func FuzzFiles(f *testing.F) {
	c := known(f)
	c.Loads = loads(c)
	text, _ := EncodeCalibration(c)
	f.Add(text)
	f.Add([]byte(sweepText))
	f.Add([]byte(`{"schema":1,"kind":"cores","points":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := DecodeCalibration(text); err == nil {
			again, err := EncodeCalibration(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeCalibration(again); err != nil {
				t.Fatalf("what was read is not read again: %v", err)
			}
			p, err := c.Predict(Question{Profile: c.Profile, Replicas: 4, Events: 100, Cores: 4, Disk: 1})
			if err == nil {
				_, err = json.Marshal(p)
			}
			if err != nil {
				t.Fatalf("what was taken predicts nothing: %v", err)
			}
		}
		if s, _, _, err := DecodeCurve(text); err == nil {
			_, _ = FitLaw(s[:min(len(s), 50)])
		}
		_, _ = DecodeMeasurement(text)
	})
}

func FuzzFlags(f *testing.F) {
	for _, s := range []string{"20ktps", "8%/month", "p99<100ms,p50<1s", "64GiB", "1Gbit", "150%/year", "0.5/s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseRate(s); err == nil && !(v > 0 && v <= rateMost) {
			t.Errorf("rate %q is %v", s, v)
		}
		if v, err := ParseGrowth(s); err == nil && !(v >= 1 && v <= growthMost) {
			t.Errorf("growth %q is %v", s, v)
		}
		if v, err := ParseSize(s); err == nil && !(v > 0 && v <= sizeBytesMost) {
			t.Errorf("size %q is %v", s, v)
		}
		if v, err := ParseLink(s); err == nil && !(v > 0) {
			t.Errorf("link %q is %v", s, v)
		}
		all, err := ParseObjectives(s)
		for _, o := range all {
			if err != nil || !(o.Micros > 0) {
				t.Errorf("objective %q is %v", s, o)
			}
		}
	})
}
