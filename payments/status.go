package payments

// Status says how a request as a whole was taken. Any status but StatusOK means
// that the request changed nothing, not even its session.
type Status uint16

// The states of a request. The numbers are part of results and never change.
const (
	StatusOK              Status = 0
	StatusDuplicate       Status = 1  // session_duplicate: executed before, the outcome names the place
	StatusRequestIDReused Status = 2  // the session seq was used by another request
	StatusSeqTooOld       Status = 3  // below the session window
	StatusSeqTooFar       Status = 4  // more than SessionJumpMax above the window
	StatusUnknownClient   Status = 5  // not registered
	StatusMalformedBody   Status = 6  // wrong length, or bytes that no decoder takes
	StatusNotAuthorized   Status = 7  // the client lacks the role
	StatusUnknownOp       Status = 8  // no such operation
	StatusBlockBudget     Status = 9  // the block's budget of events, query work or result bytes is used up: send again
	StatusInvalidFilter   Status = 10 // a filter without limit, with an empty span or reserved flags
	StatusLedgerFull      Status = 11 // all 2^40 ordinals are used
)

var statusNames = [...]string{
	StatusOK:              "ok",
	StatusDuplicate:       "session_duplicate",
	StatusRequestIDReused: "request_id_reused",
	StatusSeqTooOld:       "session_seq_too_old",
	StatusSeqTooFar:       "session_seq_too_far",
	StatusUnknownClient:   "unknown_client",
	StatusMalformedBody:   "malformed_body",
	StatusNotAuthorized:   "not_authorized",
	StatusUnknownOp:       "unknown_op",
	StatusBlockBudget:     "block_budget_used_up",
	StatusInvalidFilter:   "invalid_filter",
	StatusLedgerFull:      "ledger_full",
}

// String gives the stable name.
func (s Status) String() string { return nameOf(statusNames[:], uint32(s), "status") }

// ParseStatus is the inverse of String.
func ParseStatus(name string) (Status, bool) {
	v, ok := valueOf(statusNames[:], name)
	return Status(v), ok
}

// RegisterCode is the result of OpRegisterClient.
type RegisterCode uint32

// The results of a registration, in order of precedence but for the last two.
const (
	RegisterOK                      RegisterCode = 0
	RegisterReservedField           RegisterCode = 1
	RegisterIDMustNotBeZero         RegisterCode = 2
	RegisterRolesMustNotBeZero      RegisterCode = 3
	RegisterReservedRole            RegisterCode = 4
	RegisterKeyNotCanonical         RegisterCode = 5
	RegisterKeyHasSmallOrder        RegisterCode = 6
	RegisterExistsWithDifferentKey  RegisterCode = 7
	RegisterExistsWithDifferentRole RegisterCode = 8
	RegisterExists                  RegisterCode = 9
	RegisterClientTableFull         RegisterCode = 10
	RegisterKeyNotOnCurve           RegisterCode = 11 // comes after 6
	RegisterKeyHasMixedOrder        RegisterCode = 12 // comes after 11
)

var registerNames = [...]string{
	RegisterOK:                      "ok",
	RegisterReservedField:           "reserved_field",
	RegisterIDMustNotBeZero:         "id_must_not_be_zero",
	RegisterRolesMustNotBeZero:      "roles_must_not_be_zero",
	RegisterReservedRole:            "reserved_role",
	RegisterKeyNotCanonical:         "key_not_canonical",
	RegisterKeyHasSmallOrder:        "key_has_small_order",
	RegisterExistsWithDifferentKey:  "exists_with_different_key",
	RegisterExistsWithDifferentRole: "exists_with_different_roles",
	RegisterExists:                  "exists",
	RegisterClientTableFull:         "client_table_full",
	RegisterKeyNotOnCurve:           "key_not_on_curve",
	RegisterKeyHasMixedOrder:        "key_has_mixed_order",
}

// String gives the stable name.
func (c RegisterCode) String() string { return nameOf(registerNames[:], uint32(c), "code") }

// ParseRegisterCode is the inverse of String.
func ParseRegisterCode(name string) (RegisterCode, bool) {
	v, ok := valueOf(registerNames[:], name)
	return RegisterCode(v), ok
}
