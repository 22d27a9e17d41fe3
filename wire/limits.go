package wire

// The hard limits of the alphabet, in one place. A decoder compares with one of
// these before it allocates; tests are generated from this list at limit−1,
// limit and limit+1.
const (
	// EventBytes is the size of one account or transfer event.
	EventBytes = 128
	// EventsMax is the largest number of events in one request: with its header
	// the request fits 1 MiB.
	EventsMax = 8189
	// SignedEventsMax is the largest number of transfers in one request that
	// carries a signature for each: what BodyBytesMax holds.
	SignedEventsMax = BodyBytesMax / SignedEventBytes
	// BodyBytesMax bounds a request's body, bytes.
	BodyBytesMax = EventsMax * EventBytes
	// ResultBytesMax bounds a reply's body, bytes: query results are at most
	// EventsMax records of 128 bytes.
	ResultBytesMax = EventsMax * EventBytes
	// RequestsMax bounds the requests in one batch.
	RequestsMax = 8192
	// BatchBytesMax bounds an encoded batch, bytes.
	BatchBytesMax = 4 << 20
	// FrameBytesMax bounds a frame's body, bytes: the largest message is a
	// pre-prepare or a fetched block around one batch.
	FrameBytesMax = BatchBytesMax + 64<<10
	// ReplicasMax bounds n: 3f+2c+1 of the largest cluster that is tested.
	ReplicasMax = 255
	// ShareBytesMax bounds a replica's share, bytes: that of Ed25519 is the longest.
	ShareBytesMax = 64
	// CertificateBytesMax bounds a certificate, bytes: Ed25519 signatures of all
	// replicas of the largest cluster, and its bitmap.
	CertificateBytesMax = ReplicasMax*ShareBytesMax + (ReplicasMax+7)/8
	// WindowMax bounds the slots between the stable checkpoint and the newest.
	WindowMax = 1024
	// FetchBlocksMax bounds the blocks that one fetch may ask for.
	FetchBlocksMax = 64
	// MerkleDepthMax bounds a Merkle path: 2^24 leaves.
	MerkleDepthMax = 24
)
