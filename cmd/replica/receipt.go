package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/replica/shown"
	"quorate/payments"
	"quorate/wire"
)

func newReceiptCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "receipt", Short: "Check receipts offline"}
	cmd.AddCommand(newReceiptVerify())
	return cmd
}

// verdict is what receipt verify shows, for -o json.
type verdict struct {
	Valid     bool   `json:"valid"`
	Event     string `json:"event"` // account or transfer
	ID        string `json:"id"`
	Code      uint32 `json:"code"`
	Result    string `json:"result"`
	Timestamp string `json:"timestamp"`
	Block     uint64 `json:"block"`
	Client    uint64 `json:"client"`
	Cluster   string `json:"cluster"`
}

func newReceiptVerify() *cobra.Command {
	var genesis string
	var out output
	cmd := &cobra.Command{
		Use:   "verify --genesis genesis.yaml RECEIPT.json",
		Short: "Check a receipt with nothing but the cluster's genesis",
		Long: `Check a receipt with nothing but the cluster's genesis.

No replica is asked and none is trusted: the receipt leads from the event to a
block, and f+1 replicas signed the block. One changed byte makes it invalid.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := loadGenesis(genesis)
			if err != nil {
				return fail(exitConfig, err)
			}
			file, err := readFile(args[0])
			if err != nil {
				return fail(exitFailure, err)
			}
			r, err := client.VerifyReceipt(g, file)
			if err != nil {
				return fail(exitFailure, fmt.Errorf("%s: %w", args[0], err))
			}
			return fail(exitFailure, printVerdict(cmd.OutOrStdout(), r, out))
		},
	}
	cmd.Flags().StringVar(&genesis, "genesis", genesisFile, "genesis of the cluster; take it from a source that you trust")
	addOutput(cmd, &out)
	return cmd
}

func printVerdict(w io.Writer, r *client.Receipt, out output) error {
	hash := r.Scope.Cluster
	v := verdict{
		Valid: true, Code: r.Code(), Timestamp: shown.Stamp(r.Timestamp()), Block: uint64(r.Header.Seq),
		Client: uint64(r.Client), Cluster: fmt.Sprintf("%x", hash[:]),
	}
	detail := ""
	if r.Op == wire.OpCreateAccounts {
		var a payments.Account
		if err := a.Decode(r.Event()); err != nil {
			return err
		}
		v.Event, v.ID, v.Result = "account", a.ID.String(), payments.AccountCode(r.Code()).String()
		detail = fmt.Sprintf("ledger %d", a.Ledger)
	} else {
		var t payments.Transfer
		if err := t.Decode(r.Event()); err != nil {
			return err
		}
		v.Event, v.ID, v.Result = "transfer", t.ID.String(), payments.TransferCode(r.Code()).String()
		detail = fmt.Sprintf("%s of ledger %d from %s to %s", t.Amount, t.Ledger, t.DebitAccountID, t.CreditAccountID)
	}
	if out == outputJSON {
		return json.NewEncoder(w).Encode(v)
	}
	_, err := fmt.Fprintf(w, "valid: %s %s (%s): %s at %s in block %d of cluster %s, sent by client %d\n",
		v.Event, v.ID, detail, v.Result, v.Timestamp, v.Block, hash, v.Client)
	return err
}
