package main

import (
	"errors"

	"quorate/client"
)

// Codes of what no replica refused.
const (
	codeUnknown   = "outcome_unknown"
	codeBadResult = "bad_result" // a proven result that does not fit its request
)

// errBadResult is wrapped by what judge says of a result.
var errBadResult = errors.New("result does not fit its request")

// codeOf gives the stable name under which an error is counted: that of the
// reject or status that replicas gave.
func codeOf(err error) string {
	var refused *client.RefusedError
	var status *client.StatusError
	switch {
	case errors.As(err, &refused):
		return refused.Code.String()
	case errors.As(err, &status):
		return status.Status.String()
	case errors.Is(err, errBadResult):
		return codeBadResult
	case errors.Is(err, client.ErrOutcomeUnknown):
		return codeUnknown
	}
	return codeOther
}
