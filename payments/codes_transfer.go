package payments

// TransferCode is the result of one transfer of OpCreateTransfers or
// OpCreateSignedTransfers. Numbers and names below 1000 are TigerBeetle's; those
// from 1000 are ours.
type TransferCode uint32

// The results of creating a transfer. The order below is the precedence: the
// first that holds is the result. Number 18 (amount_must_not_be_zero) is
// retired, as in the original: an amount of zero is legal.
const (
	TransferOK TransferCode = 0

	TransferLinkedEventFailed    TransferCode = 1
	TransferLinkedEventChainOpen TransferCode = 2

	TransferImportedEventExpected    TransferCode = 56
	TransferImportedEventNotExpected TransferCode = 57
	TransferTimestampMustBeZero      TransferCode = 3

	TransferImportedEventTimestampOutOfRange     TransferCode = 58
	TransferImportedEventTimestampMustNotAdvance TransferCode = 59

	// Of signed transfers, before anything is said of what the ledger holds.
	TransferSignatureInvalid          TransferCode = 1001
	TransferFlagsNotAllowedWhenSigned TransferCode = 1004
	TransferSignerNotOwner            TransferCode = 1003 // of a post or void: behind 26

	TransferReservedFlag      TransferCode = 4
	TransferIDMustNotBeZero   TransferCode = 5
	TransferIDMustNotBeIntMax TransferCode = 6

	TransferExistsWithDifferentFlags           TransferCode = 36
	TransferExistsWithDifferentPendingID       TransferCode = 40
	TransferExistsWithDifferentTimeout         TransferCode = 44
	TransferExistsWithDifferentDebitAccountID  TransferCode = 37
	TransferExistsWithDifferentCreditAccountID TransferCode = 38
	TransferExistsWithDifferentAmount          TransferCode = 39
	TransferExistsWithDifferentUserData128     TransferCode = 41
	TransferExistsWithDifferentUserData64      TransferCode = 42
	TransferExistsWithDifferentUserData32      TransferCode = 43
	TransferExistsWithDifferentLedger          TransferCode = 67
	TransferExistsWithDifferentCode            TransferCode = 45
	TransferExists                             TransferCode = 46
	TransferIDAlreadyFailed                    TransferCode = 68

	TransferFlagsAreMutuallyExclusive         TransferCode = 7
	TransferDebitAccountIDMustNotBeZero       TransferCode = 8
	TransferDebitAccountIDMustNotBeIntMax     TransferCode = 9
	TransferCreditAccountIDMustNotBeZero      TransferCode = 10
	TransferCreditAccountIDMustNotBeIntMax    TransferCode = 11
	TransferAccountsMustBeDifferent           TransferCode = 12
	TransferPendingIDMustBeZero               TransferCode = 13
	TransferPendingIDMustNotBeZero            TransferCode = 14
	TransferPendingIDMustNotBeIntMax          TransferCode = 15
	TransferPendingIDMustBeDifferent          TransferCode = 16
	TransferTimeoutReservedForPendingTransfer TransferCode = 17
	TransferClosingTransferMustBePending      TransferCode = 64
	TransferLedgerMustNotBeZero               TransferCode = 19
	TransferCodeMustNotBeZero                 TransferCode = 20
	TransferDebitAccountNotFound              TransferCode = 21
	TransferCreditAccountNotFound             TransferCode = 22
	TransferAccountsMustHaveTheSameLedger     TransferCode = 23
	TransferMustHaveTheSameLedgerAsAccounts   TransferCode = 24

	TransferSignatureRequired TransferCode = 1002

	TransferPendingTransferNotFound                    TransferCode = 25
	TransferPendingTransferNotPending                  TransferCode = 26
	TransferPendingTransferHasDifferentDebitAccountID  TransferCode = 27
	TransferPendingTransferHasDifferentCreditAccountID TransferCode = 28
	TransferPendingTransferHasDifferentLedger          TransferCode = 29
	TransferPendingTransferHasDifferentCode            TransferCode = 30
	TransferExceedsPendingTransferAmount               TransferCode = 31
	TransferPendingTransferHasDifferentAmount          TransferCode = 32
	TransferPendingTransferAlreadyPosted               TransferCode = 33
	TransferPendingTransferAlreadyVoided               TransferCode = 34
	TransferPendingTransferExpired                     TransferCode = 35

	TransferImportedEventTimestampMustNotRegress            TransferCode = 60
	TransferImportedEventTimestampMustPostdateDebitAccount  TransferCode = 61
	TransferImportedEventTimestampMustPostdateCreditAccount TransferCode = 62
	TransferImportedEventTimeoutMustBeZero                  TransferCode = 63

	TransferDebitAccountAlreadyClosed  TransferCode = 65
	TransferCreditAccountAlreadyClosed TransferCode = 66

	TransferOverflowsDebitsPending  TransferCode = 47
	TransferOverflowsCreditsPending TransferCode = 48
	TransferOverflowsDebitsPosted   TransferCode = 49
	TransferOverflowsCreditsPosted  TransferCode = 50
	TransferOverflowsDebits         TransferCode = 51
	TransferOverflowsCredits        TransferCode = 52
	TransferOverflowsTimeout        TransferCode = 53
	TransferExceedsCredits          TransferCode = 54
	TransferExceedsDebits           TransferCode = 55

	TransferPendingTableFull TransferCode = 1000
)

var transferCodeNames = [...]string{
	0:  "ok",
	1:  "linked_event_failed",
	2:  "linked_event_chain_open",
	3:  "timestamp_must_be_zero",
	4:  "reserved_flag",
	5:  "id_must_not_be_zero",
	6:  "id_must_not_be_int_max",
	7:  "flags_are_mutually_exclusive",
	8:  "debit_account_id_must_not_be_zero",
	9:  "debit_account_id_must_not_be_int_max",
	10: "credit_account_id_must_not_be_zero",
	11: "credit_account_id_must_not_be_int_max",
	12: "accounts_must_be_different",
	13: "pending_id_must_be_zero",
	14: "pending_id_must_not_be_zero",
	15: "pending_id_must_not_be_int_max",
	16: "pending_id_must_be_different",
	17: "timeout_reserved_for_pending_transfer",
	19: "ledger_must_not_be_zero",
	20: "code_must_not_be_zero",
	21: "debit_account_not_found",
	22: "credit_account_not_found",
	23: "accounts_must_have_the_same_ledger",
	24: "transfer_must_have_the_same_ledger_as_accounts",
	25: "pending_transfer_not_found",
	26: "pending_transfer_not_pending",
	27: "pending_transfer_has_different_debit_account_id",
	28: "pending_transfer_has_different_credit_account_id",
	29: "pending_transfer_has_different_ledger",
	30: "pending_transfer_has_different_code",
	31: "exceeds_pending_transfer_amount",
	32: "pending_transfer_has_different_amount",
	33: "pending_transfer_already_posted",
	34: "pending_transfer_already_voided",
	35: "pending_transfer_expired",
	36: "exists_with_different_flags",
	37: "exists_with_different_debit_account_id",
	38: "exists_with_different_credit_account_id",
	39: "exists_with_different_amount",
	40: "exists_with_different_pending_id",
	41: "exists_with_different_user_data_128",
	42: "exists_with_different_user_data_64",
	43: "exists_with_different_user_data_32",
	44: "exists_with_different_timeout",
	45: "exists_with_different_code",
	46: "exists",
	47: "overflows_debits_pending",
	48: "overflows_credits_pending",
	49: "overflows_debits_posted",
	50: "overflows_credits_posted",
	51: "overflows_debits",
	52: "overflows_credits",
	53: "overflows_timeout",
	54: "exceeds_credits",
	55: "exceeds_debits",
	56: "imported_event_expected",
	57: "imported_event_not_expected",
	58: "imported_event_timestamp_out_of_range",
	59: "imported_event_timestamp_must_not_advance",
	60: "imported_event_timestamp_must_not_regress",
	61: "imported_event_timestamp_must_postdate_debit_account",
	62: "imported_event_timestamp_must_postdate_credit_account",
	63: "imported_event_timeout_must_be_zero",
	64: "closing_transfer_must_be_pending",
	65: "debit_account_already_closed",
	66: "credit_account_already_closed",
	67: "exists_with_different_ledger",
	68: "id_already_failed",
}

var transferOwnNames = [...]string{"pending_table_full", "signature_invalid", "signature_required", "signer_not_owner",
	"flags_not_allowed_when_signed"}

// String gives the stable name.
func (c TransferCode) String() string {
	return codeName(transferCodeNames[:], transferOwnNames[:], uint32(c))
}

// ParseTransferCode is the inverse of String.
func ParseTransferCode(name string) (TransferCode, bool) {
	v, ok := codeValue(transferCodeNames[:], transferOwnNames[:], name)
	return TransferCode(v), ok
}

// Transient reports whether the result hung on the state of the moment. The id
// of such a failed transfer stays used: the same id gives id_already_failed for
// ever, so that a late copy of a payment cannot succeed after its sender was
// told that it failed.
func (c TransferCode) Transient() bool {
	switch c {
	case TransferDebitAccountNotFound, TransferCreditAccountNotFound,
		TransferPendingTransferNotFound,
		TransferExceedsCredits, TransferExceedsDebits,
		TransferDebitAccountAlreadyClosed, TransferCreditAccountAlreadyClosed,
		TransferPendingTableFull:
		return true
	}
	return false
}
