// Package netio turns bytes into frames and back over gnet event loops, with
// TLS, authenticated links and reconnect.
//
// It is not the alphabet (wire says what a frame's body looks like), and it
// decides nothing: whom to send what, what to send again and which client is
// too busy are the caller's. It never imports consensus, pipeline or storage.
//
// # Links
//
// Between replicas every ordered pair has two connections, both dialed by the
// sender: control for what is small and urgent, bulk for what is large, so that
// 4 MiB of payments never stand in front of a vote. They carry the dialer's
// frames one way and pongs the other. TLS 1.3 is mutual, with certificates made
// from the identity keys of the genesis; the link's key is the sender's
// identity, no frame carries one. A hello follows each way and says which
// cluster is meant.
//
// Clients connect to their own port: server TLS, then a client hello signed
// over keying material exported from this very connection.
//
// # Two phases
//
// A connection is young until it is authenticated: a goroutine runs the TLS
// handshake and the hellos on an ordinary net.Conn under one deadline, a byte
// budget and a place in a gate that bounds both how many are young and how many
// compute at once. After that it is given to an event loop for life, and the
// same tls.Conn goes on over memory: what the loop read is put before it, what
// it seals is gathered and written once per event. An event loop never sees an
// unauthenticated byte.
//
// # Threads
//
// A few single-loop gnet engines, the first half for replicas and the second
// for clients; one acceptor per port; one dialer per outgoing link; one
// goroutine per young connection; one ticker; one goroutine that waits for full
// sockets to drain. Everything of an open connection but its outbox belongs to
// its loop. Handler methods are called on loops and must not block: all of one
// replica's on one loop, all of one client connection's on one loop. Every
// exported method may be called from any goroutine, loops included.
//
// A loop holds a processor while it waits, until the runtime takes it back: give
// the process GOMAXPROCS of at least Loops + 2.
//
// # Order
//
// Frames of one lane on one link arrive in the order of Send. There is no order
// between lanes and none between links; a frame that was sent may be lost when
// its link goes down. The protocol's own retransmission is the truth.
//
// # Invariants
//
//	N1  A frame reaches the handler only from a link whose key was proven, with
//	    the identity of that key.
//	N2  Nothing grows without bound: every queue counts bytes and has a limit,
//	    and no header makes a receiver take more than 256 KiB plus four times
//	    what has really arrived.
//	N3  Any cutting of the same bytes into reads gives the same frames.
//	N4  Bad bytes from a peer are counted by cause and close its connection;
//	    they never panic and never become an error of the caller.
//	N5  A body passed to Send or Reply is never written again by anyone; a body
//	    passed to the handler is the handler's alone.
//	N6  A loop never blocks and never waits for another: no dial, no enroll, no
//	    handshake on it, and its turns are bounded, so that reading goes on
//	    whatever the senders do.
//	N7  Plaintext exists on loopback only.
//
// Sources: RFC 8446 (TLS 1.3), RFC 5705 and 9266 (channel binding), rows NET-*
// and FRM-* of the threat list, docs/decisions/0004.
package netio
