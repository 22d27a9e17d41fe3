package console

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"path"
	"strconv"

	"quorate/cmd/replica/shown"
	"quorate/internal/uplot"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

//go:embed static
var static embed.FS

// How much one answer lists at most.
const (
	blocksShownMax    = 50
	eventsShownMax    = 200
	transfersShownMax = 50
)

// routes joins paths and handlers behind the guard.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/about", func(w http.ResponseWriter, _ *http.Request) { answer(w, &c.about) })
	for pattern, do := range map[string]func(q *http.Request) (any, error){
		"GET /api/v1/live":                c.live,
		"GET /api/v1/blocks":              c.blocks,
		"GET /api/v1/blocks/{seq}":        c.block,
		"GET /api/v1/blocks/{seq}/events": c.events,
		"GET /api/v1/accounts/{id}":       c.account,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			v, err := do(q)
			if err != nil {
				fail(w, err)
				return
			}
			answer(w, v)
		})
	}
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, refuse(http.StatusNotFound, "no_such_path", "there is no such path in the API", "see docs/console.md; the version is v1"))
	})
	for name, body := range pageFiles() {
		mux.HandleFunc("GET "+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kinds[path.Ext(name)])
			_, _ = w.Write([]byte(body)) // a reader that is gone needs no answer
		})
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, refuse(http.StatusNotFound, "no_such_path", "there is no such path", "the console is at /, metrics at /metrics"))
	})
	return c.gate.guard(mux)
}

// kinds are the types of the page's files; the page itself has no ending.
var kinds = map[string]string{"": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}

// pageFiles are the page and what it loads, by the patterns they are served at.
func pageFiles() map[string]string {
	files := map[string]string{"/static/uplot.js": uplot.JS, "/static/uplot.css": uplot.CSS, "/static/uplot-license.txt": uplot.License}
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	for _, e := range entries {
		text, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		name := "/static/" + e.Name()
		if e.Name() == "index.html" {
			name = "/{$}"
		}
		files[name] = string(text)
	}
	return files
}

// liveNow is what a page asks for each second.
type liveNow struct {
	Now      int64        `json:"now"`      // milliseconds since 1970 UTC
	Instance string       `json:"instance"` // as in about: a page that has another's starts anew
	Uptime   float64      `json:"uptime"`   // seconds
	Head     uint64       `json:"head"`     // newest executed block
	Events   uint64       `json:"events"`   // executed since the start
	DiskLow  bool         `json:"disk_low"`
	Replicas []replicaNow `json:"replicas"`
	Stages   []stageNow   `json:"stages"`
	Samples  []sample     `json:"samples"` // newer than ?since=, milliseconds since 1970 UTC
	Lines    []line       `json:"lines"`   // with numbers above ?line=
}

// live answers with what is newer than what the page has.
func (c *Console) live(q *http.Request) (any, error) {
	since, err := number(q, "since", 0, 1<<53)
	if err != nil {
		return nil, err
	}
	after, err := number(q, "line", 0, 1<<53)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	v := liveNow{Now: now.UnixMilli(), Instance: c.about.Instance, Uptime: now.Sub(c.started).Seconds(), Head: uint64(c.cfg.Source.Head()), Events: c.last.progress.Events, DiskLow: c.last.progress.DiskLow,
		Replicas: c.replicas(now), Stages: append([]stageNow{}, c.stages...), Samples: []sample{}, Lines: c.cfg.Recent.since(after)}
	for _, s := range c.samples {
		if s.At > int64(since) {
			v.Samples = append(v.Samples, s)
		}
	}
	return &v, nil
}

// reading takes one of the tokens for answers that read the ledger.
func (c *Console) reading() (done func(), err error) {
	select {
	case c.reads <- struct{}{}:
		return func() { <-c.reads }, nil
	default:
		return nil, busy("as many requests read the ledger as may at once")
	}
}

// blockRow is one block in a list.
type blockRow struct {
	Seq       uint64 `json:"seq"`
	Time      string `json:"time"`
	Hash      string `json:"hash"`
	Path      string `json:"path"`
	Certified bool   `json:"certified"`
	Requests  int    `json:"requests"`
	Events    int    `json:"events"`
	Bytes     int    `json:"bytes"`
}

// blocks lists blocks below ?before=, the newest first.
func (c *Console) blocks(q *http.Request) (any, error) {
	head := uint64(c.cfg.Source.Head())
	before, err := number(q, "before", head+1, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := number(q, "limit", 20, blocksShownMax)
	if err != nil {
		return nil, err
	}
	done, err := c.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	rows := []blockRow{}
	for seq := min(before, head+1) - min(1, before); seq > 0 && uint64(len(rows)) < limit; seq-- {
		b, err := c.cfg.Source.ViewOutline(wire.SeqNum(seq))
		if errors.Is(err, storage.ErrNotFound) {
			break // the ledger of a restored replica may begin later
		}
		if err != nil {
			return nil, err
		}
		row := blockRow{Seq: b.Seq, Time: b.Time, Hash: b.Hash, Path: b.Path, Certified: b.Certified, Requests: len(b.Requests)}
		for i := range b.Requests {
			row.Events += b.Requests[i].Events
			row.Bytes += b.Requests[i].Bytes
		}
		rows = append(rows, row)
	}
	return map[string]any{"head": head, "blocks": rows}, nil
}

// blockWhole is a block with its requests; a block may have thousands, of which
// the first ones are listed.
type blockWhole struct {
	*pipeline.BlockView
	RequestCount int `json:"request_count"`
	EventCount   int `json:"event_count"`
	FailedCount  int `json:"failed_count"`
}

// block shows one block.
func (c *Console) block(q *http.Request) (any, error) {
	seq, err := c.seqOf(q)
	if err != nil {
		return nil, err
	}
	done, err := c.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	b, err := c.cfg.Source.ViewBlock(seq)
	if err != nil {
		return nil, noBlock(err, seq)
	}
	v := blockWhole{BlockView: b, RequestCount: len(b.Requests)}
	for i := range b.Requests {
		v.EventCount += b.Requests[i].Events
		v.FailedCount += b.Requests[i].Failed
	}
	b.Requests = b.Requests[:min(len(b.Requests), eventsShownMax)]
	return &v, nil
}

// eventRow is one event of a request.
type eventRow struct {
	Index    int             `json:"index"`
	Ordinal  uint64          `json:"ordinal"`
	Result   string          `json:"result"`
	Account  *shown.Account  `json:"account,omitempty"`
	Transfer *shown.Transfer `json:"transfer,omitempty"`
}

// events lists events of one request of a block.
func (c *Console) events(q *http.Request) (any, error) {
	seq, err := c.seqOf(q)
	if err != nil {
		return nil, err
	}
	var args [3]uint64
	for i, a := range []struct {
		name      string
		none, max uint64
	}{{"request", 0, wire.RequestsMax}, {"from", 0, wire.EventsMax}, {"limit", 50, eventsShownMax}} {
		if args[i], err = number(q, a.name, a.none, a.max); err != nil {
			return nil, err
		}
	}
	done, err := c.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	events, all, err := c.cfg.Source.ViewEvents(seq, int(args[0]), int(args[1]), int(args[2]))
	if err != nil {
		return nil, noBlock(err, seq)
	}
	rows := []eventRow{}
	for _, e := range events {
		row := eventRow{Index: e.Index, Ordinal: e.Ordinal, Result: e.Result}
		if e.Account != nil {
			a := shown.OfAccount(e.Account)
			row.Account = &a
		}
		if e.Transfer != nil {
			t := shown.OfTransfer(e.Transfer)
			row.Transfer = &t
		}
		rows = append(rows, row)
	}
	return map[string]any{"seq": seq, "request": args[0], "count": all, "events": rows}, nil
}

// accountWhole is an account as of a block, with its newest transfers.
type accountWhole struct {
	Seq       uint64        `json:"seq"` // balances and transfers are those after this block
	Time      string        `json:"time"`
	Account   shown.Account `json:"account"`
	Transfers []transferRow `json:"transfers"` // newest first
	Truncated bool          `json:"truncated"` // there are more
}

// transferRow is one transfer of an account.
type transferRow struct {
	shown.Transfer
	Seq     uint64 `json:"seq"`     // its block
	Pending string `json:"pending"` // what became of a pending one until now, else none
}

// account shows one account.
func (c *Console) account(q *http.Request) (any, error) {
	id, err := payments.ParseU128(q.PathValue("id"))
	if err != nil || id.IsZero() || id.IsMax() {
		return nil, refuse(http.StatusBadRequest, "bad_account_id", strconv.Quote(cut(q.PathValue("id")))+" is no account id", "use a decimal number from 1 to 2^128-2")
	}
	limit, err := number(q, "transfers", 20, transfersShownMax)
	if err != nil {
		return nil, err
	}
	done, err := c.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(q.Context(), answerWithin)
	defer cancel()
	at, err := c.cfg.Source.Account(ctx, id)
	switch {
	case errors.Is(err, pipeline.ErrBusy) || errors.Is(err, context.DeadlineExceeded):
		return nil, busy("the replica has no time for the question")
	case err != nil:
		return nil, err
	case !at.Found:
		return nil, refuse(http.StatusNotFound, "no_such_account", "there is no account "+id.String()+" as of block "+strconv.FormatUint(uint64(at.Seq), 10), "correct the id")
	}
	transfers, err := c.cfg.Source.LastTransfers(&at, int(limit)+1)
	if err != nil {
		return nil, err
	}
	v := accountWhole{Seq: uint64(at.Seq), Time: shown.Stamp(at.Time), Account: shown.OfAccount(&at.Account), Transfers: []transferRow{}}
	if v.Truncated = len(transfers) > int(limit); v.Truncated {
		transfers = transfers[:limit]
	}
	for i := range transfers {
		t := &transfers[i]
		v.Transfers = append(v.Transfers, transferRow{shown.OfTransfer(&t.Transfer), uint64(t.Seq), t.Pending.String()})
	}
	return &v, nil
}

// seqOf reads the block's number of a path.
func (c *Console) seqOf(q *http.Request) (wire.SeqNum, error) {
	seq, err := strconv.ParseUint(q.PathValue("seq"), 10, 62)
	if err != nil || seq == 0 {
		return 0, refuse(http.StatusBadRequest, "bad_seq", strconv.Quote(cut(q.PathValue("seq")))+" is no block number", "use a decimal number from 1 on")
	}
	if head := uint64(c.cfg.Source.Head()); seq > head {
		return 0, noBlock(storage.ErrNotFound, wire.SeqNum(seq))
	}
	return wire.SeqNum(seq), nil
}

// noBlock names the error of a block that is not there.
func noBlock(err error, seq wire.SeqNum) error {
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(http.StatusNotFound, "no_such_block", "block "+strconv.FormatUint(uint64(seq), 10)+" or that part of it is not in this replica's ledger", "/api/v1/blocks tells which is the newest")
	}
	return err
}

// number reads a parameter from 0 to most; none is its value when it is absent.
func number(q *http.Request, name string, none, most uint64) (uint64, error) {
	given := q.URL.Query()[name]
	if len(given) == 0 {
		return none, nil
	}
	v, err := strconv.ParseUint(given[0], 10, 64)
	if err != nil || v > most || len(given) > 1 {
		return 0, refuse(http.StatusBadRequest, "bad_parameter", name+"="+strconv.Quote(cut(given[0]))+" is not one number from 0 to "+strconv.FormatUint(most, 10), "correct it")
	}
	return v, nil
}
