// Package scheme joins what genesis says of keys (cluster) with what can be done
// with them (sigagg): it opens the groups of a cluster in the signature scheme
// that genesis names, and deals keys for a new one.
//
// It is not the mathematics (sigagg) and not the files (cmd/replica). Nothing
// above it knows which scheme a cluster has.
//
// Thread: functions are pure but for the randomness that Deal is given; groups
// and signers are safe for concurrent use.
//
// Invariant S1: no group is opened with keys that do not belong together: share
// keys off the group key's polynomial, keys without a proof of possession, and
// one key of two replicas are refused, and so is a secret that is not the one
// whose public key genesis lists.
package scheme
