// Package edbatch says of many Ed25519 signatures at once whether all are good, on
// processors with AVX-512 IFMA: half to a quarter of the library's time per
// signature (docs/decisions/0022). It answers yes or "not known": what is not known,
// on any processor, the library verifies, and its word is the rule.
//
// It does not say which one is bad, signs nothing, holds no secret, and runs in no
// constant time: all that it reads is public.
//
// How: eight field elements of five 51-bit limbs side by side in 512-bit registers
// (Gueron and Krasnov's use of VPMADD52). Points are decoded eight at a time. The
// sum of the batch equation (Bernstein et al., "High-speed high-security
// signatures", 2012, section 5) is taken with Pippenger's buckets, a window of the
// scalar in each lane, so that what is added is one point at eight places and no two
// lanes ever want one bucket.
//
// Thread: a Batch belongs to one goroutine at a time; several work side by side.
//
// In: keys, messages, signatures as bytes, from anyone. Out: a bool.
//
// Invariants:
//
//	EB1  Verify answers yes only if every signature is good under ZIP-215, but for a
//	     chance of 2^-125 that no sender can raise: weights are drawn from the
//	     system's randomness when all signatures are there.
//	EB2  It is stricter than ZIP-215 and never laxer: encodings that are not
//	     canonical, and keys whose order divides 8, are not known.
//	EB3  A fault of a kernel gives "not known": the other side of the equation and the
//	     comparison are the library's, which takes only points of the curve.
//	EB4  Every factor that reaches a multiplication has limbs below 2^52.
package edbatch

const (
	// KeyBytes is the length of a public key (RFC 8032).
	KeyBytes = 32
	// SignatureBytes is the length of a signature (RFC 8032).
	SignatureBytes = 64
	// Worthwhile is how many signatures must be together before a batch is faster
	// than the library.
	Worthwhile = 16
)
