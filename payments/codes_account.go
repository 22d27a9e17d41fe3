package payments

import "strconv"

// AccountCode is the result of one account of OpCreateAccounts. Numbers and
// names below 1000 are TigerBeetle's; those from 1000 are ours.
type AccountCode uint32

// The results of creating an account. The order below is the precedence: the
// first that holds is the result.
const (
	AccountOK AccountCode = 0

	AccountLinkedEventFailed    AccountCode = 1
	AccountLinkedEventChainOpen AccountCode = 2

	AccountImportedEventExpected    AccountCode = 22
	AccountImportedEventNotExpected AccountCode = 23
	AccountTimestampMustBeZero      AccountCode = 3

	AccountImportedEventTimestampOutOfRange     AccountCode = 24
	AccountImportedEventTimestampMustNotAdvance AccountCode = 25

	AccountReservedField     AccountCode = 4
	AccountReservedFlag      AccountCode = 5
	AccountIDMustNotBeZero   AccountCode = 6
	AccountIDMustNotBeIntMax AccountCode = 7

	AccountExistsWithDifferentFlags       AccountCode = 15
	AccountExistsWithDifferentUserData128 AccountCode = 16
	AccountExistsWithDifferentUserData64  AccountCode = 17
	AccountExistsWithDifferentUserData32  AccountCode = 18
	AccountExistsWithDifferentLedger      AccountCode = 19
	AccountExistsWithDifferentCode        AccountCode = 20
	AccountExists                         AccountCode = 21

	AccountFlagsAreMutuallyExclusive AccountCode = 8
	AccountDebitsPendingMustBeZero   AccountCode = 9
	AccountDebitsPostedMustBeZero    AccountCode = 10
	AccountCreditsPendingMustBeZero  AccountCode = 11
	AccountCreditsPostedMustBeZero   AccountCode = 12
	AccountLedgerMustNotBeZero       AccountCode = 13
	AccountCodeMustNotBeZero         AccountCode = 14
	AccountLedgerNotRegistered       AccountCode = 1000

	AccountImportedEventTimestampMustNotRegress AccountCode = 26

	AccountLedgerTableFull AccountCode = 1001
	AccountTableFull       AccountCode = 1002
)

// ownCodesFirst is where the numbers of codes start that TigerBeetle does not
// have.
const ownCodesFirst = 1000

var accountCodeNames = [...]string{
	0:  "ok",
	1:  "linked_event_failed",
	2:  "linked_event_chain_open",
	3:  "timestamp_must_be_zero",
	4:  "reserved_field",
	5:  "reserved_flag",
	6:  "id_must_not_be_zero",
	7:  "id_must_not_be_int_max",
	8:  "flags_are_mutually_exclusive",
	9:  "debits_pending_must_be_zero",
	10: "debits_posted_must_be_zero",
	11: "credits_pending_must_be_zero",
	12: "credits_posted_must_be_zero",
	13: "ledger_must_not_be_zero",
	14: "code_must_not_be_zero",
	15: "exists_with_different_flags",
	16: "exists_with_different_user_data_128",
	17: "exists_with_different_user_data_64",
	18: "exists_with_different_user_data_32",
	19: "exists_with_different_ledger",
	20: "exists_with_different_code",
	21: "exists",
	22: "imported_event_expected",
	23: "imported_event_not_expected",
	24: "imported_event_timestamp_out_of_range",
	25: "imported_event_timestamp_must_not_advance",
	26: "imported_event_timestamp_must_not_regress",
}

var accountOwnNames = [...]string{"ledger_not_registered", "ledger_table_full", "account_table_full"}

// String gives the stable name.
func (c AccountCode) String() string {
	return codeName(accountCodeNames[:], accountOwnNames[:], uint32(c))
}

// ParseAccountCode is the inverse of String.
func ParseAccountCode(name string) (AccountCode, bool) {
	v, ok := codeValue(accountCodeNames[:], accountOwnNames[:], name)
	return AccountCode(v), ok
}

// codeName looks c up in the table of classic names or in that of own ones.
func codeName(classic, own []string, c uint32) string {
	if c >= ownCodesFirst {
		return nameOf(own, c-ownCodesFirst, "own_code")
	}
	return nameOf(classic, c, "code")
}

// codeValue is the inverse of codeName.
func codeValue(classic, own []string, name string) (uint32, bool) {
	if v, ok := valueOf(classic, name); ok {
		return v, true
	}
	v, ok := valueOf(own, name)
	return v + ownCodesFirst, ok
}

// nameOf gives names[v], or a name with the number for a gap or a number that
// this build does not know.
func nameOf(names []string, v uint32, kind string) string {
	if uint64(v) < uint64(len(names)) && names[v] != "" {
		return names[v]
	}
	return kind + "_" + strconv.FormatUint(uint64(v), 10)
}

// valueOf finds a name; the tables are short and parsing is rare.
func valueOf(names []string, name string) (uint32, bool) {
	if name == "" {
		return 0, false
	}
	for i := range names {
		if names[i] == name {
			return uint32(i), true
		}
	}
	return 0, false
}
