// Package sigagg is how replicas sign together: it signs a share, combines shares,
// verifies once and names the bad ones, in three schemes.
//
// It knows digests, domains and thresholds. It is not a key store, it knows no
// views, slots or quorum sizes, it starts no goroutine and does no I/O but for
// reading the system's randomness in NewGroup and VerifyAcross. All its types are
// safe for concurrent use; the caller's thread does the work.
//
// # Schemes
//
//	                  signs with    makes and checks   certificate of k of n
//	threshold BLS     BLSSigner     ThresholdGroup     48 bytes
//	multi-signature   BLSSigner     MultiGroup         n/8 + 48 bytes
//	Ed25519           EdSigner      EdGroup            n/8 + 64·k bytes
//
// All have the same methods over bytes (Vote, CertItem); the room that uses them
// declares the interface, this one does not. Which bytes a certificate has, and
// that only those of threshold BLS are unique, is in votes.go, bitmap.go and
// docs/decisions/0013-signature-schemes.md; what they cost over n is in
// docs/PERFORMANCE.md.
//
// # Threshold BLS
//
// Signatures are points of G1 (48 bytes), public keys points of G2 (96 bytes),
// "min-sig": chosen by measurement, see docs/decisions/0001-bls-min-sig.md. A
// dealer shares a secret with Shamir's scheme (Deal); signer i, zero-based, holds
// the value at x = i+1 and signs a digest with secret·H(digest); threshold shares
// interpolate to the group's signature, which is unique. H is hash_to_curve of
// RFC 9380 under one tag per Domain, and the encodings are the standard ones, so
// any BLS library can check a certificate given the 96 bytes of the group's key
// and Domain.DST.
//
//	signer, err := sigagg.NewSigner(secret, index)
//	share := signer.Sign(sigagg.Prepare, digest)
//
//	group, err := sigagg.NewGroup(threshold, groupKey, shareKeys)
//	sig, culprits, err := group.Combine(sigagg.Prepare, digest, shares)
//	err = group.Verify(sigagg.Prepare, digest, sig)
//
// # Invariants
//
// I1. A share or signature is accepted only if it is the one canonical encoding
// of the one valid point: flags, x < p, on the curve, in the subgroup, finite.
//
// I2. No pairing verdict is given on a point whose subgroup has not been checked:
// the pairing cannot see a component of small order, so without the check
// signatures would be malleable (threats.md BYZ-06).
//
// I3. A signature returned by Combine has been verified under the group's key.
//
// I4. A signer is named a culprit only if its own share fails under its own key.
//
// I5. No bytes make the package panic. It panics on a build whose library does
// not start, and on Sign under a Domain that is not declared.
//
// I6. Every memo is bounded, and its content cannot be told from the results.
//
// I7. A certificate with a bitmap names exactly the threshold of signers, all
// below n, in exactly as many bytes as that takes.
//
// I8. No key is added to another whose owner has not proven to know its secret,
// and no two signers have one key.
//
// # What it costs
//
// Median (best) of ten runs in µs, one core of a 2-vCPU Intel Xeon virtual
// machine (family 6 model 207, AVX-512) busy with other builds, so that the best
// is nearer to an idle host, Go 1.26.8; at the commit that adds this file:
//
//	go test ./sigagg -run '^$' -bench . -benchtime 100ms -count 10
//
//	                                          min-sig (ours)   min-pk
//	sign, new message                           190 (115)     580 (508)
//	sign, hash known                            104 (89)      163 (141)
//	verify, new message                       1,264 (1,020) 1,458 (1,267)
//	verify, hash known                        1,221 (937)   1,100 (946)
//	combine, verify, encode, k = 3            1,109 (968)   1,849 (1,440)
//	  k = 4                                   1,318 (1,027) 2,265 (1,612)
//	  k = 5                                   1,077 (1,002) 1,830 (1,596)
//	  k = 22                                  1,585 (1,361) 5,441 (4,600)
//	  k = 67                                  4,084 (3,781) 15,114 (13,434)
//
//	interpolation alone          ours, set known   set new   library
//	  signers 0 1 2                  2.9 (2.7)      +1.9       67
//	  signers 0 1 3 (D = 3)           76 (68)       +3.8      246
//	  k = 4, 5                       4.0, 5.1     +3.1, 3.2   129
//	  k = 22, 32                      73, 132      +38, 63    854, 1,424
//	  k = 67, 134                  1,444, 3,195  +139, 545  3,407, 10,981
//
//	one liar and one spare, k = 3, 22, 67     6,127   26,586   74,920
//	VerifyAcross, one key, each of N = 4, 16, 64  527      255      188
//
// # Sources
//
// Boldyreva, "Threshold Signatures … Based on the Gap-Diffie-Hellman-Group",
// PKC 2003; draft-irtf-cfrg-bls-signature; RFC 9380 (hashing); Gueta et al.,
// "SBFT", DSN 2019 (combine first, verify once); Cascudo and David, "SCRAPE",
// ACNS 2017 (consistency of share keys); Boneh, Drijvers and Neven, ASIACRYPT
// 2018, and Ristenpart and Yilek, EUROCRYPT 2007 (multi-signatures with proofs of
// possession); ZIP-215 (rules of Ed25519). The field, curve and pairing arithmetic
// is herumi's mcl, reached through bls-eth-go-binary, whose high level is min-pk
// and is not used.
package sigagg
