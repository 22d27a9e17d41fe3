package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/loadgen/outcome"
	"quorate/payments"
	"quorate/wire"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	dir      string
	file     string
	batch    int
	ledger   uint32
	code     uint16
	create   bool
	balances string
	timeout  time.Duration
	common   commonFlags
}

func newReplay() *cobra.Command {
	var fl replayFlags
	cmd := &cobra.Command{
		Use:   "replay --dir DIR --file transfers.csv",
		Short: "Send the transfers of a CSV in order, then audit",
		Long: `Send the transfers of a CSV in order, then audit.

Columns: id, debit_account_id, credit_account_id, amount, and if wanted ledger,
code, flags, pending_id, user_data_128, timeout, in any order, named in the first
line. Numbers are decimal; flags are a number or names joined by |. The whole
file is read and checked before anything is sent. One request is in flight at a
time, so rows that depend on rows before them find them executed. A chain of
linked rows must fit one request.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return replay(cmd.Context(), &fl, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.dir, "dir", "", "directory of the cluster, as replica init made it")
	flags.StringVar(&fl.file, "file", "", "the CSV")
	flags.IntVar(&fl.batch, "batch", wire.EventsMax, "most transfers per request")
	flags.Uint32Var(&fl.ledger, "ledger", 0, "ledger of rows that name none; 0 takes the first of genesis")
	flags.Uint16Var(&fl.code, "code", 1, "code of rows that name none, and of created accounts")
	flags.BoolVar(&fl.create, "create-accounts", false, "create the accounts that the file names")
	flags.StringVar(&fl.balances, "balances", "", "file for the final balances of the accounts that the file names")
	flags.DurationVar(&fl.timeout, "timeout", time.Minute, "how long one request may take")
	fl.common.add(cmd)
	_ = cmd.MarkFlagRequired("dir")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// replay does everything of the command replay.
func replay(ctx context.Context, fl *replayFlags, stdout, stderr io.Writer) error {
	if fl.batch < 1 || fl.batch > wire.EventsMax {
		return fail(exitUsage, fmt.Errorf("--batch %d is outside 1 to %d", fl.batch, wire.EventsMax))
	}
	t, err := loadTarget(fl.dir, 1, fl.common.first, fl.common.plaintext)
	if err != nil {
		return fail(exitConfig, err)
	}
	if fl.ledger == 0 && len(t.genesis.Ledgers) > 0 {
		fl.ledger = t.genesis.Ledgers[0].Number
	}
	transfers, err := readTransfers(fl)
	if err != nil {
		return fail(exitInput, err)
	}
	requests, err := cut(transfers, fl.batch)
	if err != nil {
		return fail(exitInput, err)
	}
	var files *outDir
	if fl.common.out != "" {
		if files, err = fl.common.files(outcome.KindReplay); err != nil {
			return fail(exitUsage, err)
		}
	}
	res, err := fl.send(ctx, t, transfers, requests, stdout, stderr)
	if err != nil {
		if files != nil {
			files.remove()
		}
		return fail(exitFailure, err)
	}
	if err := res.write(fl.common.json, files, nil, stdout); err != nil {
		return fail(exitFailure, err)
	}
	if res.Audit.Failed() {
		return fail(exitAudit, fmt.Errorf("the audit found %d faults; keep the data of all replicas", len(res.Audit.Faults)))
	}
	return nil
}

// send connects, sends all requests and audits.
func (fl *replayFlags) send(ctx context.Context, t *target, transfers []payments.Transfer, requests [][]payments.Transfer, stdout, stderr io.Writer) (*result, error) {
	connecting, cancel := context.WithTimeout(ctx, fl.common.connect)
	defer cancel()
	defer t.close()
	if err := t.dial(connecting); err != nil {
		return nil, err
	}
	p := &player{flags: fl, target: t, transfers: transfers, codes: map[payments.TransferCode]int{}}
	res, err := p.play(ctx, requests)
	if err != nil {
		return nil, err
	}
	out := stdout
	if fl.common.json {
		out = stderr
	}
	p.report(out)
	fmt.Fprintln(out, auditLine(res.Audit))
	return res, nil
}

func readTransfers(fl *replayFlags) ([]payments.Transfer, error) {
	f, err := os.Open(fl.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	transfers, err := parseTransfers(f, fl.ledger, fl.code)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fl.file, err)
	}
	return transfers, nil
}

// cut divides the transfers into requests of at most most events, never within
// a linked chain.
func cut(transfers []payments.Transfer, most int) ([][]payments.Transfer, error) {
	var requests [][]payments.Transfer
	for len(transfers) > 0 {
		n := min(most, len(transfers))
		for n > 0 && n < len(transfers) && transfers[n-1].Flags&payments.TransferLinked != 0 {
			n--
		}
		if n == 0 {
			return nil, fmt.Errorf("%w: the linked chain at transfer %s does not fit a request of %d", errCSV, transfers[0].ID, most)
		}
		requests = append(requests, transfers[:n:n])
		transfers = transfers[n:]
	}
	return requests, nil
}

// player sends a file.
type player struct {
	flags     *replayFlags
	target    *target
	transfers []payments.Transfer
	codes     map[payments.TransferCode]int
	done      []payments.Transfer // those with code ok
	existed   int
	began     time.Time
	took      time.Duration
}

// play sends all requests, one at a time, and audits.
func (p *player) play(ctx context.Context, requests [][]payments.Transfer) (*result, error) {
	c := p.target.clients[0]
	if p.flags.create {
		if err := p.createAccounts(ctx, c); err != nil {
			return nil, err
		}
	}
	before, err := c.LedgerTotals(ctx)
	if err != nil {
		return nil, err
	}
	scope := wire.Scope{Cluster: p.target.genesis.Hash(), Epoch: p.target.genesis.Epoch}
	box := newReceiptBox(scope, p.flags.common.receipts)
	start := time.Now()
	p.began = start
	for _, events := range requests {
		if err := p.request(ctx, c, events, box); err != nil {
			_, _ = box.close()
			return nil, fmt.Errorf("request of transfer %s and %d more: %w; the file can be replayed: what was executed answers with exists", events[0].ID, len(events)-1, err)
		}
	}
	p.took = time.Since(start)
	files, err := box.close()
	if err != nil {
		return nil, err
	}
	if p.flags.balances != "" {
		if err := p.writeBalances(ctx, c); err != nil {
			return nil, err
		}
	}
	return p.audit(ctx, before, files)
}

// request sends one request and counts its codes.
func (p *player) request(ctx context.Context, c *client.Client, events []payments.Transfer, box *receiptBox) error {
	ctx, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	body := make([]byte, 0, len(events)*wire.EventBytes)
	for i := range events {
		body = events[i].Append(body)
	}
	r, err := c.Do(ctx, wire.OpCreateTransfers, body)
	if err != nil {
		return err
	}
	codes, err := payments.DecodeCodes(nil, r.Reply.Result)
	if err != nil || len(codes) != len(events) {
		return fmt.Errorf("%d codes for %d transfers: %w", len(codes), len(events), err)
	}
	for i, code := range codes {
		p.codes[payments.TransferCode(code)]++
		switch payments.TransferCode(code) {
		case payments.TransferOK:
			p.done = append(p.done, events[i])
		case payments.TransferExists:
			p.existed++
		}
	}
	box.offer(r)
	return nil
}

// accounts gives the accounts that the file names with their ledgers, in order.
func (p *player) accounts() (ids []payments.U128, ledger map[payments.U128]uint32) {
	ledger = map[payments.U128]uint32{}
	for i := range p.transfers {
		t := &p.transfers[i]
		for _, id := range [...]payments.U128{t.DebitAccountID, t.CreditAccountID} {
			if _, ok := ledger[id]; !ok {
				ledger[id] = t.Ledger
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, payments.U128.Cmp)
	return ids, ledger
}

func (p *player) createAccounts(ctx context.Context, c *client.Client) error {
	ids, ledger := p.accounts()
	for part := range slices.Chunk(ids, wire.EventsMax) {
		accounts := make([]payments.Account, len(part))
		for i, id := range part {
			accounts[i] = payments.Account{ID: id, Ledger: ledger[id], Code: p.flags.code}
		}
		codes, err := c.CreateAccounts(ctx, accounts)
		if err != nil {
			return fmt.Errorf("create accounts: %w", err)
		}
		for i, code := range codes {
			if code != payments.AccountOK && code != payments.AccountExists {
				return fmt.Errorf("create account %s: %s", accounts[i].ID, code)
			}
		}
	}
	return nil
}

// writeBalances writes the final balances of the file's accounts, by id.
func (p *player) writeBalances(ctx context.Context, c *client.Client) error {
	f, err := os.Create(p.flags.balances)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"account_id", "ledger", "debits_pending", "debits_posted", "credits_pending", "credits_posted"})
	ids, _ := p.accounts()
	for part := range slices.Chunk(ids, wire.EventsMax) {
		found, err := c.LookupAccounts(ctx, part)
		if err != nil {
			_ = f.Close()
			return fmt.Errorf("balances: %w", err)
		}
		for i := range found {
			a := &found[i]
			_ = w.Write([]string{a.ID.String(), strconv.FormatUint(uint64(a.Ledger), 10),
				a.DebitsPending.String(), a.DebitsPosted.String(), a.CreditsPending.String(), a.CreditsPosted.String()})
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// audit looks up every acknowledged transfer. Those whose record the ledger
// derives (posted, voided, balancing, imported) are compared by id alone.
func (p *player) audit(ctx context.Context, before []payments.LedgerTotals, files [][]byte) (*result, error) {
	ctx, stop := context.WithTimeout(ctx, p.flags.common.deadline)
	defer stop()
	in := &auditInput{
		target: p.target, executed: uint64(len(p.done)), acked: uint64(len(p.done)), before: before,
		alone: !p.flags.common.shared, receipts: files, expect: p.flags.common.expect, patience: p.flags.common.patience,
		derived: true,
		expected: func(yield batches) {
			for part := range slices.Chunk(p.done, wire.EventsMax) {
				if !yield(part) {
					return
				}
			}
		},
	}
	if in.expect == 0 {
		in.expect = len(p.target.genesis.Members)
	}
	a, err := runAudit(ctx, in)
	if err != nil {
		return nil, err
	}
	hash, g := p.target.genesis.Hash(), p.target.genesis
	n, seconds := uint64(len(p.transfers)), p.took.Seconds()
	return &result{receipts: files, Run: outcome.Run{
		Schema: outcome.Schema, Kind: outcome.KindReplay, Started: p.began, Commit: version,
		Cluster: fmt.Sprintf("%x", hash[:]), Replicas: len(g.Members), F: g.F, C: g.C,
		Workload: "replay", Rate: "in order", Batch: p.flags.batch, Clients: 1, Duration: seconds, Seconds: seconds,
		Measured: counts{Offered: n, Achieved: n}, Whole: counts{Offered: n, Achieved: n}, Achieved: float64(n) / max(seconds, 1e-9),
		Memory: memoryPeak(), Client: p.target.clients[0].Stats(), Host: outcome.ThisHost(), Audit: &a.Audit,
	}}, nil
}

// report prints how many rows had which result.
func (p *player) report(w io.Writer) {
	fmt.Fprintf(w, "%d transfers in %.1f s\n", len(p.transfers), p.took.Seconds())
	codes := slices.SortedFunc(maps.Keys(p.codes), func(a, b payments.TransferCode) int {
		return cmp.Or(cmp.Compare(p.codes[b], p.codes[a]), cmp.Compare(a, b))
	})
	for _, code := range codes {
		fmt.Fprintf(w, "  %8d %s\n", p.codes[code], code)
	}
}
