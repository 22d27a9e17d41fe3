package payments

import (
	"math/bits"

	"quorate/internal/assert"
	"quorate/internal/mark"
)

// index finds numbers (slots, ordinals) by a 64-bit hash. It is a multimap: two
// keys may share what it remembers of their hashes, so the caller confirms each
// candidate with the record itself.
//
// An entry is one word, 24 hash bits over a 40-bit value, in one of 4,096
// open-addressing tables chosen by the 12 topmost bits; so at 100 million
// entries a lookup of an absent key meets a false candidate once in 690 times.
// The home of an entry is a bucket of 8 words, one cache line, chosen by scaling
// its 24 bits to the table's length. A bucket that is full runs over into the
// next; entries stand nearly in hash order, and a growing table is rewritten
// front to back.
//
// A shard doubles when it is full, and shards are full at different loads, so
// growth is spread over many blocks: of 1 billion entries one step moves
// 250,000, about a millisecond (P8). An entry takes about 13 bytes. Go's map was
// measured at 5 times the cost of such a table and takes 40.
type index struct {
	shards [1 << shardBits]shard
}

type shard struct {
	slots   []uint64 // buckets, a spill for what runs over the last, and a 0 that ends every probe
	buckets uint32
	used    uint32
}

const (
	shardBits   = 12
	tagBits     = 24
	valueBits   = 40
	valueMax    = 1<<valueBits - 1
	bucketWords = 8
)

// emptySlots is what a shard without entries probes.
var emptySlots = [1]uint64{}

func (x *index) init() {
	for i := range x.shards {
		x.shards[i] = shard{slots: emptySlots[:]}
	}
}

// split gives the shard of a hash and its tag.
func (x *index) split(h uint64) (*shard, uint64) {
	return &x.shards[h>>(64-shardBits)], h << shardBits >> (64 - tagBits)
}

// home gives the first word of a tag's bucket.
func (s *shard) home(tag uint64) uint64 { return tag * uint64(s.buckets) >> tagBits * bucketWords }

// probe walks the candidates of one hash.
type probe struct {
	slots []uint64
	pos   uint64
	tag   uint64
}

// seek starts a walk. Changing the index ends it.
func (x *index) seek(h uint64) probe {
	s, tag := x.split(h)
	return probe{slots: s.slots, pos: s.home(tag), tag: tag}
}

// next gives the next candidate, or false.
func (p *probe) next() (uint64, bool) {
	for p.pos < uint64(len(p.slots)) {
		e := p.slots[p.pos]
		if e == 0 {
			return 0, false
		}
		p.pos++
		if e>>valueBits == p.tag {
			return e & valueMax, true
		}
	}
	return 0, false
}

// insert adds value, from 1 to valueMax, under h.
func (x *index) insert(h, value uint64) {
	s, tag := x.split(h)
	if s.full(h) {
		s.grow()
	}
	for !s.put(tag<<valueBits | value) {
		s.grow()
	}
	s.used++
}

// full tells that the shard of h has reached its load, 0.75 to 0.87.
func (s *shard) full(h uint64) bool {
	spread := (h >> (64 - shardBits)) & 15 * 2
	return uint64(s.used) >= uint64(s.buckets)*bucketWords*(192+spread)/256
}

// insertAt is insert at the place where the probe p found the end of its run.
// Nothing may have changed since.
func (x *index) insertAt(p *probe, h, value uint64) {
	s, tag := x.split(h)
	if s.full(h) || p.pos+1 >= uint64(len(s.slots)) {
		mark.If(s.used > 0, mark.IndexFullAtHint)
		x.insert(h, value)
		return
	}
	s.slots[p.pos] = tag<<valueBits | value
	s.used++
}

// put writes an entry into the first free word from its home; it reports false
// when the spill is used up.
func (s *shard) put(e uint64) bool {
	last := uint64(len(s.slots)) - 1
	for i := s.home(e >> valueBits); i < last; i++ {
		if s.slots[i] == 0 {
			s.slots[i] = e
			return true
		}
	}
	return false
}

// grow rewrites the shard with twice the room.
func (s *shard) grow() {
	mark.If(s.used > 0, mark.IndexGrows)
	old := s.slots
	buckets := max(1, 2*s.buckets)
	for !s.rewrite(old, buckets) {
		buckets += buckets/4 + 1 // a long run at the end: rare, and more room ends it
	}
}

func (s *shard) rewrite(old []uint64, buckets uint32) bool {
	words := uint64(buckets)*bucketWords + uint64(buckets)/4
	s.slots = make([]uint64, (words/bucketWords+1)*bucketWords)
	s.buckets = buckets
	for _, e := range old {
		if e != 0 && !s.put(e) {
			return false
		}
	}
	return true
}

// remove takes the entry (h, value) out; it must be there. Later entries of the
// run move down, so that no tombstone is left.
func (x *index) remove(h, value uint64) {
	s, tag := x.split(h)
	e := tag<<valueBits | value
	i := s.home(tag)
	for s.slots[i] != e {
		assert.That(s.slots[i] != 0, "removing an index entry that is not there")
		i++
	}
	for j := i + 1; s.slots[j] != 0; j++ {
		if s.home(s.slots[j]>>valueBits) <= i {
			mark.Hit(mark.IndexMovesDown)
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = 0
	s.used--
}

// hashKeys salts the indexes with Config.IndexSeed.
type hashKeys struct {
	k [6]uint64
}

func newHashKeys(seed uint64) (k hashKeys) {
	// splitmix64 (Steele, Lea, Flood 2014) spreads the seed.
	for i := range k.k {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		k.k[i] = z ^ z>>31 | 1
	}
	return k
}

// fold multiplies to 128 bits and folds the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// account hashes an account id.
func (k *hashKeys) account(id U128) uint64 {
	hi, lo := bits.Mul64(id.Lo^k.k[0], id.Hi^k.k[1])
	return fold(lo^k.k[0], hi^k.k[2])
}

// entry hashes an id entry (idHash) to its place.
func (k *hashKeys) entry(h uint64) uint64 { return fold(h^k.k[3], k.k[4]) }

// number hashes ordinals, client ids and ledger numbers.
func (k *hashKeys) number(v uint64) uint64 { return fold(v^k.k[4], k.k[5]) }

// idHash is what the state remembers of a used transfer id: SipHash-1-3 of its
// 16 bytes, never 0. It is agreed (part of the pages), so its key is a constant;
// one-wayness, not secrecy, keeps anybody from making many ids of one hash, and
// IndexSeed hides which hashes are neighbours.
func idHash(id U128) uint64 {
	const k0, k1 = 0x71756f726174652f, 0x69642d656e747279 // "quorate/", "id-entry"
	v0 := uint64(k0 ^ 0x736f6d6570736575)
	v1 := uint64(k1 ^ 0x646f72616e646f6d)
	v2 := uint64(k0 ^ 0x6c7967656e657261)
	v3 := uint64(k1 ^ 0x7465646279746573)
	v3 ^= id.Lo
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= id.Lo
	v3 ^= id.Hi
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= id.Hi
	v3 ^= u128Bytes << 56
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= u128Bytes << 56
	v2 ^= 0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return max(1, v0^v1^v2^v3)
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
