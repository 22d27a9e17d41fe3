package outcome

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// LatencyEnd is the largest latency that histograms tell apart; what took
	// longer is kept as this.
	LatencyEnd = 120 * time.Second
	// latencyDigits is how finely: 0.1 % of a value. One histogram takes 200 KiB.
	latencyDigits = 3
)

// NewHistogram makes an empty histogram of microseconds; all have one geometry,
// so that they can be merged.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, LatencyEnd.Microseconds(), latencyDigits)
}

// EncodeHistogram gives the whole histogram as text: base64 of the compressed V2
// form that every HdrHistogram library reads.
func EncodeHistogram(h *hdrhistogram.Histogram) (string, error) {
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	// The library's bytes are base64 already.
	return string(b), err
}

// DecodeHistogram is the inverse. It refuses one of another geometry.
func DecodeHistogram(text string) (*hdrhistogram.Histogram, error) {
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return nil, fmt.Errorf("latency_histogram: %w", err)
	}
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("latency_histogram: %w", err)
	}
	if h.HighestTrackableValue() != LatencyEnd.Microseconds() || h.SignificantFigures() != latencyDigits {
		return nil, fmt.Errorf("latency_histogram: ends at %d µs with %d digits, not %d µs with %d: another loadgen wrote it",
			h.HighestTrackableValue(), h.SignificantFigures(), LatencyEnd.Microseconds(), latencyDigits)
	}
	return h, nil
}

// Millis gives a percentile in milliseconds, 0 for an empty histogram.
func Millis(h *hdrhistogram.Histogram, percentile float64) float64 {
	if h.TotalCount() == 0 {
		return 0
	}
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

// Latencies gives what result.json says of a histogram.
func Latencies(h *hdrhistogram.Histogram) map[string]float64 {
	return map[string]float64{
		"p50": Millis(h, 50), "p90": Millis(h, 90), "p99": Millis(h, 99), "p99.9": Millis(h, 99.9),
		"max": float64(h.Max()) / 1000, "mean": h.Mean() / 1000,
	}
}
