package comet

import (
	"crypto/ed25519"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"quorate/bench/peers/transfer"
)

// Aim: the application moves money as said and checks what it claims to check,
// on both ways to a block. Method: blocks by hand.

func appOf(t *testing.T, signed bool, payments int) *app {
	t.Helper()
	a, err := newApp(signed, payments)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *app) block(t *testing.T, txs ...[]byte) (codes []uint32) {
	t.Helper()
	r, err := a.FinalizeBlock(t.Context(), &abci.RequestFinalizeBlock{Txs: txs, Height: a.height + 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.TxResults {
		codes = append(codes, x.Code)
	}
	return codes
}

func (a *app) check(t *testing.T, tx []byte) uint32 {
	t.Helper()
	r, err := a.CheckTx(t.Context(), &abci.RequestCheckTx{Tx: tx})
	if err != nil {
		t.Fatal(err)
	}
	return r.Code
}

func equal(t *testing.T, what string, got []uint32, want ...uint32) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("%s: codes %v, want %v", what, got, want)
		}
	}
}

func TestMoneyMoves(t *testing.T) {
	a := appOf(t, false, 2)
	pay := func(debit, credit, amount uint64) transfer.Transfer {
		return transfer.Transfer{ID: 1, Debit: debit, Credit: credit, Amount: amount}
	}
	tx := func(list ...transfer.Transfer) (b []byte) {
		for i := range list {
			b = list[i].Append(b)
		}
		return b
	}
	equal(t, "good", a.block(t, tx(pay(1, 2, 5), pay(2, 3, opening+5))), codeOK)
	equal(t, "overdraft", a.block(t, tx(pay(3, 4, 7), pay(2, 3, 1)), tx(pay(3, 4, 1), pay(3, 4, 1))), codeOverdraft, codeOK)
	if a.balances[1] != opening-5 || a.balances[2] != 0 || a.balances[3] != 2*opening+5-2 || a.balances[4] != opening+2 || a.failed != 1 {
		t.Errorf("%v, %d failed", a.balances[:5], a.failed)
	}
	for name, bad := range map[string][]byte{"short": tx(pay(1, 2, 1)), "itself": tx(pay(1, 1, 1), pay(1, 2, 1)), "nobody": tx(pay(1, 2, 1), pay(accounts, 1, 1)), "empty": nil} {
		equal(t, name, append(a.block(t, bad), a.check(t, bad)), codeMalformed, codeMalformed)
	}
}

func TestSignaturesAreCheckedOnBothWays(t *testing.T) {
	a, c := appOf(t, true, 1), client{cfg: LoadConfig{Signed: true, Payments: 1}}
	c.keys = map[uint64]ed25519.PrivateKey{}
	good, seen := c.tx(1), c.tx(2)
	forged := append([]byte(nil), c.tx(3)...)
	forged[48]++ // the amount
	if code := a.check(t, seen); code != codeOK {
		t.Fatalf("code %d", code)
	}
	if code := a.check(t, forged); code != codeSignature {
		t.Fatalf("code %d of a forged payment", code)
	}
	equal(t, "block", a.block(t, good, forged, seen, good[:150]), codeOK, codeSignature, codeOK, codeSignature)
	if len(a.checked) != 0 {
		t.Errorf("%d signatures remembered behind their block", len(a.checked))
	}
	equal(t, "only forged", a.block(t, forged), codeSignature)
	sum := uint64(0)
	for _, b := range a.balances {
		sum += b
	}
	if sum != opening*accounts {
		t.Error("money appeared or vanished")
	}
}
