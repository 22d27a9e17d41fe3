package payments

// RecordBytes is the size of an encoded account, transfer, balance or ledger
// total; it equals wire.EventBytes.
const RecordBytes = 128

// TimestampMax is the largest valid timestamp, nanoseconds since 1970 UTC.
const TimestampMax = 1<<63 - 1

// nanosPerSecond turns a transfer's timeout into timestamps.
const nanosPerSecond = 1_000_000_000

// Account is one account. The fields and their encoding (128 bytes,
// little-endian, in this order) are TigerBeetle's.
type Account struct {
	ID             U128
	DebitsPending  U128
	DebitsPosted   U128
	CreditsPending U128
	CreditsPosted  U128
	UserData128    U128
	UserData64     uint64
	UserData32     uint32
	Reserved       uint32 // must be 0
	Ledger         uint32
	Code           uint16
	Flags          AccountFlags
	Timestamp      uint64 // when it was created, nanoseconds; 0 in a request unless imported
}

// AccountFlags is the bit set of an account's flags.
type AccountFlags uint16

// The flags of accounts.
const (
	AccountLinked                     AccountFlags = 1 << 0 // fails together with the next event of the request
	AccountDebitsMustNotExceedCredits AccountFlags = 1 << 1
	AccountCreditsMustNotExceedDebits AccountFlags = 1 << 2
	AccountHistory                    AccountFlags = 1 << 3 // keeps its balance after each transfer
	AccountImported                   AccountFlags = 1 << 4 // brings its own, past timestamp
	AccountClosed                     AccountFlags = 1 << 5 // takes part in no transfer
	AccountDebitsMustBeSigned         AccountFlags = 1 << 6 // by the key whose KeyAccount it is; not TigerBeetle's

	accountFlagsAll AccountFlags = 1<<7 - 1
)

// Transfer is one movement between two accounts. The fields and their encoding
// (128 bytes, little-endian, in this order) are TigerBeetle's.
type Transfer struct {
	ID              U128
	DebitAccountID  U128
	CreditAccountID U128
	Amount          U128
	PendingID       U128 // the pending transfer that this one posts or voids
	UserData128     U128
	UserData64      uint64
	UserData32      uint32
	Timeout         uint32 // of a pending transfer, seconds; 0 never expires
	Ledger          uint32
	Code            uint16
	Flags           TransferFlags
	Timestamp       uint64 // when it was executed, nanoseconds; 0 in a request unless imported
}

// TransferFlags is the bit set of a transfer's flags.
type TransferFlags uint16

// The flags of transfers.
const (
	TransferLinked          TransferFlags = 1 << 0 // fails together with the next event of the request
	TransferPending         TransferFlags = 1 << 1 // reserves the amount
	TransferPostPending     TransferFlags = 1 << 2
	TransferVoidPending     TransferFlags = 1 << 3
	TransferBalancingDebit  TransferFlags = 1 << 4 // at most what the debit account has left
	TransferBalancingCredit TransferFlags = 1 << 5 // at most what the credit account has left
	TransferClosingDebit    TransferFlags = 1 << 6
	TransferClosingCredit   TransferFlags = 1 << 7
	TransferImported        TransferFlags = 1 << 8 // brings its own, past timestamp

	transferFlagsAll TransferFlags = 1<<9 - 1
	transferResolves               = TransferPostPending | TransferVoidPending
	transferBalances               = TransferBalancingDebit | TransferBalancingCredit
	transferCloses                 = TransferClosingDebit | TransferClosingCredit
)

// PendingStatus is what became of a pending transfer.
type PendingStatus uint8

// The states of a pending transfer.
const (
	PendingNone    PendingStatus = 0 // not a pending transfer
	PendingOpen    PendingStatus = 1
	PendingPosted  PendingStatus = 2
	PendingVoided  PendingStatus = 3
	PendingExpired PendingStatus = 4
)

// AccountBalance is one step of an account's history: its balances after the
// transfer with this timestamp. Encoding: 128 bytes, the last 56 are 0.
type AccountBalance struct {
	DebitsPending  U128
	DebitsPosted   U128
	CreditsPending U128
	CreditsPosted  U128
	Timestamp      uint64
}

// Ledger is one line of the registry in the genesis: what a ledger's amounts
// mean. The machine itself never reads Currency or Scale; they travel with the
// totals.
type Ledger struct {
	Number   uint32  // not 0
	Currency [8]byte // code such as "EUR", padded with zeros
	Scale    uint8   // digits after the point: amount 1234 with scale 2 is 12.34
}

// LedgerTotals sums one ledger. Encoding: 128 bytes, see Append. Sums carry 64
// bits above 128, because many accounts near 2^128 may add up to more.
type LedgerTotals struct {
	Ledger
	Accounts       uint64
	Transfers      uint64
	DebitsPending  Total
	DebitsPosted   Total
	CreditsPending Total
	CreditsPosted  Total
}

// Total is an unsigned 192-bit sum: Over·2^128 + Sum.
type Total struct {
	Sum  U128
	Over uint64
}
