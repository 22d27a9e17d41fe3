// Package disks runs a whole cluster in one thread over the real vote journal
// and the real ledger, on file systems in memory, and breaks them: the power
// goes at each operation of a file system (crashpoints), or a file is damaged
// behind a stopped replica's back (damage).
//
// Package sim explores the protocol over models of the disk; this package takes
// a single, scripted history and explores the disk. The stages are the
// production ones, stepped by hand in a fixed order; Pebble alone keeps threads
// of its own, so the order of its file operations may differ between runs, and
// nothing that is checked depends on it.
//
// Input: a script, or data directories that real replicas left behind. Output:
// figures, and the first violation.
//
//	D1  What left a replica is on its disk at every later moment.
//	D2  A replica that starts after a mere crash opens, is not in amnesia, and
//	    says nothing that contradicts what it said.
//	D3  Its ledger verifies from the genesis on and is a prefix of the chain.
//	D4  When all crash at once, every acknowledged request is still there and
//	    gets the same reply.
//	D5  A damaged disk is repaired, detected or harmless, and never silent.
package disks
