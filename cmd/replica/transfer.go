package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	endian "encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/replica/shown"
	"quorate/payments"
	"quorate/wire"
)

var transferFlags = []named[payments.TransferFlags]{
	{payments.TransferLinked, "linked"},
	{payments.TransferPending, "pending"},
	{payments.TransferPostPending, "post_pending_transfer"},
	{payments.TransferVoidPending, "void_pending_transfer"},
	{payments.TransferBalancingDebit, "balancing_debit"},
	{payments.TransferBalancingCredit, "balancing_credit"},
	{payments.TransferClosingDebit, "closing_debit"},
	{payments.TransferClosingCredit, "closing_credit"},
	{payments.TransferImported, "imported"},
}

func newTransferCommand() *cobra.Command {
	var a access
	cmd := &cobra.Command{Use: "transfer", Short: "Look up and make transfers"}
	a.add(cmd)
	cmd.AddCommand(newGetCommand(&a, transferRecords, "Show transfers, proven by the cluster"), newTransferCreate(&a))
	return cmd
}

var transferRecords = records[payments.Transfer]{
	name:   "transfers",
	lookup: (*client.Client).LookupTransfers,
	json:   func(x *payments.Transfer) any { return shown.OfTransfer(x) },
	heads:  "TRANSFER\tDEBIT\tCREDIT\tAMOUNT\tLEDGER\tCODE\tFLAGS\tEXECUTED",
	row: func(x *payments.Transfer) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s", x.ID, x.DebitAccountID, x.CreditAccountID, x.Amount, x.Ledger, x.Code,
			strings.Join(flagNames(transferFlags, x.Flags), "|"), shown.Stamp(x.Timestamp))
	},
}

// transferArgs are the flags of transfer create.
type transferArgs struct {
	id, debit, credit, amount, pending string
	ledger                             uint32
	code                               uint16
	timeout                            uint32
	flags                              []string
	receipt                            string
	signer                             string
}

func newTransferCreate(a *access) *cobra.Command {
	var x transferArgs
	cmd := &cobra.Command{
		Use:   "create --debit ID --credit ID --amount N",
		Short: "Make a transfer",
		Long: `Make a transfer.

Keep the id: if the outcome stays unknown, the same command with the same --id
pays at most once, whatever happened before.

With --signer the transfer is signed by the key that owns the paying account
(replica payer), and the client only submits it. A key posts a pending transfer
of either of its sides, and voids one that it is paid by.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := x.key()
			if err != nil {
				return fail(exitConfig, err)
			}
			t, err := x.transfer()
			if err != nil {
				return fail(exitUsage, err)
			}
			return a.with(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return createTransfer(ctx, cmd.OutOrStdout(), c, &t, key, x.receipt)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&x.id, "id", "", "id of the transfer; empty draws one")
	flags.StringVar(&x.debit, "debit", "", "account that pays")
	flags.StringVar(&x.credit, "credit", "", "account that is paid")
	flags.StringVar(&x.amount, "amount", "", "amount in the smallest unit of the ledger")
	flags.StringVar(&x.pending, "pending-id", "0", "pending transfer that this one posts or voids")
	flags.Uint32Var(&x.ledger, "ledger", 1, "ledger of both accounts")
	flags.Uint16Var(&x.code, "code", 1, "your kind of transfer, not 0")
	flags.Uint32Var(&x.timeout, "pending-timeout", 0, "seconds after which a pending transfer is void; 0 never")
	flags.StringSliceVar(&x.flags, "flags", nil, "flags by commas, such as pending")
	flags.StringVar(&x.receipt, "receipt", "", "file to write the receipt to; it must not exist")
	flags.StringVar(&x.signer, "signer", "", "file of the payer's key; --debit is then its account, unless given")
	for _, name := range []string{"credit", "amount"} {
		_ = cmd.MarkFlagRequired(name)
	}
	cmd.MarkFlagsOneRequired("debit", "signer")
	return cmd
}

// key reads the payer's key and makes its account the one that pays; nil without
// --signer.
func (x *transferArgs) key() (ed25519.PrivateKey, error) {
	if x.signer == "" {
		return nil, nil
	}
	key, err := loadPayer(x.signer)
	if err == nil && x.debit == "" {
		x.debit = keyAccount(key).String()
	}
	return key, err
}

// transfer reads the flags.
func (x *transferArgs) transfer() (t payments.Transfer, err error) {
	if x.id == "" {
		x.id = randomID().String()
	}
	ids, err := parseIDs([]string{x.id, x.debit, x.credit})
	if err != nil {
		return t, err
	}
	t = payments.Transfer{
		ID: ids[0], DebitAccountID: ids[1], CreditAccountID: ids[2],
		Ledger: x.ledger, Code: x.code, Timeout: x.timeout,
	}
	if t.Amount, err = payments.ParseU128(x.amount); err != nil {
		return t, fmt.Errorf("--amount: %w", err)
	}
	if t.PendingID, err = payments.ParseU128(x.pending); err != nil {
		return t, fmt.Errorf("--pending-id: %w", err)
	}
	t.Flags, err = parseFlagNames(transferFlags, x.flags)
	return t, err
}

// randomID draws an id that nobody has used: 127 bits, not 0.
func randomID() payments.U128 {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: since Go 1.24 it ends the process instead
	return payments.U128{Lo: endian.LittleEndian.Uint64(b[:]) | 1, Hi: endian.LittleEndian.Uint64(b[8:]) >> 1}
}

// createTransfer sends one transfer, signed if there is a key. One that is there
// with the same fields counts as made.
func createTransfer(ctx context.Context, w io.Writer, c *client.Client, t *payments.Transfer, key ed25519.PrivateKey, receipt string) error {
	op, body := wire.OpCreateTransfers, t.Append(nil)
	if key != nil {
		op, body = wire.OpCreateSignedTransfers, client.SignedBody([]client.SignedTransfer{client.SignTransfer(c.Verifier().Scope().Cluster, key, *t)})
	}
	r, code, err := createOne(ctx, c, op, body, receipt)
	if err != nil {
		return fmt.Errorf("transfer %s: %w", t.ID, err)
	}
	name := payments.TransferCode(code)
	if name != payments.TransferOK && name != payments.TransferExists {
		return fmt.Errorf("transfer %s: %w: %s", t.ID, errCode, name)
	}
	_, err = fmt.Fprintf(w, "transfer %s: %s in block %d at %s\n", t.ID, name, r.Reply.Header.Seq, shown.Stamp(r.Reply.FirstTimestamp))
	return err
}

// createOne sends a create of one event, writes its receipt if one is wanted,
// and gives the event's code.
func createOne(ctx context.Context, c *client.Client, op wire.Op, body []byte, receipt string) (client.Result, uint32, error) {
	r, err := c.Do(ctx, op, body)
	if err != nil {
		return r, 0, err
	}
	proof, err := client.BuildReceipt(c.Verifier().Scope(), &r.Request, &r.Reply, 0)
	if err != nil {
		return r, 0, err
	}
	if receipt != "" {
		if err := writeFile(receipt, proof.Encode(), publicMode); err != nil {
			return r, 0, fmt.Errorf("it was executed with code %d, but its receipt could not be written: %w", proof.Code(), err)
		}
	}
	return r, proof.Code(), nil
}
