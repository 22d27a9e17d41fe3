// Package outcome is what runs of loadgen leave behind: the content of
// result.json, sweep.json and timeseries.csv, how it is read and written, merged
// and compared. docs/loadgen.md describes every field for other programs.
//
// It measures nothing and draws nothing (cmd/loadgen, cmd/loadgen/report).
//
// Thread: none; every function is pure but Load, LoadAll and WriteDir, which
// read and write files.
//
// Invariants:
//
//	O1  A file says its kind and the version of its schema, and a file of another
//	    kind or version is refused with its path. A field is only ever added
//	    within a version.
//	O2  What is written is there whole or not at all.
//	O3  Histograms are kept without loss: the merge of parts is the histogram
//	    that one process would have recorded.
//	O4  Only runs that were asked to do the same are compared.
package outcome
