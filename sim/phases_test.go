package sim

// Aim: a long run struck replicas with every fault in every phase. Method: the
// matrix that worlds count.

import (
	"fmt"
	"strings"
	"testing"
)

// add sums matrices.
func (m *Matrix) add(o *Matrix) {
	for k := range m {
		for p := range m[k] {
			m[k][p] += o[k][p]
		}
	}
}

// reportPhases prints the matrix, and in a nightly run fails on empty cells.
func reportPhases(t *testing.T, m *Matrix) {
	var lines []string
	var empty []string
	for k, name := range faultNames {
		line := fmt.Sprintf("  %-10s", name)
		for p := range phases {
			line += fmt.Sprintf(" %13d", m[k][p])
			if m[k][p] == 0 {
				empty = append(empty, name+" × "+phaseNames[p])
			}
		}
		lines = append(lines, line)
	}
	head := fmt.Sprintf("  %-10s", "")
	for _, name := range phaseNames {
		head += fmt.Sprintf(" %13s", name)
	}
	t.Logf("faults by kind and phase of the replica that they struck:\n%s\n%s", head, strings.Join(lines, "\n"))
	t.Logf("cells: %d of %d empty: %s", len(empty), len(m)*int(phases), strings.Join(empty, ", "))
	if *marksFlag == "fail" && len(empty) > 0 {
		t.Errorf("%d pairs of fault and phase were not tried", len(empty))
	}
}

// A replica that is struck twice in one life is counted in the phase of each
// strike, and the sums of a row are the faults of its kind.
func TestMatrixSums(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		r := Run(Draw(seed), nil)
		for k, row := range r.Phases {
			var sum uint64
			for _, n := range row {
				sum += n
			}
			if sum != r.Faults[k] {
				t.Errorf("seed %d: %d faults of kind %s, %d in its row", seed, r.Faults[k], faultNames[k], sum)
			}
		}
	}
}
