package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/payments"
)

// lookupArgsMax bounds the ids of one command line.
const lookupArgsMax = 1000

// records is a kind of record that `get` shows: how it is looked up, and how
// one of them looks as JSON and as a row of a table.
type records[T any] struct {
	name   string // in the plural
	lookup func(c *client.Client, ctx context.Context, ids []payments.U128) ([]T, error)
	json   func(x *T) any
	heads  string // by tabs
	row    func(x *T) string
}

// newGetCommand makes `get ID...` for one kind of record.
func newGetCommand[T any](a *access, kind records[T], short string) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "get ID...",
		Short: short,
		Args:  cobra.RangeArgs(1, lookupArgsMax),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return fail(exitUsage, err)
			}
			return a.with(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				found, err := kind.lookup(c, ctx, ids)
				if err != nil {
					return err
				}
				if err := kind.print(cmd.OutOrStdout(), found, out); err != nil {
					return err
				}
				if len(found) < len(ids) {
					return fmt.Errorf("%d of %d %s do not exist", len(ids)-len(found), len(ids), kind.name)
				}
				return nil
			})
		},
	}
	addOutput(cmd, &out)
	return cmd
}

func (kind *records[T]) print(w io.Writer, found []T, out output) error {
	if out == outputJSON {
		shown := make([]any, len(found))
		for i := range found {
			shown[i] = kind.json(&found[i])
		}
		return json.NewEncoder(w).Encode(shown)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, kind.heads)
	for i := range found {
		fmt.Fprintln(tw, kind.row(&found[i]))
	}
	return tw.Flush()
}

// parseIDs reads ids of a command line.
func parseIDs(args []string) ([]payments.U128, error) {
	ids := make([]payments.U128, len(args))
	for i, arg := range args {
		id, err := payments.ParseU128(arg)
		if err != nil || id.IsZero() || id.IsMax() {
			return nil, fmt.Errorf("%.45q is no id: use a decimal number from 1 to 2^128-2", arg)
		}
		ids[i] = id
	}
	return ids, nil
}
