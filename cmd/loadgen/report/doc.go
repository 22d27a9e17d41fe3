// Package report draws a run of loadgen as one HTML file.
//
// It measures nothing and keeps nothing: outcome's values in, bytes out. What the
// file means is in docs/loadgen.md.
//
// Thread: none; Page is pure.
//
// Invariants:
//
//	P1  The file needs nothing else: no other file, no network, and without a
//	    script it still shows every figure as a table.
//	P2  Nothing that a replica or a user wrote becomes markup or script.
//	P3  Every stretch of the run is drawn, and one without answers as a gap,
//	    never as a latency of zero.
package report
