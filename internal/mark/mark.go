// Package mark counts how often rare branches are taken, so that a long
// simulation can tell what it never tried.
//
// A mark is a name for one branch: a race, a refusal, a case of a rule. It is
// declared here once, with its room and what it means, and hit by exactly the
// code of that room; internal/tidy holds both directions, so that a mark without
// a call and a call of another room's mark fail the build. What this package is
// not: a metric. Nothing in it exists in production builds.
//
// In builds with the tag "marks" (make sim, make sim-long) Hit adds to a counter;
// in all others it is an empty function that the compiler removes with its
// arguments. Counters only ever grow and nothing reads them but the report at
// the end of a run (sim/marks_test.go), so the pure rooms stay pure: a count can
// change nothing that they do.
//
// Thread: any; the counters are atomic, because several simulated worlds may
// run beside each other in one process.
//
// Invariants:
//
//	M1  Each mark has one name and one entry; each is hit by code of its room.
//	M2  Without the tag no counter and no call is left in a binary.
package mark

// Mark names one branch.
type Mark uint16

// Info is what the registry says of a mark.
type Info struct {
	Name string
	Room string // the package whose code hits it
	What string // one line: what happened when it is hit
}

// takenBy names the tests that take branches which hardly any run of the simulator
// comes to, because liars and honest replicas would have to meet in one order out of
// very many. A long run does not fail without them. With the tag "marks" those
// tests fail if they do not take them.
var takenBy = map[Mark]string{
	LockWins:           "TestRareBranches",
	NewViewMovesWindow: "TestRareBranches",
	TieOfTwoValues:     "TestRareBranches",
	TwoNewViews:        "TestRareBranches",
}

// TakenBy is the test of the mark's room that takes its branch, or nothing: then
// the simulator has to.
func TakenBy(m Mark) string { return takenBy[m] }

// CodeTakenBy is the same for a code of a family.
func CodeTakenBy(f Family, code uint32) string {
	if f == CoreRejects && code == RejectNumber(reminderKind, window) {
		return "TestRareBranches" // beyond slot 2^62: the liars' numbers are near the true ones
	}
	return ""
}

// plain is the number of marks.
const plain = int(clientEnd)

// All gives the registry, by mark.
func All() []Info {
	all := make([]Info, plain)
	for _, table := range [...][]Info{consensusMarks[:], paymentsMarks[:], pipelineMarks[:], storageMarks[:], clientMarks[:]} {
		for i := range table {
			if table[i].Name != "" {
				all[i] = table[i]
			}
		}
	}
	return all
}
