package payments

import (
	"crypto/sha256"
	"encoding/binary"

	"quorate/wire"
)

// PageTree is the Merkle tree over the pages of a state: per region a tree with
// the shape of RFC 6962 over PageHash values in order, and over the regions one
// hash of their page counts and roots. It is an object of its own so that a
// caller may hash pages on another thread than the machine's.
//
// A checkpoint's pages are checked one by one against Hash values whose root was
// certified.
type PageTree struct {
	regions [Regions]regionTree
}

// regionTree keeps all levels, the leaves first, and which nodes of each level
// have to be computed again.
type regionTree struct {
	levels [][]wire.Digest
	stale  [][]uint32 // per level above the leaves: nodes, perhaps repeated
}

// domainState separates the state root from other digests.
const domainState wire.Domain = "quorate/v1/state"

// Tags of leaves and inner nodes, as in RFC 6962.
const (
	leafTag = 0x00
	nodeTag = 0x01
)

// NewPageTree gives the tree of no pages.
func NewPageTree() *PageTree { return &PageTree{} }

// PageHash is the leaf of one page: SHA-256 over the leaf tag, the region, the
// page number and the bytes.
func PageHash(region Region, page uint32, data []byte) wire.Digest {
	var head [6]byte
	head[0], head[1] = leafTag, byte(region)
	binary.LittleEndian.PutUint32(head[2:], page)
	h := sha256.New()
	h.Write(head[:])
	h.Write(data)
	var d wire.Digest
	h.Sum(d[:0])
	return d
}

// Put sets the hash of a page. A page beyond the last one must be the next.
func (t *PageTree) Put(region Region, page uint32, hash wire.Digest) {
	r := &t.regions[region]
	if len(r.levels) == 0 {
		r.levels, r.stale = make([][]wire.Digest, 1), make([][]uint32, 1)
	}
	if uint64(page) == uint64(len(r.levels[0])) {
		r.levels[0] = append(r.levels[0], hash)
	} else {
		r.levels[0][page] = hash
	}
	r.touch(0, page)
}

// Pages is the number of pages of a region.
func (t *PageTree) Pages(region Region) uint32 {
	if len(t.regions[region].levels) == 0 {
		return 0
	}
	return uint32(len(t.regions[region].levels[0]))
}

// Hash gives the hash of a page that was put.
func (t *PageTree) Hash(region Region, page uint32) wire.Digest {
	return t.regions[region].levels[0][page]
}

// touch notes that the parent of a node must be computed again.
func (r *regionTree) touch(level int, node uint32) {
	s := &r.stale[level]
	if n := len(*s); n == 0 || (*s)[n-1] != node/2 {
		*s = append(*s, node/2)
	}
}

// Root computes what changed and gives the root.
func (t *PageTree) Root() wire.Digest {
	var parts [Regions][8 + wire.DigestBytes]byte
	var list [Regions][]byte
	for i := range t.regions {
		root := t.regions[i].root()
		binary.LittleEndian.PutUint64(parts[i][:], uint64(t.Pages(Region(i))))
		copy(parts[i][8:], root[:])
		list[i] = parts[i][:]
	}
	return wire.Sum(domainState, list[:]...)
}

// root computes the stale nodes level by level.
func (r *regionTree) root() wire.Digest {
	if len(r.levels) == 0 {
		return sha256.Sum256(nil)
	}
	for level := 0; len(r.levels[level]) > 1; level++ {
		if level+1 == len(r.levels) {
			r.levels, r.stale = append(r.levels, nil), append(r.stale, nil)
		}
		below, above := r.levels[level], &r.levels[level+1]
		for n := (len(below) + 1) / 2; len(*above) < n; {
			*above = append(*above, wire.Digest{})
			r.stale[level] = append(r.stale[level], uint32(len(*above)-1))
		}
		for _, node := range r.stale[level] {
			// A last node without a sibling moves up unchanged.
			d := below[2*node]
			if 2*int(node)+1 < len(below) {
				d = hashNode(&d, &below[2*node+1])
			}
			(*above)[node] = d
			r.touch(level+1, node)
		}
		r.stale[level] = r.stale[level][:0]
	}
	return r.levels[len(r.levels)-1][0]
}

func hashNode(l, r *wire.Digest) wire.Digest {
	var buf [1 + 2*wire.DigestBytes]byte
	buf[0] = nodeTag
	copy(buf[1:], l[:])
	copy(buf[1+wire.DigestBytes:], r[:])
	return sha256.Sum256(buf[:])
}
