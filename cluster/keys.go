package cluster

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"quorate/wire"
)

// SecretBytes is the length of every secret: an Ed25519 seed (RFC 8032) or a
// BLS12-381 scalar.
const SecretBytes = 32

// keyFileBytesMax bounds a key file; one has seven lines.
const keyFileBytesMax = 64 << 10

// NodeKeys are the secrets of one replica. Their file is readable by its owner
// alone; formatting them with any verb shows no secret.
type NodeKeys struct {
	Replica      wire.ReplicaID
	IdentitySeed [SecretBytes]byte // Ed25519 seed
	SigmaShare   [SecretBytes]byte // secret share of σ, as sigagg encodes it
	TauShare     [SecretBytes]byte // … of τ
	PiShare      [SecretBytes]byte // … of π
	VoteSecret   [SecretBytes]byte // in a scheme without shares: a BLS12-381 scalar or an Ed25519 seed
}

// ClientKeys are the secrets of one client; see NodeKeys.
type ClientKeys struct {
	ID   wire.ClientID
	Name string
	Seed [SecretBytes]byte // Ed25519 seed
}

// ParseNodeKeys reads a node's key file. A refusal is a *Fault of kind
// ErrKeyFile that shows no secret.
func ParseNodeKeys(text []byte) (*NodeKeys, error) {
	r := &reader{kind: ErrKeyFile, lines: map[string]int{}}
	k := &NodeKeys{}
	doc := r.document(text, keyFileBytesMax)
	shares := []struct {
		key string
		to  *[SecretBytes]byte
	}{{"sigma_share", &k.SigmaShare}, {"tau_share", &k.TauShare}, {"pi_share", &k.PiShare}}
	if hasKey(doc, "vote_secret") {
		shares = shares[:1]
		shares[0].key, shares[0].to = "vote_secret", &k.VoteSecret
	}
	keys := []string{"version", "replica", "identity_seed"}
	for _, s := range shares {
		keys = append(keys, s.key)
	}
	m := r.mapping(doc, "", keys...)
	m.version()
	k.Replica = wire.ReplicaID(m.number("replica", wire.ReplicasMax))
	m.secret("identity_seed", &k.IdentitySeed)
	for _, s := range shares {
		m.secret(s.key, s.to)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return k, nil
}

// ParseClientKeys reads a client's key file; see ParseNodeKeys.
func ParseClientKeys(text []byte) (*ClientKeys, error) {
	r := &reader{kind: ErrKeyFile, lines: map[string]int{}}
	m := r.mapping(r.document(text, keyFileBytesMax), "", "version", "id", "name", "seed")
	m.version()
	k := &ClientKeys{ID: wire.ClientID(m.number("id", math.MaxUint64)), Name: m.text("name")}
	m.secret("seed", &k.Seed)
	if r.fault == nil && (k.ID == 0 || !plainName(k.Name, NameBytesMax)) {
		m.fail("name", "the client has no id or no name", "write the file anew with: replica init")
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return k, nil
}

// secret reads a secret and refuses zero: it is what a wiped or never filled
// field looks like, and everybody knows it.
func (m mapping) secret(key string, dst *[SecretBytes]byte) {
	m.hex(key, dst[:])
	if m.r.fault == nil && *dst == [SecretBytes]byte{} {
		m.fail(key, "the secret is zero", "restore the file from its copy, or deal the keys anew with: replica init")
	}
}

// YAML writes k as ParseNodeKeys reads it. The bytes are secret: the caller
// writes them to a file of mode 0600 and nowhere else.
func (k *NodeKeys) YAML() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Secret keys of replica %d. Keep the mode at 0600; two hosts never share this file.\n", k.Replica)
	fmt.Fprintf(&b, "version: %d\nreplica: %d\nidentity_seed: '%x'\n", fileVersion, k.Replica, k.IdentitySeed[:])
	if k.VoteSecret != ([SecretBytes]byte{}) {
		fmt.Fprintf(&b, "vote_secret: '%x'\n", k.VoteSecret[:])
	} else {
		fmt.Fprintf(&b, "sigma_share: '%x'\ntau_share: '%x'\npi_share: '%x'\n", k.SigmaShare[:], k.TauShare[:], k.PiShare[:])
	}
	return b.Bytes()
}

// YAML writes k as ParseClientKeys reads it; see NodeKeys.YAML.
func (k *ClientKeys) YAML() []byte {
	return fmt.Appendf(nil, "# Secret key of client %d. Keep the mode at 0600.\nversion: %d\nid: %d\nname: '%s'\nseed: '%x'\n",
		k.ID, fileVersion, k.ID, k.Name, k.Seed[:])
}

// Identity is the Ed25519 key of the replica: it signs pre-prepares and view
// changes and is its TLS key.
func (k *NodeKeys) Identity() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.IdentitySeed[:]) }

// Key is the Ed25519 key that signs the client's requests.
func (k *ClientKeys) Key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.Seed[:]) }

// Check refuses keys that are not those of the genesis member with their id
// (KEY-02: wrong replica's key). The shares are compared by the caller, who can
// ask sigagg for their public keys.
func (k *NodeKeys) Check(g *Genesis) error {
	member, ok := g.Replica(k.Replica)
	if !ok {
		return &Fault{Kind: ErrKeyFile, Key: "replica", Problem: fmt.Sprintf("replica %d is not one of the %d in genesis", k.Replica, len(g.Members)),
			Fix: "put the genesis.yaml and the keys.yaml of one cluster next to each other"}
	}
	if !k.Identity().Public().(ed25519.PublicKey).Equal(member.Identity) {
		return &Fault{Kind: ErrKeyFile, Key: "identity_seed", Problem: fmt.Sprintf("it is not the key that genesis lists for replica %d", k.Replica),
			Fix: "use the key file of this replica and this cluster"}
	}
	if voted := k.VoteSecret != ([SecretBytes]byte{}); voted == g.threshold() {
		want := "vote_secret"
		if g.threshold() {
			want = "sigma_share, tau_share and pi_share"
		}
		return &Fault{Kind: ErrKeyFile, Key: "replica", Problem: fmt.Sprintf("genesis names the scheme %s, and the file has not the secrets of it: %s", g.Scheme, want),
			Fix: "use the key file of this replica and this cluster"}
	}
	return nil
}

// Check refuses keys that are not those of the genesis client with their id.
// A client that was registered later is not in genesis: do not ask then.
func (k *ClientKeys) Check(g *Genesis) error {
	client, ok := g.Client(k.ID)
	if !ok {
		return &Fault{Kind: ErrKeyFile, Key: "id", Problem: fmt.Sprintf("client %d is not in genesis", k.ID),
			Fix: "use a key file of this cluster"}
	}
	if !k.Key().Public().(ed25519.PublicKey).Equal(client.Key) {
		return &Fault{Kind: ErrKeyFile, Key: "seed", Problem: fmt.Sprintf("it is not the key that genesis lists for client %d", k.ID),
			Fix: "use the key file of this client and this cluster"}
	}
	return nil
}

// Format keeps secrets out of logs and panics, whatever the verb (OPS-04).
func (k NodeKeys) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("keys of replica %d (secret)", k.Replica))
}

// Format keeps secrets out of logs and panics, whatever the verb (OPS-04).
func (k ClientKeys) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("keys of client %d (secret)", k.ID))
}

// MarshalJSON keeps secrets out of structured logs, which ask no Format.
func (k NodeKeys) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(k)) }

// MarshalJSON keeps secrets out of structured logs, which ask no Format.
func (k ClientKeys) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(k)) }
