//go:build !mutants

package plant

// Enabled reports whether this build has planted bugs.
const Enabled = false

// On reports whether a bug is active: in this build, never.
func On(Bug) bool { return false }
