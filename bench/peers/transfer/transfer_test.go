package transfer

import (
	"errors"
	"testing"
)

// Aim: what is sent is what is read, and a load can be made again.

func TestRecord(t *testing.T) {
	for n := range uint64(1000) {
		want := Nth(n, 7)
		b := want.Append([]byte{1})
		if len(b) != 1+Bytes {
			t.Fatalf("%d bytes", len(b))
		}
		got, err := Decode(b[1:])
		if err != nil || got != want || got != Nth(n, 7) {
			t.Fatalf("%+v, want %+v, %v", got, want, err)
		}
		if got.Debit == got.Credit || got.Debit >= 7 || got.Credit >= 7 || got.Amount == 0 || got.Amount > AmountMax || got.ID != n {
			t.Fatalf("%+v", got)
		}
	}
	for _, n := range []int{0, Bytes - 1, Bytes + 1} {
		if _, err := Decode(make([]byte, n)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
