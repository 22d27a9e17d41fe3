package sigagg

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Aim: our hash to the curve is the standard one. Method: the published vectors
// of RFC 9380, appendix K.1 (expand_message_xmd with SHA-256) and appendix J.9.1
// (BLS12381G1_XMD:SHA-256_SSWU_RO_).

func TestExpandXMDVectors(t *testing.T) {
	const dst = "QUUX-V01-CS02-with-expander-SHA256-128"
	cases := []struct{ msg, uniform string }{
		{"", "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"},
		{"abc", "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"},
		{"abcdef0123456789", "eff31487c770a893cfb36f912fbfcbff40d5661771ca4b2cb4eafe524333f5c1"},
		{"q128_" + strings.Repeat("q", 128), "b23a1d2b4d97b2ef7785562a7e8bac7eed54ed6e97e29aa51bfe3f12ddad1ff9"},
		{"a512_" + strings.Repeat("a", 512), "4623227bcc01293b8c130bf771da8c298dede7383243dc0993d2d94823958c4c"},
		{"", "af84c27ccfd45d41914fdff5df25293e221afc53d8ad2ac06d5e3e29485dadbee0d121587713a3e0dd4d5e69e93eb7cd4f5df4cd103e188cf60cb02edc3edf18eda8576c412b18ffb658e3dd6ec849469b979d444cf7b26911a08e63cf31f9dcc541708d3491184472c2c29bb749d4286b004ceb5ee6b9a7fa5b646c993f0ced"},
		{"abc", "abba86a6129e366fc877aab32fc4ffc70120d8996c88aee2fe4b32d6c7b6437a647e6c3163d40b76a73cf6a5674ef1d890f95b664ee0afa5359a5c4e07985635bbecbac65d747d3d2da7ec2b8221b17b0ca9dc8a1ac1c07ea6a1e60583e2cb00058e77b7b72a298425cd1b941ad4ec65e8afc50303a22c0f99b0509b4c895f40"},
		{"abcdef0123456789", "ef904a29bffc4cf9ee82832451c946ac3c8f8058ae97d8d629831a74c6572bd9ebd0df635cd1f208e2038e760c4994984ce73f0d55ea9f22af83ba4734569d4bc95e18350f740c07eef653cbb9f87910d833751825f0ebefa1abe5420bb52be14cf489b37fe1a72f7de2d10be453b2c9d9eb20c7e3f6edc5a60629178d9478df"},
		{"q128_" + strings.Repeat("q", 128), "80be107d0884f0d881bb460322f0443d38bd222db8bd0b0a5312a6fedb49c1bbd88fd75d8b9a09486c60123dfa1d73c1cc3169761b17476d3c6b7cbbd727acd0e2c942f4dd96ae3da5de368d26b32286e32de7e5a8cb2949f866a0b80c58116b29fa7fabb3ea7d520ee603e0c25bcaf0b9a5e92ec6a1fe4e0391d1cdbce8c68a"},
		{"a512_" + strings.Repeat("a", 512), "546aff5444b5b79aa6148bd81728704c32decb73a3ba76e9e75885cad9def1d06d6792f8a7d12794e90efed817d96920d728896a4510864370c207f99bd4a608ea121700ef01ed879745ee3e4ceef777eda6d9e5e38b90c86ea6fb0b36504ba4a45d22e86f6db5dd43d98a294bebb9125d5b794e9d2a81181066eb954966a487"},
	}
	for _, c := range cases {
		out := make([]byte, len(c.uniform)/2)
		expandXMD(out, []byte(c.msg), []byte(dst))
		if got := hex.EncodeToString(out); got != c.uniform {
			t.Errorf("expand of %q to %d bytes = %s, want %s", c.msg, len(out), got, c.uniform)
		}
	}
}

func TestHashToG1Vectors(t *testing.T) {
	const dst = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"
	cases := []struct{ msg, x, y string }{
		{"", "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1", "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"},
		{"abc", "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903", "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d"},
		{"abcdef0123456789", "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98", "03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709"},
		{"q128_" + strings.Repeat("q", 128), "15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488", "1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38"},
		{"a512_" + strings.Repeat("a", 512), "082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe", "05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8"},
	}
	for _, c := range cases {
		want, err := hex.DecodeString(c.x + c.y)
		if err != nil {
			t.Fatal(err)
		}
		if got := g1Affine(hashed(c.msg, dst)); hex.EncodeToString(got[:]) != hex.EncodeToString(want) {
			t.Errorf("hash of %.20q = %x, want %x", c.msg, got, want)
		}
	}
}

// TestDomainTags holds that tags are distinct, of legal length and end in the
// ciphersuite's name, and that a value that is no domain has none.
func TestDomainTags(t *testing.T) {
	seen := map[string]Domain{}
	for d := FastCommit; d < domainEnd; d++ {
		dst := d.DST()
		if !d.Valid() || len(dst) > 255 || len(d.String()) == 0 || !strings.HasSuffix(dst, "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_") {
			t.Errorf("domain %d has the tag %q", d, dst)
		}
		if other, ok := seen[dst]; ok {
			t.Errorf("domains %d and %d share the tag %q", d, other, dst)
		}
		seen[dst] = d
	}
	for _, d := range []Domain{0, domainEnd, 255} {
		if d.Valid() || d.DST() != "" {
			t.Errorf("value %d counts as a domain", d)
		}
	}
}

// TestHashMemoBounded fills the memo beyond its bound and holds that it neither
// grows past it nor gives a wrong point, before, during and after eviction.
func TestHashMemoBounded(t *testing.T) {
	var m hashMemo
	first := m.point(Prepare, [32]byte{})
	for i := range hashMemoMax + 40 {
		digest := [32]byte{byte(i), byte(i >> 8), 1}
		m.point(Prepare, digest)
	}
	if len(m.known) != hashMemoMax {
		t.Fatalf("memo holds %d entries, bound %d", len(m.known), hashMemoMax)
	}
	if _, ok := m.known[hashKey{Prepare, [32]byte{}}]; ok {
		t.Fatal("the oldest entry was not the first to go")
	}
	again := m.point(Prepare, [32]byte{})
	if !again.IsEqual(&first) {
		t.Fatal("the point differs after eviction")
	}
	zero := [32]byte{}
	want := hashed(string(zero[:]), Prepare.DST())
	if !first.IsEqual(&want) {
		t.Fatal("the memo's point is not the hash")
	}
}
