package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// Aim: the tree is that of RFC 6962, and a path proves exactly one leaf at
// exactly one index.
// Method: published vectors; a recursive twin written after the RFC's text; each
// field of a good proof damaged.

// slowRoot is MTH of RFC 6962 section 2.1 over leaf hashes.
func slowRoot(leaves []Digest) Digest {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := split(n)
		l, r := slowRoot(leaves[:k]), slowRoot(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

// slowPath is PATH of RFC 6962 section 2.1.1.
func slowPath(leaves []Digest, m int) []Digest {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := split(n)
	if m < k {
		return append(slowPath(leaves[:k], m), slowRoot(leaves[k:]))
	}
	return append(slowPath(leaves[k:], m-k), slowRoot(leaves[:k]))
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func clone(d []Digest) []Digest { return append([]Digest(nil), d...) }

// TestVectors uses the inputs and roots of the certificate-transparency
// reference implementation.
func TestVectors(t *testing.T) {
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var leaves []Digest
	for n, want := range roots {
		if got := MerkleRoot(clone(leaves)); hex.EncodeToString(got[:]) != want {
			t.Errorf("root of %d leaves is %x, want %s", n, got[:], want)
		}
		if n < len(inputs) {
			b, err := hex.DecodeString(inputs[n])
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, HashLeaf(b))
		}
	}
}

func TestMerkleAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := make([]Digest, rapid.IntRange(1, 70).Draw(t, "leaves"))
		for i := range leaves {
			leaves[i] = HashLeaf([]byte{byte(i)})
		}
		root := MerkleRoot(clone(leaves))
		if want := slowRoot(leaves); root != want {
			t.Fatalf("root %s, twin %s", root, want)
		}
		index := rapid.IntRange(0, len(leaves)-1).Draw(t, "index")
		path, twin := MerklePath(clone(leaves), index), slowPath(leaves, index)
		if len(path) != len(twin) {
			t.Fatalf("path of %d, twin of %d", len(path), len(twin))
		}
		for i := range path {
			if path[i] != twin[i] {
				t.Fatalf("path[%d] differs from its twin", i)
			}
		}
		if !MerkleVerify(root, leaves[index], uint64(index), uint64(len(leaves)), path) {
			t.Fatal("a good proof does not verify")
		}
	})
}

func TestMerkleVerifyRefusesDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 70).Draw(t, "leaves")
		leaves := make([]Digest, n)
		for i := range leaves {
			leaves[i] = HashLeaf([]byte{byte(i)})
		}
		index := rapid.IntRange(0, n-1).Draw(t, "index")
		root, path := MerkleRoot(clone(leaves)), MerklePath(clone(leaves), index)
		leaf, count := leaves[index], uint64(n)
		refuse := func(what string, root, leaf Digest, index, count uint64, path []Digest) {
			if MerkleVerify(root, leaf, index, count, path) {
				t.Fatalf("accepted with %s", what)
			}
		}
		at := uint64(index)
		bad := func(d Digest) Digest { d[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1; return d }
		refuse("another root", bad(root), leaf, at, count, path)
		refuse("another leaf", root, bad(leaf), at, count, path)
		refuse("another index", root, leaf, (at+1)%count, count, path)
		refuse("an index out of range", root, leaf, count, count, path)
		refuse("the largest index", root, leaf, 1<<64-1, count, path)
		refuse("a short path", root, leaf, at, count, path[:len(path)-1])
		refuse("a long path", root, leaf, at, count, append(clone(path), Digest{}))
		refuse("no path", root, leaf, at, count, nil)
		refuse("no leaves", root, leaf, at, 0, path)
		refuse("too many leaves", root, leaf, at, 1<<MerkleDepthMax+1, path)
		p := clone(path)
		i := rapid.IntRange(0, len(p)-1).Draw(t, "step")
		p[i] = bad(p[i])
		refuse("another path", root, leaf, at, count, p)
	})
}

// TestMerkleCountIsNotProven documents a limit of the proof: several counts
// have the same shape around one index, so a count is only as good as the leaf
// that names it. Receipts therefore do not show it.
func TestMerkleCountIsNotProven(t *testing.T) {
	leaves := make([]Digest, 5)
	path, root := MerklePath(clone(leaves), 0), MerkleRoot(clone(leaves))
	for count := uint64(5); count <= 8; count++ {
		if !MerkleVerify(root, leaves[0], 0, count, path) {
			t.Errorf("count %d is refused; receipts may then show the count", count)
		}
	}
}

func TestNodesAreNotLeaves(t *testing.T) {
	a, b := HashLeaf([]byte("a")), HashLeaf([]byte("b"))
	node := hashNode(&a, &b)
	if leaf := HashLeaf(append(append([]byte(nil), a[:]...), b[:]...)); leaf == node {
		t.Error("a leaf of two hashes is taken for their node")
	}
}

func TestHashLeafAnyLength(t *testing.T) {
	for _, n := range []int{0, 1, ChunkBytes - 1, ChunkBytes, ChunkBytes + 1, 3 * ChunkBytes} {
		b := make([]byte, n)
		if got, want := HashLeaf(b), Digest(sha256.Sum256(append([]byte{0}, b...))); got != want {
			t.Errorf("leaf of %d bytes", n)
		}
	}
}

func TestBodyRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := make([]byte, rapid.IntRange(0, 40*ChunkBytes).Draw(t, "bytes"))
		for i := range body {
			body[i] = byte(i * 7)
		}
		var leaves []Digest
		for at := 0; at < len(body); at += ChunkBytes {
			leaves = append(leaves, HashLeaf(body[at:min(at+ChunkBytes, len(body))]))
		}
		if got, want := BodyRoot(body), slowRoot(leaves); got != want {
			t.Fatalf("root of %d bytes", len(body))
		}
		if got := BodyLeaves(make([]Digest, 3), body); len(got) != len(leaves) {
			t.Fatalf("%d leaves, want %d", len(got), len(leaves))
		}
	})
}

// TestMerkleVerifyRefusesIndexOutside: a tree of one leaf has no path at all, so
// only the index itself can be wrong.
func TestMerkleVerifyRefusesIndexOutside(t *testing.T) {
	leaf := HashLeaf([]byte("only"))
	if !MerkleVerify(leaf, leaf, 0, 1, nil) {
		t.Fatal("the only leaf is not in its tree")
	}
	for _, index := range []uint64{1, 2, 1 << 40, ^uint64(0)} {
		if MerkleVerify(leaf, leaf, index, 1, nil) {
			t.Errorf("index %d of one leaf is accepted", index)
		}
	}
}
