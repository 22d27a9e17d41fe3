package wire

import (
	"crypto/sha256"

	"quorate/internal/plant"
)

// ChunkBytes is the size of one Merkle leaf of a body: eight events. Larger
// than one event because a leaf of 1 KiB costs 0.08 µs per event to hash and a
// leaf of 128 bytes 0.3 µs; a receipt carries its neighbours in the leaf.
const ChunkBytes = 1024

const (
	leafTag = 0x00
	nodeTag = 0x01
)

// HashLeaf hashes one Merkle leaf (RFC 6962 section 2.1).
func HashLeaf(b []byte) Digest {
	var buf [1 + ChunkBytes]byte
	if len(b) <= ChunkBytes {
		buf[0] = leafTag
		n := copy(buf[1:], b)
		return sha256.Sum256(buf[:1+n])
	}
	h := sha256.New()
	h.Write([]byte{leafTag})
	h.Write(b)
	var d Digest
	h.Sum(d[:0])
	return d
}

func hashNode(l, r *Digest) Digest {
	var buf [1 + 2*DigestBytes]byte
	buf[0] = nodeTag
	if plant.On(plant.LeavesAsNodes) {
		buf[0] = leafTag
	}
	copy(buf[1:], l[:])
	copy(buf[1+DigestBytes:], r[:])
	return sha256.Sum256(buf[:])
}

// MerkleRoot gives the root over leaf hashes in order, after RFC 6962: the left
// subtree of n leaves holds the largest power of two below n. No leaves give
// the hash of the empty string. It overwrites leaves as scratch space.
func MerkleRoot(leaves []Digest) Digest {
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	// Pairing level by level and moving an odd last node up unchanged gives the
	// same tree as the recursive definition.
	for n := len(leaves); n > 1; {
		w := 0
		for i := 0; i+1 < n; i += 2 {
			leaves[w] = hashNode(&leaves[i], &leaves[i+1])
			w++
		}
		if n%2 == 1 {
			leaves[w] = leaves[n-1]
			w++
		}
		n = w
	}
	return leaves[0]
}

// MerklePath gives the sibling hashes from leaf index up to the root, lowest
// first; levels where the node has no sibling are left out. It overwrites
// leaves. index must be in range: callers own it.
func MerklePath(leaves []Digest, index int) []Digest {
	var path []Digest
	for n := len(leaves); n > 1; {
		if sib := index ^ 1; sib < n {
			path = append(path, leaves[sib])
		}
		w := 0
		for i := 0; i+1 < n; i += 2 {
			leaves[w] = hashNode(&leaves[i], &leaves[i+1])
			w++
		}
		if n%2 == 1 {
			leaves[w] = leaves[n-1]
			w++
		}
		n, index = w, index/2
	}
	return path
}

// MerkleVerify reports whether leaf stands at index of a tree of count leaves
// with this root. Count and index come from the receipt; the path must have
// exactly the length that they imply (ASA-2025-002: index ≠ proof index).
func MerkleVerify(root, leaf Digest, index, count uint64, path []Digest) bool {
	if index >= count && !plant.On(plant.MerkleIndexFree) || count > 1<<MerkleDepthMax {
		return false
	}
	node := leaf
	for n := count; n > 1; n = (n + 1) / 2 {
		if sib := index ^ 1; sib < n {
			if len(path) == 0 {
				return false
			}
			if index&1 == 1 {
				node = hashNode(&path[0], &node)
			} else {
				node = hashNode(&node, &path[0])
			}
			path = path[1:]
		}
		index /= 2
	}
	return len(path) == 0 && node == root
}

// BodyLeaves appends the leaf hashes of body, cut into chunks of ChunkBytes,
// to dst[:0].
func BodyLeaves(dst []Digest, body []byte) []Digest {
	dst = dst[:0]
	for len(body) > 0 {
		n := min(len(body), ChunkBytes)
		dst = append(dst, HashLeaf(body[:n]))
		body = body[n:]
	}
	return dst
}

// BodyRoot is the Merkle root over the chunks of body.
func BodyRoot(body []byte) Digest {
	var few [16]Digest
	dst := few[:]
	if n := (len(body) + ChunkBytes - 1) / ChunkBytes; n > len(few) {
		dst = make([]Digest, n)
	}
	return MerkleRoot(BodyLeaves(dst, body))
}

// MerkleTree keeps every level, for blocks whose requests each need a path.
type MerkleTree struct{ levels [][]Digest }

// NewMerkleTree builds the tree over leaves, which it keeps.
func NewMerkleTree(leaves []Digest) *MerkleTree {
	t := &MerkleTree{levels: [][]Digest{leaves}}
	for level := leaves; len(level) > 1; {
		up := make([]Digest, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, hashNode(&level[i], &level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		t.levels = append(t.levels, up)
		level = up
	}
	return t
}

// Root is the tree's root, as MerkleRoot gives it.
func (t *MerkleTree) Root() Digest {
	top := t.levels[len(t.levels)-1]
	if len(top) == 0 {
		return MerkleRoot(nil)
	}
	return top[0]
}

// Path is the path of leaf index, as MerklePath gives it; index must be in range.
func (t *MerkleTree) Path(index int) []Digest {
	var path []Digest
	for _, level := range t.levels {
		if sib := index ^ 1; sib < len(level) {
			path = append(path, level[sib])
		}
		index /= 2
	}
	return path
}
