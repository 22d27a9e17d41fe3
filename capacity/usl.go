package capacity

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// ErrFit says that points do not determine a law.
var ErrFit = errors.New("capacity: no fit")

// Sample is a measured point: a load (requests under way, or cores) and a rate.
type Sample struct {
	N float64 `json:"n"`
	X float64 `json:"x"` // payments per second
}

// Interval is a value and its 95 % confidence interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Law is the Universal Scalability Law X(N) = λN / (1 + σ(N−1) + κN(N−1)).
type Law struct {
	Lambda    Interval  `json:"lambda"` // payments per second of one
	Sigma     Interval  `json:"sigma"`  // contention
	Kappa     Interval  `json:"kappa"`  // coherence
	R2        float64   `json:"r2"`
	Residuals []float64 `json:"residuals"`          // measured less fitted, as parts of the fitted, in the order of the samples
	Peak      float64   `json:"peak"`               // highest rate of the law
	PeakAt    float64   `json:"peak_at"`            // the load there; 0: it rises for ever
	Ceiling   float64   `json:"ceiling,omitempty"`  // where it rises for ever: λ/σ
	Measured  float64   `json:"highest_measured_n"` // beyond it the law is a guess
}

// Requirements of a fit.
const (
	samplesLeast   = 6
	r2Least        = 0.9
	residualMost   = 0.25 // of the fitted rate
	spreadLeast    = 3    // largest load over smallest
	iterationsMost = 50
)

// at is the law's rate at a load.
func (l *Law) at(n float64) float64 {
	return l.Lambda.Value * n / (1 + l.Sigma.Value*(n-1) + l.Kappa.Value*n*(n-1))
}

// FitLaw fits the law to samples with σ, κ ≥ 0 and λ > 0, and refuses what does not
// determine it: fewer than six points or loads that are too much alike, and points
// that do not follow it. The confidence is that of the jackknife: of fits without
// one point each, which assumes nothing about how errors are spread.
func FitLaw(samples []Sample) (*Law, error) {
	loads := map[float64]bool{}
	low, high := math.Inf(1), 0.0
	for _, s := range samples {
		if bad(s.N, s.X) || s.N == 0 || s.X == 0 {
			return nil, fmt.Errorf("%w: a point at load %v with rate %v", ErrFit, s.N, s.X)
		}
		loads[s.N] = true
		low, high = math.Min(low, s.N), math.Max(high, s.N)
	}
	switch {
	case len(loads) < samplesLeast:
		return nil, fmt.Errorf("%w: %d different loads, %d are needed: sweep more of them", ErrFit, len(loads), samplesLeast)
	case high < spreadLeast*low:
		return nil, fmt.Errorf("%w: loads from %.3g to %.3g are too much alike: sweep from one request under way to past the knee", ErrFit, low, high)
	}
	theta, ok := fitLaw(samples)
	if !ok {
		return nil, fmt.Errorf("%w: no law with a positive rate goes through these points: look for a step that measured something else", ErrFit)
	}
	l := &Law{Measured: high}
	l.Lambda.Value, l.Sigma.Value, l.Kappa.Value = theta[0], theta[1], theta[2]
	l.judge(samples)
	worst := 0.0
	for _, r := range l.Residuals {
		worst = math.Max(worst, math.Abs(r))
	}
	if l.R2 < r2Least || worst > residualMost {
		return nil, fmt.Errorf("%w: the law explains %.0f %% of the differences (%.0f %% are needed) and misses a point by %.0f %% (%.0f %% at most): "+
			"the steps did not measure one system, or the host was busy; sweep again with longer steps", ErrFit, 100*l.R2, 100*r2Least, 100*worst, 100*residualMost)
	}
	l.confide(samples, theta)
	l.top()
	return l, nil
}

// fitLaw gives λ, σ and κ. N/X is linear in 1/λ, σ/λ and κ/λ, so that the best
// non-negative ones are found exactly; weights make it least squares of the relative
// differences in X, and are those of the fit before.
func fitLaw(samples []Sample) (theta [3]float64, ok bool) {
	fitted := make([]float64, len(samples))
	for i, s := range samples {
		fitted[i] = s.X
	}
	for range iterationsMost {
		rows, y := make([][]float64, len(samples)), make([]float64, len(samples))
		for i, s := range samples {
			w := fitted[i] / s.N
			rows[i] = []float64{w, w * (s.N - 1), w * s.N * (s.N - 1)}
			y[i] = w * s.N / s.X
		}
		x, _ := nonNegative(rows, y)
		if !(x[0] > 0) {
			return theta, false
		}
		next := [3]float64{1 / x[0], x[1] / x[0], x[2] / x[0]}
		moved := 0.0
		for i := range next {
			moved = math.Max(moved, math.Abs(next[i]-theta[i])/math.Max(math.Abs(next[i]), 1e-12))
		}
		theta = next
		l := Law{Lambda: Interval{Value: theta[0]}, Sigma: Interval{Value: theta[1]}, Kappa: Interval{Value: theta[2]}}
		for i, s := range samples {
			fitted[i] = l.at(s.N)
		}
		if moved < 1e-9 {
			break
		}
	}
	// A coefficient that changes nothing within the measured loads is rounding, and
	// would put a peak where nobody looked.
	for i, s := range theta[1:] {
		if high := slices.MaxFunc(samples, func(a, b Sample) int { return cmp.Compare(a.N, b.N) }).N; s*math.Pow(high, float64(i+1)) < 1e-9 {
			theta[i+1] = 0
		}
	}
	return theta, true
}

// judge fills in residuals and R².
func (l *Law) judge(samples []Sample) {
	mean := 0.0
	for _, s := range samples {
		mean += s.X / float64(len(samples))
	}
	missed, spread := 0.0, 0.0
	for _, s := range samples {
		fitted := l.at(s.N)
		l.Residuals = append(l.Residuals, s.X/fitted-1)
		missed += square(s.X - fitted)
		spread += square(s.X - mean)
	}
	if spread > 0 {
		l.R2 = 1 - missed/spread
	}
}

// confide fills in the confidence intervals.
func (l *Law) confide(samples []Sample, theta [3]float64) {
	n := float64(len(samples))
	var fits [][3]float64
	for i := range samples {
		if t, ok := fitLaw(slices.Concat(samples[:i], samples[i+1:])); ok {
			fits = append(fits, t)
		}
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 3}.Quantile(0.975)
	for k, in := range []*Interval{&l.Lambda, &l.Sigma, &l.Kappa} {
		mean, sum := 0.0, 0.0
		for _, f := range fits {
			mean += f[k] / float64(len(fits))
		}
		for _, f := range fits {
			sum += square(f[k] - mean)
		}
		half := t * math.Sqrt((n-1)/n*sum)
		in.Low, in.High = math.Max(theta[k]-half, 0), theta[k]+half
	}
}

// top fills in where the law is highest.
func (l *Law) top() {
	if l.Kappa.Value > 0 && l.Sigma.Value < 1 {
		l.PeakAt = math.Max(math.Sqrt((1-l.Sigma.Value)/l.Kappa.Value), 1)
		l.Peak = l.at(l.PeakAt)
		return
	}
	l.Peak = l.at(l.Measured)
	if l.Sigma.Value > 0 {
		l.Ceiling = l.Lambda.Value / l.Sigma.Value
	}
}
