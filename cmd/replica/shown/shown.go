// Package shown is how accounts and transfers look as JSON, for the commands
// and for the console alike.
//
// It reads nothing and decides nothing. Numbers over 32 bits are decimal
// strings, since many JSON readers keep 53 bits of a number; times are RFC 3339.
//
// Thread: plain values; any goroutine.
package shown

import (
	"strings"
	"time"

	"quorate/payments"
)

// Account is an account as JSON shows it.
type Account struct {
	ID             string   `json:"id"`
	Ledger         uint32   `json:"ledger"`
	Code           uint16   `json:"code"`
	Flags          []string `json:"flags"`
	DebitsPending  string   `json:"debits_pending"`
	DebitsPosted   string   `json:"debits_posted"`
	CreditsPending string   `json:"credits_pending"`
	CreditsPosted  string   `json:"credits_posted"`
	UserData128    string   `json:"user_data_128"`
	UserData64     uint64   `json:"user_data_64,string"`
	UserData32     uint32   `json:"user_data_32"`
	Timestamp      string   `json:"timestamp"`
}

// OfAccount gives the JSON form of x.
func OfAccount(x *payments.Account) Account {
	return Account{
		ID: x.ID.String(), Ledger: x.Ledger, Code: x.Code, Flags: names(x.Flags.String()),
		DebitsPending: x.DebitsPending.String(), DebitsPosted: x.DebitsPosted.String(),
		CreditsPending: x.CreditsPending.String(), CreditsPosted: x.CreditsPosted.String(),
		UserData128: x.UserData128.String(), UserData64: x.UserData64, UserData32: x.UserData32, Timestamp: Stamp(x.Timestamp),
	}
}

// Transfer is a transfer as JSON shows it.
type Transfer struct {
	ID              string   `json:"id"`
	DebitAccountID  string   `json:"debit_account_id"`
	CreditAccountID string   `json:"credit_account_id"`
	Amount          string   `json:"amount"`
	PendingID       string   `json:"pending_id"`
	Ledger          uint32   `json:"ledger"`
	Code            uint16   `json:"code"`
	Flags           []string `json:"flags"`
	Timeout         uint32   `json:"timeout"`
	UserData128     string   `json:"user_data_128"`
	UserData64      uint64   `json:"user_data_64,string"`
	UserData32      uint32   `json:"user_data_32"`
	Timestamp       string   `json:"timestamp"`
}

// OfTransfer gives the JSON form of x.
func OfTransfer(x *payments.Transfer) Transfer {
	return Transfer{
		ID: x.ID.String(), DebitAccountID: x.DebitAccountID.String(), CreditAccountID: x.CreditAccountID.String(),
		Amount: x.Amount.String(), PendingID: x.PendingID.String(), Ledger: x.Ledger, Code: x.Code,
		Flags: names(x.Flags.String()), Timeout: x.Timeout,
		UserData128: x.UserData128.String(), UserData64: x.UserData64, UserData32: x.UserData32, Timestamp: Stamp(x.Timestamp),
	}
}

// names takes apart what the flags' String puts together; never nil.
func names(flags string) []string {
	if flags == "" {
		return []string{}
	}
	return strings.Split(flags, "|")
}

// Stamp shows a timestamp of the ledger, nanoseconds since 1970 UTC.
func Stamp(nanos uint64) string {
	return time.Unix(0, int64(nanos)).UTC().Format(time.RFC3339Nano)
}
