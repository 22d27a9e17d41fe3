// Package cluster says who the replicas are, which keys they hold, and how many
// votes make each quorum.
//
// It is not the network (netio), not the keys' mathematics (sigagg) and not the
// place of files (cmd/replica reads and writes them).
//
// Thread: everything is immutable after construction and may be read from any
// goroutine.
//
// Invariants:
//
//	G1  n = 3f+2c+1 and n ≥ 4, or the genesis is refused.
//	G2  Two different genesis files have different hashes; the hash is over
//	    canonical bytes, not over the YAML text.
//	G3  No two members share an id, an address or a key; no key is of small
//	    order or in a non-canonical encoding.
//
// Source: Golan Gueta et al., "SBFT", DSN 2019, section V.
package cluster
