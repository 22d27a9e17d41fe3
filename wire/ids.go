package wire

import (
	"crypto/sha256"
	"encoding/hex"
)

// ReplicaID is the zero-based index of a replica in the genesis member list.
type ReplicaID uint16

// View numbers the reigns of primaries; the primary of view v is replica
// v mod n. Views start at 0.
type View uint64

// SeqNum numbers slots of the agreed order, from 1. SeqNum 0 is the genesis
// state, before any block.
type SeqNum uint64

// Epoch numbers configurations of the cluster (members and keys), from 1.
type Epoch uint64

// ClientID names a registered client. 0 is never a client.
type ClientID uint64

// DigestBytes is the length of a Digest.
const DigestBytes = 32

// Digest is a SHA-256 value over domain-separated bytes.
type Digest [DigestBytes]byte

// NullDigest is the value of a null slot: a slot that a new view decided to
// leave empty. No batch hashes to it (it would be a SHA-256 preimage of zero).
var NullDigest Digest

// IsNull reports whether d is the null value.
func (d Digest) IsNull() bool { return d == NullDigest }

// String gives the first 8 bytes in hexadecimal, enough to tell digests apart
// in a log line.
func (d Digest) String() string { return hex.EncodeToString(d[:8]) }

// SignatureBytes is the length of an Ed25519 signature.
const SignatureBytes = 64

// Signature is an Ed25519 signature (RFC 8032).
type Signature [SignatureBytes]byte

// Op is what a client asks for.
type Op uint8

// The operations. Their bodies and results are defined in package payments.
const (
	OpCreateAccounts      Op = 1  // body: accounts, 128 bytes each; result: one u32 code per event
	OpCreateTransfers     Op = 2  // body: transfers, 128 bytes each; result: one u32 code per event
	OpLookupAccounts      Op = 3  // body: u128 ids; result: accounts found, 128 bytes each
	OpLookupTransfers     Op = 4  // body: u128 ids; result: transfers found, 128 bytes each
	OpGetAccountTransfers Op = 5  // body: one AccountFilter; result: transfers
	OpGetAccountBalances  Op = 6  // body: one AccountFilter; result: balances
	OpQueryAccounts       Op = 7  // body: one QueryFilter; result: accounts
	OpQueryTransfers      Op = 8  // body: one QueryFilter; result: transfers
	OpRegisterClient      Op = 9  // body: one ClientRecord; result: one u32 code
	OpLedgerTotals        Op = 10 // body: empty; result: one LedgerTotals per registered ledger

	// OpCreateSignedTransfers is OpCreateTransfers with a signature of its own for
	// every transfer; its body is that of signed.go.
	OpCreateSignedTransfers Op = 11
)

// Sum is SHA-256 over a domain tag and parts, each preceded by its length, so
// that no two argument lists give the same bytes (FRM-03 of the threat list).
func Sum(domain Domain, parts ...[]byte) Digest {
	h := sha256.New()
	var n [8]byte
	put := func(p []byte) {
		putUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	put([]byte(domain))
	for _, p := range parts {
		put(p)
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// Domain separates the digests of one kind of value from those of another.
type Domain string

var opNames = [...]string{OpCreateAccounts: "create_accounts", OpCreateTransfers: "create_transfers",
	OpLookupAccounts: "lookup_accounts", OpLookupTransfers: "lookup_transfers",
	OpGetAccountTransfers: "get_account_transfers", OpGetAccountBalances: "get_account_balances",
	OpQueryAccounts: "query_accounts", OpQueryTransfers: "query_transfers",
	OpRegisterClient: "register_client", OpLedgerTotals: "ledger_totals",
	OpCreateSignedTransfers: "create_signed_transfers"}

// String is the operation's stable name.
func (o Op) String() string {
	if int(o) < len(opNames) && opNames[o] != "" {
		return opNames[o]
	}
	return "unknown"
}
