package netio

import (
	"sync/atomic"

	"quorate/internal/meter"
)

// Cause says why a connection, a handshake or a frame was refused.
type Cause uint8

// The causes.
const (
	CauseAccept        Cause = iota // accept failed, for want of descriptors most often
	CauseConnCap                    // too many connections, in all or of one address
	CauseClientCap                  // too many connections of one client id
	CauseNotTLS                     // the first bytes are no TLS handshake
	CauseHandshake                  // the TLS handshake failed: version, ALPN, no certificate, …
	CauseKey                        // the certificate's key is no member's, or not the dialed one's
	CauseAuthTimeout                // not authenticated in time
	CauseAuthBytes                  // more bytes than a handshake may take
	CauseHello                      // the hello is missing, malformed or of another version
	CauseGenesis                    // the hello names another cluster
	CauseIdentity                   // the hello names another replica than the certificate
	CauseTakeover                   // a second link came too soon after the first
	CauseUnknownClient              // no such client is registered
	CauseSignature                  // the client hello's signature is wrong
	CauseFrame                      // frame: length, lane or stream out of range
	CauseKind                       // frame of a kind that this peer may not send
	CauseTLSRecord                  // a record that does not decrypt, or an alert
	CauseGatherCap                  // the clients' unfinished frames take too much memory
	CauseDead                       // silence of a replica
	CauseStall                      // a client that takes nothing, or does not finish a frame
	CauseConsensusFull              // the consensus lane of a link overflowed
	CauseReplyFull                  // a client's queue overflowed
	CauseBulkFull                   // a bulk or reply frame for a replica was refused; nothing closed
	CauseDial                       // a dial failed
	CauseLinkWorn                   // the link carried its share of bytes and was replaced
	causeCount
)

var causeNames = [causeCount]string{
	"accept", "conn_cap", "client_cap", "not_tls", "handshake", "key", "auth_timeout", "auth_bytes",
	"hello", "genesis", "identity", "takeover", "unknown_client", "signature", "frame", "kind",
	"tls_record", "gather_cap", "dead", "stall", "consensus_full", "reply_full", "bulk_full", "dial", "link_worn",
}

// String is the cause's stable name, for metrics and logs.
func (c Cause) String() string {
	if c < causeCount {
		return causeNames[c]
	}
	return "unknown"
}

// Causes lists every cause in order.
func Causes() []Cause {
	out := make([]Cause, causeCount)
	for i := range out {
		out[i] = Cause(i)
	}
	return out
}

// Stats is a reading of the room's counters (since Listen) and gauges (now).
// The fields are read one after another, not at one instant.
type Stats struct {
	FramesIn, FramesOut uint64
	BytesIn, BytesOut   uint64 // on the wire, after authentication
	Handshakes          uint64 // connections authenticated, both ways
	Writes              uint64 // batches sealed and written
	Rejects             [causeCount]uint64

	Loops       int     // event loops
	CPUSeconds  float64 // of their threads while they serve; gnet's own reads are not in it
	BusySeconds float64 // of the wall clock, likewise, added up over the loops
	Turns       uint64  // times that a loop served

	PeersUp       int   // replicas with both links up, without this one
	Clients       int   // authenticated client connections
	Young         int   // connections not yet authenticated, accepted ones
	QueuedBytes   int64 // in all outboxes
	GatheredBytes int64 // clients' unfinished frames
}

// Rejected is the count of one cause.
func (s *Stats) Rejected(c Cause) uint64 { return s.Rejects[c] }

type counters struct {
	framesIn, framesOut, bytesIn, bytesOut atomic.Uint64
	handshakes, writes                     atomic.Uint64
	rejects                                [causeCount]atomic.Uint64
	peersUp, clients, queued, gathered     atomic.Int64
	loops                                  meter.Meter
}

func (c *counters) reject(cause Cause) { c.rejects[cause].Add(1) }
