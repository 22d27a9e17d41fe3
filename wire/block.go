package wire

// BlockHeader heads one executed slot. The hash of the header before makes the
// ledger a chain; ExecuteDigest of it is what π certifies.
type BlockHeader struct {
	Seq         SeqNum
	Time        uint64 // execution time, nanoseconds since 1970 UTC: agreed, strictly increasing
	Parent      Digest // Hash of the header before; the genesis hash for block 1
	BatchDigest Digest // NullDigest for a null slot
	ResultRoot  Digest // Merkle root over the requests' result digests
	DeltaDigest Digest // over the write set: two replicas that diverge see it at once
}

// BlockHeaderBytes is the length of an encoded header.
const BlockHeaderBytes = 8 + 8 + 4*DigestBytes

// Append appends the canonical encoding to b.
func (h *BlockHeader) Append(b []byte) []byte {
	b = appendU64(b, uint64(h.Seq))
	b = appendU64(b, h.Time)
	b = append(b, h.Parent[:]...)
	b = append(b, h.BatchDigest[:]...)
	b = append(b, h.ResultRoot[:]...)
	return append(b, h.DeltaDigest[:]...)
}

func (r *reader) blockHeader() BlockHeader {
	return BlockHeader{
		Seq:         SeqNum(r.u64("block seq")),
		Time:        r.u64("block time"),
		Parent:      r.digest("parent"),
		BatchDigest: r.digest("batch digest"),
		ResultRoot:  r.digest("result root"),
		DeltaDigest: r.digest("delta digest"),
	}
}

// DecodeBlockHeader reads a header.
func DecodeBlockHeader(b []byte) (BlockHeader, error) {
	r := reader{rest: b}
	h := r.blockHeader()
	return h, r.end()
}

// Hash is H_s: it covers the header before, so it names the whole history.
func (h *BlockHeader) Hash() Digest {
	var b [BlockHeaderBytes]byte
	return Sum(domainBlock, h.Append(b[:0]))
}

// ExecuteHash is d of the protocol: what shares of π sign after slot seq.
func (s Scope) ExecuteHash(seq SeqNum, block Digest) Digest {
	return Sum(domainExecute, s.bytes(appendU64(nil, uint64(seq))), block[:])
}

// ResultDigest names the outcome of one request: which request, where it stood,
// how it was answered, and every byte of the answer.
func ResultDigest(request Digest, index uint32, status uint16, firstTimestamp uint64, resultBytes int, resultRoot Digest) Digest {
	var b [4 + 2 + 8 + 8]byte
	putUint64(b[0:], firstTimestamp)
	putUint64(b[8:], uint64(resultBytes))
	b[16], b[17], b[18], b[19] = byte(index), byte(index>>8), byte(index>>16), byte(index>>24)
	b[20], b[21] = byte(status), byte(status>>8)
	return Sum(domainResult, request[:], b[:], resultRoot[:])
}
