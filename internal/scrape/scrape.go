// Package scrape reads what a process exports at /metrics, in Prometheus' text
// form, as plain numbers: for experiments and the calibration, which read replicas
// of their own and want no metrics library in their figures.
//
// It keeps no series and computes no rates: that is Prometheus' business.
//
// Thread: any.
//
// In: an http.Client with a time limit, host:port. Out: a map of numbers.
//
// Invariants:
//
//	SC1  An answer is read to bytesMost and no further; a longer one is an error.
package scrape

import (
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// bytesMost bounds an answer. A replica's is some 60 KB.
const bytesMost = 4 << 20

// Labelled names the part of a metric that has a label of this value.
func Labelled(metric, value string) string { return metric + "{" + value + "}" }

// Read gives each metric at http://addr/metrics: its sum over all labels by its name,
// each labelled part by its Labelled name, and a histogram by its sum and count, with
// _sum and _count behind its name.
func Read(web *http.Client, addr string) (map[string]float64, error) {
	res, err := web.Get("http://" + addr + "/metrics")
	if err != nil {
		return nil, fmt.Errorf("scrape: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape: metrics of %s: %s", addr, res.Status)
	}
	out, err := parse(http.MaxBytesReader(nil, res.Body, bytesMost))
	if err != nil {
		return nil, fmt.Errorf("scrape: metrics of %s: %w", addr, err)
	}
	return out, nil
}

func parse(text io.Reader) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			add(out, name, m)
		}
	}
	return out, nil
}

func add(out map[string]float64, name string, m *io_prometheus_client.Metric) {
	if h := m.Histogram; h != nil {
		out[name+"_sum"] += h.GetSampleSum()
		out[name+"_count"] += float64(h.GetSampleCount())
		return
	}
	v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	out[name] += v
	for _, l := range m.Label {
		out[Labelled(name, l.GetValue())] += v
	}
}
