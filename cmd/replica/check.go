package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/tuning"
)

// checkReport is what check shows, for -o json.
type checkReport struct {
	Cluster    string      `json:"cluster"` // genesis hash, hexadecimal
	Name       string      `json:"name"`
	Replica    int         `json:"replica"`
	Replicas   int         `json:"replicas"`
	F          int         `json:"f"`
	C          int         `json:"c"`
	PeerAddr   string      `json:"peer_addr"`
	ClientAddr string      `json:"client_addr"`
	Profile    string      `json:"profile"`
	Host       tuning.Host `json:"host"`
}

func newCheck() *cobra.Command {
	var dir string
	var out output
	cmd := &cobra.Command{
		Use:   "check --dir NODE",
		Short: "Read a node's genesis, keys and configuration as a start would, and start nothing",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the node, as DIR/node-0")
	_ = cmd.MarkFlagRequired("dir")
	flags := settingFlags(cmd)
	addOutput(cmd, &out)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		n, err := loadNode(dir, environ(), flags())
		if err != nil {
			return err
		}
		return fail(exitFailure, printCheck(cmd.OutOrStdout(), n, out))
	}
	return cmd
}

func printCheck(w io.Writer, n *node, out output) error {
	m, q, hash := n.member(), n.genesis.Quorums(), n.genesis.Hash()
	if out == outputJSON {
		return json.NewEncoder(w).Encode(checkReport{
			Cluster: fmt.Sprintf("%x", hash[:]), Name: n.genesis.Name, Replica: int(m.ID), Replicas: q.N, F: q.F, C: q.C,
			PeerAddr: m.PeerAddr, ClientAddr: m.ClientAddr, Profile: n.settings.profileName, Host: tuning.DetectHost(),
		})
	}
	_, err := fmt.Fprintf(w, "replica %d of cluster %s %s: n=%d f=%d c=%d, peers %s, clients %s, profile %s: genesis, keys and configuration fit together\n",
		m.ID, n.genesis.Name, hash, q.N, q.F, q.C, m.PeerAddr, m.ClientAddr, n.settings.profileName)
	return err
}
