package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"quorate/payments"
)

// rowsMax bounds a replayed file: 128 bytes of memory per row.
const rowsMax = 10_000_000

// errCSV is wrapped by every reason for which a file is refused, with its line.
var errCSV = errors.New("CSV refused")

// Columns of a file of transfers. The first four must be there.
var columns = []string{"id", "debit_account_id", "credit_account_id", "amount",
	"ledger", "code", "flags", "pending_id", "user_data_128", "timeout"}

const columnsNeeded = 4

// flagNames are the words of the column flags, joined by |.
var flagNames = map[string]payments.TransferFlags{
	"linked":                payments.TransferLinked,
	"pending":               payments.TransferPending,
	"post_pending_transfer": payments.TransferPostPending,
	"void_pending_transfer": payments.TransferVoidPending,
	"balancing_debit":       payments.TransferBalancingDebit,
	"balancing_credit":      payments.TransferBalancingCredit,
	"closing_debit":         payments.TransferClosingDebit,
	"closing_credit":        payments.TransferClosingCredit,
	"imported":              payments.TransferImported,
}

// parseTransfers reads a whole file, so that a fault in its last line is found
// before anything is sent. ledger and code fill rows that do not name them.
func parseTransfers(r io.Reader, ledger uint32, code uint16) ([]payments.Transfer, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, lineError(err, 1)
	}
	order, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	var all []payments.Transfer
	lines := map[payments.U128]int{} // id → line
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, lineError(err, 0)
		}
		line, _ := in.FieldPos(0)
		t := payments.Transfer{Ledger: ledger, Code: code}
		for i, field := range record {
			if err := setField(&t, order[i], field); err != nil {
				return nil, fmt.Errorf("%w: line %d: %s: %w", errCSV, line, order[i], err)
			}
		}
		if first, ok := lines[t.ID]; ok {
			return nil, fmt.Errorf("%w: line %d: id %s stands in line %d already", errCSV, line, t.ID, first)
		}
		lines[t.ID] = line
		if all = append(all, t); len(all) > rowsMax {
			return nil, fmt.Errorf("%w: line %d: more than %d rows; cut the file", errCSV, line, rowsMax)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: line 2: no rows", errCSV)
	}
	return all, nil
}

// lineError puts the line of the csv reader's errors in the look of ours.
func lineError(err error, line int) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return fmt.Errorf("%w: line %d: %w", errCSV, parse.Line, parse.Err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: line %d: empty file", errCSV, max(line, 1))
	}
	return fmt.Errorf("%w: %w", errCSV, err)
}

// parseHeader checks the first line and gives a copy of it.
func parseHeader(header []string) ([]string, error) {
	order := slices.Clone(header)
	for i, name := range order {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("%w: line 1: unknown column %.40q; known: %s", errCSV, name, strings.Join(columns, ", "))
		}
		if slices.Contains(order[:i], name) {
			return nil, fmt.Errorf("%w: line 1: column %s stands twice", errCSV, name)
		}
	}
	for _, name := range columns[:columnsNeeded] {
		if !slices.Contains(order, name) {
			return nil, fmt.Errorf("%w: line 1: column %s is missing", errCSV, name)
		}
	}
	return order, nil
}

// setField reads one field. Numbers are plain decimals.
func setField(t *payments.Transfer, column, field string) (err error) {
	switch column {
	case "id":
		t.ID, err = usableID(field)
	case "debit_account_id":
		t.DebitAccountID, err = usableID(field)
	case "credit_account_id":
		t.CreditAccountID, err = usableID(field)
	case "amount":
		t.Amount, err = payments.ParseU128(field)
	case "pending_id":
		t.PendingID, err = payments.ParseU128(field)
	case "user_data_128":
		t.UserData128, err = payments.ParseU128(field)
	case "ledger":
		var v uint64
		v, err = number(field, 32)
		t.Ledger = uint32(v)
	case "timeout":
		var v uint64
		v, err = number(field, 32)
		t.Timeout = uint32(v)
	case "code":
		var v uint64
		v, err = number(field, 16)
		t.Code = uint16(v)
	case "flags":
		t.Flags, err = parseFlags(field)
	}
	return err
}

// usableID reads an id that the ledger would take: not 0 and not 2^128−1.
func usableID(field string) (payments.U128, error) {
	v, err := payments.ParseU128(field)
	if err == nil && (v.IsZero() || v.IsMax()) {
		err = fmt.Errorf("%s is no id", field)
	}
	return v, err
}

func number(field string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(field, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number of %d bits", field, bits)
	}
	return v, nil
}

// parseFlags reads a number, or names joined by |, or nothing.
func parseFlags(field string) (payments.TransferFlags, error) {
	if field == "" {
		return 0, nil
	}
	if field[0] >= '0' && field[0] <= '9' {
		v, err := number(field, 16)
		return payments.TransferFlags(v), err
	}
	var flags payments.TransferFlags
	for _, name := range strings.Split(field, "|") {
		bit, ok := flagNames[name]
		if !ok || flags&bit != 0 {
			return 0, fmt.Errorf("%.40q is no flag, or stands twice", name)
		}
		flags |= bit
	}
	return flags, nil
}
