package main

// Aim: DSK-02 for the files that a replica reads at its start. A changed genesis,
// key file or configuration is refused with exit code 78, is another cluster's
// (its hash says so to the journal and to every peer), or says the same: never
// the same cluster with other keys, members or rules. Method: each fault at many
// places of each file, in this process.

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

var damageFlag = flag.Bool("damage.full", false, "every place of the start files; make diskfaults")

func TestDamagedStartFiles(t *testing.T) {
	dir := filepath.Join(newCluster(t), "node-0")
	good, err := loadNode(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	step := 97
	if *damageFlag {
		step = 5
	}
	ends := map[string]int{}
	for _, name := range []string{genesisFile, keysFile, configFile} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "node-1", name))
		if err != nil {
			t.Fatal(err)
		}
		judge := func(what string, at int, spoilt []byte) {
			if err := os.WriteFile(path, spoilt, 0o600); err != nil {
				t.Fatal(err)
			}
			end := judgeNode(good, dir, name, spoilt, text)
			if ends[end]++; end == "silent" {
				t.Errorf("%s: %s at %d is silent", name, what, at)
			}
		}
		for at := 0; at < len(text); at += step {
			flip := slices.Clone(text)
			flip[at] ^= 1 << (at % 7)
			judge("flip", at, flip)
			zero := slices.Clone(text)
			clear(zero[at:min(at+16, len(zero))])
			judge("zero", at, zero)
			judge("truncate", at, text[:at])
			if at >= 64 {
				swap := slices.Concat(text[:at-64], text[at-32:at], text[at-64:at-32], text[at:])
				judge("swap", at, swap)
				repeat := slices.Clone(text)
				copy(repeat[at-32:at], text[at-64:at-32])
				judge("repeat", at, repeat)
			}
		}
		judge("another replica's", 0, other)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := fmt.Sprintf("%d faults, repaired 0, detected %d, harmless %d, silent %d", ends["detected"]+ends["harmless"]+ends["silent"],
		ends["detected"], ends["harmless"], ends["silent"])
	if *damageFlag {
		fmt.Println("start files:", line)
	}
	t.Log(line)
}

// judgeNode loads a node with one spoilt file. A configuration has no right
// value: each one in range is as good for agreement as any other.
func judgeNode(good *node, dir, name string, spoilt, text []byte) string {
	n, err := loadNode(dir, nil, nil)
	var f *failure
	switch {
	case err != nil && errors.As(err, &f) && f.code == exitConfig:
		return "detected"
	case err != nil:
		return "silent"
	case n.genesis.Hash() != good.genesis.Hash():
		return "detected" // the journal and every peer refuse it
	case n.keys.Replica != good.keys.Replica:
		return "detected" // journal and ledger belong to another replica (ErrForeign)
	case bytes.Equal(spoilt, text), reflect.DeepEqual(n.keys, good.keys) && reflect.DeepEqual(n.genesis, good.genesis):
		return "harmless"
	}
	return "silent"
}
