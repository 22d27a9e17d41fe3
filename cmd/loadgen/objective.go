package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"quorate/cmd/loadgen/outcome"
)

// objective is what a step of a sweep has to hold, all of it.
type objective struct {
	text  string
	terms []term
}

// term is one condition, such as p99<100ms.
type term struct {
	figure string
	more   bool    // the figure must be above limit, else below
	limit  float64 // ms, or a share from 0 to 1
	text   string
}

// shortfallTerm holds where an objective does not speak of what is achieved: a
// rate that is not reached says nothing about latency at that rate.
const shortfallTerm = "achieved>99%"

var termForm = regexp.MustCompile(`^([a-z0-9.]+)\s*([<>])\s*(\S+)$`)

// parseObjective reads such as p99<100ms,errors<0.1%.
func parseObjective(text string) (*objective, error) {
	o := &objective{text: text}
	parts := strings.Split(text, ",")
	if !strings.Contains(text, "achieved") {
		parts = append(parts, shortfallTerm)
	}
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		t, err := parseTerm(part)
		if err != nil {
			return nil, err
		}
		o.terms = append(o.terms, t)
	}
	return o, nil
}

func parseTerm(text string) (term, error) {
	bad := func(why string) (term, error) {
		return term{}, fmt.Errorf("--slo %.60q: %s; write such as p99<100ms,errors<0.1%%,achieved>99%%", text, why)
	}
	m := termForm.FindStringSubmatch(text)
	if m == nil {
		return bad("no figure, < or >, and limit")
	}
	t := term{figure: m[1], more: m[2] == ">", text: text}
	switch t.figure {
	case "p50", "p90", "p99", "p999", "p99.9", "mean", "max":
		limit, err := time.ParseDuration(m[3])
		if err != nil || limit <= 0 || t.more {
			return bad("a latency is below a duration, such as 100ms")
		}
		t.limit = limit.Seconds() * 1000
	case "errors", "achieved":
		share, percent := strings.CutSuffix(m[3], "%")
		limit, err := strconv.ParseFloat(share, 64)
		if percent {
			limit /= 100
		}
		if err != nil || math.IsNaN(limit) || limit < 0 || limit > 1 || t.more != (t.figure == "achieved") {
			return bad("errors are below and achieved is above a share, such as 0.1%")
		}
		t.limit = limit
	default:
		return bad("the figures are p50 p90 p99 p999 mean max errors achieved")
	}
	return t, nil
}

// broken gives the first condition that a step of requests of batch payments
// does not hold, or nothing. What is just under way when the step ends, and one
// request more, counts as achieved: else a short step of large requests never
// holds.
func (o *objective) broken(s *outcome.Step, batch int) string {
	underWay := float64(batch) * (s.Outstanding + 1) / max(s.Seconds, 1)
	achieved := min((s.Achieved+underWay)/max(s.Offered, 1), 1)
	for _, t := range o.terms {
		v := map[string]float64{"p50": s.P50, "p90": s.P90, "p99": s.P99, "p999": s.P999, "p99.9": s.P999, "mean": s.Mean, "max": s.Most,
			"errors": s.Errors, "achieved": achieved}[t.figure]
		if t.more && v < t.limit || !t.more && v >= t.limit {
			if t.figure == "errors" || t.figure == "achieved" {
				return fmt.Sprintf("%s is %.2f%%, wanted %s", t.figure, 100*v, t.text)
			}
			return fmt.Sprintf("%s is %.1f ms, wanted %s", t.figure, v, t.text)
		}
	}
	return ""
}

// search chooses the rates of a sweep: up by a factor until one breaks the
// objective, down when the first does, then bisection between the best and the
// worst that is known.
type search struct {
	from, to  float64
	factor    float64
	precision float64
	good, bad float64 // 0: none yet
}

// next gives the next rate, or false when there is nothing left to learn.
func (s *search) next() (rate float64, more bool) {
	switch {
	case s.good == 0 && s.bad == 0:
		return s.from, true
	case s.bad == 0 && s.good >= s.to:
		return 0, false
	case s.bad == 0:
		return math.Round(min(s.good*s.factor, s.to)), true
	case s.good == 0 && s.bad/s.factor < 1:
		return 0, false
	case s.good == 0:
		return math.Round(s.bad / s.factor), true
	case s.bad/s.good <= 1+s.precision:
		return 0, false
	}
	rate = math.Round(math.Sqrt(s.good * s.bad))
	return rate, rate > s.good && rate < s.bad
}

// note takes what came of a rate.
func (s *search) note(rate float64, ok bool) {
	if ok {
		s.good = max(s.good, rate)
	} else if s.bad == 0 || rate < s.bad {
		s.bad = rate
	}
}
