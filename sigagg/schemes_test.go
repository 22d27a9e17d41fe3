package sigagg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Aim: the three schemes keep one contract: enough good votes make a certificate
// that verifies, bad ones are named and worked around, and no other bytes verify.
// Method: the same tests over all three, against the slow twin that judges each
// vote by itself.

// quorum is what the users of the package see of a scheme.
type quorum interface {
	Threshold() int
	Size() int
	Combine(domain Domain, digest [32]byte, votes []Vote) (cert []byte, culprits []int, err error)
	Verify(domain Domain, digest [32]byte, cert []byte) error
}

type voter interface {
	Sign(domain Domain, digest [32]byte) []byte
}

// scheme is one dealt group, with what signs for it.
type scheme struct {
	name   string
	unique bool
	group  quorum
	voters []voter
	bytes  int // of a certificate
}

// across verifies certificates of the group together, as the scheme does.
func (s *scheme) across(items ...CertItem) bool {
	var threshold []Claim
	var multi []MultiClaim
	var ed []EdClaim
	for _, it := range items {
		switch g := s.group.(type) {
		case ThresholdGroup:
			threshold = append(threshold, Claim{g.Group, it.PointItem()})
		case *MultiGroup:
			multi = append(multi, MultiClaim{g, it})
		case *EdGroup:
			ed = append(ed, EdClaim{g, it})
		}
	}
	return VerifyAcross(threshold) && MultiVerifyAcross(multi) && EdVerifyAcross(ed)
}

func seeded(t ...byte) *rand.ChaCha8 { return rand.NewChaCha8(sha256.Sum256(t)) }

// schemesOf makes k of n of each scheme from a fixed seed.
func schemesOf(t testing.TB, k, n int) []scheme {
	return []scheme{thresholdScheme(t, k, n), multiScheme(t, k, n), edScheme(t, k, n)}
}

func thresholdScheme(t testing.TB, k, n int) scheme {
	c := newCluster(t, k, n)
	s := scheme{name: "threshold-bls", unique: true, group: ThresholdGroup{c.Group}, bytes: SigBytes}
	for _, signer := range c.signers {
		s.voters = append(s.voters, BLSSigner{signer})
	}
	return s
}

// multiSecrets draws the secrets and proven keys of n signers.
func multiSecrets(t testing.TB, n int) (secrets []SecretShare, keys []PublicKey, proofs []Signature) {
	t.Helper()
	rnd := seeded(byte(n))
	for range n {
		secret, err := DrawSecret(rnd)
		if err != nil {
			t.Fatal(err)
		}
		public, err := secret.Public()
		if err != nil {
			t.Fatal(err)
		}
		proof, err := secret.Possession()
		if err != nil {
			t.Fatal(err)
		}
		secrets, keys, proofs = append(secrets, secret), append(keys, public), append(proofs, proof)
	}
	return secrets, keys, proofs
}

func multiScheme(t testing.TB, k, n int) scheme {
	t.Helper()
	secrets, keys, proofs := multiSecrets(t, n)
	proven, err := NewMultiKeys(keys, proofs)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewMultiGroup(k, proven)
	if err != nil {
		t.Fatal(err)
	}
	s := scheme{name: "multi-bls", group: g, bytes: bitmapBytes(n) + SigBytes}
	for i := range secrets {
		signer, err := NewSigner(secrets[i], i)
		if err != nil {
			t.Fatal(err)
		}
		s.voters = append(s.voters, BLSSigner{signer})
	}
	return s
}

func edScheme(t testing.TB, k, n int) scheme {
	t.Helper()
	var raw [][]byte
	s := scheme{name: "ed25519", bytes: bitmapBytes(n) + k*EdSigBytes}
	for i := range n {
		seed := sha256.Sum256([]byte{byte(i), byte(n)})
		signer, err := NewEdSigner(seed[:])
		if err != nil {
			t.Fatal(err)
		}
		s.voters, raw = append(s.voters, signer), append(raw, signer.Public())
	}
	keys, err := NewEdKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.group, err = NewEdGroup(k, keys); err != nil {
		t.Fatal(err)
	}
	return s
}

// votes are those of the named signers, in that order.
func (s *scheme) votes(domain Domain, digest [32]byte, signers ...int) []Vote {
	out := make([]Vote, 0, len(signers))
	for _, i := range signers {
		out = append(out, Vote{Signer: i, Sig: s.voters[i].Sign(domain, digest)})
	}
	return out
}

func (s *scheme) certificate(t testing.TB, domain Domain, digest [32]byte, signers ...int) []byte {
	t.Helper()
	cert, culprits, err := s.group.Combine(domain, digest, s.votes(domain, digest, signers...))
	if err != nil || culprits != nil {
		t.Fatalf("%s: culprits %v, error %v", s.name, culprits, err)
	}
	return cert
}

// TestSchemesOneSlot is the story of one slot: every set of enough signers makes
// a certificate, in any order, and it is the same one exactly where it should be.
func TestSchemesOneSlot(t *testing.T) {
	digest := digestOf(1)
	for _, s := range schemesOf(t, 3, 4) {
		seen := map[string]bool{}
		for _, set := range [][]int{{0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}} {
			cert := s.certificate(t, Prepare, digest, set...)
			if len(cert) != s.bytes {
				t.Errorf("%s: %d bytes, want %d", s.name, len(cert), s.bytes)
			}
			if err := s.group.Verify(Prepare, digest, cert); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
			if again := s.certificate(t, Prepare, digest, set[2], set[0], set[1]); !bytes.Equal(again, cert) {
				t.Errorf("%s: the order of votes changes the certificate", s.name)
			}
			if s.group.Verify(SlowCommit, digest, cert) == nil || s.group.Verify(Prepare, digestOf(2), cert) == nil {
				t.Errorf("%s: verifies for another domain or digest", s.name)
			}
			seen[string(cert)] = true
		}
		if want := map[bool]int{true: 1, false: 4}[s.unique]; len(seen) != want {
			t.Errorf("%s: four sets make %d certificates, want %d", s.name, len(seen), want)
		}
	}
}

// TestSchemesUseThresholdAndNoMore: spares are left out, so that a certificate
// holds exactly the threshold of signers.
func TestSchemesUseThresholdAndNoMore(t *testing.T) {
	for _, s := range schemesOf(t, 3, 7) {
		cert := s.certificate(t, ExecState, digestOf(0), 5, 1, 6, 0, 2, 4, 3)
		if want := s.certificate(t, ExecState, digestOf(0), 1, 5, 6); !bytes.Equal(cert, want) {
			t.Errorf("%s: seven votes make another certificate than the first three of them", s.name)
		}
	}
}

// TestSchemesNameTheLiar: votes of every bad kind, with and without enough
// spares.
func TestSchemesNameTheLiar(t *testing.T) {
	digest := digestOf(3)
	for _, s := range schemesOf(t, 3, 5) {
		good := s.voters[1].Sign(Prepare, digest)
		bent := slices.Clone(good)
		bent[20] ^= 1
		for name, sig := range map[string][]byte{
			"another digest":  s.voters[1].Sign(Prepare, digestOf(4)),
			"another domain":  s.voters[1].Sign(Checkpoint, digest),
			"another signer":  s.voters[2].Sign(Prepare, digest),
			"a flipped bit":   bent,
			"zeros":           make([]byte, len(good)),
			"nothing":         nil,
			"a byte too few":  good[:len(good)-1],
			"a byte too many": append(slices.Clone(good), 0),
			"64 bytes of 255": bytes.Repeat([]byte{255}, 64),
			"48 bytes of 255": bytes.Repeat([]byte{255}, 48),
		} {
			votes := s.votes(Prepare, digest, 0, 1, 2, 3, 4)
			votes[1].Sig = sig
			cert, culprits, err := s.group.Combine(Prepare, digest, votes)
			if err != nil || !slices.Equal(culprits, []int{1}) || s.group.Verify(Prepare, digest, cert) != nil {
				t.Errorf("%s, %s: culprits %v, error %v", s.name, name, culprits, err)
			}
			_, culprits, err = s.group.Combine(Prepare, digest, votes[:3])
			if !errors.Is(err, ErrTooFew) || !slices.Equal(culprits, []int{1}) {
				t.Errorf("%s, %s, no spare: culprits %v, error %v", s.name, name, culprits, err)
			}
		}
	}
}

// TestSchemesRefuseOurOwnMistakes: what no peer can cause is an error and not a
// culprit.
func TestSchemesRefuseOurOwnMistakes(t *testing.T) {
	digest := digestOf(5)
	for _, s := range schemesOf(t, 2, 4) {
		votes := func(signers ...int) []Vote {
			out := s.votes(Prepare, digest, 0, 0, 0)[:len(signers)]
			for i, signer := range signers {
				out[i].Signer = signer
			}
			return out
		}
		for name, c := range map[string]struct {
			domain Domain
			votes  []Vote
			want   error
		}{
			"no domain":      {0, votes(0, 1), ErrDomain},
			"unknown domain": {domainEnd, votes(0, 1), ErrDomain},
			"signer n":       {Prepare, votes(0, 4), ErrSigner},
			"signer −1":      {Prepare, votes(-1, 0), ErrSigner},
			"twice":          {Prepare, votes(1, 1, 0), ErrDuplicateSigner},
			"too few":        {Prepare, votes(1), ErrTooFew},
			"none":           {Prepare, nil, ErrTooFew},
		} {
			if _, culprits, err := s.group.Combine(c.domain, digest, c.votes); !errors.Is(err, c.want) || culprits != nil {
				t.Errorf("%s, %s: culprits %v, error %v, want %v", s.name, name, culprits, err, c.want)
			}
		}
		if err := s.group.Verify(0, digest, nil); !errors.Is(err, ErrDomain) {
			t.Errorf("%s: verify in no domain: %v", s.name, err)
		}
	}
}

// TestCertificatesAreCanonical changes a valid certificate in every way that
// keeps it close to valid: none verifies.
func TestCertificatesAreCanonical(t *testing.T) {
	digest := digestOf(6)
	for _, s := range schemesOf(t, 3, 10)[1:] {
		cert := s.certificate(t, Prepare, digest, 1, 4, 9)
		four := func() scheme { // the same keys, one signer more
			for _, more := range schemesOf(t, 4, 10) {
				if more.name == s.name {
					return more
				}
			}
			panic("no such scheme")
		}()
		edit := func(change func(c []byte) []byte) []byte { return change(slices.Clone(cert)) }
		for name, bad := range map[string][]byte{
			"nothing":                nil,
			"half a bitmap":          cert[:1],
			"a bitmap alone":         cert[:2],
			"cut short":              cert[:len(cert)-1],
			"one byte more":          append(slices.Clone(cert), 0),
			"a bitmap byte more":     append([]byte{cert[0], cert[1], 0}, cert[2:]...),
			"a signer less":          edit(func(c []byte) []byte { c[0] &^= 2; return c }),
			"a signer more":          edit(func(c []byte) []byte { c[0] |= 1; return c }),
			"another signer":         edit(func(c []byte) []byte { c[0] ^= 3; return c }),
			"a bit over n":           edit(func(c []byte) []byte { c[1] |= 0x80; return c }),
			"a bit over n for one":   edit(func(c []byte) []byte { c[0] &^= 2; c[1] |= 0x80; return c }),
			"no signer":              edit(func(c []byte) []byte { c[0], c[1] = 0, 0; return c }),
			"four signers, all good": four.certificate(t, Prepare, digest, 1, 4, 7, 9),
			"two signers, both good": func() []byte {
				two := multiOrEd(t, s.name, 2, 10)
				return two.certificate(t, Prepare, digest, 1, 4)
			}(),
		} {
			if err := s.group.Verify(Prepare, digest, bad); err == nil {
				t.Errorf("%s: %s verifies", s.name, name)
			}
			if s.across(CertItem{Prepare, digest, cert}, CertItem{Prepare, digest, bad}) {
				t.Errorf("%s: %s among others verifies", s.name, name)
			}
		}
	}
}

func multiOrEd(t testing.TB, name string, k, n int) scheme {
	if name == "multi-bls" {
		return multiScheme(t, k, n)
	}
	return edScheme(t, k, n)
}

// TestSchemesVerifyAcrossIsVerify: many are good together if and only if each is.
func TestSchemesVerifyAcrossIsVerify(t *testing.T) {
	for _, s := range schemesOf(t, 2, 4) {
		sets := [][]int{{0, 1}, {0, 1}, {2, 3}, {1, 3}}
		rng := rand.New(rand.NewPCG(3, 4))
		for range 12 {
			var claims []CertItem
			want := true
			for i := range rng.IntN(7) {
				c := CertItem{Prepare, digestOf(i), s.certificate(t, Prepare, digestOf(i), sets[rng.IntN(4)]...)}
				switch rng.IntN(12) {
				case 0:
					c.Digest = digestOf(99)
				case 1:
					c.Cert = slices.Clone(c.Cert)
					c.Cert[rng.IntN(len(c.Cert))] ^= 1 << rng.IntN(8)
				case 2:
					c.Domain = 0
				}
				want = want && s.group.Verify(c.Domain, c.Digest, c.Cert) == nil
				claims = append(claims, c)
			}
			if got := s.across(claims...); got != want {
				t.Fatalf("%s, %d claims: %v, want %v", s.name, len(claims), got, want)
			}
		}
	}
}

// TestMultiVerifyAcross: certificates of two groups of one cluster and of one of
// another are good together if and only if each is.
func TestMultiVerifyAcross(t *testing.T) {
	groupOf := func(s scheme) *MultiGroup { return s.group.(*MultiGroup) }
	tau, other := multiScheme(t, 3, 4), multiScheme(t, 2, 5)
	pi := tau // the same keys, another threshold
	two, err := NewMultiGroup(2, &MultiKeys{keys: groupOf(tau).keys})
	if err != nil {
		t.Fatal(err)
	}
	pi.group = two
	claim := func(s *scheme, domain Domain, i int, signers ...int) MultiClaim {
		return MultiClaim{s.group.(*MultiGroup), CertItem{domain, digestOf(i), s.certificate(t, domain, digestOf(i), signers...)}}
	}
	good := []MultiClaim{claim(&tau, Prepare, 0, 0, 1, 2), claim(&pi, ExecState, 1, 0, 1), claim(&pi, ExecState, 2, 0, 1),
		claim(&other, ExecState, 2, 0, 1), claim(&tau, SlowCommit, 0, 1, 2, 3)}
	if !MultiVerifyAcross(good) || !MultiVerifyAcross(nil) || !MultiVerifyAcross(good[1:2]) {
		t.Error("good ones are refused")
	}
	for i := range good {
		for name, change := range map[string]func(c *MultiClaim){
			"another digest": func(c *MultiClaim) { c.Digest = digestOf(9) },
			"another domain": func(c *MultiClaim) { c.Domain = FastCommit },
			"no domain":      func(c *MultiClaim) { c.Domain = 0 },
			"another group":  func(c *MultiClaim) { c.Group = groupOf(multiScheme(t, c.Group.threshold, len(c.Group.keys)+8)) },
			"another's sum":  func(c *MultiClaim) { c.Cert = append(slices.Clone(c.Cert[:1]), good[(i+1)%len(good)].Cert[1:]...) },
			"cut short":      func(c *MultiClaim) { c.Cert = c.Cert[:40] },
		} {
			bad := slices.Clone(good)
			change(&bad[i])
			if MultiVerifyAcross(bad) {
				t.Errorf("claim %d, %s: passes", i, name)
			}
		}
	}
}

// TestBitmap holds the encoding against its twin, a set of integers.
func TestBitmap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		var signers []int
		for i := range n {
			if rapid.Bool().Draw(t, "in") {
				signers = append(signers, i)
			}
		}
		raw := append(appendBitmap(nil, n, signers), 7)
		got, rest, err := parseBitmap(raw, n, len(signers))
		if err != nil || !slices.Equal(got, signers) || !bytes.Equal(rest, []byte{7}) {
			t.Fatalf("%v of %d: got %v, rest %x, error %v", signers, n, got, rest, err)
		}
	})
}

// FuzzCertificate: no bytes panic, and what verifies is one of the certificates
// that the signers made.
func FuzzCertificate(f *testing.F) {
	digest := digestOf(0)
	schemes := schemesOf(f, 2, 3)
	made := map[string]bool{}
	for i, s := range schemes {
		for _, set := range [][]int{{0, 1}, {0, 2}, {1, 2}} {
			cert := s.certificate(f, Prepare, digest, set...)
			made[string(cert)] = true
			f.Add(uint8(i), cert)
			f.Add(uint8(i), cert[:len(cert)-1])
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, cert []byte) {
		s := &schemes[int(which)%len(schemes)]
		err := s.group.Verify(Prepare, digest, cert)
		many := s.across(CertItem{Prepare, digest, cert})
		if (err == nil) != many {
			t.Fatalf("%s: alone %v, among many %v", s.name, err, many)
		}
		if err == nil && !made[string(cert)] {
			t.Fatalf("%s: %x verifies", s.name, cert)
		}
	})
}
