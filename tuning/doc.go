// Package tuning holds every soft number with unit, range, default and reason,
// the profiles that choose them together, the host's topology and the placement
// of threads.
//
// A soft number changes how fast a replica is and never what it agrees on:
// what consensus depends on is in genesis.yaml (package cluster). Files, flags
// and the environment are read by cmd/replica. The package imports nothing of
// ours; limits of the wire format stand here as the ends of ranges, and a test
// of cmd/replica compares the two.
//
// Thread: profiles are plain values; Pin acts on the calling goroutine alone.
//
// Invariants:
//
//	T1  Every field of Profile has one row in the table of fields, with a unit,
//	    a range, one default per profile and a reason.
//	T2  Every built-in profile is valid.
//	T3  No setting switches a safety check off.
//
// Sources: the unit costs in docs, measured on a 2-vCPU Zen 4 machine; a number
// that was not measured says what it follows from.
package tuning
