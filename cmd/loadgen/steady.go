package main

import (
	"fmt"
	"math"
	"slices"

	"quorate/cmd/loadgen/outcome"
)

// How much the second half of a step may differ from the first and still count
// as steady. Quiet machines stay far below; two busy cores reach about half of
// each.
const (
	rateDrift    = 0.10 // of the mean rate
	noise        = 2    // standard errors that a difference of means has to exceed
	latencyDrift = 2    // ratio of the median p50s
	latencyFloor = 10   // ms: below it a ratio says nothing
	backlogDrift = 0.5  // of the mean outstanding
	backlogFloor = 2    // requests
	// steadyRows is the least number of seconds from which anything can be said.
	steadyRows = 4
)

// unsteady says why the measured rows of a step are no steady state, or nothing.
// Backlog is asked of an open loop alone: a closed one keeps it. batch is what
// one request more or less is worth: a rate that differs by two of them does not
// drift, nor one that differs by no more than its seconds do among themselves.
func unsteady(rows []outcome.Row, batch int, open bool) string {
	if len(rows) < steadyRows {
		return fmt.Sprintf("%d measured seconds are too few to tell", len(rows))
	}
	first, second := rows[:len(rows)/2], rows[len(rows)/2:]
	a, b := mean(first, achievedOf), mean(second, achievedOf)
	if gap := math.Abs(b - a); gap > max(rateDrift*(a+b)/2, 2*float64(batch)/float64(len(first)), noise*standardError(first, second, achievedOf)) {
		return fmt.Sprintf("the rate drifts from %.0f to %.0f/s", a, b)
	}
	a, b = median(first, p50Of), median(second, p50Of)
	if low, high := min(a, b), max(a, b); high > latencyFloor && high-low > latencyFloor && high > latencyDrift*low {
		return fmt.Sprintf("p50 drifts from %.1f to %.1f ms", a, b)
	}
	a, b = mean(first, outstandingOf), mean(second, outstandingOf)
	if open && b-a > max(backlogFloor, backlogDrift*(a+b)/2) {
		return fmt.Sprintf("the backlog grows from %.1f to %.1f requests", a, b)
	}
	return ""
}

// restless says how the cluster changed while rows were measured, or nothing: a
// step with a view change in it is no step of the cluster as it is.
func restless(rows []outcome.Row) string {
	if len(rows) == 0 {
		return ""
	}
	first := rows[0].Replicas
	for i := range rows {
		for k := range min(len(rows[i].Replicas), len(first)) {
			is, was := rows[i].Replicas[k], first[k]
			if is.Up && was.Up && is.View != was.View {
				return fmt.Sprintf("replica %d went from view %d to %d", k, was.View, is.View)
			}
			if was.Up && !is.Up {
				return fmt.Sprintf("replica %d stopped answering", k)
			}
		}
	}
	return ""
}

func achievedOf(r *outcome.Row) float64    { return float64(r.Achieved) }
func p50Of(r *outcome.Row) float64         { return r.P50 }
func outstandingOf(r *outcome.Row) float64 { return r.Outstanding }

func mean(rows []outcome.Row, of func(*outcome.Row) float64) (sum float64) {
	for i := range rows {
		sum += of(&rows[i])
	}
	return sum / float64(len(rows))
}

// standardError is the standard error of the difference of two halves' means.
func standardError(a, b []outcome.Row, of func(*outcome.Row) float64) float64 {
	variance := func(rows []outcome.Row) (v float64) {
		m := mean(rows, of)
		for i := range rows {
			v += (of(&rows[i]) - m) * (of(&rows[i]) - m)
		}
		return v / float64(max(len(rows)-1, 1)) / float64(len(rows))
	}
	return math.Sqrt(variance(a) + variance(b))
}

func median(rows []outcome.Row, of func(*outcome.Row) float64) float64 {
	v := make([]float64, len(rows))
	for i := range rows {
		v[i] = of(&rows[i])
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
