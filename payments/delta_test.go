package payments

// Aim: the delta digest shows every word that a transfer may change in its two
// accounts (P1): a replica that diverges in one of them is found at that block.
// Method: each field is changed alone, the high half of amounts too.

import "testing"

func TestDeltaShowsEveryBalance(t *testing.T) {
	digest := func(change func(dr, cr *Account)) any {
		dr, cr := Account{DebitsPosted: U64(7)}, Account{CreditsPosted: U64(7)}
		change(&dr, &cr)
		var d delta
		d.pair(&pair{drSlot: 1, crSlot: 2, dr: &dr, cr: &cr})
		return d.digest()
	}
	plain := digest(func(*Account, *Account) {})
	for name, change := range map[string]func(dr, cr *Account){
		"debits posted":        func(dr, _ *Account) { dr.DebitsPosted.Lo++ },
		"debits posted, high":  func(dr, _ *Account) { dr.DebitsPosted.Hi++ },
		"debits pending":       func(dr, _ *Account) { dr.DebitsPending.Lo++ },
		"debits pending, high": func(dr, _ *Account) { dr.DebitsPending.Hi++ },
		"debit flags":          func(dr, _ *Account) { dr.Flags |= AccountClosed },
		"credits posted":       func(_, cr *Account) { cr.CreditsPosted.Lo++ },
		"credits posted, high": func(_, cr *Account) { cr.CreditsPosted.Hi++ },
		"credits pending":      func(_, cr *Account) { cr.CreditsPending.Lo++ },
		"credits pending high": func(_, cr *Account) { cr.CreditsPending.Hi++ },
		"credit flags":         func(_, cr *Account) { cr.Flags |= AccountClosed },
	} {
		if digest(change) == plain {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}
