package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"quorate/payments"
)

// Aim: a file is read exactly or refused with the line of its fault, before
// anything is sent.

const head = "id,debit_account_id,credit_account_id,amount\n"

func TestParseTransfers(t *testing.T) {
	text := "amount,id,credit_account_id,debit_account_id,flags,code,ledger,timeout,user_data_128,pending_id\n" +
		"5,1,3,2,pending|linked,9,8,60,7,0\n" +
		"\"340282366920938463463374607431768211455\",2,3,2,,1,1,0,0,340282366920938463463374607431768211455\n" +
		"0,340282366920938463463374607431768211454,3,2,4,1,1,0,0,1\n"
	got, err := parseTransfers(strings.NewReader(text), 70, 71)
	if err != nil {
		t.Fatal(err)
	}
	want := payments.Transfer{
		ID: payments.U64(1), DebitAccountID: payments.U64(2), CreditAccountID: payments.U64(3), Amount: payments.U64(5),
		UserData128: payments.U64(7), Ledger: 8, Code: 9, Timeout: 60, Flags: payments.TransferPending | payments.TransferLinked,
	}
	if len(got) != 3 || got[0] != want || got[1].Amount != payments.MaxU128 || got[1].PendingID != payments.MaxU128 || got[2].Flags != payments.TransferPostPending {
		t.Errorf("got %+v", got)
	}
	got, err = parseTransfers(strings.NewReader(head+"1,2,3,4\r\n5,6,7,8"), 70, 71)
	if err != nil || len(got) != 2 || got[1].Ledger != 70 || got[1].Code != 71 {
		t.Errorf("defaults: %+v, %v", got, err)
	}
}

func TestParseTransfersRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":            {"", 1, "empty"},
		"header alone":     {head, 2, "no rows"},
		"no amount":        {"id,debit_account_id,credit_account_id\n1,2,3\n", 1, "amount is missing"},
		"unknown column":   {"id,debit_account_id,credit_account_id,amount,colour\n", 1, "colour"},
		"column twice":     {"id,id,debit_account_id,credit_account_id,amount\n", 1, "twice"},
		"BOM":              {"\ufeff" + head + "1,2,3,4\n", 1, "unknown column"},
		"spaces in header": {"id, debit_account_id,credit_account_id,amount\n", 1, "unknown column"},
		"too few fields":   {head + "1,2,3,4\n1,2,3\n", 3, "wrong number of fields"},
		"too many fields":  {head + "1,2,3,4,5\n", 2, "wrong number of fields"},
		"bare quote":       {head + "1,2,3,4\n5,6,7\",8\n", 3, "quote"},
		"open quote":       {head + "1,2,3,\"4\n5,6,7,8\n", 0, "quote"},
		"negative":         {head + "1,2,3,-4\n", 2, "amount"},
		"plus":             {head + "1,2,3,+4\n", 2, "amount"},
		"space":            {head + "1,2,3, 4\n", 2, "amount"},
		"point":            {head + "1,2,3,4.0\n", 2, "amount"},
		"hexadecimal":      {head + "0x1,2,3,4\n", 2, "id"},
		"nothing":          {head + "1,2,3,\n", 2, "amount"},
		"2^128":            {head + "1,2,3,340282366920938463463374607431768211456\n", 2, "amount"},
		"id 0":             {head + "0,2,3,4\n", 2, "id"},
		"id 2^128-1":       {head + "340282366920938463463374607431768211455,2,3,4\n", 2, "id"},
		"account 0":        {head + "1,0,3,4\n", 2, "debit_account_id"},
		"id twice":         {head + "1,2,3,4\n2,2,3,4\n1,2,3,4\n", 4, "line 2"},
		"ledger 2^32":      {"id,debit_account_id,credit_account_id,amount,ledger\n1,2,3,4,4294967296\n", 2, "32 bits"},
		"code 2^16":        {"id,debit_account_id,credit_account_id,amount,code\n1,2,3,4,65536\n", 2, "16 bits"},
		"flags 2^16":       {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,65536\n", 2, "16 bits"},
		"unknown flag":     {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,pending|fast\n", 2, "fast"},
		"flag twice":       {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,pending|pending\n", 2, "pending"},
		"line of a fault":  {head + strings.Repeat("\n", 3) + "\"1\",2,3,4\nx,2,3,4\n", 6, "id"},
	} {
		_, err := parseTransfers(strings.NewReader(c.text), 1, 1)
		if !errors.Is(err, errCSV) {
			t.Errorf("%s: error %v, want a refusal", name, err)
			continue
		}
		if line := fmt.Sprintf("line %d:", c.line); c.line > 0 && !strings.Contains(err.Error(), line) {
			t.Errorf("%s: no %q in %q", name, line, err)
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: no %q in %q", name, c.says, err)
		}
	}
}

func TestCutKeepsChainsWhole(t *testing.T) {
	chain := func(lengths ...int) (all []payments.Transfer) {
		for _, n := range lengths {
			for k := range n {
				tr := payments.Transfer{ID: payments.U64(uint64(len(all) + 1))}
				if k < n-1 {
					tr.Flags = payments.TransferLinked
				}
				all = append(all, tr)
			}
		}
		return all
	}
	all := chain(1, 3, 2, 4, 1, 1, 4)
	requests, err := cut(all, 4)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range requests {
		if len(r) > 4 || r[len(r)-1].Flags != 0 {
			t.Errorf("request of %d ends in flags %d", len(r), r[len(r)-1].Flags)
		}
		for i := range r {
			if n++; r[i].ID != payments.U64(uint64(n)) {
				t.Fatalf("order lost at %d", n)
			}
		}
	}
	if n != len(all) {
		t.Errorf("%d of %d transfers", n, len(all))
	}
	if _, err := cut(chain(1, 5), 4); !errors.Is(err, errCSV) {
		t.Errorf("a chain of 5 in requests of 4: %v", err)
	}
	if open, err := cut([]payments.Transfer{{Flags: payments.TransferLinked}}, 4); err != nil || len(open) != 1 {
		t.Errorf("an open chain at the end is the ledger's to refuse: %v", err)
	}
}

func FuzzParseTransfers(f *testing.F) {
	f.Add(head + "1,2,3,4\n")
	f.Add("id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,pending|linked\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseTransfers(strings.NewReader(text), 1, 1)
		if (err == nil) == (len(all) == 0) || (err != nil && !errors.Is(err, errCSV)) {
			t.Fatalf("%d transfers, %v", len(all), err)
		}
	})
}
