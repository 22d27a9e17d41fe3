package payments

// Aim: queries that are cut by their budget give everything exactly once when
// they are continued as documented. Method: a history longer than the smallest
// budget, with gaps of failed events; small limits; compare the pieces joined
// with the whole.

import (
	"bytes"
	"testing"

	"quorate/wire"
)

// longBed has over 300,000 events: mostly failing, in runs longer than the
// budget of 40,000 units, some transfers between accounts 1 and 2 (which keep
// history), every hundredth with user data 1.
func longBed(t *testing.T) (*Machine, *MemoryArchive, [][]byte) {
	cfg := testConfig()
	cfg.Limits = Limits{BlockEventsMax: wire.EventsMax, QueryUnits: 2 * (sampleOrdinals + wire.EventsMax), BlockQueryUnits: 1 << 20}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	archive, out := NewMemoryArchive(), new(Outcome)
	seq := uint64(0)
	apply := func(op wire.Op, body []byte) {
		t.Helper()
		seq++
		reqs := []Request{request(1, seq, op, body)}
		if err := m.Apply(m.Seq()+1, testTime, reqs, archive, out); err != nil {
			t.Fatal(err)
		}
		archive.Add(reqs, out)
	}
	var body []byte
	for i := uint64(1); i <= 8000; i++ {
		a := Account{ID: U64(i), Ledger: 1, Code: 1, Flags: AccountHistory, UserData64: i / 1000}
		body = a.Append(body)
	}
	apply(wire.OpCreateAccounts, body)
	var all [][]byte
	for block := 0; block < 40; block++ {
		body = body[:0]
		failing := block%16 >= 6
		for i := 0; i < wire.EventsMax; i++ {
			x := plain(uint64(block)<<20+uint64(i)+1, 1, 2, 1)
			if i%100 == 0 {
				x.UserData32 = 1
			}
			if failing {
				x.Code = 0
			}
			body = x.Append(body)
		}
		apply(wire.OpCreateTransfers, body)
		for i := 0; i < wire.EventsMax && !failing; i++ {
			var x Transfer
			x.load((*[RecordBytes]byte)(body[i*RecordBytes:]))
			x.Timestamp = out.Requests[0].FirstTimestamp + uint64(i)
			all = append(all, x.Append(nil))
		}
	}
	return m, archive, all
}

type asker struct {
	t       *testing.T
	m       *Machine
	archive *MemoryArchive
	seq     uint64
	cuts    int
}

func (a *asker) ask(op wire.Op, body []byte) ([]byte, uint64, bool) {
	a.t.Helper()
	a.seq++
	var out Outcome
	reqs := []Request{request(2, a.seq, op, body)}
	if err := a.m.Apply(a.m.Seq()+1, 0, reqs, a.archive, &out); err != nil {
		a.t.Fatal(err)
	}
	if out.Requests[0].Status != StatusOK {
		a.t.Fatal(out.Requests[0].Status)
	}
	records, next, cut, err := DecodeQueryResult(out.Requests[0].Result)
	if err != nil {
		a.t.Fatal(err)
	}
	if cut {
		a.cuts++
	}
	if a.cuts > 1000 {
		a.t.Fatal("a cut query does not move on")
	}
	return bytes.Clone(records), next, cut
}

func timestampOf(record []byte) uint64 {
	var x Transfer
	x.load((*[RecordBytes]byte)(record))
	return x.Timestamp
}

func TestQueryTransfersCut(t *testing.T) {
	m, archive, all := longBed(t)
	for _, reversed := range []bool{false, true} {
		for _, some := range []bool{false, true} {
			a := asker{t: t, m: m, archive: archive, seq: m.sessionAt(1).high}
			f := QueryFilter{Limit: 100_000}
			var want, got []byte
			for i := range all {
				r := all[i]
				if reversed {
					r = all[len(all)-1-i]
				}
				if !some || r[104] == 1 {
					want = append(want, r...)
				}
			}
			if f.Flags = 0; reversed {
				f.Flags = QueryReversed
			}
			if some {
				f.UserData32 = 1
			}
			for {
				records, next, cut := a.ask(wire.OpQueryTransfers, f.Append(nil))
				got = append(got, records...)
				if !cut {
					if len(records) < wire.EventsMax*RecordBytes {
						break
					}
					next = timestampOf(records[len(records)-RecordBytes:]) + 1
					if reversed {
						next -= 2
					}
				}
				if reversed {
					f.TimestampMax = next
				} else {
					f.TimestampMin = next
				}
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("reversed %v, some %v: %d records, want %d", reversed, some, len(got)/RecordBytes, len(want)/RecordBytes)
			}
			if some && a.cuts == 0 {
				t.Fatal("no query was cut: the test tests nothing")
			}
		}
	}
}

func TestAccountHistoryCut(t *testing.T) {
	m, archive, all := longBed(t)
	a := asker{t: t, m: m, archive: archive, seq: m.sessionAt(1).high}
	f := AccountFilter{AccountID: U64(1), UserData32: 1, Limit: 100_000, Flags: FilterDebits | FilterReversed}
	var want, got []byte
	for i := len(all) - 1; i >= 0; i-- {
		if all[i][104] == 1 {
			want = append(want, all[i]...)
		}
	}
	for {
		records, next, cut := a.ask(wire.OpGetAccountTransfers, f.Append(nil))
		got = append(got, records...)
		if !cut {
			break
		}
		f.TimestampMax = next
	}
	if !bytes.Equal(got, want) || a.cuts < 10 {
		t.Fatalf("%d records, want %d, in %d cuts", len(got)/RecordBytes, len(want)/RecordBytes, a.cuts)
	}
	// Upwards: nothing until the span is short enough, then the oldest.
	f = AccountFilter{AccountID: U64(2), Limit: 3, Flags: FilterCredits}
	for {
		records, next, cut := a.ask(wire.OpGetAccountTransfers, f.Append(nil))
		if cut {
			if len(records) != 0 {
				t.Fatal("records with a cut chronological query")
			}
			f.TimestampMax = next
			continue
		}
		if !bytes.Equal(records, bytes.Join(all[:3], nil)) {
			t.Fatalf("%d records", len(records)/RecordBytes)
		}
		break
	}
	// Old history of a busy account, in one question.
	for _, k := range []int{0, 3, 1000, len(all) / 3, len(all) / 2, len(all) - 1} {
		f = AccountFilter{AccountID: U64(1), Limit: 2, Flags: FilterDebits | FilterReversed, TimestampMax: timestampOf(all[k])}
		records, _, cut := a.ask(wire.OpGetAccountTransfers, f.Append(nil))
		want := all[k]
		if k > 0 {
			want = append(bytes.Clone(want), all[k-1]...)
		}
		if cut || !bytes.Equal(records, want) {
			t.Fatalf("%d: %d records, cut %v", k, len(records)/RecordBytes, cut)
		}
	}
	f = AccountFilter{AccountID: U64(2), Limit: 5, Flags: FilterCredits | FilterReversed}
	records, _, _ := a.ask(wire.OpGetAccountBalances, f.Append(nil))
	var v AccountBalance
	if err := v.Decode(records[:RecordBytes]); err != nil || v.CreditsPosted != U64(uint64(len(all))) {
		t.Fatalf("%+v %v", v, err)
	}
}

func TestQueryAccountsCut(t *testing.T) {
	m, archive, _ := longBed(t)
	m.limits.QueryUnits = 1000
	for _, flags := range []QueryFilterFlags{0, QueryReversed} {
		a := asker{t: t, m: m, archive: archive, seq: m.sessionAt(1).high}
		f := QueryFilter{UserData64: 5, Limit: 7000, Flags: flags}
		var got []byte
		for {
			records, next, cut := a.ask(wire.OpQueryAccounts, f.Append(nil))
			got = append(got, records...)
			if !cut {
				break
			}
			if flags == 0 {
				f.TimestampMin = next
			} else {
				f.TimestampMax = next
			}
		}
		if len(got) != 1000*RecordBytes || a.cuts == 0 {
			t.Fatalf("%d records", len(got)/RecordBytes)
		}
	}
}
