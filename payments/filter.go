package payments

// AccountFilter selects transfers or balances of one account. Zero fields do
// not filter. Encoding: 128 bytes, TigerBeetle's layout: account_id u128,
// user_data_128, user_data_64, user_data_32, code u16, 58 bytes of zero,
// timestamp_min u64, timestamp_max u64, limit u32, flags u32.
type AccountFilter struct {
	AccountID    U128
	UserData128  U128
	UserData64   uint64
	UserData32   uint32
	Code         uint16
	TimestampMin uint64 // inclusive
	TimestampMax uint64 // inclusive
	Limit        uint32 // not 0; more than wire.EventsMax counts as that
	Flags        AccountFilterFlags
}

// AccountFilterFlags is the bit set of an AccountFilter's flags.
type AccountFilterFlags uint32

// The flags of an AccountFilter.
const (
	FilterDebits   AccountFilterFlags = 1 << 0 // where the account is debited
	FilterCredits  AccountFilterFlags = 1 << 1 // where the account is credited
	FilterReversed AccountFilterFlags = 1 << 2 // newest first
)

// QueryFilter selects accounts or transfers. Zero fields do not filter.
// Encoding: 64 bytes, TigerBeetle's layout: user_data_128 u128, user_data_64,
// user_data_32, ledger u32, code u16, 6 bytes of zero, timestamp_min u64,
// timestamp_max u64, limit u32, flags u32.
type QueryFilter struct {
	UserData128  U128
	UserData64   uint64
	UserData32   uint32
	Ledger       uint32
	Code         uint16
	TimestampMin uint64 // inclusive
	TimestampMax uint64 // inclusive
	Limit        uint32 // not 0; more than wire.EventsMax counts as that
	Flags        QueryFilterFlags
}

// QueryFilterFlags is the bit set of a QueryFilter's flags.
type QueryFilterFlags uint32

// QueryReversed asks for the newest first.
const QueryReversed QueryFilterFlags = 1 << 0

// Sizes of encoded filters.
const (
	AccountFilterBytes = 128
	QueryFilterBytes   = 64
)
