package cluster

import (
	"errors"
	"fmt"
)

// ErrGenesis says that a genesis is refused; ErrKeyFile that a key file is.
// Each comes as a *Fault.
var (
	ErrGenesis = errors.New("cluster: genesis refused")
	ErrKeyFile = errors.New("cluster: key file refused")
)

// Fault is one mistake in a file: where it is, what is wrong and what to do.
// errors.Is finds ErrGenesis or ErrKeyFile in it.
type Fault struct {
	Kind    error  // ErrGenesis or ErrKeyFile
	Line    int    // from 1; 0 when the value was made by hand and not parsed
	Key     string // path of the key, as replicas[2].identity; empty for the whole file
	Problem string // what is wrong
	Fix     string // the next step
}

// Error gives the fault in one line.
func (f *Fault) Error() string {
	where := ""
	if f.Line > 0 {
		where = fmt.Sprintf(": line %d", f.Line)
	}
	if f.Key != "" {
		where += ": " + f.Key
	}
	return fmt.Sprintf("%v%s: %s; %s", f.Kind, where, f.Problem, f.Fix)
}

// Unwrap gives the kind of file that is refused.
func (f *Fault) Unwrap() error { return f.Kind }
