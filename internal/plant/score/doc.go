// Command score runs the suites against every planted bug and says what kills
// each (`make mutants`, docs/TESTING.md).
//
// It builds the test binaries once, with the tag "mutants", and then runs them
// once per bug with QUORATE_MUTANT set: the simulator from seed 1 upward until a
// seed finds the bug or the budget of package plant's table is used up, then the
// tests that the table names. A bug that neither finds survives, and that is a
// failure, as is a suite that fails without any bug: it would kill everything
// and prove nothing. So each suite runs without one first, and so does every
// seed that killed something, afterwards.
//
// It is not part of the product and imports nothing of it but the table.
//
// Thread: -jobs workers, each with one test process at a time.
//
// In: the table of package plant. Out: one line per bug, in Markdown, then one
// line of figures. The exit code is 1 when a bug survives or a suite fails
// without one, 2 when nothing could be run.
package main
