package cluster

import (
	"cmp"
	"crypto/ed25519"
	"slices"

	"quorate/wire"
)

// GroupKeyBytes is the length of a compressed BLS12-381 G2 point: a group's
// public key or the public key of one share.
const GroupKeyBytes = 96

// GroupKey is a compressed BLS public key in G2. Package sigagg gives it
// meaning; here it is bytes.
type GroupKey [GroupKeyBytes]byte

// Scheme names how replicas sign together. Package sigagg implements each; here
// it says which keys a genesis must have.
type Scheme string

// The schemes.
const (
	// ThresholdBLS deals every group one key and every replica a share of it.
	ThresholdBLS Scheme = "threshold-bls"
	// MultiBLS gives every replica a BLS key of its own with a proof of possession.
	MultiBLS Scheme = "multi-bls"
	// Ed25519 gives every replica one more Ed25519 key.
	Ed25519 Scheme = "ed25519"
)

// Schemes lists them, the default first.
func Schemes() []Scheme { return []Scheme{ThresholdBLS, MultiBLS, Ed25519} }

// PossessionBytes is the length of a proof of possession: a compressed BLS12-381
// G1 point.
const PossessionBytes = 48

// voteKeyBytes is the length of a replica's vote key in each scheme that has one.
var voteKeyBytes = map[Scheme]int{MultiBLS: GroupKeyBytes, Ed25519: ed25519.PublicKeySize}

// CertificateBytes is the length of a certificate of k out of n signers.
func (s Scheme) CertificateBytes(k, n int) int {
	switch s {
	case MultiBLS:
		return (n+7)/8 + 48
	case Ed25519:
		return (n+7)/8 + 64*k
	}
	return 48
}

// Member is one replica as genesis lists it. With ThresholdBLS it has the three
// shares, with the other schemes a vote key.
type Member struct {
	ID         wire.ReplicaID
	PeerAddr   string            // host:port on which it accepts replicas
	ClientAddr string            // host:port on which it accepts clients
	Identity   ed25519.PublicKey // 32 bytes; signs pre-prepares and view changes, and is its TLS key
	SigmaShare GroupKey          // public key of its share of σ, fast commit
	TauShare   GroupKey          // … of τ, prepare, slow commit, checkpoint
	PiShare    GroupKey          // … of π, execution
	VoteKey    []byte            // MultiBLS: as a GroupKey; Ed25519: 32 bytes, other than Identity
	Possession []byte            // MultiBLS: the vote key's signature over itself, PossessionBytes
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
// stands in every digest that is signed. It comes from ParseGenesis, or is
// filled by hand and sealed by Validate; it is immutable from then on.
type Genesis struct {
	Name      string
	Epoch     wire.Epoch
	F, C      int
	Scheme    Scheme   // empty is made ThresholdBLS by Validate
	Members   []Member // index = ID
	Sigma     GroupKey // group public keys; ThresholdBLS alone has them
	Tau       GroupKey
	Pi        GroupKey
	Ledgers   []Ledger
	Clients   []ClientKey
	Window    int    // slots in flight above the stable checkpoint; default 256
	TimeBound uint64 // largest difference between a proposed time and a backup's clock, nanoseconds; default 3 s

	// CreatedAt makes two clusters with the same keys differ, nanoseconds since 1970 UTC.
	CreatedAt uint64

	seal *seal // what Validate computed; nil before
}

// seal is what follows from the other fields, computed once.
type seal struct {
	hash    wire.Digest
	quorums Quorums
}

// Defaults of the parameters that every replica must share.
const (
	// WindowDefault is the number of slots in flight above the stable
	// checkpoint: 256 slots cover a 100 ms round trip at 2,500 slots/s.
	WindowDefault = 256
	// TimeBoundDefault is 3 s in nanoseconds: hosts under NTP differ by
	// milliseconds, so 3 s marks a clock as broken and not as slow.
	TimeBoundDefault = 3_000_000_000
)

// Hash is the cluster's identity: SHA-256 over the canonical bytes of all
// fields. It panics when neither ParseGenesis nor Validate sealed g.
func (g *Genesis) Hash() wire.Digest { return g.sealed().hash }

// Quorums gives the vote counts that follow from F and C. It panics when
// neither ParseGenesis nor Validate sealed g.
func (g *Genesis) Quorums() Quorums { return g.sealed().quorums }

func (g *Genesis) sealed() *seal {
	if g.seal == nil {
		panic("assert: cluster: genesis is used before Validate")
	}
	return g.seal
}

// Replica gives the member with this id, and whether there is one. The member
// belongs to g and is read-only.
func (g *Genesis) Replica(id wire.ReplicaID) (*Member, bool) {
	if int(id) >= len(g.Members) {
		return nil, false
	}
	return &g.Members[id], true
}

// Client gives the registered client with this id, and whether there is one.
// It relies on Clients being sorted, which Validate checks. The key belongs to
// g and is read-only.
func (g *Genesis) Client(id wire.ClientID) (*ClientKey, bool) {
	i, found := slices.BinarySearchFunc(g.Clients, id, func(k ClientKey, id wire.ClientID) int {
		return cmp.Compare(k.ID, id)
	})
	if !found {
		return nil, false
	}
	return &g.Clients[i], true
}

// CheckpointInterval is K: every K-th slot is a checkpoint, half a window.
func (g *Genesis) CheckpointInterval() wire.SeqNum { return wire.SeqNum(g.Window / 2) }
