//go:build invariants

package assert

// Enabled reports whether Costly checks anything in this build.
const Enabled = true

// Costly panics when check returns false. It runs only in builds with the tag
// "invariants", so check may take as long as it needs and must have no effect
// on what the program does.
func Costly(check func() bool, format string, args ...any) {
	if !check() {
		fail(format, args)
	}
}
