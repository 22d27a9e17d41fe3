//go:build mutants

package plant

import (
	"fmt"
	"os"
)

// Enabled reports whether this build has planted bugs.
const Enabled = true

// Variable is the environment variable that names the active bug. Empty: none.
const Variable = "QUORATE_MUTANT"

// active is written by init alone.
var active Bug

// On reports whether a bug is active.
func On(b Bug) bool { return b == active }

func init() {
	name := os.Getenv(Variable)
	if name == "" {
		return
	}
	e := Find(name)
	if e == nil {
		fmt.Fprintf(os.Stderr, "plant: %s=%s is no planted bug; there are:\n", Variable, name)
		for i := range Table {
			fmt.Fprintln(os.Stderr, "  "+Table[i].Name)
		}
		os.Exit(2)
	}
	active = e.Bug
}
