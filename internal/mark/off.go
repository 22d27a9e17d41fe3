//go:build !marks

package mark

// Enabled reports whether this build counts.
const Enabled = false

// Hit does nothing in this build: the tag "marks" turns it on.
func Hit(Mark) {}

// If does nothing in this build. Its condition must be free of calls, so that
// nothing of it is left.
func If(bool, Mark) {}

// Code does nothing in this build.
func Code(Family, uint32) {}

// Count is 0 in this build.
func Count(Mark) uint64 { return 0 }

// CodeCount is 0 in this build.
func CodeCount(Family, uint32) uint64 { return 0 }
