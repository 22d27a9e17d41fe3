// Package plant holds planted bugs: mistakes of the kinds that other systems
// were hurt by, each behind a switch in the very line where it would be made.
// A checker that has never found a bug is not known to find any; this package
// is how the checkers of sim and the tests of each room are tested
// (`make mutants`, docs/TESTING.md).
//
// It is not a way to configure anything: a build without the tag "mutants" has
// no switch. There On is the constant false, so the compiler drops every planted
// line and the linker this package's table; TestNoTraceInProduction looks for
// both in the real binary.
//
// With the tag, On compares one integer with a variable that is set once, before
// main or the tests start, from the environment variable QUORATE_MUTANT; an
// unknown name ends the process with the list of known ones. One process has one
// bug, or none.
//
// Thread: On may be called from any goroutine; nothing is written after
// initialisation.
//
// In: the constants of bugs.go, one per bug, at the places that break. Out: the
// table of table.go for the runner (package score).
//
// Invariants:
//
//	M1  A planted line does nothing while its bug is not active.
//	M2  Every bug is in the table and in the code of the room that the table
//	    names, and nowhere else.
//	M3  Package plant is imported by rooms in any build, also by the pure ones,
//	    so without the tag it imports nothing.
package plant
