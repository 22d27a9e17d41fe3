package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"quorate/cluster"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

const verifyHelp = `Check a stopped replica's ledger from the genesis on, offline and without trust
in whoever wrote it: checksums on disk, the chain of blocks, every client
signature, every commit and execution certificate, every result (by executing
all of it again), and that debits equal credits.`

func newVerify() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "verify --dir DIR", Short: "Check a stopped replica's ledger: chain, certificates, sums", Long: verifyHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := verifyNode(cmd.Context(), dir, func(done, all wire.SeqNum) {
				fmt.Fprintf(cmd.ErrOrStderr(), "block %d of %d\n", done, all)
			})
			if err != nil {
				return fail(exitFailure, err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), report)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the node")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// verifyReport is the result of verifying one node's ledger.
type verifyReport struct {
	pipeline.LedgerReport
	seconds float64
}

// String is the report's one line.
func (r *verifyReport) String() string {
	return fmt.Sprintf("%d blocks (%d fast, %d slow, %d null), %d requests, %d events; chain, signatures, certificates and results verify; debits = credits; state %v (%.1f s)",
		r.Blocks, r.Fast, r.Slow, r.Null, r.Requests, r.Events, r.Execute, r.seconds)
}

// verifyNode checks the ledger in a node's directory.
func verifyNode(ctx context.Context, dir string, progress func(done, all wire.SeqNum)) (r *verifyReport, err error) {
	begun := time.Now()
	g, ledger, done, err := openOffline(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := ledger.Verify(nil); err != nil {
		return nil, fmt.Errorf("checksums: %w", err)
	}
	suite, err := pipeline.NewSuite(g, nil)
	if err != nil {
		return nil, err
	}
	r = &verifyReport{}
	r.LedgerReport, err = pipeline.VerifyLedger(ctx, pipeline.Config{Cluster: g.Hash(), Epoch: g.Epoch, Quorums: g.Quorums(),
		Payments: pipeline.PaymentsConfig(g)}, suite, ledger, progress)
	r.seconds = time.Since(begun).Seconds()
	return r, err
}

// openOffline opens the ledger of a node that is not running.
func openOffline(dir string) (*cluster.Genesis, *storage.Ledger, func() error, error) {
	g, err := loadGenesis(filepath.Join(dir, genesisFile))
	if err != nil {
		return nil, nil, nil, err
	}
	text, err := readSecret(filepath.Join(dir, keysFile))
	if err != nil {
		return nil, nil, nil, err
	}
	defer clear(text)
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		return nil, nil, nil, err
	}
	lock, err := lockDir(filepath.Join(dir, dataDir))
	if err != nil {
		return nil, nil, nil, err
	}
	ledger, err := storage.OpenLedger(storage.LedgerOptions{Dir: filepath.Join(dir, dataDir, "ledger"), Cluster: g.Hash(), Replica: keys.Replica})
	if err != nil {
		return nil, nil, nil, errors.Join(err, lock.Close())
	}
	return g, ledger, func() error { return errors.Join(ledger.Close(), lock.Close()) }, nil
}
