package sim

import (
	"errors"

	"quorate/client"
	"quorate/payments"
	"quorate/wire"
)

// oddities say how far clients leave the beaten track. They have streams of
// their own, so that they can change without shifting the other draws.
type oddities struct {
	Events   int  // of 1000 events; of requests an eighth as many
	Queries  int  // of 1000 requests
	Wrong    int  // of 1000 requests: they must be refused
	Large    bool // some requests are as large as the journal takes
	Open     bool // genesis registers no ledgers: any number is one
	Tight    bool // every table and budget is as small as it may be
	Humble   bool // the first client may not register others
	Newcomer bool // a client joins that genesis does not know
	Signed   int  // of 1000 requests: transfers that their payers sign
	Wide     bool // a window that execution does not fill, in small batches
}

func drawOddities(seed uint64) (o oddities) {
	r := newStream(seed, "odd")
	if r.chance(600) {
		o.Events = 10 << r.below(6)
	}
	if r.chance(500) {
		o.Queries = 20 << r.below(5)
	}
	if r.chance(300) {
		o.Wrong = 10 << r.below(4)
	}
	o.Large, o.Open, o.Tight, o.Humble = r.chance(60), r.chance(300), r.chance(250), r.chance(150)
	o.Wide = r.chance(80)
	if r.chance(500) {
		o.Signed = 20 << r.below(5)
	}
	o.Newcomer = r.chance(300) && !o.Humble
	return o
}

// oddAccounts is how many ids above those of all clients odd requests use: what
// they close, fill up or make with a time of its own is not what the others pay
// with.
const oddAccounts = 64

// machineConfig is the genesis of the payments.
func (o *Options) machineConfig() payments.Config {
	odd := &o.Load.Odd
	cfg := payments.Config{}
	if !odd.Open {
		cfg.Ledgers = []payments.Ledger{{Number: 1, Currency: [8]byte{'E', 'U', 'R'}, Scale: 2}, {Number: 2, Currency: [8]byte{'J', 'P', 'Y'}}}
	}
	for i := range o.Load.Clients {
		roles := payments.RolesAll
		if i == 0 && odd.Humble {
			roles &^= payments.RoleAdmin
		}
		cfg.Clients = append(cfg.Clients, payments.ClientRecord{ID: wire.ClientID(i + 1), Key: clientKey(i), Roles: roles})
	}
	if odd.Tight {
		cfg.Limits = payments.Limits{AccountsMax: uint32(o.Load.Accounts + 3), PendingsMax: 6, ClientsMax: uint32(o.Load.Clients + 2), LedgersMax: 2,
			ExpiriesMax: 1, BlockEventsMax: wire.EventsMax, QueryUnits: 33_000, BlockQueryUnits: 140_000, BlockResultBytes: wire.ResultBytesMax}
	}
	return cfg
}

// oddID is an account that ordinary requests leave alone.
func (u *user) oddID() payments.U128 {
	return payments.U64(uint64(u.w.opt.Load.Accounts + 1 + u.odd.zipf(oddAccounts)))
}

// vault is one of a few odd accounts, so that they do fill up.
func (u *user) vault() payments.U128 {
	return payments.U64(uint64(u.w.opt.Load.Accounts + 1 + u.odd.below(4)))
}

// oddRequest makes a request that ordinary clients rarely or never send, or
// reports that it is not its turn.
func (u *user) oddRequest() (op wire.Op, body []byte, ok bool) {
	o, r := &u.w.opt.Load.Odd, &u.odd
	switch {
	case u.introduces():
		op, body = u.introduction()
	case r.chance(o.Wrong):
		op, body = u.wrongRequest()
	case r.chance(o.Queries):
		op, body = u.query()
	case o.Signed > 0 && r.chance(o.Signed):
		op, body = wire.OpCreateSignedTransfers, u.signedTransfers(1+r.below(u.w.opt.Load.Events))
	case u.freshAt > 1 && o.Events > 0 && r.chance(500):
		op, body = wire.OpCreateTransfers, u.predated()
	case r.chance(o.Events / 8):
		op, body = wire.OpCreateAccounts, u.oddAccounts()
	case r.chance(o.Events / 8):
		op, body = wire.OpCreateTransfers, u.imported()
	case r.chance(o.Events / 8):
		op, body = wire.OpRegisterClient, u.registration()
	case o.Large && r.chance(300):
		op, body = wire.OpCreateTransfers, u.transfers(380)
	default:
		return 0, nil, false
	}
	return op, body, true
}

// refusal is how a request must end: by its status in a block, or by what f+1
// replicas say before it is ordered.
type refusal struct {
	status payments.Status
	code   wire.RejectCode
}

// is reports whether err is this refusal, or none was to come and none came.
func (f refusal) is(err error) bool {
	var status *client.StatusError
	var refused *client.RefusedError
	switch {
	case errors.As(err, &status):
		return f.status != payments.StatusOK && status.Status == f.status
	case errors.As(err, &refused):
		return f.code != 0 && refused.Code == f.code
	}
	return err == nil && f == refusal{}
}

// wrongRequest is refused as a whole, and the client knows with what.
func (u *user) wrongRequest() (wire.Op, []byte) {
	seq := u.session.NextSeq()
	switch u.odd.below(3) {
	case 0:
		u.expect[seq] = refusal{code: wire.RejectOperation}
		return wire.OpCreateTransfers, make([]byte, payments.RecordBytes-1)
	case 1:
		u.expect[seq] = refusal{status: payments.StatusMalformedBody}
		f := payments.QueryFilter{Limit: 1}
		body := f.Append(nil)
		body[35] = 1 // reserved
		return wire.OpQueryAccounts, body
	}
	u.expect[seq] = refusal{status: payments.StatusInvalidFilter}
	f := payments.AccountFilter{AccountID: u.account()} // without a limit
	return wire.OpGetAccountBalances, f.Append(nil)
}

// query reads: history, transfers and accounts by time and fields, or by id.
func (u *user) query() (wire.Op, []byte) {
	r := &u.odd
	from, to := u.timeAgo(), u.timeAgo()
	if from > to {
		from, to = to, from
	}
	if r.chance(300) {
		from = 0
	}
	if r.chance(300) {
		to = 0
	}
	limit := uint32(1 + r.below(100))
	if k := r.below(5); k < 2 {
		f := payments.AccountFilter{AccountID: u.account(), TimestampMin: from, TimestampMax: to, Limit: limit,
			Flags: payments.AccountFilterFlags(1 + r.below(7))}
		if f.Flags&(payments.FilterDebits|payments.FilterCredits) == 0 {
			f.Flags |= payments.FilterDebits
		}
		if k == 0 {
			f.AccountID = payments.U64(uint64(4 + 8*r.below(max(1, u.w.opt.Load.Accounts/8)))) // with a history
			return wire.OpGetAccountBalances, f.Append(nil)
		}
		return wire.OpGetAccountTransfers, f.Append(nil)
	} else if k < 4 {
		f := payments.QueryFilter{TimestampMin: from, TimestampMax: to, Limit: limit, Flags: payments.QueryFilterFlags(r.below(2)), Ledger: uint32(r.below(3))}
		if k == 2 {
			return wire.OpQueryAccounts, f.Append(nil)
		}
		return wire.OpQueryTransfers, f.Append(nil)
	}
	var body []byte
	for range 1 + r.below(6) {
		body = payments.AppendID(body, payments.U128{Lo: 1 + uint64(r.below(int(u.serial)+1)), Hi: uint64(u.id + 1)})
	}
	return wire.OpLookupTransfers, body
}

// clock is what this client takes for the time of the ledger.
func (u *user) clock() uint64 { return 1_700_000_000_000_000_000 + u.w.now*1000 }

// timeAgo is some time since the run began.
func (u *user) timeAgo() uint64 { return u.clock() - uint64(u.odd.below(int(u.w.now)+1))*1000 }

// registration registers a client that will never ask for anything, or says
// something that no registration may.
func (u *user) registration() []byte {
	r := &u.odd
	if u.id == 0 && u.w.opt.Load.Odd.Humble {
		u.expect[u.session.NextSeq()] = refusal{status: payments.StatusNotAuthorized}
	}
	c := payments.ClientRecord{ID: wire.ClientID(u.w.opt.Load.Clients + 2 + r.below(6)), Key: clientKey(clientsMax - 1), Roles: payments.RoleQueries}
	switch r.below(12) {
	case 0:
		c.ID = 0
	case 1:
		c.Roles = 0
	case 2:
		c.Roles = payments.RolesAll + 1
	case 3: // y = p: the same point as y = 0
		c.Key = [32]byte{0: 0xed, 31: 0x7f}
		for i := 1; i < 31; i++ {
			c.Key[i] = 0xff
		}
	case 4:
		c.Key = [32]byte{0: 1}
	case 5:
		c.Key = clientKey(clientsMax - 2)
	case 6:
		c.Roles = payments.RoleAdmin
	case 7:
		body := c.Append(nil)
		body[60] = 1
		return body
	}
	return c.Append(nil)
}
