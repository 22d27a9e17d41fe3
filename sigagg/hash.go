package sigagg

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Domain names what a signature is for. Each domain hashes to the curve under
// its own domain separation tag, so a share made for one protocol step can
// never be counted for another one even if the digests were equal.
type Domain uint8

// The domains of the protocol; the letter is the threshold that SBFT uses.
const (
	// FastCommit (σ) is the fast path's commit share and proof.
	FastCommit Domain = iota + 1
	// Prepare (τ) is the first round of the slow path.
	Prepare
	// SlowCommit (τ∘τ) is the second round of the slow path, over a digest of
	// the Prepare certificate.
	SlowCommit
	// ExecState (π) certifies the state after executing a slot.
	ExecState
	// Checkpoint (τ) certifies a stable checkpoint.
	Checkpoint

	domainEnd // one past the last domain
)

// Tags around a domain's name. The tail is the ciphersuite identifier of
// draft-irtf-cfrg-bls-signature for signatures in G1, basic scheme.
const (
	dstHead = "QUORATE-V1-"
	dstTail = "-BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
)

// domainNames holds the name of each domain; index 0 is no domain.
var domainNames = [domainEnd]string{
	FastCommit: "FAST-COMMIT",
	Prepare:    "PREPARE",
	SlowCommit: "SLOW-COMMIT",
	ExecState:  "EXEC-STATE",
	Checkpoint: "CHECKPOINT",
}

// Valid says whether d is one of the declared domains.
func (d Domain) Valid() bool { return d > 0 && d < domainEnd }

// String returns the domain's name as it stands in its separation tag.
func (d Domain) String() string {
	if !d.Valid() {
		return fmt.Sprintf("DOMAIN-%d", uint8(d))
	}
	return domainNames[d]
}

// DST returns the domain separation tag, 62 to 66 ASCII bytes, or "" for a
// value that is no domain. With it any standard BLS implementation can verify
// our certificates.
func (d Domain) DST() string {
	if !d.Valid() {
		return ""
	}
	return dstHead + domainNames[d] + dstTail
}

// fieldDrawBytes is L of RFC 9380 section 5.1 for this curve: the bytes drawn
// per field element so that reduction mod p has a bias below 2⁻¹²⁸.
const fieldDrawBytes = 64

// hashToG1 sets p to hash_to_curve of suite BLS12381G1_XMD:SHA-256_SSWU_RO_
// (RFC 9380 section 8.8.1) of msg under tag dst, 1 to 255 bytes.
//
// The library's HashAndMapTo takes its tag from a process-wide variable, so
// only its map from one field element is used. That map already clears the
// cofactor; clearing is linear, so adding two cleared points gives the same
// result as the RFC's clearing of their sum (tested against its vectors).
func hashToG1(p *bls.G1, msg, dst []byte) {
	var uniform [2 * fieldDrawBytes]byte
	expandXMD(uniform[:], msg, dst)
	var u bls.Fp
	var q [2]bls.G1
	for i := range q {
		if err := u.SetBigEndianMod(uniform[i*fieldDrawBytes : (i+1)*fieldDrawBytes]); err != nil {
			panic("sigagg: reduce a field element: " + err.Error())
		}
		// The map is total on the field once the library has started, so an
		// error here is a broken build and never a peer's doing.
		if err := bls.MapToG1(&q[i], &u); err != nil {
			panic("sigagg: map to G1: " + err.Error())
		}
	}
	bls.G1Add(p, &q[0], &q[1])
	bls.G1Normalize(p, p)
}

// expandXMD fills out, a multiple of 32 bytes and at most 255·32, with
// expand_message_xmd (RFC 9380 section 5.3.1) of msg with SHA-256 under dst,
// which is 1 to 255 bytes.
func expandXMD(out, msg, dst []byte) {
	if len(dst) == 0 || len(dst) > 255 || len(out)%sha256.Size != 0 || len(out) > 255*sha256.Size {
		panic("sigagg: expand_message_xmd called out of its range")
	}
	tail := append(append(make([]byte, 0, len(dst)+1), dst...), byte(len(dst)))
	var pad [sha256.BlockSize]byte
	h := sha256.New()
	h.Write(pad[:])
	h.Write(msg)
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(out))))
	h.Write([]byte{0})
	h.Write(tail)
	b0 := h.Sum(nil)
	block := make([]byte, sha256.Size) // b_{i-1}, all zero before the first
	for i := 0; i*sha256.Size < len(out); i++ {
		for j := range block {
			block[j] ^= b0[j]
		}
		h.Reset()
		h.Write(block)
		h.Write([]byte{byte(i + 1)})
		h.Write(tail)
		block = h.Sum(block[:0])
		copy(out[i*sha256.Size:], block)
	}
}

// hashKey identifies one message to be signed.
type hashKey struct {
	domain Domain
	digest [32]byte
}

// hashMemoMax is the number of hashed messages kept: a window of 256 slots
// (protocol.md) times the four domains a slot is signed under. An entry is
// about 200 bytes.
const hashMemoMax = 1024

// hashMemo keeps the last hashMemoMax results of hashToG1, oldest out first,
// because a replica signs, combines and verifies the same message and the hash
// costs as much as a signature. The zero value is ready; it is safe for
// concurrent use. It has no observable state but time: a peer who floods it
// with other digests makes us hash again and nothing else.
type hashMemo struct {
	mu    sync.Mutex
	known map[hashKey]bls.G1
	order [hashMemoMax]hashKey // ring of the keys of known, in order of entry
	next  int                  // index in order of the next key to go
}

// messages is the process-wide memo. It is package state on purpose: a
// replica's signer and its groups for σ, τ and π meet only here, and the memo
// of a pure function is not an option anybody has to set.
var messages hashMemo

// point returns H(digest) under the domain's tag, affine. The domain must be
// valid.
func (m *hashMemo) point(domain Domain, digest [32]byte) bls.G1 {
	key := hashKey{domain, digest}
	m.mu.Lock()
	p, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return p
	}
	// Hashed outside the lock: two goroutines may do the same work once, which
	// is cheaper than one of them holding up every other message.
	hashToG1(&p, digest[:], []byte(domain.DST()))
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[key]; ok {
		return p
	}
	if m.known == nil {
		m.known = make(map[hashKey]bls.G1, hashMemoMax)
	}
	if len(m.known) == hashMemoMax {
		delete(m.known, m.order[m.next])
	}
	m.known[key] = p
	m.order[m.next] = key
	m.next = (m.next + 1) % hashMemoMax
	return p
}
