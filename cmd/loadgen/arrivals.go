package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// rate is the flag --rate: payments per second, or the most that goes.
type rate struct {
	perSecond float64 // 0: max
}

// String, Set and Type make rate a flag value.
func (r *rate) String() string {
	if r.perSecond == 0 {
		return "max"
	}
	return strconv.FormatFloat(r.perSecond, 'f', -1, 64)
}

// Set takes "max" or a positive number.
func (r *rate) Set(s string) error {
	if s == "max" {
		r.perSecond = 0
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || !(v > 0) || v > 1e8 {
		return fmt.Errorf("use max or payments per second, 0 < rate ≤ 1e8")
	}
	r.perSecond = v
	return nil
}

// Type names the value in help texts.
func (r *rate) Type() string { return "N|max" }

// Arrivals.
const (
	arriveConstant = "constant"
	arrivePoisson  = "poisson"
	arriveTrace    = "trace"
)

// schedule gives the times at which requests are meant to leave, from 0. It is
// deterministic for a seed.
type schedule struct {
	gap     float64 // mean, nanoseconds
	poisson *rand.Rand
	trace   *trace
	next    float64
}

// newSchedule makes the schedule of requests of events payments each at
// perSecond payments per second.
func newSchedule(perSecond float64, events int, kind string, seed uint64) (*schedule, error) {
	s := &schedule{gap: 1e9 * float64(events) / perSecond}
	switch kind {
	case arriveConstant:
	case arrivePoisson:
		s.poisson = rand.New(rand.NewPCG(seed, 0x706f6973736f6e))
	default:
		return nil, fmt.Errorf("--arrivals %q is not %s, %s or %s with --trace", kind, arriveConstant, arrivePoisson, arriveTrace)
	}
	return s, nil
}

// never is the time of what does not come.
const never = time.Duration(math.MaxInt64)

// take gives the next time, or never.
func (s *schedule) take() time.Duration {
	if s.trace != nil {
		return s.trace.take()
	}
	at := s.next
	gap := s.gap
	if s.poisson != nil {
		gap *= s.poisson.ExpFloat64()
	}
	s.next += gap
	return time.Duration(at)
}
