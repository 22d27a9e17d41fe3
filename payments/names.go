package payments

import (
	"fmt"
	"strings"
)

// Names of flags, roles and states, for people and command lines. Sets are
// written as names joined by "|".

var accountFlagNames = [...]string{
	"linked", "debits_must_not_exceed_credits", "credits_must_not_exceed_debits", "history", "imported", "closed",
	"debits_must_be_signed",
}

var transferFlagNames = [...]string{
	"linked", "pending", "post_pending_transfer", "void_pending_transfer", "balancing_debit", "balancing_credit",
	"closing_debit", "closing_credit", "imported",
}

var roleNames = [...]string{"admin", "accounts", "transfers", "queries", "signed_transfers"}

var pendingNames = [...]string{"none", "pending", "posted", "voided", "expired"}

// String gives the names of the set flags; "" for none.
func (f AccountFlags) String() string { return bitNames(accountFlagNames[:], uint32(f)) }

// String gives the names of the set flags; "" for none.
func (f TransferFlags) String() string { return bitNames(transferFlagNames[:], uint32(f)) }

// String gives the names of the roles; "" for none.
func (r Roles) String() string { return bitNames(roleNames[:], uint32(r)) }

// String gives the stable name.
func (s PendingStatus) String() string { return nameOf(pendingNames[:], uint32(s), "pending_status") }

// ParseAccountFlags is the inverse of AccountFlags.String.
func ParseAccountFlags(s string) (AccountFlags, error) {
	v, err := parseBits(accountFlagNames[:], s)
	return AccountFlags(v), err
}

// ParseTransferFlags is the inverse of TransferFlags.String.
func ParseTransferFlags(s string) (TransferFlags, error) {
	v, err := parseBits(transferFlagNames[:], s)
	return TransferFlags(v), err
}

// ParseRoles is the inverse of Roles.String.
func ParseRoles(s string) (Roles, error) {
	v, err := parseBits(roleNames[:], s)
	return Roles(v), err
}

// bitNames joins the names of set bits; a bit without a name appears as a
// number.
func bitNames(names []string, bits uint32) string {
	var set []string
	for i := range 32 {
		switch {
		case bits>>i&1 == 0:
		case i < len(names):
			set = append(set, names[i])
		default:
			set = append(set, fmt.Sprintf("bit_%d", i))
		}
	}
	return strings.Join(set, "|")
}

// parseBits reads names joined by "|"; "" is no bit.
func parseBits(names []string, s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	var bits uint32
	for _, name := range strings.Split(s, "|") {
		i, ok := valueOf(names, name)
		if !ok {
			return 0, fmt.Errorf("%w: no flag is called %q", ErrMalformed, name)
		}
		bits |= 1 << i
	}
	return bits, nil
}
