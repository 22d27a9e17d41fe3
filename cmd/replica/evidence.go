package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// evidenceFile holds the proofs of a node against others, in its data directory.
const evidenceFile = "evidence"

// evidenceLine is one proof as it is shown. Proof is its encoding, which
// pipeline.GenesisEvidence checks for anyone.
type evidenceLine struct {
	Replica wire.ReplicaID `json:"replica"`
	View    wire.View      `json:"view"`
	Seq     wire.SeqNum    `json:"seq"`
	Digests [2]string      `json:"digests"`
	Proof   string         `json:"proof"`
}

// inspectEvidence shows the proofs of a stopped node that verify.
func inspectEvidence(w io.Writer, dir string, out output) (err error) {
	g, err := loadGenesis(filepath.Join(dir, genesisFile))
	if err != nil {
		return err
	}
	lock, err := lockDir(filepath.Join(dir, dataDir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	log, err := storage.OpenEvidence(filepath.Join(dir, dataDir, evidenceFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	lines, bad := []evidenceLine{}, 0
	err = log.Load(func(record []byte) {
		e, err := wire.DecodeEvidence(record)
		if err != nil {
			bad++
			return
		}
		accused, err := pipeline.GenesisEvidence(g, &e)
		if err != nil {
			bad++
			return
		}
		lines = append(lines, evidenceLine{accused, e.View, e.Seq, [2]string{e.Digests[0].String(), e.Digests[1].String()}, hex.EncodeToString(record)})
	})
	if err != nil {
		return err
	}
	if out == outputJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(lines)
	}
	for _, l := range lines {
		fmt.Fprintf(w, "replica %d signed two values for view %d slot %d: %s and %s\n", l.Replica, l.View, l.Seq, l.Digests[0], l.Digests[1])
	}
	fmt.Fprintf(w, "%d proofs, %d records that prove nothing\n", len(lines), bad)
	return nil
}
