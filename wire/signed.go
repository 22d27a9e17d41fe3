package wire

import (
	"crypto/sha256"

	"quorate/internal/plant"
)

// A request of signed transfers: each was signed by whom it debits. Its body is
// in two columns: first all transfers, of EventBytes each, then as many seals, of
// SealBytes each, in the same order. So an event stands where it stands in every
// other create, and what reads events (storage, receipts, history) does not know
// of signatures.

// KeyBytes is the length of an Ed25519 public key.
const KeyBytes = 32

// SealBytes is the size of what stands behind the transfers for each of them:
// the public key of who signed it, and the signature.
const SealBytes = KeyBytes + SignatureBytes

// SignedEventBytes is what one signed transfer takes of a body.
const SignedEventBytes = EventBytes + SealBytes

const (
	domainTransfer Domain = "quorate/v1/signed-transfer"
	domainOwner    Domain = "quorate/v1/account-owner"
)

// Seal is a signature and the key that it verifies under.
type Seal struct {
	Key       [KeyBytes]byte
	Signature Signature
}

// Events is how many events a create of n body bytes holds; n must be whole
// events.
func (o Op) Events(n int) int {
	if o == OpCreateSignedTransfers {
		return n / SignedEventBytes
	}
	return n / EventBytes
}

// Creates reports whether the operation's body holds events.
func (o Op) Creates() bool {
	return o == OpCreateAccounts || o.CreatesTransfers()
}

// CreatesTransfers reports whether the operation's events are transfers.
func (o Op) CreatesTransfers() bool {
	return o == OpCreateTransfers || o == OpCreateSignedTransfers
}

// SplitSigned cuts a body of signed transfers into its columns; both alias it.
// The body must be whole: n·SignedEventBytes.
func SplitSigned(body []byte) (events, seals []byte) {
	at := len(body) / SignedEventBytes * EventBytes
	return body[:at:at], body[at:]
}

// SealAt gives seal i of a column.
func SealAt(seals []byte, i int) (s Seal) {
	b := seals[i*SealBytes : (i+1)*SealBytes]
	copy(s.Key[:], b)
	copy(s.Signature[:], b[KeyBytes:])
	return s
}

// AppendSigned appends the body of transfers, of EventBytes each, and their
// seals.
func AppendSigned(b, events []byte, seals []Seal) []byte {
	b = append(b, events...)
	for i := range seals {
		b = append(b, seals[i].Key[:]...)
		b = append(b, seals[i].Signature[:]...)
	}
	return b
}

// TransferDigest is what the owner of the debited account signs: one encoded
// transfer, of EventBytes, in one cluster. Nothing else needs to be in it: the
// key is part of every Ed25519 signature, and the transfer's id lets it take
// effect once.
func TransferDigest(cluster Digest, transfer []byte) Digest {
	if plant.On(plant.ClusterNotSigned) {
		cluster = NullDigest
	}
	return sumShort(domainTransfer, cluster[:], transfer)
}

// OwnerDigest is what the id of a key's own account is cut from.
func OwnerDigest(key []byte) Digest { return sumShort(domainOwner, key) }

// sumShort is Sum for a few short parts, once per payment: it takes no memory
// from the heap. The bytes together must fit the array.
func sumShort(domain Domain, parts ...[]byte) Digest {
	var array [256]byte
	b := appendU64(array[:0], uint64(len(domain)))
	b = append(b, domain...)
	for _, p := range parts {
		b = appendU64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
