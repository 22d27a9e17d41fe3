package e2e

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"quorate/wire"
)

// Aim: one payment through a real cluster is one trace: its stages on every
// replica, in order, under one id, at a collector and at /debug/traces; without
// the settings there is none.
// Method: a receiver of OTLP over HTTP on loopback; the payment is sent by hand, so
// its digest is known.

// collector keeps the spans that it is sent, by trace and replica.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans map[string]map[string][]*tracepb.Span // trace id, replica's instance
	bad   []string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{spans: map[string]map[string][]*tracepb.Span{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP takes one message as the specification of OTLP over HTTP has it.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var m tracepb.TracesData
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &m)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.bad = append(c.bad, fmt.Sprintf("%s %s %v: %v", r.Method, r.URL, r.Header, err))
	}
	for _, rs := range m.ResourceSpans {
		who := map[string]string{}
		for _, a := range rs.Resource.Attributes {
			who[a.Key] = a.Value.GetStringValue()
		}
		if who["service.name"] != "quorate" || who["quorate.cluster"] == "" {
			c.bad = append(c.bad, fmt.Sprint(who))
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				id := hex.EncodeToString(s.TraceId)
				if c.spans[id] == nil {
					c.spans[id] = map[string][]*tracepb.Span{}
				}
				c.spans[id][who["service.instance.id"]] = append(c.spans[id][who["service.instance.id"]], s)
			}
		}
	}
}

// of gives the spans of one trace once so many replicas have told theirs.
func (c *collector) of(t *testing.T, id string, replicas int) map[string][]*tracepb.Span {
	t.Helper()
	eventually(t, settleMax, "a trace of all replicas", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		return errOf(len(c.spans[id]) >= replicas, "%d of %d replicas have sent trace %s", len(c.spans[id]), replicas, id)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.bad {
		t.Errorf("a message that no collector takes: %s", b)
	}
	return c.spans[id]
}

const (
	primaryStages = "ingress, verify, batch, propose, commit, execute, ledger, certify, reply"
	backupStages  = "propose, commit, execute, ledger, certify"
)

func TestOnePaymentIsOneTrace(t *testing.T) {
	c := newCollector(t)
	d := deploy(t)
	d.cluster.StartArgs = []string{"--trace-sample", "1", "--otlp-endpoint", c.URL}
	d.startAll()
	d.openAccounts()
	k, hash := d.keys("load-05"), d.genesis.Hash()
	primary := int(d.mustStatus(0).Primary)
	q := request(k, hash, 1, wire.OpCreateTransfers, transferBody(900, 5))
	conn := d.member(primary, k)
	conn.send(wire.KindRequest, q.Append(nil))
	reply := conn.reply()
	digest := q.Digest(hash)
	id := hex.EncodeToString(digest[:16])

	replicas := c.of(t, id, 4)
	roots, ids := 0, map[string]bool{}
	var root *tracepb.Span
	var below []*tracepb.Span
	for who, spans := range replicas {
		whole := spans[0]
		var names []string
		last := uint64(0)
		for _, s := range spans {
			ids[string(s.SpanId)] = true
			if len(s.SpanId) != 8 || s.EndTimeUnixNano < s.StartTimeUnixNano || s.StartTimeUnixNano < whole.StartTimeUnixNano || s.EndTimeUnixNano > whole.EndTimeUnixNano {
				t.Errorf("%s: %v lies outside of %v", who, s, whole)
			}
			if s == whole {
				continue
			}
			names = append(names, s.Name)
			if s.StartTimeUnixNano < last || string(s.ParentSpanId) != string(whole.SpanId) {
				t.Errorf("%s: %s is out of order or not below its request", who, s.Name)
			}
			last = s.StartTimeUnixNano
		}
		want := backupStages
		if len(whole.ParentSpanId) == 0 {
			roots, root, want = roots+1, whole, primaryStages
			if !strings.HasSuffix(who, fmt.Sprintf("/%d", primary)) {
				t.Errorf("%s is the root, replica %d the primary", who, primary)
			}
		} else {
			below = append(below, whole)
		}
		if got := strings.Join(names, ", "); got != want || whole.Name != "request" {
			t.Errorf("%s went through %s, want %s", who, got, want)
		}
		for _, a := range whole.Attributes {
			if a.Key == "quorate.slot" && a.Value.GetIntValue() != int64(reply.Header.Seq) {
				t.Errorf("%s: slot %d, the reply says %d", who, a.Value.GetIntValue(), reply.Header.Seq)
			}
		}
	}
	if roots != 1 {
		t.Fatalf("%d roots", roots)
	}
	for _, s := range below {
		if string(s.ParentSpanId) != string(root.SpanId) {
			t.Errorf("%v does not hang below the primary", s)
		}
	}
	if want := 4*6 + 4; len(ids) != want {
		t.Errorf("%d different spans, want %d", len(ids), want)
	}
	d.showsTrace(id, primary)
	d.guardsTraces()
}

// guardsTraces asks by names that another site could have pointed here: traces are
// refused, metrics are not.
func (d *deployment) guardsTraces() {
	d.t.Helper()
	for path, want := range map[string]int{"/debug/traces": http.StatusMisdirectedRequest, "/metrics": http.StatusOK} {
		q, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", d.metrics, path), nil)
		if err != nil {
			d.t.Fatal(err)
		}
		q.Host = "evil.example"
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			d.t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			d.t.Errorf("%s by another name: %s, want %d", path, res.Status, want)
		}
	}
}

// showsTrace looks for the trace on every replica's page.
func (d *deployment) showsTrace(id string, primary int) {
	d.t.Helper()
	for i := range d.nodes {
		var page struct {
			Sample int `json:"trace_sample"`
			Traces []struct {
				TraceID  string `json:"trace_id"`
				Finished bool
				Micros   uint64
				Spans    []struct {
					Name   string
					After  uint64 `json:"after_micros"`
					Micros uint64
				}
			}
		}
		d.page(i, &page)
		found := false
		for _, l := range page.Traces {
			if l.TraceID != id {
				continue
			}
			found = true
			var names []string
			for _, s := range l.Spans {
				names = append(names, s.Name)
				if s.After+s.Micros > l.Micros+1 {
					d.t.Errorf("replica %d: %s ends after its trace: %+v", i, s.Name, l)
				}
			}
			want := map[bool]string{true: primaryStages, false: backupStages}[i == primary]
			if got := strings.Join(names, ", "); got != want || !l.Finished {
				d.t.Errorf("replica %d shows %s, finished %v", i, got, l.Finished)
			}
		}
		if !found || page.Sample != 1 {
			d.t.Errorf("replica %d does not show the trace: %+v", i, page)
		}
		if n := d.metric(i, `quorate_traces_total{result="sent"}`); n < 1 {
			d.t.Errorf("replica %d has sent %v traces", i, n)
		}
	}
}

// page reads /debug/traces of replica i.
func (d *deployment) page(i int, v any) {
	d.t.Helper()
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/traces", d.metrics+i))
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(v); err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %v", res.Status, err)
	}
}

// TestTracesAreOffAndSampled: none by default; one in two is about half, and the
// same half everywhere.
func TestTracesAreOffAndSampled(t *testing.T) {
	long(t)
	d := running(t)
	d.load(1).passes(4)
	var none struct {
		Sample int `json:"trace_sample"`
		Traces []any
	}
	d.page(0, &none)
	if none.Sample != 0 || none.Traces == nil || len(none.Traces) != 0 {
		t.Errorf("%+v", none)
	}
	for i := range d.nodes {
		d.stop(i)
	}
	c := newCollector(t)
	d.cluster.StartArgs = []string{"--trace-sample", "4", "--otlp-endpoint", c.URL}
	d.startAll()
	l := d.load(2)
	l.passes(4)
	for i := range d.nodes {
		d.stop(i) // sends what waits
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	whole := 0
	for _, replicas := range c.spans {
		if len(replicas) == 4 {
			whole++
		}
	}
	// 2,000/s in requests of 40 for 2 s are some 100 requests, and the audit's.
	if whole < 5 || whole > 200 || whole < len(c.spans)*9/10 {
		t.Errorf("%d traces, %d of them of all replicas", len(c.spans), whole)
	}
	t.Logf("%d traces, %d of them of all replicas", len(c.spans), whole)
}
