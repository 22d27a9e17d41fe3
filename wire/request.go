package wire

import (
	"fmt"

	"quorate/internal/plant"
)

// Digest domains of requests, batches and blocks.
const (
	domainRequest   Domain = "quorate/v1/request"
	domainSignature Domain = "quorate/v1/request-signature"
	domainBatch     Domain = "quorate/v1/batch"
	domainResult    Domain = "quorate/v1/result"
	domainBlock     Domain = "quorate/v1/block"
	domainExecute   Domain = "quorate/v1/execute"
)

// Request is what a client asks to have ordered and executed once. Its
// encoding is header, body length, body, signature.
type Request struct {
	Client    ClientID
	Seq       uint64 // the client's own number of the request, from 1; the session key with Client
	Op        Op
	Body      []byte // at most BodyBytesMax; aliases the decoded bytes
	Signature Signature
}

// requestFixedBytes is the encoding's size without the body.
const requestFixedBytes = 8 + 8 + 1 + 4 + SignatureBytes

// EncodedBytes is the length of the encoding.
func (q *Request) EncodedBytes() int { return requestFixedBytes + len(q.Body) }

// Append appends the canonical encoding to b.
func (q *Request) Append(b []byte) []byte {
	b = appendU64(b, uint64(q.Client))
	b = appendU64(b, q.Seq)
	b = appendU8(b, uint8(q.Op))
	b = appendBytes(b, q.Body)
	return append(b, q.Signature[:]...)
}

func (r *reader) request() (q Request) {
	q.Client = ClientID(r.u64("request client"))
	q.Seq = r.u64("request seq")
	q.Op = Op(r.u8("request op"))
	q.Body = r.bytes(BodyBytesMax, "request body")
	q.Signature = r.signature("request signature")
	return q
}

// DecodeRequest reads one request; Body aliases b.
func DecodeRequest(b []byte) (Request, error) {
	r := reader{rest: b}
	q := r.request()
	return q, r.end()
}

// RequestDigest names a request: cluster, client, seq, op and the whole body
// (by its Merkle root, so that a receipt can prove one event of it), never the
// signature.
func RequestDigest(cluster Digest, client ClientID, seq uint64, op Op, bodyBytes int, bodyRoot Digest) Digest {
	var b [8 + 8 + 1 + 8]byte
	putUint64(b[0:], uint64(client))
	if !plant.On(plant.SeqNotSigned) {
		putUint64(b[8:], seq)
	}
	b[16] = uint8(op)
	putUint64(b[17:], uint64(bodyBytes))
	return Sum(domainRequest, cluster[:], b[:], bodyRoot[:])
}

// Digest is RequestDigest of q.
func (q *Request) Digest(cluster Digest) Digest {
	return RequestDigest(cluster, q.Client, q.Seq, q.Op, len(q.Body), BodyRoot(q.Body))
}

// SigningBytes is the message that a client's Ed25519 key signs for the request
// with this digest.
func SigningBytes(request Digest) []byte {
	d := Sum(domainSignature, request[:])
	return d[:]
}

// Batch is the content of one slot: requests in order and the primary's clock.
// The encoding is time, count, requests.
type Batch struct {
	Time     uint64 // the proposer's clock, nanoseconds since 1970 UTC
	Requests []Request
}

// BatchFixedBytes is the size of an encoded batch without its requests.
const BatchFixedBytes = 8 + 4

// Append appends the canonical encoding to b.
func (t *Batch) Append(b []byte) []byte {
	b = appendU64(b, t.Time)
	b = appendU32(b, uint32(len(t.Requests)))
	for i := range t.Requests {
		b = t.Requests[i].Append(b)
	}
	return b
}

// DecodeBatch reads a batch of at most BatchBytesMax bytes with at least one
// request; bodies alias b.
func DecodeBatch(b []byte) (Batch, error) {
	if len(b) > BatchBytesMax {
		return Batch{}, fmt.Errorf("%w: batch of %d bytes is over %d", ErrMalformed, len(b), BatchBytesMax)
	}
	r := reader{rest: b}
	t := Batch{Time: r.u64("batch time")}
	n := r.count(RequestsMax, requestFixedBytes, "requests")
	if n == 0 {
		r.fail("batch without requests")
		return Batch{}, r.err
	}
	t.Requests = make([]Request, n)
	for i := range t.Requests {
		t.Requests[i] = r.request()
	}
	return t, r.end()
}

// BatchDigest names a batch: its time and its requests' digests in order.
// It overwrites requests as scratch space.
func BatchDigest(time uint64, requests []Digest) Digest {
	var b [16]byte
	putUint64(b[0:], time)
	putUint64(b[8:], uint64(len(requests)))
	root := MerkleRoot(requests)
	return Sum(domainBatch, b[:], root[:])
}
