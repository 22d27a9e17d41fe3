// Package oplog is the log of a running process: JSON lines whose level can be
// changed room by room while it runs, and which nobody outside can make long.
//
// It is a slog.Handler and no other interface: rooms log with log/slog as ever.
// It opens no file, keeps no lines and sends nothing; who made it says where the
// bytes go.
//
// Every logger of a room carries the attribute RoomKey; the level of a line is
// held against that room's. Lines that say the same of the same peer share a
// budget: a burst, then one line per pause. What goes over is counted, and the
// next line that passes says how many were left out.
//
// Thread: all methods may be called from any goroutine.
//
// Inputs: slog records, and level specifications of an operator.
// Outputs: JSON lines to one writer, and counts for metrics.
//
// Invariants:
//
//	G1  What one peer can add to the log per hour has a bound that does not
//	    depend on what the peer does: lines by the budget, bytes by lineTextMax,
//	    kinds of lines by budgetsMax.
//	G2  No line is left out silently: it is in Counts at once, and in the
//	    attribute "suppressed" of the next line of its kind, if there is one.
//	G3  A line below its room's level costs no allocation here. A handler around
//	    this one may want it all the same: a replica's console remembers lines of
//	    level info and above whatever the level, so there those are always built,
//	    and only lines of level debug cost nothing (console.Recent).
package oplog
