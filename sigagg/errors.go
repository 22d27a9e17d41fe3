package sigagg

import "errors"

// Sentinel errors of the package. Every error returned by it wraps exactly one
// of these, so callers decide with errors.Is and count by reason; the wrapping
// text adds the number that matters (signer index, length, counts).
var (
	// ErrPoint says that bytes are no canonical compressed encoding of a curve
	// point: wrong length or flag bits, a coordinate ≥ p, or no such point.
	ErrPoint = errors.New("sigagg: malformed point")
	// ErrInfinity says that a key or signature is the point at infinity, which
	// as a key would verify the infinity signature on every message.
	ErrInfinity = errors.New("sigagg: point at infinity")
	// ErrSubgroup says that a point is on the curve but outside the subgroup of
	// prime order r; accepting it would make signatures malleable.
	ErrSubgroup = errors.New("sigagg: point outside the prime-order subgroup")
	// ErrSecret says that secret share bytes are not 32 big-endian bytes of an
	// integer in [1, r).
	ErrSecret = errors.New("sigagg: malformed secret share")
	// ErrVerify says that a well-formed signature does not match the domain,
	// digest and key.
	ErrVerify = errors.New("sigagg: signature does not verify")
	// ErrTooFew says that fewer good shares than the threshold were given.
	ErrTooFew = errors.New("sigagg: fewer shares than the threshold")
	// ErrDuplicateSigner says that one signer index occurs twice in a set of
	// shares; certificates count distinct signers.
	ErrDuplicateSigner = errors.New("sigagg: duplicate signer")
	// ErrSigner says that a signer index is outside [0, n).
	ErrSigner = errors.New("sigagg: signer out of range")
	// ErrDomain says that a Domain value is none of the declared constants.
	ErrDomain = errors.New("sigagg: unknown domain")
	// ErrThreshold says that threshold or n is outside 1 ≤ threshold ≤ n ≤
	// SignersMax.
	ErrThreshold = errors.New("sigagg: threshold out of range")
	// ErrKeySet says that keys do not belong together: share keys that do not lie
	// on one polynomial of degree threshold−1 through the group key, or one key of
	// two signers.
	ErrKeySet = errors.New("sigagg: keys do not belong together")
	// ErrPossession says that a key's proof of possession does not verify.
	ErrPossession = errors.New("sigagg: proof of possession does not verify")
	// ErrCertificate says that bytes are no bitmap of exactly the threshold of
	// signers with their signatures behind it.
	ErrCertificate = errors.New("sigagg: malformed certificate")
)
