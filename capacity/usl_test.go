package capacity

// Aim: the fit finds the law that made the points, and refuses points that no law
// made. Method: points of known laws, exact and with noise, and nonsense.

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func points(lambda, sigma, kappa float64, noise func(i int) float64, loads ...float64) (all []Sample) {
	l := Law{Lambda: Interval{Value: lambda}, Sigma: Interval{Value: sigma}, Kappa: Interval{Value: kappa}}
	for i, n := range loads {
		all = append(all, Sample{n, l.at(n) * (1 + noise(i))})
	}
	return all
}

func exact(int) float64 { return 0 }

// wavy is noise of at most 3 % that is the same in every run.
func wavy(i int) float64 {
	return []float64{0.02, -0.015, 0.01, -0.025, 0.018, -0.007, 0.012, -0.019}[i]
}

var powers = []float64{1, 2, 4, 8, 16, 32, 64, 128}

func near(a, b, part float64) bool { return math.Abs(a-b) <= part*math.Max(math.Abs(a), math.Abs(b)) }

func TestFitFindsTheLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lambda := rapid.Float64Range(10, 1e6).Draw(t, "lambda")
		sigma := rapid.Float64Range(0.001, 0.5).Draw(t, "sigma")
		kappa := rapid.Float64Range(0.0001, 0.01).Draw(t, "kappa")
		l, err := FitLaw(points(lambda, sigma, kappa, exact, powers...))
		if err != nil {
			t.Fatal(err)
		}
		if !near(l.Lambda.Value, lambda, 1e-4) || !near(l.Sigma.Value, sigma, 1e-3) || !near(l.Kappa.Value, kappa, 1e-3) {
			t.Fatalf("%v, made with %v %v %v", l, lambda, sigma, kappa)
		}
		if at := math.Max(math.Sqrt((1-sigma)/kappa), 1); !near(l.PeakAt, at, 1e-2) || l.Peak < l.at(at*1.01) || l.Peak < l.at(at*0.99) {
			t.Fatalf("peak %v at %v", l.Peak, l.PeakAt)
		}
	})
}

func TestFitWithNoise(t *testing.T) {
	l, err := FitLaw(points(5000, 0.05, 0.0005, wavy, powers...))
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []struct {
		what string
		Interval
		made float64
	}{{"lambda", l.Lambda, 5000}, {"sigma", l.Sigma, 0.05}, {"kappa", l.Kappa, 0.0005}} {
		if in.Low > in.made || in.High < in.made || in.Low < 0 || in.High-in.Low == 0 {
			t.Errorf("%s: %v does not hold %v", in.what, in.Interval, in.made)
		}
	}
	if l.R2 < 0.98 || len(l.Residuals) != len(powers) {
		t.Errorf("R² %v, residuals %v", l.R2, l.Residuals)
	}
}

// Without coherence cost the law has no peak, only a ceiling, and a fit must not
// make one of a negative coefficient.
func TestFitIsNeverNegative(t *testing.T) {
	l, err := FitLaw(points(1000, 0.1, 0, exact, powers...))
	if err != nil {
		t.Fatal(err)
	}
	if l.Kappa.Value > 1e-9 || l.PeakAt != 0 || !near(l.Ceiling, 10_000, 1e-3) {
		t.Errorf("%+v", l)
	}
	// Faster than linear: σ would be negative.
	steep := make([]Sample, 0, len(powers))
	for _, n := range powers {
		steep = append(steep, Sample{n, 100 * math.Pow(n, 1.02)})
	}
	if l, err = FitLaw(steep); err != nil || l.Sigma.Value != 0 || l.Kappa.Value != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestFitRefuses(t *testing.T) {
	flip := func(i int) float64 { return 0.5 * float64(1-2*(i%2)) }
	for _, r := range []struct {
		what    string
		samples []Sample
		word    string
	}{
		{"nothing", nil, "0 different loads"},
		{"five points", points(100, 0.1, 0.001, exact, 1, 2, 4, 8, 16), "5 different loads"},
		{"one load six times", points(100, 0.1, 0.001, exact, 4, 4, 4, 4, 4, 4), "1 different loads"},
		{"narrow", points(100, 0.1, 0.001, exact, 10, 11, 12, 13, 14, 15), "too much alike"},
		{"up and down", points(100, 0.1, 0.001, flip, powers...), "explains"},
		{"negative", []Sample{{1, -5}}, "a point at load"},
		{"infinite", []Sample{{math.Inf(1), 5}}, "a point at load"},
		{"no rate", []Sample{{1, 0}}, "a point at load"},
	} {
		_, err := FitLaw(r.samples)
		if !errors.Is(err, ErrFit) || !strings.Contains(err.Error(), r.word) {
			t.Errorf("%s: %v, want %q", r.what, err, r.word)
		}
	}
}

func TestNonNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(t, "width")
		rows := make([][]float64, rapid.IntRange(width, 8).Draw(t, "rows"))
		y := make([]float64, len(rows))
		for i := range rows {
			rows[i] = rapid.SliceOfN(rapid.Float64Range(0, 10), width, width).Draw(t, "row")
			y[i] = rapid.Float64Range(-10, 10).Draw(t, "y")
		}
		x, residual := nonNegative(rows, y)
		for k := range x {
			if x[k] < 0 {
				t.Fatalf("negative: %v", x)
			}
			// No small step along an axis is better.
			for _, d := range []float64{1e-3, -1e-3} {
				moved := append([]float64(nil), x...)
				if moved[k] += d; moved[k] >= 0 && squares(rows, y, moved) < residual-1e-6*(1+residual) {
					t.Fatalf("%v is better than %v", moved, x)
				}
			}
		}
	})
}
