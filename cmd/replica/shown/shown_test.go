package shown

import (
	"encoding/json"
	"testing"

	"quorate/payments"
)

// Aim: no digit of a large number is lost on the way to a reader of JSON, and a
// record without flags has a list without flags.
// Method: the largest values, as text.

func TestShownRecords(t *testing.T) {
	most := payments.U128{Lo: ^uint64(0), Hi: ^uint64(0)}
	for _, c := range []struct {
		shown any
		want  string
	}{
		{OfAccount(&payments.Account{ID: payments.U64(7), CreditsPosted: most, UserData64: 1<<64 - 1, Ledger: 1, Code: 2,
			Flags: payments.AccountHistory | payments.AccountClosed, Timestamp: 1}),
			`{"id":"7","ledger":1,"code":2,"flags":["history","closed"],"debits_pending":"0","debits_posted":"0","credits_pending":"0",` +
				`"credits_posted":"340282366920938463463374607431768211455","user_data_128":"0","user_data_64":"18446744073709551615","user_data_32":0,` +
				`"timestamp":"1970-01-01T00:00:00.000000001Z"}`},
		{OfTransfer(&payments.Transfer{ID: most, Amount: payments.U64(1<<64 - 1), Ledger: 1, Code: 2}),
			`{"id":"340282366920938463463374607431768211455","debit_account_id":"0","credit_account_id":"0","amount":"18446744073709551615",` +
				`"pending_id":"0","ledger":1,"code":2,"flags":[],"timeout":0,"user_data_128":"0","user_data_64":"0","user_data_32":0,` +
				`"timestamp":"1970-01-01T00:00:00Z"}`},
	} {
		if got, err := json.Marshal(c.shown); err != nil || string(got) != c.want {
			t.Errorf("%s, %v; want %s", got, err, c.want)
		}
	}
}
