package comet

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"quorate/bench/peers/transfer"
)

// accounts of the generated payments, each with opening units in it.
const (
	accounts = 10_000
	opening  = 1 << 40
)

// Codes of transactions.
const (
	codeOK        = 0
	codeMalformed = 1
	codeSignature = 2
	codeOverdraft = 3
)

// keyOf gives the signing key of an account: every payer signs with its own.
func keyOf(account uint64) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("bench/peers account "), account))
	return ed25519.NewKeyFromSeed(seed[:])
}

// app is the state machine of one validator. CometBFT calls the methods of one
// connection one at a time, and those of different connections at once.
type app struct {
	abci.BaseApplication
	signed   bool
	payments int // per transaction
	keys     []*voi.ExpandedPublicKey

	mu       sync.Mutex
	balances []uint64
	failed   uint64
	height   int64
	hash     [sha256.Size]byte

	checkedMu sync.Mutex
	checked   map[[sha256.Size]byte]struct{} // good signatures from CheckTx, until their block
}

func newApp(signed bool, payments int) (*app, error) {
	a := &app{signed: signed, payments: payments, balances: make([]uint64, accounts), checked: make(map[[sha256.Size]byte]struct{})}
	for i := range a.balances {
		a.balances[i] = opening
	}
	if !signed {
		return a, nil
	}
	for i := range uint64(accounts) {
		k, err := voi.NewExpandedPublicKey(voi.PublicKey(keyOf(i).Public().(ed25519.PublicKey)))
		if err != nil {
			return nil, err
		}
		a.keys = append(a.keys, k)
	}
	return a, nil
}

// txBytes is the size of a transaction: records, and a signature if there is one
// record with one.
func (a *app) txBytes() int {
	if a.signed {
		return transfer.Bytes + ed25519.SignatureSize
	}
	return a.payments * transfer.Bytes
}

// decode reads the payments of a transaction.
func (a *app) decode(dst []transfer.Transfer, tx []byte) ([]transfer.Transfer, bool) {
	if len(tx) != a.txBytes() {
		return nil, false
	}
	for i := range a.payments {
		t, err := transfer.Decode(tx[i*transfer.Bytes : (i+1)*transfer.Bytes])
		if err != nil || t.Debit >= accounts || t.Credit >= accounts || t.Debit == t.Credit {
			return nil, false
		}
		dst = append(dst, t)
	}
	return dst, true
}

// verifyRules are those of our own replicas: batch and single checks agree.
var verifyRules = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

// CheckTx looks at form and signature, not at balances, which other payments
// before this one may change.
func (a *app) CheckTx(_ context.Context, req *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	t, ok := a.decode(nil, req.Tx)
	if !ok {
		return &abci.ResponseCheckTx{Code: codeMalformed}, nil
	}
	if !a.signed {
		return &abci.ResponseCheckTx{Code: codeOK}, nil
	}
	if !voi.VerifyExpandedWithOptions(a.keys[t[0].Debit], req.Tx[:transfer.Bytes], req.Tx[transfer.Bytes:], verifyRules) {
		return &abci.ResponseCheckTx{Code: codeSignature}, nil
	}
	a.checkedMu.Lock()
	a.checked[sha256.Sum256(req.Tx)] = struct{}{}
	a.checkedMu.Unlock()
	return &abci.ResponseCheckTx{Code: codeOK}, nil
}

// signatures reports for each transaction of a block whether its signature is
// good (B3). Those that CheckTx did not see are checked together.
func (a *app) signatures(txs [][]byte) []bool {
	good := make([]bool, len(txs))
	if !a.signed {
		for i := range good {
			good[i] = true
		}
		return good
	}
	var rest []int
	a.checkedMu.Lock()
	for i, tx := range txs {
		h := sha256.Sum256(tx)
		if _, good[i] = a.checked[h]; good[i] {
			delete(a.checked, h)
		} else {
			rest = append(rest, i)
		}
	}
	a.checkedMu.Unlock()
	batch := voi.NewBatchVerifierWithCapacity(len(rest))
	asked := rest[:0]
	for _, i := range rest {
		if t, ok := a.decode(nil, txs[i]); ok {
			batch.AddExpandedWithOptions(a.keys[t[0].Debit], txs[i][:transfer.Bytes], txs[i][transfer.Bytes:], verifyRules)
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 {
		return good
	}
	all, each := batch.Verify(nil)
	for k, i := range asked {
		good[i] = all || each[k]
	}
	return good
}

// FinalizeBlock executes a block.
func (a *app) FinalizeBlock(_ context.Context, req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	good := a.signatures(req.Txs)
	a.mu.Lock()
	defer a.mu.Unlock()
	results := make([]*abci.ExecTxResult, len(req.Txs))
	var payments []transfer.Transfer
	for i, tx := range req.Txs {
		code := uint32(codeSignature)
		if good[i] {
			var ok bool
			if payments, ok = a.decode(payments[:0], tx); ok {
				code = a.execute(payments)
			} else {
				code = codeMalformed
			}
		}
		if code != codeOK {
			a.failed++
		}
		results[i] = &abci.ExecTxResult{Code: code}
	}
	// The chain of blocks with what failed names the whole history.
	var b [8 + 8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(req.Height))
	binary.LittleEndian.PutUint64(b[8:], a.failed)
	h := sha256.New()
	h.Write(a.hash[:])
	h.Write(req.Hash)
	h.Write(b[:])
	h.Sum(a.hash[:0])
	a.height = req.Height
	return &abci.ResponseFinalizeBlock{TxResults: results, AppHash: append([]byte(nil), a.hash[:]...)}, nil
}

// execute makes all payments of a transaction or none.
func (a *app) execute(payments []transfer.Transfer) uint32 {
	for i, t := range payments {
		if a.balances[t.Debit] < t.Amount {
			for _, u := range payments[:i] {
				a.balances[u.Debit] += u.Amount
				a.balances[u.Credit] -= u.Amount
			}
			return codeOverdraft
		}
		a.balances[t.Debit] -= t.Amount
		a.balances[t.Credit] += t.Amount
	}
	return codeOK
}

// Query gives all balances, after the height that they are of and how many
// transactions failed: little-endian 64-bit numbers.
func (a *app) Query(_ context.Context, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	if req.Path != queryState {
		return &abci.ResponseQuery{Code: codeMalformed, Log: fmt.Sprintf("no path %q", req.Path)}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b := make([]byte, 0, 8*(2+accounts))
	for _, v := range append([]uint64{uint64(a.height), a.failed}, a.balances...) {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return &abci.ResponseQuery{Code: codeOK, Value: b}, nil
}

const queryState = "state"
