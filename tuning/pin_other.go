//go:build !linux

package tuning

import (
	"errors"
	"runtime"
)

// Pin ties the calling goroutine to its thread. Placement on a processor exists
// on Linux only; the error says so and the caller carries on.
func Pin(int) error {
	runtime.LockOSThread()
	return errors.ErrUnsupported
}

// allowedCPUs is known on Linux only.
func allowedCPUs() []int { return nil }
