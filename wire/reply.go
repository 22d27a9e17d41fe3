package wire

import "fmt"

// Reply answers one request with everything needed to believe it: one check of
// π and one Merkle path. The request's digest is not in it; the client computes
// it from what it sent.
type Reply struct {
	Client         ClientID
	Seq            uint64 // of the request
	Status         uint16 // payments.Status: 0, or why the request was refused at execution
	Index          uint32 // place of the request in its block
	Count          uint32 // requests in the block
	FirstTimestamp uint64 // of the request's first event, nanoseconds since 1970 UTC
	Result         []byte // at most ResultBytesMax; aliases the input
	Path           []Digest
	Header         BlockHeader
	Pi             Certificate // over ExecuteHash(Header.Seq, Header.Hash())
}

// Append appends the canonical encoding to b.
func (m *Reply) Append(b []byte) []byte {
	b = appendU64(b, uint64(m.Client))
	b = appendU64(b, m.Seq)
	b = appendU16(b, m.Status)
	b = appendU32(b, m.Index)
	b = appendU32(b, m.Count)
	b = appendU64(b, m.FirstTimestamp)
	b = appendBytes(b, m.Result)
	b = appendPath(b, m.Path)
	b = m.Header.Append(b)
	return m.Pi.append(b)
}

func appendPath(b []byte, path []Digest) []byte {
	b = appendU8(b, uint8(len(path)))
	for i := range path {
		b = append(b, path[i][:]...)
	}
	return b
}

func (r *reader) path(what string) []Digest {
	n := int(r.u8(what))
	if n > MerkleDepthMax {
		r.fail(what + " is too deep")
		return nil
	}
	var path []Digest
	for i := 0; i < n && r.err == nil; i++ {
		path = append(path, r.digest(what))
	}
	return path
}

// DecodeReply reads a reply.
func DecodeReply(b []byte) (Reply, error) {
	r := reader{rest: b}
	m := Reply{
		Client:         ClientID(r.u64("client")),
		Seq:            r.u64("seq"),
		Status:         r.u16("status"),
		Index:          r.u32("index"),
		Count:          r.u32("count"),
		FirstTimestamp: r.u64("first timestamp"),
		Result:         r.bytes(ResultBytesMax, "result"),
		Path:           r.path("path"),
		Header:         r.blockHeader(),
		Pi:             r.certificate("pi"),
	}
	return m, r.end()
}

// Proves reports whether the reply's header commits to it as the outcome of the
// request with this digest. It does not check Pi: package client does, once per
// block.
func (m *Reply) Proves(request Digest) bool {
	leaf := ResultDigest(request, m.Index, m.Status, m.FirstTimestamp, len(m.Result), BodyRoot(m.Result))
	return MerkleVerify(m.Header.ResultRoot, leaf, uint64(m.Index), uint64(m.Count), m.Path)
}

// RejectCode says why a replica did not take a request. Codes are stable.
type RejectCode uint16

// The codes. Retry says what a client may do about each.
const (
	RejectMalformed     RejectCode = 1  // the bytes are not a request
	RejectSignature     RejectCode = 2  // bad Ed25519 signature
	RejectUnknownClient RejectCode = 3  // no such client is registered as far as this replica has executed
	RejectWrongClient   RejectCode = 4  // the request names another client than the session
	RejectCluster       RejectCode = 5  // another genesis
	RejectOverload      RejectCode = 6  // queues are full; try later
	RejectSeqTooOld     RejectCode = 7  // below the session window; its outcome is no longer kept
	RejectSeqTooFar     RejectCode = 8  // too far ahead of the session window
	RejectIDReused      RejectCode = 9  // the same seq was used for another request
	RejectNoQuorum      RejectCode = 10 // this replica cannot reach enough others
	RejectDiskLow       RejectCode = 11 // this replica refuses writes until disk is freed
	RejectNotAuthorized RejectCode = 12 // the client lacks the role
	RejectOperation     RejectCode = 13 // no such operation, or its body has a wrong length
	RejectShutdown      RejectCode = 14 // the replica is stopping
	RejectUnknown       RejectCode = 15 // outcome not known yet: ask again with the same seq
)

// RetryClass says what a client may do after a reject.
type RetryClass uint8

// The classes.
const (
	RetryNever  RetryClass = 0 // the same request fails again
	RetrySameID RetryClass = 1 // send the identical request again, here or elsewhere
	RetryAfter  RetryClass = 2 // the same, after the hinted time
)

var rejectNames = map[RejectCode]struct {
	name  string
	retry RetryClass
}{
	RejectMalformed: {"malformed_request", RetryNever},
	RejectSignature: {"bad_signature", RetryNever},
	// A registration is certified by f+1 replicas: all the others may not have
	// executed it yet, and after a crash of those f+1 nobody may, so that no number
	// of replicas that say this makes it final.
	RejectUnknownClient: {"unknown_client", RetrySameID},
	RejectWrongClient:   {"wrong_client", RetryNever},
	RejectCluster:       {"wrong_cluster", RetryNever},
	RejectOverload:      {"overload", RetryAfter},
	RejectSeqTooOld:     {"request_seq_too_old", RetryNever},
	RejectSeqTooFar:     {"request_seq_too_far", RetryNever},
	RejectIDReused:      {"request_id_reused", RetryNever},
	RejectNoQuorum:      {"no_quorum", RetryAfter},
	RejectDiskLow:       {"disk_low", RetryAfter},
	RejectNotAuthorized: {"not_authorized", RetryNever},
	RejectOperation:     {"bad_operation", RetryNever},
	RejectShutdown:      {"shutting_down", RetrySameID},
	RejectUnknown:       {"outcome_unknown", RetrySameID},
}

// String is the code's stable name.
func (c RejectCode) String() string {
	if n, ok := rejectNames[c]; ok {
		return n.name
	}
	return fmt.Sprintf("reject_%d", uint16(c))
}

// Retry is the code's retry class; unknown codes are never retried.
func (c RejectCode) Retry() RetryClass { return rejectNames[c].retry }

// RejectCodes lists every code in order, for metrics and documents.
func RejectCodes() []RejectCode {
	codes := make([]RejectCode, 0, len(rejectNames))
	for c := RejectMalformed; c <= RejectUnknown; c++ {
		codes = append(codes, c)
	}
	return codes
}

// Reject answers a request that was not taken, or a hello.
type Reject struct {
	Seq             uint64 // of the request; 0 for a hello
	Code            RejectCode
	RetryAfterMilli uint32 // hint for RetryAfter, milliseconds
	Primary         ReplicaID
}

// Append appends the canonical encoding to b.
func (m *Reject) Append(b []byte) []byte {
	b = appendU64(b, m.Seq)
	b = appendU16(b, uint16(m.Code))
	b = appendU32(b, m.RetryAfterMilli)
	return appendU16(b, uint16(m.Primary))
}

// DecodeReject reads a reject.
func DecodeReject(b []byte) (Reject, error) {
	r := reader{rest: b}
	m := Reject{
		Seq:             r.u64("seq"),
		Code:            RejectCode(r.u16("code")),
		RetryAfterMilli: r.u32("retry after"),
		Primary:         ReplicaID(r.u16("primary")),
	}
	return m, r.end()
}

// NodeStatus is one replica's own account of itself, unproven: for operators
// and for the comparison of state digests after a run. It answers a
// KindStatusRequest, whose body is empty, and goes unasked to a client whose
// request came to a replica that does not lead, or waited when a view began.
type NodeStatus struct {
	Replica     ReplicaID
	View        View
	Active      bool
	Primary     ReplicaID
	Executed    SeqNum
	Execute     Digest // execution digest of slot Executed: names the whole history
	Stable      SeqNum
	StateRoot   Digest // state root at Stable
	LedgerSeq   SeqNum // newest block durable in the ledger
	FastCommits uint64 // slots committed by σ since start
	SlowCommits uint64 // slots committed by τ(τ) since start
	ViewChanges uint64 // views entered since start
	Events      uint64 // events executed since start
	FsyncP99    uint64 // nanoseconds, journal sync
	PeersUp     uint16 // replicas with a live link, itself included
	Amnesia     bool
	Diverged    bool
	CertExpiry  uint64 // seconds since 1970 UTC of its TLS certificate's end
}

// Append appends the canonical encoding to b.
func (m *NodeStatus) Append(b []byte) []byte {
	b = appendU16(b, uint16(m.Replica))
	b = appendU64(b, uint64(m.View))
	b = appendBool(b, m.Active)
	b = appendU16(b, uint16(m.Primary))
	b = appendU64(b, uint64(m.Executed))
	b = append(b, m.Execute[:]...)
	b = appendU64(b, uint64(m.Stable))
	b = append(b, m.StateRoot[:]...)
	for _, v := range []uint64{uint64(m.LedgerSeq), m.FastCommits, m.SlowCommits, m.ViewChanges, m.Events, m.FsyncP99} {
		b = appendU64(b, v)
	}
	b = appendU16(b, m.PeersUp)
	b = appendBool(b, m.Amnesia)
	b = appendBool(b, m.Diverged)
	return appendU64(b, m.CertExpiry)
}

// DecodeNodeStatus reads a node status.
func DecodeNodeStatus(b []byte) (NodeStatus, error) {
	r := reader{rest: b}
	m := NodeStatus{
		Replica:   ReplicaID(r.u16("replica")),
		View:      View(r.u64("view")),
		Active:    r.bool("active"),
		Primary:   ReplicaID(r.u16("primary")),
		Executed:  SeqNum(r.u64("executed")),
		Execute:   r.digest("execute digest"),
		Stable:    SeqNum(r.u64("stable")),
		StateRoot: r.digest("state root"),
	}
	m.LedgerSeq = SeqNum(r.u64("ledger seq"))
	for _, p := range []*uint64{&m.FastCommits, &m.SlowCommits, &m.ViewChanges, &m.Events, &m.FsyncP99} {
		*p = r.u64("counter")
	}
	m.PeersUp = r.u16("peers up")
	m.Amnesia = r.bool("amnesia")
	m.Diverged = r.bool("diverged")
	m.CertExpiry = r.u64("certificate expiry")
	return m, r.end()
}
