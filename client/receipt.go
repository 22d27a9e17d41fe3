package client

import (
	"fmt"

	"quorate/cluster"
	"quorate/internal/plant"
	"quorate/payments"
	"quorate/wire"
)

// codeBytes is the size of one event's result code in a create's result.
const codeBytes = 4

// Receipt proves what became of one account or transfer: the event stands in a
// chunk of a request's body, its code in a chunk of the request's result, the
// result in a block, and f+1 replicas signed the block. A receipt from
// BuildReceipt or VerifyReceipt is consistent; Encode gives its file.
type Receipt struct {
	Scope wire.Scope // of the cluster that signed

	Client     wire.ClientID
	Seq        uint64
	Op         wire.Op // one that creates accounts or transfers
	BodyBytes  int
	BodyRoot   wire.Digest
	EventIndex int // of the event in the request

	BodyChunk []byte // the chunk of the body that holds the event, at most wire.ChunkBytes
	BodyPath  []wire.Digest

	ResultBytes int
	ResultRoot  wire.Digest
	ResultChunk []byte // the chunk of the result that holds the code
	ResultPath  []wire.Digest

	FirstTimestamp uint64
	BlockIndex     uint32 // of the request in its block
	BlockPath      []Sibling
	Header         wire.BlockHeader
	Pi             wire.Certificate
}

// Sibling is one step of the path from a request's outcome to its block. The
// side is stated, and the number of requests in the block is not: the path
// would verify with several numbers, and a receipt shows nothing unproven.
type Sibling struct {
	Left bool // the sibling is the left one of the two
	Hash wire.Digest
}

// BuildReceipt makes the receipt of event number index of a request from the
// proven reply to it. It returns ErrReceipt, wrapped, if the request was not a
// taken create, if there is no such event, or if the reply does not prove its
// answer. The certificate is not checked again.
func BuildReceipt(scope wire.Scope, request *wire.Request, reply *wire.Reply, index int) (*Receipt, error) {
	events := request.Op.Events(len(request.Body))
	switch {
	case !request.Op.Creates():
		return nil, fmt.Errorf("%w: operation %d creates nothing", ErrReceipt, request.Op)
	case reply.Status != uint16(payments.StatusOK):
		return nil, fmt.Errorf("%w: the request was refused: %s", ErrReceipt, payments.Status(reply.Status))
	case index < 0 || index >= events:
		return nil, fmt.Errorf("%w: no event %d of %d", ErrReceipt, index, events)
	case len(reply.Result) != events*codeBytes:
		return nil, fmt.Errorf("%w: result of %d bytes for %d events", ErrReceipt, len(reply.Result), events)
	case !reply.Proves(request.Digest(scope.Cluster)):
		return nil, fmt.Errorf("%w: the reply does not prove its answer", ErrReceipt)
	}
	r := &Receipt{
		Scope:  scope,
		Client: request.Client, Seq: request.Seq, Op: request.Op,
		BodyBytes: len(request.Body), BodyRoot: wire.BodyRoot(request.Body), EventIndex: index,
		ResultBytes: len(reply.Result), ResultRoot: wire.BodyRoot(reply.Result),
		FirstTimestamp: reply.FirstTimestamp,
		BlockIndex:     reply.Index,
		BlockPath:      siblings(reply.Index, reply.Count, reply.Path),
		Header:         reply.Header,
		Pi:             reply.Pi,
	}
	r.BodyChunk, r.BodyPath = chunkOf(request.Body, index*wire.EventBytes)
	r.ResultChunk, r.ResultPath = chunkOf(reply.Result, index*codeBytes)
	return r, nil
}

// chunkOf gives a copy of the chunk of b that holds offset, and its path to the
// root of b.
func chunkOf(b []byte, offset int) ([]byte, []wire.Digest) {
	chunk := offset / wire.ChunkBytes
	at := chunk * wire.ChunkBytes
	bytes := append([]byte(nil), b[at:min(at+wire.ChunkBytes, len(b))]...)
	return bytes, wire.MerklePath(wire.BodyLeaves(nil, b), chunk)
}

// siblings turns a path of index in a tree of count leaves into one that names
// its sides. The path has the length that the two imply: Proves checked it.
func siblings(index, count uint32, path []wire.Digest) []Sibling {
	out := make([]Sibling, 0, len(path))
	at := uint64(index)
	for n := uint64(count); n > 1; n = (n + 1) / 2 {
		if at^1 < n {
			out = append(out, Sibling{Left: at&1 == 1, Hash: path[len(out)]})
		}
		at /= 2
	}
	return out
}

// Code is the event's result code, of payments.AccountCode or
// payments.TransferCode.
func (r *Receipt) Code() uint32 {
	b := r.ResultChunk[r.EventIndex*codeBytes%wire.ChunkBytes:]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// Event is the encoded account or transfer, wire.EventBytes bytes of BodyChunk.
func (r *Receipt) Event() []byte {
	at := r.EventIndex * wire.EventBytes % wire.ChunkBytes
	return r.BodyChunk[at : at+wire.EventBytes]
}

// Timestamp is when the event was executed, nanoseconds since 1970 UTC. An
// imported event has brought its own, which stands in Event.
func (r *Receipt) Timestamp() uint64 { return r.FirstTimestamp + uint64(r.EventIndex) }

// RequestDigest is the digest of the request that the event belongs to.
func (r *Receipt) RequestDigest() wire.Digest {
	return wire.RequestDigest(r.Scope.Cluster, r.Client, r.Seq, r.Op, r.BodyBytes, r.BodyRoot)
}

// VerifyReceipt checks a receipt file with genesis alone and gives what it
// proves. It returns ErrReceipt, wrapped with the first reason, for anything but
// the one form of a true receipt of this cluster. g must be sealed.
func VerifyReceipt(g *cluster.Genesis, file []byte) (*Receipt, error) {
	r, err := openReceipt(wire.Scope{Cluster: g.Hash(), Epoch: g.Epoch}, file)
	if err != nil {
		return nil, err // what is false without the keys needs no keys
	}
	v, err := NewVerifier(g)
	if err != nil {
		return nil, err
	}
	return certified(r, v)
}

// VerifyReceipt is the function of that name for many receipts of one cluster.
func (v *Verifier) VerifyReceipt(file []byte) (*Receipt, error) {
	r, err := openReceipt(v.scope, file)
	if err != nil {
		return nil, err
	}
	return certified(r, v)
}

// openReceipt does everything but the check of the certificate.
func openReceipt(scope wire.Scope, file []byte) (*Receipt, error) {
	r, err := decodeReceipt(file)
	if err != nil {
		return nil, err
	}
	if err := r.check(scope); err != nil {
		return nil, err
	}
	// Invariant C6: whatever in the file was not needed to prove the event is
	// derived from what was, so the file must come out again byte for byte.
	if string(r.Encode()) != string(file) && !plant.On(plant.ReceiptFormFree) {
		return nil, fmt.Errorf("%w: the file is not in its one form: something shown differs from what is proven", ErrReceipt)
	}
	return r, nil
}

// certified gives r if its block's certificate verifies.
func certified(r *Receipt, v *Verifier) (*Receipt, error) {
	if err := v.Check(&r.Header, r.Pi); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	return r, nil
}

// check follows the chain from the event to the block.
func (r *Receipt) check(scope wire.Scope) error {
	if r.Scope != scope {
		return fmt.Errorf("%w: it is of cluster %s epoch %d, genesis says %s epoch %d",
			ErrReceipt, r.Scope.Cluster, r.Scope.Epoch, scope.Cluster, scope.Epoch)
	}
	if err := r.checkShape(); err != nil {
		return err
	}
	if !provesChunk(r.BodyRoot, r.BodyChunk, r.BodyPath, r.EventIndex*wire.EventBytes, r.BodyBytes) {
		return fmt.Errorf("%w: the event is not in the request's body", ErrReceipt)
	}
	if !provesChunk(r.ResultRoot, r.ResultChunk, r.ResultPath, r.EventIndex*codeBytes, r.ResultBytes) {
		return fmt.Errorf("%w: the code is not in the request's result", ErrReceipt)
	}
	leaf := wire.ResultDigest(r.RequestDigest(), r.BlockIndex, uint16(payments.StatusOK), r.FirstTimestamp, r.ResultBytes, r.ResultRoot)
	if fold(leaf, r.BlockPath) != r.Header.ResultRoot {
		return fmt.Errorf("%w: the result is not in block %d", ErrReceipt, r.Header.Seq)
	}
	return nil
}

// checkShape refuses sizes that no request has, before anything is indexed.
func (r *Receipt) checkShape() error {
	events := r.Op.Events(max(0, r.BodyBytes))
	switch {
	case !r.Op.Creates():
		return fmt.Errorf("%w: operation %d creates nothing", ErrReceipt, r.Op)
	case !payments.WholeBody(r.Op, r.BodyBytes):
		return fmt.Errorf("%w: body of %d bytes", ErrReceipt, r.BodyBytes)
	case r.EventIndex < 0 || r.EventIndex >= events:
		return fmt.Errorf("%w: no event %d of %d", ErrReceipt, r.EventIndex, events)
	case r.ResultBytes != events*codeBytes:
		return fmt.Errorf("%w: result of %d bytes for %d events", ErrReceipt, r.ResultBytes, events)
	case len(r.BlockPath) > wire.MerkleDepthMax:
		return fmt.Errorf("%w: path of %d steps", ErrReceipt, len(r.BlockPath))
	}
	return nil
}

// provesChunk reports whether chunk is the one of a value of size bytes with
// this root that holds offset.
func provesChunk(root wire.Digest, chunk []byte, path []wire.Digest, offset, size int) bool {
	index := offset / wire.ChunkBytes
	count := (size + wire.ChunkBytes - 1) / wire.ChunkBytes
	want := min(wire.ChunkBytes, size-index*wire.ChunkBytes)
	if plant.On(plant.ReceiptCodeOfNeighbour) && len(path) > 0 {
		index ^= 1
	}
	return len(chunk) == want &&
		wire.MerkleVerify(root, wire.HashLeaf(chunk), uint64(index), uint64(count), path)
}

// fold climbs a path. The leaf names its own index (wire.ResultDigest), so a
// path with other sides leads to another root.
func fold(leaf wire.Digest, path []Sibling) wire.Digest {
	for _, s := range path {
		pair := []wire.Digest{leaf, s.Hash}
		if s.Left {
			pair[0], pair[1] = s.Hash, leaf
		}
		leaf = wire.MerkleRoot(pair) // of two leaves: their node
	}
	return leaf
}
