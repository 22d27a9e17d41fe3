package console

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"quorate/cluster"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/wire"
)

// Source is what a replica tells. *pipeline.Replica is one.
type Source interface {
	Status() *wire.NodeStatus
	Progress() pipeline.Progress
	StageStats() []pipeline.StageStats
	Head() wire.SeqNum

	AskStandings()
	TakeStandings(fn func(*wire.NodeStatus))

	Account(ctx context.Context, id payments.U128) (pipeline.AccountAt, error)
	LastTransfers(at *pipeline.AccountAt, limit int) ([]pipeline.TransferAt, error)

	ViewBlock(seq wire.SeqNum) (*pipeline.BlockView, error)
	ViewOutline(seq wire.SeqNum) (*pipeline.BlockView, error)
	ViewEvents(seq wire.SeqNum, request, from, limit int) ([]pipeline.EventView, int, error)
}

// Config is what a console is made of.
type Config struct {
	Source  Source
	Genesis *cluster.Genesis
	Self    wire.ReplicaID
	Version string
	Profile string
	More    []func() pipeline.StageStats // stages outside of the pipeline, such as the event loops
	Recent  *Recent                      // nil: a console of its own that remembers nothing
	Host    string                       // host of the configured address, served beside addresses and localhost
	Now     func() time.Time             // nil: time.Now
}

// Console serves one replica's page.
type Console struct {
	cfg     Config
	about   about
	started time.Time
	gate    gate
	reads   chan struct{} // one token per answer that reads the ledger
	handler http.Handler

	mu        sync.Mutex // over what follows
	samples   []sample   // oldest first, at most samplesMax
	stages    []stageNow
	standings []standing // by replica
	last      reading
}

// New makes a console. Its Run has to be called for anything to move.
func New(cfg Config) *Console {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Recent == nil {
		cfg.Recent = NewRecent(cfg.Now)
	}
	c := &Console{cfg: cfg, about: aboutOf(&cfg), started: cfg.Now(), gate: newGate(cfg.Host), reads: make(chan struct{}, readsMax)}
	c.standings = make([]standing, len(cfg.Genesis.Members))
	for i := range c.standings {
		c.standings[i].at = cfg.Now() // it has time to answer from now on
	}
	c.handler = c.routes()
	c.sample()
	return c
}

// Handler serves the page at / and the JSON under /api/v1/.
func (c *Console) Handler() http.Handler { return c.handler }

// Stop waits, for a moment, until nothing reads the ledger, and lets nothing read
// it again: the ledger may be closed then.
func (c *Console) Stop() {
	late := time.After(answerWithin)
	for range readsMax {
		select {
		case c.reads <- struct{}{}:
		case <-late:
			return
		}
	}
}

// Run samples once a second until ctx ends.
func (c *Console) Run(ctx context.Context) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			c.sample()
		}
	}
}

var _ Source = (*pipeline.Replica)(nil)
var _ slog.Handler = (*remembering)(nil)
