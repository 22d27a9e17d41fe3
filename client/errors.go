package client

import (
	"errors"
	"fmt"

	"quorate/payments"
	"quorate/wire"
)

// Sentinels. Decide with errors.Is; RetryOf gives the class.
var (
	// ErrOutcomeUnknown says that the request may or may not have been executed,
	// now or later. It is never to be shown as a failure.
	ErrOutcomeUnknown = errors.New("client: outcome unknown")
	// ErrNotSent says that nothing left this process: sending it later, even
	// with another body, is safe.
	ErrNotSent = errors.New("client: not sent")
	// ErrWindowFull says that WindowMax requests are unanswered.
	ErrWindowFull = errors.New("client: window of outstanding requests is full")
	// ErrBody says that a body is longer than wire.BodyBytesMax.
	ErrBody = errors.New("client: body too large")
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("client: closed")
	// ErrCertificate says that a block's certificate does not verify.
	ErrCertificate = errors.New("client: certificate does not verify")
	// ErrReceipt is wrapped by every reason for which a receipt is refused.
	ErrReceipt = errors.New("client: receipt is not valid")
	// ErrGenesis says that the genesis holds keys that sigagg refuses.
	ErrGenesis = errors.New("client: genesis keys")
	// ErrLink is wrapped by every reason for which a connection is not made.
	ErrLink = errors.New("client: link")
	// ErrResult says that a proven result has a shape that its operation does
	// not have: the replicas run another version.
	ErrResult = errors.New("client: unexpected result")
)

// RefusedError says that replicas refused the request before it was ordered.
// From a session it was said by at least f+1 of them, from a dial by one.
type RefusedError struct {
	Code wire.RejectCode
	// Replica is who refused a dial; for a request any of those who refused it.
	Replica wire.ReplicaID
}

// Error names the code, who said it, and what it leaves open.
func (e *RefusedError) Error() string {
	s := fmt.Sprintf("client: refused by replica %d and others: %s", e.Replica, e.Code)
	if !e.Final() {
		s += " (outcome unknown)"
	}
	return s
}

// Final reports whether the request can never be executed: its bytes are bad
// for every replica in every state, or its seq belongs to another request. A
// code that hangs on the state (a role, a registration, the window) is not
// final: a faulty replica may keep the signed request until the state allows
// it.
func (e *RefusedError) Final() bool {
	switch e.Code {
	case wire.RejectMalformed, wire.RejectSignature, wire.RejectWrongClient, wire.RejectCluster,
		wire.RejectIDReused, wire.RejectOperation:
		return true
	}
	return false
}

// Is reports that a refusal which is not final is ErrOutcomeUnknown.
func (e *RefusedError) Is(target error) bool { return target == ErrOutcomeUnknown && !e.Final() }

// StatusError says that the request was ordered and refused at execution, with
// proof. This ordering of it changed nothing.
type StatusError struct{ Status payments.Status }

// Error names the status and what it leaves open.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("client: refused at execution: %s", e.Status)
	if !e.Final() {
		s += " (outcome unknown)"
	}
	return s
}

// Final is as for RefusedError.
func (e *StatusError) Final() bool {
	switch e.Status {
	case payments.StatusRequestIDReused, payments.StatusMalformedBody, payments.StatusUnknownOp, payments.StatusInvalidFilter:
		return true
	}
	return false
}

// Is reports that a refusal which is not final is ErrOutcomeUnknown.
func (e *StatusError) Is(target error) bool { return target == ErrOutcomeUnknown && !e.Final() }

// UnknownError carries the seq of a request that a call stopped waiting for;
// Client.Outcome takes it. It is ErrOutcomeUnknown and wraps why the waiting
// stopped.
type UnknownError struct {
	Seq   uint64
	Cause error
}

// Error says which request and why.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("%v of request %d: %v", ErrOutcomeUnknown, e.Seq, e.Cause)
}

// Unwrap gives both the class and the cause.
func (e *UnknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.Cause} }

// RetryOf gives the retry class of an error of this package: RetryAfter for what
// was not sent, RetrySameID for an unknown outcome, else RetryNever.
func RetryOf(err error) wire.RetryClass {
	switch {
	case errors.Is(err, ErrNotSent) || errors.Is(err, ErrWindowFull):
		return wire.RetryAfter
	case errors.Is(err, ErrOutcomeUnknown):
		return wire.RetrySameID
	}
	return wire.RetryNever
}
