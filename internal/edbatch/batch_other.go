//go:build !amd64

package edbatch

// Available reports whether this processor has what the kernels need: none but
// amd64 has.
func Available() bool { return false }

// Batch stands in for the one of amd64. It knows nothing.
type Batch struct{}

// New returns a batch that knows nothing.
func New() *Batch { return &Batch{} }

// Reset does nothing.
func (*Batch) Reset() {}

// Add does nothing.
func (*Batch) Add(*[KeyBytes]byte, []byte, *[SignatureBytes]byte) {}

// Verify answers that nothing is known.
func (*Batch) Verify() bool { return false }
