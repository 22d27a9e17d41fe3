// Package calibrate measures on this host what package capacity computes with: what
// the rooms of a replica cost by themselves, and what a whole cluster of processes
// takes at a few loads.
//
// It predicts nothing and judges nothing (capacity), and it starts no processes
// itself: cmd/replica makes the cluster and lends it as a Bed.
//
// Thread: one goroutine measures at a time; figures of one thread come from that
// thread's own clock, those of event loops from the process's, so nothing else may
// run in the process meanwhile.
//
// In: a directory on the disk that is to be measured, a Bed. Out: a
// capacity.Calibration, and measurements of single loads.
//
// Invariants:
//
//	CA1  What is measured is the code that replicas run: the rooms themselves, with
//	     real keys, a real disk and TLS.
//	CA2  Counters are read at both ends of a window in which the load did not
//	     change; warm-up and audit are outside of it.
//	CA3  A load whose audit is not clean, or in which a view changed, is no
//	     measurement but an error.
//	CA4  A load of a calibration or a verification stands between two looks at the
//	     host's speed, with the load generator away in both.
package calibrate
