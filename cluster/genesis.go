package cluster

import (
	"crypto/ed25519"

	"quorate/wire"
)

// GroupKeyBytes is the length of a compressed BLS12-381 G2 point: a group's
// public key or the public key of one share.
const GroupKeyBytes = 96

// GroupKey is a compressed BLS public key in G2. Package sigagg gives it
// meaning; here it is bytes.
type GroupKey [GroupKeyBytes]byte

// Member is one replica as genesis lists it.
type Member struct {
	ID         wire.ReplicaID
	PeerAddr   string            // host:port on which it accepts replicas
	ClientAddr string            // host:port on which it accepts clients
	Identity   ed25519.PublicKey // 32 bytes; signs pre-prepares and view changes, and is its TLS key
	SigmaShare GroupKey          // public key of its share of σ, fast commit
	TauShare   GroupKey          // … of τ, prepare, slow commit, checkpoint
	PiShare    GroupKey          // … of π, execution
}

// Roles of a client, a bit set.
const (
	RolePay   uint32 = 1 << 0 // may create accounts and transfers
	RoleRead  uint32 = 1 << 1 // may look up and query
	RoleAdmin uint32 = 1 << 2 // may register clients
)

// ClientKey is a client that genesis registers.
type ClientKey struct {
	ID    wire.ClientID
	Name  string
	Key   ed25519.PublicKey // 32 bytes, canonical and not of small order
	Roles uint32
}

// Ledger is an entry of the ledger registry: what a ledger number stands for.
type Ledger struct {
	Number   uint32
	Currency string // ISO 4217 or a name of one's own, at most 16 bytes
	Scale    uint8  // digits behind the decimal point of one unit of the currency
}

// Genesis is everything on which replicas must agree before the first block.
// Its hash is the cluster's identity: it is compared at every handshake and
// stands in every digest that is signed. It is immutable after Parse.
type Genesis struct {
	Name      string
	Epoch     wire.Epoch
	F, C      int
	Members   []Member // index = ID
	Sigma     GroupKey // group public keys
	Tau       GroupKey
	Pi        GroupKey
	Ledgers   []Ledger
	Clients   []ClientKey
	Window    int    // slots in flight above the stable checkpoint; default 256
	TimeBound uint64 // largest difference between a proposed time and a backup's clock, nanoseconds; default 3 s

	// CreatedAt makes two clusters with the same keys differ, nanoseconds since 1970 UTC.
	CreatedAt uint64
}

// CheckpointInterval is K: every K-th slot is a checkpoint, half a window.
func (g *Genesis) CheckpointInterval() wire.SeqNum { return wire.SeqNum(g.Window / 2) }
