package main

import "errors"

// Exit codes, those of sysexits where one fits. Scripts and service managers
// rely on them: none is ever given another meaning.
const (
	exitOK      = 0
	exitFailure = 1  // it failed while it ran
	exitUsage   = 64 // the command line makes no sense
	exitCreate  = 73 // files cannot be made there
	exitConfig  = 78 // genesis, keys or configuration are refused
)

const exitCodesHelp = `Exit codes: 0 done, 1 failed while running, 64 wrong command line,
73 cannot make files there, 78 genesis, keys or configuration refused.`

// failure is an error with its exit code.
type failure struct {
	code int
	err  error
}

// fail gives err an exit code; nil stays nil, and the code of the place that
// knew more stays.
func fail(code int, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{code, err}
}

// Error gives the cause.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap gives the error without the code.
func (f *failure) Unwrap() error { return f.err }

// exitCode is the code of an error. One without a code comes from the parser of
// the command line: our commands give all of theirs one.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		return f.code
	}
	return exitUsage
}
