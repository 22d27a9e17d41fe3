package payments

// Aim: the machine does what the model does, whatever the stream of requests,
// and goes on identically after a restart from pages. Method: random streams
// (seeded long ones and rapid's, which shrink), compared after each block.

import (
	"testing"

	"pgregory.net/rapid"
)

func stream(t failer, pick func(n int) int, blocks int) *harness {
	cfg := testConfig()
	if pick(2) == 0 {
		cfg.Ledgers = []Ledger{{Number: 1, Currency: [8]byte{'E', 'U', 'R'}, Scale: 2}, {Number: 2, Currency: [8]byte{'U', 'S', 'D'}, Scale: 2}}
	}
	cfg.Limits.ClientsMax = 5
	cfg.Limits.LedgersMax = 3
	if pick(3) == 0 {
		cfg.Limits.PendingsMax = 3
		cfg.Limits.AccountsMax = 7
	}
	h := newHarness(t, cfg)
	g := newGen(pick, h.model)
	h.apply(g.time, g.opening())
	for i := 0; i < blocks; i++ {
		proposed, reqs := g.block()
		h.apply(proposed, reqs...)
		switch pick(12) {
		case 0:
			h.checkpoint()
		case 1:
			h.restart(pick(2) == 0, uint64(pick(1000)))
		}
	}
	return h
}

func TestModelSeeded(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 6
	}
	for seed := 1; seed <= seeds; seed++ {
		s := splitmix(seed)
		stream(t, func(n int) int { return int(s.next() % uint64(n)) }, 150)
	}
}

func TestModelRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream(t, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "") }, 12)
	})
}
