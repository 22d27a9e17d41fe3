package wire

import (
	"bytes"
	"errors"
	"testing"
)

// Aim: W1 and W4 under coverage guidance, one target per decoder.
// Method: whatever is accepted must encode to the very bytes that were read.

// fuzzDecoder seeds f with an example, its damaged forms and nothing, and holds
// the two invariants.
func fuzzDecoder(f *testing.F, name string, decode func([]byte) (encoder, error)) {
	f.Add([]byte{})
	for _, d := range decoders() {
		if d.name == name {
			b := example(d).Append(nil)
			f.Add(b)
			f.Add(b[:len(b)/2])
			f.Add(append(b, 0))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { holdInvariants(t, b, decode) })
}

func holdInvariants(t *testing.T, b []byte, decode func([]byte) (encoder, error)) {
	kept := bytes.Clone(b)
	v, err := decode(b)
	switch {
	case err != nil && !errors.Is(err, ErrMalformed):
		t.Fatalf("error %v does not wrap ErrMalformed", err)
	case err == nil && !bytes.Equal(v.Append(nil), b):
		t.Fatalf("%x decodes and encodes to %x", b, v.Append(nil))
	case !bytes.Equal(kept, b):
		t.Fatal("the decoder wrote to its input")
	}
}

func FuzzRequest(f *testing.F)     { fuzzDecoder(f, "Request", ptr(DecodeRequest)) }
func FuzzBatch(f *testing.F)       { fuzzDecoder(f, "Batch", ptr(DecodeBatch)) }
func FuzzReply(f *testing.F)       { fuzzDecoder(f, "Reply", ptr(DecodeReply)) }
func FuzzReject(f *testing.F)      { fuzzDecoder(f, "Reject", ptr(DecodeReject)) }
func FuzzNodeStatus(f *testing.F)  { fuzzDecoder(f, "NodeStatus", ptr(DecodeNodeStatus)) }
func FuzzBlockHeader(f *testing.F) { fuzzDecoder(f, "BlockHeader", ptr(DecodeBlockHeader)) }
func FuzzEvidence(f *testing.F)    { fuzzDecoder(f, "Evidence", ptr(DecodeEvidence)) }
func FuzzCommitProof(f *testing.F) { fuzzDecoder(f, "CommitProof", ptr(DecodeCommitProof)) }

func FuzzMessage(f *testing.F) {
	for _, d := range decoders() {
		if d.kind != 0 {
			f.Add(uint8(d.kind), example(d).Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		holdInvariants(t, b, func(b []byte) (encoder, error) { return DecodeMessage(Kind(kind), b) })
	})
}

func FuzzRecord(f *testing.F) {
	for kind := range recordGenerators() {
		for _, d := range decoders() {
			f.Add(uint8(kind), example(d).Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		holdInvariants(t, b, func(b []byte) (encoder, error) { return DecodeRecord(RecordKind(kind), b) })
	})
}

func FuzzFrameHeader(f *testing.F) {
	f.Add(FrameHeader{BodyBytes: 10, Kind: KindReply, Lane: LaneReply}.Append(nil), 10)
	f.Fuzz(func(t *testing.T, b []byte, most int) {
		h, err := DecodeFrameHeader(b, max(most, 0))
		if err == nil && !bytes.Equal(h.Append(nil), b[:FrameHeaderBytes]) {
			t.Fatalf("%x decodes and encodes to %x", b, h.Append(nil))
		}
	})
}

// FuzzMerkleVerify: nothing but the true leaf at its index verifies.
func FuzzMerkleVerify(f *testing.F) {
	leaves := make([]Digest, 11)
	for i := range leaves {
		leaves[i] = HashLeaf([]byte{byte(i)})
	}
	root := MerkleRoot(clone(leaves))
	for i := range leaves {
		var flat []byte
		for _, d := range MerklePath(clone(leaves), i) {
			flat = append(flat, d[:]...)
		}
		f.Add(leaves[i][:], uint64(i), uint64(len(leaves)), flat)
	}
	f.Fuzz(func(t *testing.T, leaf []byte, index, count uint64, flat []byte) {
		if len(leaf) != DigestBytes {
			return
		}
		var path []Digest
		for ; len(flat) >= DigestBytes; flat = flat[DigestBytes:] {
			path = append(path, Digest(flat[:DigestBytes]))
		}
		if MerkleVerify(root, Digest(leaf), index, count, path) && count == 11 && leaves[index] != Digest(leaf) {
			t.Fatalf("a foreign leaf verifies at index %d of %d", index, count)
		}
	})
}
