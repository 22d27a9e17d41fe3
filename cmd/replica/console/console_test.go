package console

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"quorate/cluster"
	"quorate/internal/scheme"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// Aim: every path answers what the source says, refuses all that is not for it
// with a stable code, and stays within its bounds (C1 to C4).
// Method: a source of plain values and a clock that the test moves; a table of
// bad requests for every path; requests that are held back; fuzzed paths.

// fake is a replica of plain values.
type fake struct {
	status    wire.NodeStatus
	progress  pipeline.Progress
	stages    []pipeline.StageStats
	told      []wire.NodeStatus
	asked     int
	accounts  map[payments.U128]pipeline.AccountAt
	transfers []pipeline.TransferAt
	busy      bool
	broken    error
	hold      chan struct{} // not nil: reads wait for it
	held      chan struct{} // gets a value for each that waits
}

func (f *fake) Status() *wire.NodeStatus {
	s := f.status
	return &s
}
func (f *fake) Progress() pipeline.Progress { return f.progress }
func (f *fake) StageStats() []pipeline.StageStats {
	return append([]pipeline.StageStats{}, f.stages...)
}
func (f *fake) Head() wire.SeqNum { return f.status.Executed }
func (f *fake) AskStandings()     { f.asked++ }
func (f *fake) TakeStandings(fn func(*wire.NodeStatus)) {
	for i := range f.told {
		fn(&f.told[i])
	}
	f.told = nil
}

func (f *fake) Account(ctx context.Context, id payments.U128) (pipeline.AccountAt, error) {
	if f.busy {
		return pipeline.AccountAt{}, pipeline.ErrBusy
	}
	if at, ok := f.accounts[id]; ok {
		return at, nil
	}
	return pipeline.AccountAt{Seq: f.status.Executed}, ctx.Err()
}

func (f *fake) LastTransfers(_ *pipeline.AccountAt, limit int) ([]pipeline.TransferAt, error) {
	return f.transfers[:min(limit, len(f.transfers))], f.broken
}

func (f *fake) ViewBlock(seq wire.SeqNum) (*pipeline.BlockView, error) {
	b, err := f.ViewOutline(seq)
	if err == nil {
		b.Requests[0].Failed = 1
	}
	return b, err
}

func (f *fake) ViewOutline(seq wire.SeqNum) (*pipeline.BlockView, error) {
	if f.hold != nil {
		f.held <- struct{}{}
		<-f.hold
	}
	if f.broken != nil {
		return nil, f.broken
	}
	if seq > f.status.Executed {
		return nil, fmt.Errorf("block %d: %w", seq, storage.ErrNotFound)
	}
	b := &pipeline.BlockView{Seq: uint64(seq), Hash: fmt.Sprintf("%064x", seq), Path: "fast", Time: "2026-01-01T00:00:00Z"}
	for range 250 {
		b.Requests = append(b.Requests, pipeline.RequestView{Client: 1, Op: "create_transfers", Events: 3, Bytes: 384})
	}
	return b, nil
}

func (f *fake) ViewEvents(seq wire.SeqNum, request, from, limit int) ([]pipeline.EventView, int, error) {
	if request >= 250 {
		return nil, 0, storage.ErrNotFound
	}
	var out []pipeline.EventView
	for i := from; i < min(3, from+limit); i++ {
		out = append(out, pipeline.EventView{Index: i, Ordinal: uint64(i + 1), Result: "ok", Transfer: &payments.Transfer{ID: payments.U64(uint64(i + 1)), Amount: payments.U64(1 << 60)}})
	}
	return out, 3, f.broken
}

// newFake is replica 1 of four, and a console over it whose clock the test moves.
func newFake(t testing.TB) (*fake, *Console, *time.Time) {
	t.Helper()
	g := &cluster.Genesis{Name: "test", Epoch: 1, Scheme: cluster.Ed25519, F: 1, Window: 64, TimeBound: uint64(time.Second), CreatedAt: 1,
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "USD", Scale: 2}}}
	g.Clients = []cluster.ClientKey{{ID: 1, Name: "admin", Key: ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey), Roles: cluster.RoleAdmin}}
	var keys []*cluster.NodeKeys
	for i := range 4 {
		k := &cluster.NodeKeys{Replica: wire.ReplicaID(i), IdentitySeed: [32]byte{byte(i + 1)}}
		g.Members = append(g.Members, cluster.Member{ID: wire.ReplicaID(i), PeerAddr: fmt.Sprintf("127.0.0.1:%d", 7000+2*i),
			ClientAddr: fmt.Sprintf("127.0.0.1:%d", 7001+2*i), Identity: k.Identity().Public().(ed25519.PublicKey)})
		keys = append(keys, k)
	}
	if err := scheme.Deal(g, keys, nil); err != nil {
		t.Fatal(err)
	}
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	f := &fake{status: wire.NodeStatus{Replica: 1, Active: true, Executed: 100, Stable: 64, PeersUp: 4}, accounts: map[payments.U128]pipeline.AccountAt{},
		stages: []pipeline.StageStats{{Name: "verify", Workers: 2, Bound: 64}}}
	now := time.Unix(1_800_000_000, 0)
	c := New(Config{Source: f, Genesis: g, Self: 1, Version: "v", Profile: "dev", Host: "node1.example", Now: func() time.Time { return now },
		More: []func() pipeline.StageStats{func() pipeline.StageStats { return pipeline.StageStats{Name: "network", Workers: 1} }}})
	return f, c, &now
}

// get asks as a browser at localhost does.
func get(c *Console, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	q := httptest.NewRequest(http.MethodGet, "http://localhost:9464"+path, nil)
	for _, f := range change {
		f(q)
	}
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, q)
	return w
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Fatalf("%d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// refused fails unless w is a refusal as C4 wants it.
func refused(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var body struct{ Error map[string]string }
	err := json.Unmarshal(w.Body.Bytes(), &body)
	e := body.Error
	if err != nil || w.Code != status || e["code"] != code || e["cause"] == "" || e["next"] == "" || e["retry"] == "" || w.Body.Len() > 2048 {
		t.Errorf("%s: %d %s, want %d %s (%v)", what, w.Code, w.Body, status, code, err)
	}
}

func TestLiveTellsWhatChanged(t *testing.T) {
	f, c, now := newFake(t)
	f.told = []wire.NodeStatus{{Replica: 0, Active: true, Executed: 90, PeersUp: 4, FastCommits: 3, SlowCommits: 1, FsyncP99: 2_000_000}}
	f.progress.Events, f.progress.Fast, f.progress.Slow, f.progress.Refused = 500, 9, 1, 4
	f.progress.Reply[11] = 100 // 1 to 2 ms
	f.stages[0].CPUSeconds, f.stages[0].BusySeconds, f.stages[0].Steps, f.stages[0].Waiting = 0.5, 1, 20, 7
	f.status.Stable = 96
	*now = now.Add(2 * time.Second)
	c.sample()
	v := read[liveNow](t, get(c, "/api/v1/live"))
	if len(v.Samples) != 1 || v.Uptime != 2 || v.Head != 100 {
		t.Fatalf("%+v", v)
	}
	s := v.Samples[0]
	if s.Events != 250 || s.Refused != 2 || *s.Fast != 0.9 || *s.P50 < 1 || *s.P50 > 2 || *s.P99 < *s.P50 || s.Sync != nil {
		t.Errorf("%+v", s)
	}
	if st := v.Stages[0]; st.CPU != 0.25 || st.Busy != 0.5 || st.Steps != 10 || st.Waiting != 7 || st.Bound != 64 || v.Stages[1].Name != "network" {
		t.Errorf("%+v", v.Stages)
	}
	r := v.Replicas
	if !r[1].Self || r[1].Role != "backup" || r[1].Lag != 0 || r[0].Role != "primary" || r[0].Lag != 10 || r[0].SyncP99 != 2 || r[2].Role != "unknown" || r[2].Known {
		t.Errorf("%+v", r)
	}
	if len(v.Lines) != 1 || v.Lines[0].Text != "checkpoint stable" || v.Lines[0].Attrs["seq"] != "96" {
		t.Errorf("%+v", v.Lines)
	}
	again := read[liveNow](t, get(c, fmt.Sprintf("/api/v1/live?since=%d&line=%d", s.At, v.Lines[0].Number)))
	if len(again.Samples)+len(again.Lines) != 0 || f.asked != 2 {
		t.Errorf("%+v, asked %d times", again, f.asked)
	}
}

func TestWhoFallsSilentIsNoted(t *testing.T) {
	f, c, now := newFake(t)
	roles := func() (out [4]string) {
		for i, r := range read[liveNow](t, get(c, "/api/v1/live")).Replicas {
			out[i] = r.Role
		}
		return out
	}
	for second := range 20 {
		*now = now.Add(time.Second)
		for _, id := range []wire.ReplicaID{0, 2} {
			if id == 0 || second < 4 || second > 12 {
				f.told = append(f.told, wire.NodeStatus{Replica: id, Active: true, View: 1, Primary: 2, Executed: 100, Amnesia: id == 0})
			}
		}
		c.sample()
		want := [4]string{"amnesia", "backup", "primary", "unknown"}
		if second >= 9 && second <= 12 { // the last word came in second 3
			want[2] = "unreachable"
		}
		if second >= 5 {
			want[3] = "unreachable"
		}
		if got := roles(); got != want {
			t.Fatalf("second %d: %v, want %v", second, got, want)
		}
	}
	var lines []string
	for _, l := range c.cfg.Recent.since(0) {
		lines = append(lines, l.Level+" "+l.Text+" "+l.Attrs["peer"])
	}
	if want := "warn replica does not answer 3|warn replica does not answer 2|info replica answers again 2"; strings.Join(lines, "|") != want {
		t.Errorf("%q", lines)
	}
	f.told = []wire.NodeStatus{{Replica: 0, Active: true, Executed: 100, Execute: wire.Digest{1}}}
	c.sample()
	if r := read[liveNow](t, get(c, "/api/v1/live")).Replicas; !r[0].Fork || fmt.Sprint(r[0].Differs) != "[1 2]" || r[1].Fork || r[2].Fork {
		t.Errorf("two digests at one slot: %+v", r)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	_, c, now := newFake(t)
	for range samplesMax + 50 {
		*now = now.Add(time.Second)
		c.sample()
	}
	v := read[liveNow](t, get(c, "/api/v1/live"))
	if len(v.Samples) != samplesMax || v.Samples[samplesMax-1].At != now.UnixMilli() {
		t.Errorf("%d samples", len(v.Samples))
	}
}

func TestBlocksAndEvents(t *testing.T) {
	_, c, _ := newFake(t)
	type list struct {
		Head   uint64
		Blocks []blockRow
	}
	l := read[list](t, get(c, "/api/v1/blocks?limit=3"))
	if l.Head != 100 || len(l.Blocks) != 3 || l.Blocks[0].Seq != 100 || l.Blocks[0].Events != 750 || l.Blocks[0].Bytes != 96000 || l.Blocks[0].Requests != 250 {
		t.Errorf("%+v", l)
	}
	for query, want := range map[string][]uint64{"?before=3": {2, 1}, "?before=1": nil, "?before=0": nil, "?before=102&limit=1": {100}, "?before=9999999&limit=1": {100}, "?limit=0": nil} {
		var got []uint64
		for _, b := range read[list](t, get(c, "/api/v1/blocks"+query)).Blocks {
			got = append(got, b.Seq)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	b := read[map[string]any](t, get(c, "/api/v1/blocks/7"))
	if b["seq"] != 7.0 || b["request_count"] != 250.0 || b["event_count"] != 750.0 || b["failed_count"] != 1.0 || len(b["requests"].([]any)) != eventsShownMax {
		t.Errorf("%v", b)
	}
	e := read[struct {
		Count  int
		Events []eventRow
	}](t, get(c, "/api/v1/blocks/7/events?request=249&from=1&limit=1"))
	if e.Count != 3 || len(e.Events) != 1 || e.Events[0].Transfer.ID != "2" || e.Events[0].Transfer.Amount != "1152921504606846976" || e.Events[0].Account != nil {
		t.Errorf("%+v", e)
	}
}

func TestAnAccount(t *testing.T) {
	f, c, _ := newFake(t)
	f.accounts[payments.U64(7)] = pipeline.AccountAt{Seq: 99, Time: 1, Found: true, Account: payments.Account{ID: payments.U64(7), CreditsPosted: payments.U64(5), Flags: payments.AccountClosed}}
	for i := range 30 {
		f.transfers = append(f.transfers, pipeline.TransferAt{Seq: wire.SeqNum(i + 1), Transfer: payments.Transfer{ID: payments.U64(uint64(i + 1))}, Pending: payments.PendingOpen})
	}
	a := read[accountWhole](t, get(c, "/api/v1/accounts/7"))
	if a.Seq != 99 || a.Account.CreditsPosted != "5" || a.Account.Flags[0] != "closed" || len(a.Transfers) != 20 || !a.Truncated || a.Transfers[1].Seq != 2 || a.Transfers[1].Pending != "pending" {
		t.Errorf("%+v", a)
	}
	if a := read[accountWhole](t, get(c, "/api/v1/accounts/7?transfers=50")); len(a.Transfers) != 30 || a.Truncated {
		t.Errorf("%d, %v", len(a.Transfers), a.Truncated)
	}
	if a := read[accountWhole](t, get(c, "/api/v1/accounts/7?transfers=0")); len(a.Transfers) != 0 || !a.Truncated {
		t.Errorf("%d, %v", len(a.Transfers), a.Truncated)
	}
	f.busy = true
	refused(t, "no time", get(c, "/api/v1/accounts/7"), http.StatusServiceUnavailable, "busy")
	f.busy, f.broken = false, errors.New("disk on fire")
	refused(t, "bad disk", get(c, "/api/v1/accounts/7"), http.StatusInternalServerError, "internal")
}

func TestAboutAndPage(t *testing.T) {
	_, c, _ := newFake(t)
	a := read[about](t, get(c, "/api/v1/about"))
	if a.N != 4 || a.Replica != 1 || a.FastQuorum != 4 || a.SlowQuorum != 3 || a.Ledgers[0].Currency != "USD" || len(a.Members) != 4 || len(a.Cluster) != 64 {
		t.Errorf("%+v", a)
	}
	if w := get(c, "/api/v1/accounts/%3Cb%3E"); strings.Contains(w.Body.String(), "<b>") {
		t.Errorf("markup as it is: %s", w.Body)
	}
	page := get(c, "/").Body.String()
	for name := range pageFiles() {
		if name == "/{$}" {
			name = "/"
		}
		w := get(c, name)
		h := w.Header()
		if w.Code != http.StatusOK || w.Body.Len() == 0 || h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Frame-Options") != "DENY" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %d, %v", name, w.Code, h)
		}
	}
	for _, never := range []string{"<script>", " style=", "onclick", "https:", "http:", "//cdn"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
}

// badRequests is every path with what is wrong in it.
var badRequests = []struct {
	path   string
	status int
	code   string
}{
	{"/api/v1/live?since=-1", 400, "bad_parameter"}, {"/api/v1/live?since=x", 400, "bad_parameter"}, {"/api/v1/live?since=1&since=2", 400, "bad_parameter"},
	{"/api/v1/live?line=9007199254740993", 400, "bad_parameter"}, {"/api/v1/live?line=18446744073709551616", 400, "bad_parameter"}, {"/api/v1/live?since=", 400, "bad_parameter"},
	{"/api/v1/blocks?before=-1", 400, "bad_parameter"}, {"/api/v1/blocks?before=4611686018427387905", 400, "bad_parameter"}, {"/api/v1/blocks?limit=51", 400, "bad_parameter"},
	{"/api/v1/blocks?limit=1e3", 400, "bad_parameter"}, {"/api/v1/blocks?limit=%00", 400, "bad_parameter"},
	{"/api/v1/blocks/0", 400, "bad_seq"}, {"/api/v1/blocks/-1", 400, "bad_seq"}, {"/api/v1/blocks/abc", 400, "bad_seq"}, {"/api/v1/blocks/1.5", 400, "bad_seq"},
	{"/api/v1/blocks/0x10", 400, "bad_seq"}, {"/api/v1/blocks/18446744073709551615", 400, "bad_seq"}, {"/api/v1/blocks/99999999999999999999999", 400, "bad_seq"},
	{"/api/v1/blocks/%2e%2e%2fetc", 400, "bad_seq"}, {"/api/v1/blocks/101", 404, "no_such_block"}, {"/api/v1/blocks/4611686018427387903", 404, "no_such_block"},
	{"/api/v1/blocks/1/events?request=250", 404, "no_such_block"}, {"/api/v1/blocks/1/events?request=8193", 400, "bad_parameter"}, {"/api/v1/blocks/1/events?request=-1", 400, "bad_parameter"},
	{"/api/v1/blocks/1/events?from=8190", 400, "bad_parameter"}, {"/api/v1/blocks/1/events?limit=201", 400, "bad_parameter"}, {"/api/v1/blocks/x/events", 400, "bad_seq"},
	{"/api/v1/blocks/101/events", 404, "no_such_block"}, {"/api/v1/blocks/1/other", 404, "no_such_path"},
	{"/api/v1/accounts/0", 400, "bad_account_id"}, {"/api/v1/accounts/-5", 400, "bad_account_id"}, {"/api/v1/accounts/%3Cscript%3E", 400, "bad_account_id"},
	{"/api/v1/accounts/340282366920938463463374607431768211455", 400, "bad_account_id"}, {"/api/v1/accounts/340282366920938463463374607431768211456", 400, "bad_account_id"},
	{"/api/v1/accounts/" + strings.Repeat("1", 900), 400, "bad_account_id"}, {"/api/v1/accounts/12", 404, "no_such_account"},
	{"/api/v1/accounts/12?transfers=51", 400, "bad_parameter"}, {"/api/v1/accounts/12?transfers=all", 400, "bad_parameter"},
	{"/api/v1/accounts/" + strings.Repeat("1", 2000), 414, "too_long"}, {"/api/v1/live?" + strings.Repeat("x", 2000), 414, "too_long"},
	{"/api/v1/accounts/", 404, "no_such_path"}, {"/api/v1/", 404, "no_such_path"}, {"/api/v2/live", 404, "no_such_path"}, {"/api/", 404, "no_such_path"},
	{"/nothing", 404, "no_such_path"}, {"/static/", 404, "no_such_path"}, {"/static/doc.go", 404, "no_such_path"}, {"/static/%2e%2e/doc.go", 404, "no_such_path"}, {"/index.html", 404, "no_such_path"},
}

func TestBadRequestsAreRefused(t *testing.T) {
	_, c, _ := newFake(t)
	for _, b := range badRequests {
		refused(t, b.path[:min(len(b.path), 60)], get(c, b.path), b.status, b.code)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", strings.Repeat("M", 5000)} {
		w := get(c, "/api/v1/live", func(q *http.Request) { q.Method = method })
		if refused(t, method[:3], w, http.StatusMethodNotAllowed, "read_only"); w.Header().Get("Allow") != "GET, HEAD" {
			t.Error(w.Header())
		}
	}
	for _, site := range []string{"cross-site", "same-site"} {
		refused(t, site, get(c, "/api/v1/live", func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", site) }), http.StatusForbidden, "cross_site")
	}
	if w := get(c, "/", func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") }); w.Code != http.StatusOK {
		t.Errorf("a link from elsewhere to the page: %d", w.Code)
	}
	f, c, _ := newFake(t)
	f.broken = fmt.Errorf("chunk: %w", storage.ErrCorrupt)
	for _, path := range []string{"/api/v1/blocks", "/api/v1/blocks/1", "/api/v1/blocks/1/events"} {
		refused(t, path, get(c, path), http.StatusInternalServerError, "internal")
	}
}

func TestHostsThatAreNotOurs(t *testing.T) {
	_, c, _ := newFake(t)
	for host, ok := range map[string]bool{"localhost": true, "LOCALHOST:9464": true, "127.0.0.1": true, "127.0.0.1:1": true, "[::1]:9464": true, "[::1]": true, "10.0.0.5:9464": true,
		"node1.example:9464": true, "Node1.Example": true, "": false, "evil.example": false, "evil.example:9464": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example": false, "node1.example.evil:1": false, "localhost:1:2": false} {
		for _, path := range []string{"/", "/api/v1/live", "/static/app.js"} {
			w := get(c, path, func(q *http.Request) { q.Host = host })
			if ok && w.Code != http.StatusOK {
				t.Errorf("host %q: %d", host, w.Code)
			} else if !ok {
				refused(t, "host "+host, w, http.StatusMisdirectedRequest, "unknown_host")
			}
		}
	}
}

// A page beside the console's is guarded as those are.
func TestGuardOfAnotherPage(t *testing.T) {
	var asked int
	page := Guard("node1.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	ask := func(method, host, site string) *httptest.ResponseRecorder {
		q := httptest.NewRequest(method, "http://x/debug/traces", nil)
		q.Host = host
		if site != "" {
			q.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, q)
		return w
	}
	refused(t, "another name", ask("GET", "evil.example", ""), http.StatusMisdirectedRequest, "unknown_host")
	refused(t, "another site", ask("GET", "localhost", "cross-site"), http.StatusForbidden, "cross_site")
	refused(t, "a change", ask("POST", "localhost", ""), http.StatusMethodNotAllowed, "read_only")
	for _, host := range []string{"localhost:9464", "127.0.0.1:9464", "node1.example"} {
		if w := ask("GET", host, ""); w.Code != http.StatusOK || w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d %v", host, w.Code, w.Header())
		}
	}
	if asked != 3 {
		t.Errorf("%d went through", asked)
	}
}

// What a page costs each second: an answer of /api/v1/live with nothing but what is
// new, and the first one, with all history. CPU of the thread, so that what else
// the host does is not counted.
func BenchmarkLive(b *testing.B) {
	_, c, now := newFake(b)
	for i := range samplesMax {
		*now = now.Add(time.Second)
		c.sample()
		c.cfg.Recent.note(slog.LevelInfo, fmt.Sprint("line ", i), slog.Int("seq", i))
	}
	for i := range c.standings {
		c.standings[i].status = &wire.NodeStatus{Replica: wire.ReplicaID(i), Active: true, Executed: 100, Execute: wire.Digest{1}}
	}
	since, line := now.Add(-time.Second).UnixMilli(), c.cfg.Recent.count-1
	for name, path := range map[string]string{"each": fmt.Sprintf("/api/v1/live?since=%d&line=%d", since, line), "first": "/api/v1/live"} {
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var from, to unix.Rusage
			_ = unix.Getrusage(unix.RUSAGE_THREAD, &from)
			size := 0
			for b.Loop() {
				w := get(c, path)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
				size = w.Body.Len()
			}
			_ = unix.Getrusage(unix.RUSAGE_THREAD, &to)
			cpu := to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano()
			b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(size), "bytes/answer")
		})
	}
}

func TestAnswersAtOnceAreBounded(t *testing.T) {
	f, c, _ := newFake(t)
	f.hold, f.held = make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for range readsMax {
		wg.Go(func() { get(c, "/api/v1/blocks?limit=1") })
		<-f.held
	}
	refused(t, "one more read", get(c, "/api/v1/blocks"), http.StatusServiceUnavailable, "busy")
	if w := get(c, "/api/v1/live"); w.Code != http.StatusOK {
		t.Errorf("reads keep the live view: %d", w.Code)
	}
	for range answersMax - readsMax {
		c.gate.slots <- struct{}{}
	}
	w := get(c, "/api/v1/live")
	if refused(t, "one more answer", w, http.StatusServiceUnavailable, "busy"); w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	stopped := make(chan struct{})
	go func() { c.Stop(); close(stopped) }()
	close(f.hold)
	wg.Wait()
	<-stopped
	<-c.gate.slots
	refused(t, "after Stop", get(c, "/api/v1/blocks/1"), http.StatusServiceUnavailable, "busy")
}

func FuzzPaths(f *testing.F) {
	for _, b := range badRequests {
		f.Add(b.path)
	}
	f.Add("/api/v1/blocks/7/events?request=1&from=1&limit=1")
	_, c, _ := newFake(f)
	f.Fuzz(func(t *testing.T, path string) {
		q, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if q.URL, err = q.URL.Parse(path); err != nil || q.URL.Path == "" || q.URL.Path[0] != '/' {
			return
		}
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, q)
		switch {
		case w.Code >= 500 || w.Body.Len() > 1<<20:
			t.Fatalf("%q: %d with %d bytes", path, w.Code, w.Body.Len())
		case w.Code >= 400:
			var body struct{ Error refusal }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Code == "" {
				t.Fatalf("%q: %d %s", path, w.Code, w.Body)
			}
		}
	})
}
