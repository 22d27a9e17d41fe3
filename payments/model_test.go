package payments

// The model (package paymentsmodel) as these tests use it: its records and
// numbers turned into those of the machine.

import (
	"quorate/payments/paymentsmodel"
)

func newModel(cfg Config) *paymentsmodel.Model {
	limits, _ := cfg.Limits.complete()
	c := paymentsmodel.Config{Limits: paymentsmodel.Limits{AccountsMax: limits.AccountsMax, PendingsMax: limits.PendingsMax,
		ClientsMax: limits.ClientsMax, LedgersMax: limits.LedgersMax}}
	for _, l := range cfg.Ledgers {
		c.Ledgers = append(c.Ledgers, paymentsmodel.Ledger(l))
	}
	for _, r := range cfg.Clients {
		c.Clients = append(c.Clients, paymentsmodel.Client{ID: r.ID, Key: r.Key, Roles: uint32(r.Roles)})
	}
	c.KeyCode = func(key [32]byte) uint32 {
		switch key { // the only bad ones that the generator makes
		case [32]byte{1}:
			return uint32(RegisterKeyHasSmallOrder)
		case [32]byte{2}:
			return uint32(RegisterKeyNotOnCurve)
		}
		return 0
	}
	return paymentsmodel.New(c)
}

func modelRequests(reqs []Request) (out []paymentsmodel.Request) {
	for _, q := range reqs {
		out = append(out, paymentsmodel.Request{Client: q.Client, Seq: q.Seq, Digest: q.Digest, Op: q.Op, Body: q.Body, Verdicts: q.Verdicts})
	}
	return out
}

func modelAccount(m *paymentsmodel.Model, id U128) (a Account) {
	r := m.Account(paymentsmodel.U128(id))
	_ = a.Decode(r.Append(nil))
	return a
}

// modelTransfer gives an executed transfer and what became of it.
func modelTransfer(m *paymentsmodel.Model, id U128) (t Transfer, status PendingStatus, ok bool) {
	r, s, ok := m.Transfer(paymentsmodel.U128(id))
	if ok {
		_ = t.Decode(r.Append(nil))
	}
	return t, PendingStatus(s), ok
}
