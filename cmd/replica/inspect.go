package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/pipeline"
	"quorate/wire"
)

const inspectHelp = `Show what a stopped replica has in its ledger: where it ends, or one block with
its requests. With --evidence, show what it can prove against other replicas: two
signatures of one primary under two values for one slot, each checked against
genesis.`

func newInspect() *cobra.Command {
	var dir string
	var seq uint64
	var proofs bool
	var out output
	cmd := &cobra.Command{
		Use: "inspect --dir DIR [--seq N | --evidence]", Short: "Look into a stopped replica's ledger", Long: inspectHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if proofs {
				return fail(exitFailure, inspectEvidence(cmd.OutOrStdout(), dir, out))
			}
			return fail(exitFailure, inspect(cmd.OutOrStdout(), dir, wire.SeqNum(seq), out))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the node")
	cmd.Flags().Uint64Var(&seq, "seq", 0, "block to show; 0 shows the newest")
	cmd.Flags().BoolVar(&proofs, "evidence", false, "show proofs against other replicas")
	addOutput(cmd, &out)
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

func inspect(w io.Writer, dir string, seq wire.SeqNum, out output) (err error) {
	g, ledger, done, err := openOffline(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	head, next := ledger.Head()
	if seq == 0 {
		seq = head
	}
	if head == 0 || seq > head {
		return fmt.Errorf("block %d is not there: the ledger ends at %d", seq, head)
	}
	block, err := pipeline.ViewBlock(g.Hash(), ledger, seq)
	if err != nil {
		return err
	}
	if out == outputJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(block)
	}
	fmt.Fprintf(w, "ledger ends at block %d, %d events\n", head, next-1)
	fmt.Fprintf(w, "block %d  time %s  path %s  certified %v\n", block.Seq, block.Time, block.Path, block.Certified)
	fmt.Fprintf(w, "hash %s  parent %s  batch %s\n", block.Hash, block.Parent, block.Batch)
	for i, q := range block.Requests {
		fmt.Fprintf(w, "  %d  client %d  seq %d  %s  %d bytes  status %s  %d events, %d failed\n",
			i, q.Client, q.Seq, q.Op, q.Bytes, q.Status, q.Events, q.Failed)
	}
	return nil
}
