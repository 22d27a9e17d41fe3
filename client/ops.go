package client

import (
	"context"
	"encoding/binary"
	"fmt"

	"quorate/payments"
	"quorate/wire"
)

// Page is the result of a query. Cut tells that the replicas stopped at a bound
// of work before the limit or the end; Next is then where to go on, as
// payments.DecodeQueryResult describes.
type Page[T any] struct {
	Records []T
	Next    uint64
	Cut     bool
}

// CreateAccounts creates up to wire.EventsMax accounts and gives one code per
// account, in order. An error says nothing about single accounts.
func (c *Client) CreateAccounts(ctx context.Context, accounts []payments.Account) ([]payments.AccountCode, error) {
	body := make([]byte, 0, len(accounts)*wire.EventBytes)
	for i := range accounts {
		body = accounts[i].Append(body)
	}
	return create[payments.AccountCode](ctx, c, wire.OpCreateAccounts, body, len(accounts))
}

// CreateTransfers creates up to wire.EventsMax transfers and gives one code per
// transfer, in order. An error says nothing about single transfers.
func (c *Client) CreateTransfers(ctx context.Context, transfers []payments.Transfer) ([]payments.TransferCode, error) {
	body := make([]byte, 0, len(transfers)*wire.EventBytes)
	for i := range transfers {
		body = transfers[i].Append(body)
	}
	return create[payments.TransferCode](ctx, c, wire.OpCreateTransfers, body, len(transfers))
}

// create sends a create and reads its codes.
func create[Code ~uint32](ctx context.Context, c *Client, op wire.Op, body []byte, events int) ([]Code, error) {
	r, err := c.Do(ctx, op, body)
	if err != nil {
		return nil, err
	}
	if len(r.Reply.Result) != events*codeBytes {
		return nil, fmt.Errorf("%w: %d bytes of codes for %d events", ErrResult, len(r.Reply.Result), events)
	}
	codes := make([]Code, events)
	for i := range codes {
		codes[i] = Code(binary.LittleEndian.Uint32(r.Reply.Result[i*codeBytes:]))
	}
	return codes, nil
}

// LookupAccounts gives the accounts with these ids that exist, in the order of
// ids.
func (c *Client) LookupAccounts(ctx context.Context, ids []payments.U128) ([]payments.Account, error) {
	page, err := query[payments.Account](ctx, c, wire.OpLookupAccounts, idsBody(ids))
	return page.Records, err
}

// LookupTransfers gives the transfers with these ids that exist, in the order of
// ids.
func (c *Client) LookupTransfers(ctx context.Context, ids []payments.U128) ([]payments.Transfer, error) {
	page, err := query[payments.Transfer](ctx, c, wire.OpLookupTransfers, idsBody(ids))
	return page.Records, err
}

func idsBody(ids []payments.U128) []byte {
	body := make([]byte, 0, len(ids)*16)
	for _, id := range ids {
		body = payments.AppendID(body, id)
	}
	return body
}

// GetAccountTransfers gives the transfers of one account that the filter
// selects.
func (c *Client) GetAccountTransfers(ctx context.Context, f payments.AccountFilter) (Page[payments.Transfer], error) {
	return query[payments.Transfer](ctx, c, wire.OpGetAccountTransfers, f.Append(nil))
}

// GetAccountBalances gives the history of one account with the history flag.
func (c *Client) GetAccountBalances(ctx context.Context, f payments.AccountFilter) (Page[payments.AccountBalance], error) {
	return query[payments.AccountBalance](ctx, c, wire.OpGetAccountBalances, f.Append(nil))
}

// QueryAccounts gives the accounts that the filter selects.
func (c *Client) QueryAccounts(ctx context.Context, f payments.QueryFilter) (Page[payments.Account], error) {
	return query[payments.Account](ctx, c, wire.OpQueryAccounts, f.Append(nil))
}

// QueryTransfers gives the transfers that the filter selects.
func (c *Client) QueryTransfers(ctx context.Context, f payments.QueryFilter) (Page[payments.Transfer], error) {
	return query[payments.Transfer](ctx, c, wire.OpQueryTransfers, f.Append(nil))
}

// LedgerTotals gives the sums of every ledger.
func (c *Client) LedgerTotals(ctx context.Context) ([]payments.LedgerTotals, error) {
	page, err := query[payments.LedgerTotals](ctx, c, wire.OpLedgerTotals, nil)
	return page.Records, err
}

// RegisterClient registers a client; this client needs the admin role.
func (c *Client) RegisterClient(ctx context.Context, record payments.ClientRecord) (payments.RegisterCode, error) {
	codes, err := create[payments.RegisterCode](ctx, c, wire.OpRegisterClient, record.Append(nil), 1)
	if err != nil {
		return 0, err
	}
	return codes[0], nil
}

// record is a fixed layout of payments that decodes itself.
type record[T any] interface {
	*T
	Decode(b []byte) error
}

// query sends a read and decodes its records.
func query[T any, P record[T]](ctx context.Context, c *Client, op wire.Op, body []byte) (Page[T], error) {
	r, err := c.Do(ctx, op, body)
	if err != nil {
		return Page[T]{}, err
	}
	records, next, cut, err := payments.DecodeQueryResult(r.Reply.Result)
	if err != nil {
		return Page[T]{}, fmt.Errorf("%w: operation %d: %w", ErrResult, op, err)
	}
	page := Page[T]{Records: make([]T, len(records)/payments.RecordBytes), Next: next, Cut: cut}
	for i := range page.Records {
		if err := P(&page.Records[i]).Decode(records[i*payments.RecordBytes : (i+1)*payments.RecordBytes]); err != nil {
			return Page[T]{}, fmt.Errorf("%w: operation %d: record %d: %w", ErrResult, op, i, err)
		}
	}
	return page, nil
}
