//go:build marks

package mark

import "sync/atomic"

// Enabled reports whether this build counts.
const Enabled = true

var (
	counts     [plain]atomic.Uint64
	codeCounts [Families][CodesMax]atomic.Uint64
)

// Hit counts that the branch of m was taken.
func Hit(m Mark) { counts[m].Add(1) }

// If counts that the branch of m was taken when cond holds: for a case that the
// code does not tell apart.
func If(cond bool, m Mark) {
	if cond {
		Hit(m)
	}
}

// Code counts that a code of a family was given. 0 is what usually happens, and
// is not counted; nor is a code that no family can have.
func Code(f Family, code uint32) {
	if code != 0 && code < CodesMax {
		codeCounts[f][code].Add(1)
	}
}

// Count is how often m was hit since the process started.
func Count(m Mark) uint64 { return counts[m].Load() }

// CodeCount is the same for a code of a family.
func CodeCount(f Family, code uint32) uint64 { return codeCounts[f][code].Load() }
