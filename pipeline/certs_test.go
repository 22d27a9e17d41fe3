package pipeline

import (
	"testing"

	"quorate/consensus"
	"quorate/wire"
)

// Aim: a certificate is verified once, however many view changes name it, and no
// bad one passes because its neighbours are known.
// Method: real signatures, and a suite that counts what it verifies.

// bentCert flips a bit of a certificate, or makes one up of none.
func bentCert(c wire.Certificate) wire.Certificate {
	b := append([]byte(nil), c.Bytes()...)
	if len(b) == 0 {
		b = []byte{0}
	}
	b[min(5, len(b)-1)] ^= 1
	c, _ = wire.NewCertificate(b) // no longer than it was
	return c
}

// countingSuite counts certificates that were verified.
type countingSuite struct {
	Suite
	verified int
	alone    int // of those, one by one
}

func (s *countingSuite) VerifyGroup(p consensus.Purpose, h wire.Digest, sig wire.Certificate) bool {
	s.verified++
	s.alone++
	return s.Suite.VerifyGroup(p, h, sig)
}

func (s *countingSuite) VerifyGroups(certs []Certificate) bool {
	s.verified += len(certs)
	return s.Suite.VerifyGroups(certs)
}

// certWorld is a crypto stage with what makes certificates for it.
type certWorld struct {
	t      *testing.T
	suites []Suite
	count  *countingSuite
	stage  *cryptoStage
}

func newCertWorld(t *testing.T) *certWorld {
	g, keys, _ := testKeys(t, 1)
	w := &certWorld{t: t}
	for _, k := range keys {
		s, err := NewSuite(g, k)
		must(t, err)
		w.suites = append(w.suites, s)
	}
	w.count = &countingSuite{Suite: w.suites[0]}
	w.stage = &cryptoStage{r: &Replica{suite: w.count, quorums: g.Quorums(), scope: wire.Scope{Cluster: g.Hash(), Epoch: 1}}}
	return w
}

func (w *certWorld) combined(p consensus.Purpose, hash wire.Digest) wire.Certificate {
	w.t.Helper()
	var shares []consensus.ShareOf
	for i := range w.suites {
		shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: w.suites[i].SignShare(p, hash)})
	}
	sig, _, ok := w.suites[0].Combine(p, hash, shares)
	if !ok {
		w.t.Fatal("shares do not combine")
	}
	return sig
}

// locks are evidence with a good τ for each of so many slots.
func (w *certWorld) locks(n int) (slots []wire.SlotEvidence) {
	for i := range n {
		id := wire.SlotID{View: 1, Seq: wire.SeqNum(i + 1), Digest: wire.Digest{byte(i + 1)}}
		slots = append(slots, wire.SlotEvidence{Seq: id.Seq, HasLock: true,
			Lock: wire.Lock{View: id.View, Digest: id.Digest, Tau: w.combined(consensus.PurposeTau, w.stage.r.scope.SlotHash(id))}})
	}
	return slots
}

// verdict lets the stage check a view change that replica from signed.
func (w *certWorld) verdict(from wire.ReplicaID, slots []wire.SlotEvidence) consensus.Verdict {
	m := &wire.ViewChange{Replica: from, To: 2, Slots: slots}
	digest := w.stage.r.scope.ViewChangeDigest(m)
	m.Signature = w.suites[from].SignIdentity(digest[:])
	return w.stage.check(consensus.Verify{From: from, Msg: m}).Verdict
}

func TestLocksOfManyViewChangesAreVerifiedOnce(t *testing.T) {
	const slots = 12
	w := newCertWorld(t)
	locks := w.locks(slots)
	for from := wire.ReplicaID(1); from < 4; from++ {
		if v := w.verdict(from, locks); v != consensus.VerdictOK {
			t.Fatalf("view change of replica %d: verdict %v", from, v)
		}
	}
	if w.count.verified != slots {
		t.Errorf("%d certificates were verified for %d slots", w.count.verified, slots)
	}
}

func TestNoBadLockHidesBehindGoodOnes(t *testing.T) {
	w := newCertWorld(t)
	locks := w.locks(4)
	if v := w.verdict(1, locks[:3]); v != consensus.VerdictOK {
		t.Fatal(v)
	}
	for name, spoil := range map[string]func(l *wire.Lock){
		"the τ of another slot": func(l *wire.Lock) { l.Tau = locks[3].Lock.Tau },
		"another digest":        func(l *wire.Lock) { l.Digest[0] ^= 1 },
		"another view":          func(l *wire.Lock) { l.View = 0 },
		"no point":              func(l *wire.Lock) { l.Tau = bentCert(l.Tau) },
	} {
		// Among known ones, and again: a verdict of forged is not remembered as
		// anything else.
		bad := append([]wire.SlotEvidence(nil), locks...)
		spoil(&bad[1].Lock)
		for range 2 {
			if v := w.verdict(2, bad); v != consensus.VerdictForged {
				t.Errorf("%s: verdict %v", name, v)
			}
		}
	}
	if v := w.verdict(3, locks); v != consensus.VerdictOK {
		t.Errorf("the good ones afterwards: verdict %v", v)
	}
}

// TestBlocksAreVerifiedTogether: a laggard's answer, fast and slow slots mixed,
// and the same with one wrong certificate in it.
func TestBlocksAreVerifiedTogether(t *testing.T) {
	const slots = 8
	w := newCertWorld(t)
	scope := w.stage.r.scope
	blocks := func() *wire.Blocks {
		m := &wire.Blocks{}
		for i := range slots {
			p := wire.CommitProof{Slot: wire.SlotID{View: 1, Seq: wire.SeqNum(i + 1), Digest: wire.NullDigest}, Fast: i%2 == 0}
			if p.Fast {
				p.Sigma = w.combined(consensus.PurposeSigma, scope.SlotHash(p.Slot))
			} else {
				p.TauTau = w.combined(consensus.PurposeTauTau, scope.SlowCommitHash(p.Slot))
			}
			m.Blocks = append(m.Blocks, wire.CommittedSlot{Proof: p})
		}
		return m
	}
	verdict := func(m *wire.Blocks) consensus.Verdict {
		return w.stage.check(consensus.Verify{From: 1, Msg: m}).Verdict
	}
	if v := verdict(blocks()); v != consensus.VerdictOK || w.count.verified != slots || w.count.alone != 0 {
		t.Errorf("verdict %v after %d verifications, %d of them alone", v, w.count.verified, w.count.alone)
	}
	for i := range slots {
		m := blocks()
		p := &m.Blocks[i].Proof
		p.Sigma, p.TauTau = p.TauTau, p.Sigma
		if v := verdict(m); v != consensus.VerdictForged {
			t.Errorf("the certificate of slot %d is wrong: verdict %v", i+1, v)
		}
	}
}

func TestGoodCertsIsBounded(t *testing.T) {
	var g goodCerts
	cert := func(i int) Certificate {
		return Certificate{Purpose: consensus.PurposeTau, Hash: wire.Digest{byte(i), byte(i >> 8)}}
	}
	for i := range 3 * certsKept {
		g.remember(cert(i), cert(i))
	}
	g.remember(Certificate{Purpose: consensus.PurposeSigma})
	if len(g.known) != certsKept {
		t.Errorf("%d certificates are remembered, the bound is %d", len(g.known), certsKept)
	}
	for i := range 3 * certsKept {
		known := len(g.unknown([]Certificate{cert(i)})) == 0
		if want := i >= 2*certsKept; known != want {
			t.Fatalf("certificate %d of %d: known %v", i, 3*certsKept, known)
		}
	}
}

// TestVerifyGroupsIsVerifyGroup: the verdict on many is that on each, also when
// they belong to different groups.
func TestVerifyGroupsIsVerifyGroup(t *testing.T) {
	w := newCertWorld(t)
	s := w.suites[1]
	pi := Certificate{Purpose: consensus.PurposePi, Hash: wire.Digest{9}}
	var shares []consensus.ShareOf
	for i := range w.stage.r.quorums.Pi {
		shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: w.suites[i].SignShare(pi.Purpose, pi.Hash)})
	}
	pi.Sig, _, _ = s.Combine(pi.Purpose, pi.Hash, shares)
	good := []Certificate{pi}
	for _, p := range []consensus.Purpose{consensus.PurposeTau, consensus.PurposeTauTau, consensus.PurposeCheckpoint} {
		good = append(good, Certificate{p, wire.Digest{byte(p)}, w.combined(p, wire.Digest{byte(p)})})
	}
	if !s.VerifyGroups(good) || !s.VerifyGroups(nil) || !s.VerifyGroups(good[:1]) {
		t.Error("good ones are refused")
	}
	for i := range good {
		bad := append([]Certificate(nil), good...)
		bad[i].Sig = good[(i+1)%len(good)].Sig
		if s.VerifyGroups(bad) || s.VerifyGroup(bad[i].Purpose, bad[i].Hash, bad[i].Sig) {
			t.Errorf("the wrong signature at %d passes", i)
		}
	}
}
