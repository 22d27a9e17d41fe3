package scrape

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Aim: the numbers are those of the text, and an answer that is none is an error.
// Method: a server of text.

func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestRead(t *testing.T) {
	const text = `# TYPE quorate_commits_total counter
quorate_commits_total{path="fast"} 7
quorate_commits_total{path="slow"} 3
# TYPE quorate_view gauge
quorate_view 2
# TYPE quorate_journal_sync_seconds histogram
quorate_journal_sync_seconds_bucket{le="0.1"} 4
quorate_journal_sync_seconds_bucket{le="+Inf"} 5
quorate_journal_sync_seconds_sum 0.25
quorate_journal_sync_seconds_count 5
`
	got, err := Read(http.DefaultClient, serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"quorate_commits_total": 10, Labelled("quorate_commits_total", "slow"): 3, "quorate_view": 2,
		"quorate_journal_sync_seconds_sum": 0.25, "quorate_journal_sync_seconds_count": 5} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"no text":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("quorate_view 2\n", bytesMost/15+1))
		},
		"cut short": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "quorate_view") },
	} {
		if got, err := Read(http.DefaultClient, serve(t, answer)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
