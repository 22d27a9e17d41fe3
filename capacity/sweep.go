package capacity

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What loadgen writes into sweep.json (docs/loadgen.md). A version of its schema only
// ever gets fields added, so fields that are not known here are ignored.
const (
	sweepSchema = 1
	sweepKind   = "sweep"
)

// Sweep is what is read of sweep.json.
type Sweep struct {
	Schema   int         `json:"schema"`
	Kind     string      `json:"kind"`
	Commit   string      `json:"commit"`
	Batch    int         `json:"batch"`
	Replicas int         `json:"replicas"`
	Profile  string      `json:"profile"`
	By       string      `json:"by"`
	Steps    []SweepStep `json:"steps"`
}

// SweepStep is what is read of one step.
type SweepStep struct {
	Achieved    float64 `json:"achieved"` // payments per second
	P50         float64 `json:"p50"`      // ms
	P99         float64 `json:"p99"`
	Outstanding float64 `json:"outstanding_mean"`
	Errors      float64 `json:"errors"`
	Steady      bool    `json:"steady"`
}

// stepsMost bounds a file's steps: more are no sweep.
const stepsMost = 10_000

// DecodeSweep reads sweep.json.
func DecodeSweep(text []byte) (*Sweep, error) {
	var s Sweep
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%w: sweep: cut or no JSON: %v; run loadgen sweep again", ErrFile, err)
	}
	switch {
	case s.Schema != sweepSchema || s.Kind != sweepKind:
		return nil, fmt.Errorf("%w: sweep: kind %q of schema %d: give the sweep.json of loadgen sweep, schema %d", ErrFile, s.Kind, s.Schema, sweepSchema)
	case len(s.Steps) > stepsMost:
		return nil, fmt.Errorf("%w: sweep: %d steps, at most %d are read", ErrFile, len(s.Steps), stepsMost)
	}
	for i := range s.Steps {
		p := &s.Steps[i]
		if bad(p.Achieved, p.P50, p.P99, p.Outstanding, p.Errors) || p.P99 < p.P50 || p.Errors > 1 {
			return nil, fmt.Errorf("%w: sweep: step %d: achieved %v, p50 %v, p99 %v, outstanding %v, errors %v cannot be: run loadgen sweep again",
				ErrFile, i+1, p.Achieved, p.P50, p.P99, p.Outstanding, p.Errors)
		}
	}
	return &s, nil
}

// Samples gives the points of a sweep to which a law can be fitted: load is the mean
// number of requests under way. Steps that were not steady are left out, and
// counted.
func (s *Sweep) Samples() (all []Sample, left int) {
	for i := range s.Steps {
		if p := &s.Steps[i]; p.Steady && p.Achieved > 0 && p.Outstanding > 0 {
			all = append(all, Sample{p.Outstanding, p.Achieved})
		} else {
			left++
		}
	}
	return all, left
}

// CoresFile is the file of a sweep over cores, which an operator writes: rates with
// different numbers of cores and nothing else changed.
type CoresFile struct {
	Schema int    `json:"schema"`
	Kind   string `json:"kind"` // cores
	Points []struct {
		Cores float64 `json:"cores"`
		Rate  float64 `json:"achieved"`
	} `json:"points"`
}

const kindCores = "cores"

// ErrReplicas refuses a fit over replicas.
var ErrReplicas = errors.New("capacity: more replicas raise f, not throughput: a scalability law over them means nothing; fit outstanding requests or cores")

// DecodeCurve reads either file and gives its samples, what their load counts, and
// how many steps were left out.
func DecodeCurve(text []byte) (samples []Sample, over string, left int, err error) {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, "", 0, fmt.Errorf("%w: cut or no JSON: %v; give the sweep.json of loadgen sweep", ErrFile, err)
	}
	switch head.Kind {
	case "replicas":
		return nil, "", 0, ErrReplicas
	case kindCores:
		var f CoresFile
		if err := decode(text, sweepSchema, "cores", &f); err != nil {
			return nil, "", 0, err
		}
		for i, p := range f.Points {
			if bad(p.Cores, p.Rate) || p.Cores == 0 || p.Rate == 0 || i >= stepsMost {
				return nil, "", 0, fmt.Errorf("%w: point %d: %v cores, %v payments per second", ErrFile, i+1, p.Cores, p.Rate)
			}
			samples = append(samples, Sample{p.Cores, p.Rate})
		}
		return samples, "cores", 0, nil
	}
	s, err := DecodeSweep(text)
	if err != nil {
		return nil, "", 0, err
	}
	samples, left = s.Samples()
	return samples, "requests under way", left, nil
}
