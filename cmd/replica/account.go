package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/replica/shown"
	"quorate/payments"
	"quorate/wire"
)

// named is one flag of a record and its name.
type named[F ~uint16] struct {
	bit  F
	name string
}

var accountFlags = []named[payments.AccountFlags]{
	{payments.AccountLinked, "linked"},
	{payments.AccountDebitsMustNotExceedCredits, "debits_must_not_exceed_credits"},
	{payments.AccountCreditsMustNotExceedDebits, "credits_must_not_exceed_debits"},
	{payments.AccountHistory, "history"},
	{payments.AccountImported, "imported"},
	{payments.AccountClosed, "closed"},
	{payments.AccountDebitsMustBeSigned, "debits_must_be_signed"},
}

// flagNames gives the names of the flags that are set.
func flagNames[F ~uint16](table []named[F], flags F) []string {
	names := []string{}
	for _, f := range table {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// parseFlagNames is the inverse of flagNames.
func parseFlagNames[F ~uint16](table []named[F], names []string) (flags F, err error) {
	known := make([]string, len(table))
	for i, f := range table {
		known[i] = f.name
	}
next:
	for _, name := range names {
		for _, f := range table {
			if f.name == name {
				flags |= f.bit
				continue next
			}
		}
		return 0, fmt.Errorf("--flags %q is not one of %s", name, strings.Join(known, ", "))
	}
	return flags, nil
}

func newAccountCommand() *cobra.Command {
	var a access
	cmd := &cobra.Command{Use: "account", Short: "Look up and create accounts"}
	a.add(cmd)
	cmd.AddCommand(newGetCommand(&a, accountRecords, "Show accounts with their balances, proven by the cluster"), newAccountCreate(&a))
	return cmd
}

var accountRecords = records[payments.Account]{
	name:   "accounts",
	lookup: (*client.Client).LookupAccounts,
	json:   func(x *payments.Account) any { return shown.OfAccount(x) },
	heads:  "ACCOUNT\tLEDGER\tCODE\tDEBITS-POSTED\tCREDITS-POSTED\tDEBITS-PENDING\tCREDITS-PENDING\tFLAGS\tCREATED",
	row: func(x *payments.Account) string {
		return fmt.Sprintf("%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s", x.ID, x.Ledger, x.Code, x.DebitsPosted, x.CreditsPosted,
			x.DebitsPending, x.CreditsPending, strings.Join(flagNames(accountFlags, x.Flags), "|"), shown.Stamp(x.Timestamp))
	},
}

func newAccountCreate(a *access) *cobra.Command {
	var ledger uint32
	var code uint16
	var flags []string
	var receipt string
	cmd := &cobra.Command{
		Use:   "create ID",
		Short: "Create an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return fail(exitUsage, err)
			}
			bits, err := parseFlagNames(accountFlags, flags)
			if err != nil {
				return fail(exitUsage, err)
			}
			account := payments.Account{ID: ids[0], Ledger: ledger, Code: code, Flags: bits}
			return a.with(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return createAccount(ctx, cmd.OutOrStdout(), c, &account, receipt)
			})
		},
	}
	cmd.Flags().Uint32Var(&ledger, "ledger", 1, "ledger of the account")
	cmd.Flags().Uint16Var(&code, "code", 1, "your kind of account, not 0")
	cmd.Flags().StringSliceVar(&flags, "flags", nil, "flags by commas, such as debits_must_not_exceed_credits")
	cmd.Flags().StringVar(&receipt, "receipt", "", "file to write the receipt to; it must not exist")
	return cmd
}

// errCode says that the ledger answered with a code other than ok.
var errCode = errors.New("not done")

// createAccount sends one account. An account that is there with the same
// fields counts as created.
func createAccount(ctx context.Context, w io.Writer, c *client.Client, account *payments.Account, receipt string) error {
	r, code, err := createOne(ctx, c, wire.OpCreateAccounts, account.Append(nil), receipt)
	if err != nil {
		return err
	}
	name := payments.AccountCode(code)
	if name != payments.AccountOK && name != payments.AccountExists {
		return fmt.Errorf("account %s: %w: %s", account.ID, errCode, name)
	}
	_, err = fmt.Fprintf(w, "account %s: %s in block %d at %s\n", account.ID, name, r.Reply.Header.Seq, shown.Stamp(r.Reply.FirstTimestamp))
	return err
}
