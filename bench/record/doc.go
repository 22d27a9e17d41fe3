// Package record is what one run of an experiment leaves behind: a line of JSON
// with what was asked, on which host and commit, how it ended and what was
// measured.
//
// It measures nothing and judges nothing: bench/measure makes records,
// bench/compare holds two sets of them against each other, bench/chart draws
// them.
//
// Invariants:
//
//	R1  A record whose outcome is not OK has no figures: a run with a fault in its
//	    audit never becomes a number.
//	R2  Every figure has a name of the table in figures.go, which says its unit and
//	    which way is better; none is NaN or infinite.
//	R3  A reader refuses what it does not know: another schema, an unknown field, an
//	    unknown figure.
package record
