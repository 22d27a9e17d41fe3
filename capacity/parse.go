package capacity

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrSyntax says that what an operator wrote cannot be read.
var ErrSyntax = errors.New("capacity: not understood")

// Bounds of what an operator may ask for.
const (
	rateMost        = 1e8    // payments per second, as loadgen's
	growthMost      = 10     // times per month: more is a mistake in the unit
	sloMicrosMost   = 3600e6 // an hour
	sizeBytesMost   = 1 << 60
	monthsPerYear   = 12
	microsPerSecond = 1e6
)

// ParseRate reads payments per second: 20000, 20k, 1.5M, each alone or with
// "tps" or "/s" behind it. Any other unit is refused, "/min" too: a rate over a
// longer time says nothing about its peaks.
func ParseRate(s string) (perSecond float64, err error) {
	rest := s
	if t, ok := strings.CutSuffix(rest, "tps"); ok {
		rest = t
	} else if t, ok := strings.CutSuffix(rest, "/s"); ok {
		rest = t
	}
	times := 1.0
	if t, ok := strings.CutSuffix(rest, "k"); ok {
		rest, times = t, 1e3
	} else if t, ok := strings.CutSuffix(rest, "M"); ok {
		rest, times = t, 1e6
	}
	v, err := number(rest)
	v *= times
	if err != nil || v <= 0 || v > rateMost {
		return 0, fmt.Errorf("%w: rate %q: write payments per second up to 100M, as 20000, 20k or 20000tps", ErrSyntax, s)
	}
	return v, nil
}

// ParseGrowth reads "8%/month" or "150%/year" and gives the factor per month: a
// year's growth is taken as twelve equal steps. Negative growth is refused.
func ParseGrowth(s string) (perMonth float64, err error) {
	part, per, _ := strings.Cut(s, "%/")
	v, err := number(part)
	perMonth = 1 + v/100
	switch {
	case per == "year":
		perMonth = math.Pow(perMonth, 1.0/monthsPerYear)
	case per != "month":
		err = ErrSyntax
	}
	if err != nil || v < 0 || perMonth > growthMost {
		return 0, fmt.Errorf("%w: growth %q: write it per month or per year, as 8%%/month or 150%%/year; 0%%/month for none", ErrSyntax, s)
	}
	return perMonth, nil
}

// Objective is a bound on a quantile of latency.
type Objective struct {
	Quantile string  `json:"quantile"` // p50 or p99
	Micros   float64 `json:"micros"`
}

// String writes it as ParseObjectives reads it.
func (o Objective) String() string {
	return o.Quantile + "<" + strconv.FormatFloat(o.Micros/1000, 'g', 6, 64) + "ms"
}

// ParseObjectives reads "p99<100ms" or several with commas between them; the
// quantiles are those that the model gives, p50 and p99, each at most once. The
// empty text is no objective.
func ParseObjectives(s string) (all []Objective, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		quantile, limit, _ := strings.Cut(part, "<")
		micros, err := parseMicros(limit)
		twice := len(all) > 0 && all[0].Quantile == quantile
		if err != nil || quantile != "p50" && quantile != "p99" || twice || len(all) == 2 {
			return nil, fmt.Errorf("%w: objective %q: write p50 or p99 below a time, as p99<100ms or p50<20ms,p99<100ms", ErrSyntax, s)
		}
		all = append(all, Objective{quantile, micros})
	}
	return all, nil
}

// parseMicros reads a time with the unit us, µs, ms or s.
func parseMicros(s string) (float64, error) {
	for _, u := range []struct {
		name   string
		micros float64
	}{{"us", 1}, {"µs", 1}, {"ms", 1e3}, {"s", 1e6}} {
		rest, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := number(rest)
		if v *= u.micros; err != nil || v <= 0 || v > sloMicrosMost {
			return 0, ErrSyntax
		}
		return v, nil
	}
	return 0, ErrSyntax
}

// ParseSize reads bytes: a number with B, kB, MB, GB, TB (thousands) or KiB, MiB,
// GiB, TiB (1,024s).
func ParseSize(s string) (bytes float64, err error) {
	for _, u := range []struct {
		name  string
		times float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
	} {
		rest, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := number(rest)
		if v *= u.times; err == nil && v > 0 && v <= sizeBytesMost {
			return v, nil
		}
		break
	}
	return 0, fmt.Errorf("%w: size %q: write bytes with a unit, as 500GB, 2TB or 64GiB", ErrSyntax, s)
}

// number reads a plain decimal number: no sign, exponent, hexadecimal, infinity
// or separators, which strconv would take.
func number(s string) (float64, error) {
	digits := strings.Trim(s, "0123456789")
	if s == "" || s == "." || len(s) > 18 || digits != "" && digits != "." {
		return 0, ErrSyntax
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, ErrSyntax
	}
	return v, nil
}

// ParseLink reads a link's bandwidth, as 1Gbit or 100Mbit, in bits per second.
func ParseLink(s string) (bits float64, err error) {
	for _, u := range []struct {
		name  string
		times float64
	}{{"Mbit", 1e6}, {"Gbit", 1e9}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			if v, err := number(rest); err == nil && v > 0 {
				return v * u.times, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: link %q: write it as 1Gbit or 100Mbit", ErrSyntax, s)
}
