package sigagg

import (
	"errors"
	"testing"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: nobody can sign for others by publishing a key made of theirs, and no key
// counts twice. Method: the rogue key attack carried out, and every wrong proof.

// TestRogueKey makes the key K − K₀ − K₁, with which signer 2 alone signs for all
// three if keys are added unproven.
func TestRogueKey(t *testing.T) {
	secrets, keys, proofs := multiSecrets(t, 3)
	rogue := keys[2].point
	bls.G2Sub(&rogue, &rogue, &keys[0].point)
	bls.G2Sub(&rogue, &rogue, &keys[1].point)
	bls.G2Normalize(&rogue, &rogue)
	attacked := []PublicKey{keys[0], keys[1], {point: rogue}}

	// The attack is real: the sum of the three keys is one whose secret it knows.
	digest := digestOf(1)
	signer, err := NewSigner(secrets[2], 2)
	if err != nil {
		t.Fatal(err)
	}
	forged := signer.Sign(Prepare, digest)
	cert := append([]byte{7}, forged[:]...)
	unproven := &MultiGroup{threshold: 3, keys: attacked}
	if err := unproven.Verify(Prepare, digest, cert); err != nil {
		t.Fatalf("the attack does not work on unproven keys, so this test shows nothing: %v", err)
	}

	// It has no proof: the best it has are the proof of its own key and its
	// signatures.
	ofRogue := possessionPoint(PublicKey{point: rogue})
	bls.G1Mul(&ofRogue, &ofRogue, &secrets[2].scalar)
	for name, proof := range map[string]Signature{
		"of its own key":      proofs[2],
		"of another's key":    proofs[0],
		"by its own secret":   encodeG1(&ofRogue),
		"a share":             forged,
		"infinity":            {flagCompressed | flagInfinity},
		"zeros":               {},
		"of the smaller root": func() Signature { s := proofs[2]; s[0] ^= flagLargerY; return s }(),
	} {
		if _, err := NewMultiKeys(attacked, []Signature{proofs[0], proofs[1], proof}); err == nil {
			t.Errorf("the rogue key is accepted with a proof %s", name)
		}
	}
}

func TestPossession(t *testing.T) {
	_, keys, proofs := multiSecrets(t, 3)
	if _, err := NewMultiKeys(keys, proofs); err != nil {
		t.Fatal(err)
	}
	swapped := []Signature{proofs[1], proofs[0], proofs[2]}
	for name, c := range map[string]struct {
		keys   []PublicKey
		proofs []Signature
		want   error
	}{
		"swapped proofs":  {keys, swapped, ErrPossession},
		"a proof less":    {keys, proofs[:2], ErrKeySet},
		"a proof more":    {keys[:2], proofs, ErrKeySet},
		"no keys":         {nil, nil, ErrThreshold},
		"a zero key":      {[]PublicKey{keys[0], {}}, proofs[:2], ErrInfinity},
		"one key twice":   {[]PublicKey{keys[0], keys[1], keys[0]}, []Signature{proofs[0], proofs[1], proofs[0]}, ErrKeySet},
		"a proof of none": {keys, []Signature{proofs[0], {}, proofs[2]}, ErrPoint},
	} {
		if _, err := NewMultiKeys(c.keys, c.proofs); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := (SecretShare{}).Possession(); !errors.Is(err, ErrSecret) {
		t.Errorf("the zero secret proves possession: %v", err)
	}
}

// TestPossessionIsNoShare: a proof and a share never stand in for each other,
// whatever is signed.
func TestPossessionIsNoShare(t *testing.T) {
	for d := Domain(1); d < domainEnd; d++ {
		if d.DST() == possessionDST {
			t.Errorf("domain %s has the tag of proofs", d)
		}
	}
}
