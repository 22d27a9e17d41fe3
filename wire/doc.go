// Package wire is the alphabet: every message and record as canonical bytes.
//
// It knows how values look as bytes, how they are hashed and how large they
// may be. It does not know what they mean: which message is valid in which
// state is consensus, what an event does to an account is payments.
//
// Thread: all functions are pure and may be called from any goroutine.
// Decoders return slices that alias their input; the input has one owner and
// is never written after it was decoded.
//
// Invariants:
//
//	W1  encode(decode(x)) == x, or decode refuses x. No value has two encodings.
//	W2  A length is compared with its limit (limits.go) before memory is
//	    taken for it.
//	W3  Digests are domain-separated and cover whole requests, never their
//	    signatures alone (CVE-2023-46132).
//	W4  Decoders never panic, whatever the bytes.
//
// All integers are little-endian and of fixed width. Names of messages are
// those of Golan Gueta et al., "SBFT", DSN 2019.
package wire
