// Package rows is what the comparison says: one JSON line per run of one system
// in one setting, and the table with its ratios and caveats that is made of
// such lines and of nothing else.
//
// It measures nothing and knows no system: what a row claims is filled in by
// whoever ran it.
//
// Invariants:
//
//	R1  A row without payments, without a passed check, or with a claim left
//	    open (what was durable, signed, encrypted, where the client ran) is
//	    refused, never shown as a figure.
//	R2  Rows are compared inside their class only: single payments with single
//	    ones, batches with batches, signed with signed; and those at a fixed rate
//	    by their latency.
//	R3  Several runs of one setting give their median; the table says how many.
package rows
