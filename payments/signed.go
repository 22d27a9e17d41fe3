package payments

import (
	"quorate/internal/plant"
	"quorate/wire"
)

// Signed transfers. An Ed25519 key owns one account, whose id follows from it, so
// that whether a key may debit an account needs no look-up and no registration.
// Whether a signature is good is told by whoever applies the block; what a good
// one allows is decided here:
//
//   - A key may sign transfers that debit its own account, and no other.
//   - Whoever gives something up may say so: a pending transfer is posted by the
//     owner of either side, and voided by the owner of the credited account. Its
//     payer cannot take back what it reserved; that is what a timeout is for.
//   - Requests of OpCreateTransfers post and void as ever: a pending debit of an
//     account with AccountDebitsMustBeSigned was signed when it was made, with
//     amount, payee and timeout.
//   - A signer may not close another's account nor choose a past timestamp.
//
// A bad signature uses up no id (TransferCode.Transient): else anyone could spoil
// another's transfer.

// KeyAccount is the id of the account that an Ed25519 public key owns.
func KeyAccount(key [wire.KeyBytes]byte) U128 {
	d := wire.OwnerDigest(key[:])
	return getU128(d[:])
}

// signer is who signed a transfer. Its zero value is of a transfer that is not
// signed.
type signer struct {
	is      bool // the transfer came in OpCreateSignedTransfers
	good    bool // its signature is good
	account U128 // that the key owns; only if good
}

// signer gives the signer of event i of a run.
func (r *run) signer(i int) signer {
	if r.seals == nil {
		return signer{}
	}
	s := signer{is: true, good: r.verdicts[i] || plant.On(plant.BadSignatureExecuted)}
	if s.good {
		s.account = KeyAccount(wire.SealAt(r.seals, i).Key)
	}
	return s
}

// check says whether s may have signed t at all. Of a post or void it is said
// once its pending transfer is found (mayResolve).
func (s *signer) check(t *Transfer) TransferCode {
	const others = TransferImported | TransferClosingCredit
	switch {
	case !s.is:
	case !s.good:
		return TransferSignatureInvalid
	case t.Flags&others != 0:
		return TransferFlagsNotAllowedWhenSigned
	case t.Flags&transferResolves == 0 && t.DebitAccountID != s.account && !plant.On(plant.OwnerUnchecked):
		return TransferSignerNotOwner
	}
	return TransferOK
}

// mayResolve reports whether s may sign that the pending transfer p is posted or
// voided by t.
func (s *signer) mayResolve(t, p *Transfer) bool {
	switch {
	case !s.is, s.account == p.CreditAccountID, plant.On(plant.AnyoneResolves):
		return true
	case s.account == p.DebitAccountID:
		return t.Flags&TransferVoidPending == 0
	}
	return false
}
