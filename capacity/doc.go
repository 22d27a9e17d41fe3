// Package capacity answers how many servers a load needs and until when: from what
// a short run on this host cost it predicts rate, latency, disk and memory of other
// loads, fits measured sweeps, holds predictions against measurements and makes a
// plan of it.
//
// It measures nothing: capacity/calibrate does, and cmd/replica reads and writes
// the files. It promises no safety margin either: what it leaves out stands in
// docs/capacity.md.
//
// The model: a stage s of a replica takes
//
//	D_s = a_s + r_s/R + b_s/B + t_s/λ        µs of CPU per payment
//
// with R payments per request, B payments per block and λ payments per second; a_s
// to t_s are fitted, never negative, to what the stage took in the runs of a
// calibration, for the primary and for a backup apart. How b_s changes with n comes
// from the unit costs of cryptography and the number of messages. B is what the
// batcher makes of λ and of the time that a slot takes, and that time depends on how
// busy the cores are: Predict looks for the point where the three agree.
//
// Thread: none; everything is a function of its arguments.
//
// In: the bytes of a calibration or a sweep, and a question. Out: values.
//
// Invariants:
//
//	C1  The demands of the stages add up to the demand that limits the rate: what
//	    no stage is known for stands in the stage "rest".
//	C2  More cores, a larger link or a faster disk never lower a predicted rate.
//	C3  A file is taken whole or not at all: an unknown schema, an unknown field or
//	    a number that cannot be is an error that names it.
//	C4  No clock, no chance, no input or output: the same question of the same
//	    calibration has the same answer.
//
// Sources: the utilisation law and the queueing formulas of Lazowska et al.,
// Quantitative System Performance, 1984; the Universal Scalability Law of N. Gunther,
// Guerrilla Capacity Planning, 2007; Lawson and Hanson, Solving Least Squares
// Problems, 1974.
package capacity
