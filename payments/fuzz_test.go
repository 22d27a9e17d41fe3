package payments

// Aim: no bytes of a client, an archive's user or a damaged disk make a panic,
// and a value has one encoding. Method: native fuzzing; the seeds run as tests.

import (
	"bytes"
	"testing"

	"quorate/wire"
)

// appender is what every codec has.
type appender interface{ Append([]byte) []byte }

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, 128))
	f.Add(make([]byte, 64))
	f.Add(bytes.Repeat([]byte{0xff}, 128))
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			a  Account
			x  Transfer
			v  AccountBalance
			af AccountFilter
			qf QueryFilter
			c  ClientRecord
			l  LedgerTotals
		)
		for _, d := range []struct {
			err error
			v   appender
		}{
			{a.Decode(b), &a}, {x.Decode(b), &x}, {v.Decode(b), &v}, {af.Decode(b), &af},
			{qf.Decode(b), &qf}, {c.Decode(b), &c}, {l.Decode(b), &l},
		} {
			if d.err == nil && !bytes.Equal(d.v.Append(nil), b) {
				t.Fatalf("%T: encode(decode(x)) is not x", d.v)
			}
		}
		_, _, _, _ = DecodeQueryResult(b)
		_, _ = DecodeCodes(nil, b)
		if u, err := ParseU128(string(b)); err == nil {
			if back, err := ParseU128(u.String()); err != nil || back != u {
				t.Fatalf("%q", b)
			}
		}
		_, _ = ParseTransferFlags(string(b))
	})
}

// FuzzApply executes arbitrary bodies twice, once after a bed of accounts and
// transfers, and audits.
func FuzzApply(f *testing.F) {
	p := plain(10, 1, 2, 5)
	p.Flags = TransferPending
	post := Transfer{ID: U64(11), PendingID: U64(10), Flags: TransferPostPending, Amount: MaxU128}
	f.Add(uint8(2), post.Append(p.Append(nil)), uint64(1))
	f.Add(uint8(1), (&Account{ID: U64(9), Ledger: 1, Code: 1, Flags: AccountLinked}).Append(nil), uint64(0))
	f.Add(uint8(5), (&AccountFilter{AccountID: U64(1), Limit: 9, Flags: 3}).Append(nil), uint64(1<<63))
	f.Add(uint8(6), (&AccountFilter{AccountID: U64(5), Limit: 9, Flags: 7}).Append(nil), uint64(5))
	f.Add(uint8(8), (&QueryFilter{Limit: 9, Flags: 1}).Append(nil), ^uint64(0))
	f.Add(uint8(9), (&ClientRecord{ID: 5, Key: testKey(4), Roles: 1}).Append(nil), uint64(7))
	f.Add(uint8(11), wire.AppendSigned(nil, p.Append(nil), []wire.Seal{seal(1, true)}), uint64(7))
	f.Add(uint8(4), AppendID(AppendID(nil, U64(10)), U64(3)), uint64(7))
	f.Fuzz(func(t *testing.T, op uint8, body []byte, proposed uint64) {
		b := transferBedNoModel(t)
		var out Outcome
		for n := uint64(1); n <= 2; n++ {
			reqs := []Request{
				request(1, 100+n, wire.Op(op), body),
				request(1, 140+n, wire.OpCreateTransfers, body),
				request(1, 100+n, wire.Op(op), body),
			}
			if err := b.m.Apply(b.m.Seq()+1, proposed, reqs, b.archive, &out); err != nil {
				t.Fatal(err)
			}
			b.archive.Add(reqs, &out)
			if s := out.Requests[2].Status; out.Requests[0].Status == StatusOK && s != StatusDuplicate {
				t.Fatalf("the same request again: %v", s)
			}
			if err := b.m.Audit(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type fuzzBed struct {
	m       *Machine
	archive *MemoryArchive
}

func transferBedNoModel(t *testing.T) fuzzBed {
	m, err := New(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	b := fuzzBed{m: m, archive: NewMemoryArchive()}
	var accounts, transfers []byte
	for i := uint64(1); i <= 5; i++ {
		a := Account{ID: U64(i), Ledger: 1, Code: 1}
		if i == 5 {
			a.Flags = AccountHistory
		}
		accounts = a.Append(accounts)
	}
	for i := uint64(1); i <= 4; i++ {
		x := plain(i, i, i+1, i)
		if i%2 == 0 {
			x.Flags, x.Timeout = TransferPending, 1
		}
		transfers = x.Append(transfers)
	}
	reqs := []Request{request(1, 1, wire.OpCreateAccounts, accounts), request(1, 2, wire.OpCreateTransfers, transfers)}
	var out Outcome
	if err := m.Apply(1, testTime, reqs, b.archive, &out); err != nil {
		t.Fatal(err)
	}
	b.archive.Add(reqs, &out)
	return b
}

// FuzzLoad loads one arbitrary page in place of a good one.
func FuzzLoad(f *testing.F) {
	f.Add(uint8(0), []byte{1}, uint16(0))
	f.Add(uint8(4), bytes.Repeat([]byte{7}, 200), uint16(64))
	f.Fuzz(func(t *testing.T, region uint8, patch []byte, at uint16) {
		b := transferBedNoModel(t)
		m, err := New(testConfig())
		if err != nil {
			t.Fatal(err)
		}
		b.m.Dirty(func(r Region, p uint32, data []byte) {
			if r == Region(region%Regions) {
				copy(data[int(at)%len(data):], patch)
			}
			_ = m.LoadPage(r, p, data)
		})
		if m.Finish() != nil {
			return
		}
		if err := m.Audit(); err != nil {
			t.Fatal(err)
		}
	})
}
