// Package client is the Go SDK: it sends a signed request over TLS and accepts
// one receipt.
//
// It is not a replica's room: it holds no ledger and trusts no replica. It
// knows bytes (wire), who the replicas are (cluster), how to check a threshold
// signature (sigagg) and what the bodies mean (payments).
//
// # Parts
//
//   - Session is the logic without clock, goroutine and socket: requests, frames,
//     links and the time go in, frames to send and results come out. It runs the
//     same in Client and in simulation.
//   - Client lends a Session one goroutine and one TLS connection per replica.
//   - Verifier checks blocks' certificates and remembers those it checked; it is
//     shared by all sessions of a process.
//   - Receipt proves one event's result to anyone who holds genesis.
//
// # How a request is answered
//
// A request goes to the replica that the session believes to be the primary.
// Without an answer it goes there once more, and then to all, with growing
// pauses: no one replica can keep a request from the others. One reply is
// enough, because it carries a certificate of f+1 replicas over the block and a
// Merkle path to this request's outcome. A refusal before ordering carries no
// proof: it counts when f+1 replicas say the same.
//
// The primary is that of the highest view that f+1 replicas have reported. When its
// link is lost, the next replica in line is taken for it, as a guess: one request at
// a time goes to all, and all are asked, until f+1 answers say who leads. A replica
// that gets a request and does not lead says so at once (primary.go).
//
// # Outcome
//
// A call ends in one of four ways, and no other: a proven result; a refusal
// that no later state can undo (Final); an error before anything was sent
// (ErrNotSent); or ErrOutcomeUnknown, which is never to be read as "failed": the
// request may have been executed and may still be. The session goes on asking
// for it, and Client.Outcome waits for it again. The same request is never
// executed twice, whoever repeats it.
//
// # Thread
//
// A Session belongs to one goroutine. A Client and a Verifier may be used from
// any goroutine. Goroutines start in Dial only: one loop, and per replica one
// that dials and reads and one that writes.
//
// # Invariants
//
//	C1  A result is delivered exactly once per accepted Submit, and only if its
//	    block's certificate and its path to the block were checked against the
//	    digest of what was sent.
//	C2  A seq names one request for ever: it is never used again for another
//	    body, in this process or, by Dial's probe, after a restart.
//	C3  At most WindowMax seqs lie between the oldest unanswered one and the
//	    newest, which is the window that the replicas keep.
//	C4  Nothing that one replica says ends a request or moves the session's
//	    belief about the primary to where no honest replica is.
//	C5  Everything is bounded: outstanding requests, queues per link, remembered
//	    certificates, bytes of a frame.
//	C6  A receipt file has one form: any byte changed makes it invalid.
//	C7  When Dial with FirstSeq 0 has returned, nothing that an earlier process of
//	    this client id left without an answer can be executed any more, so that
//	    looking it up is final.
//
// Sources: SBFT (DSN 2019) section V-G for the single-message acknowledgement;
// RFC 6298 for the retransmission timer; RFC 5705 and 8446 for the exporter that
// binds the hello to its connection; RFC 6962 for the trees.
package client
