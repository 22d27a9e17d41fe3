package storage

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// Aim: a crash while Pebble moves to a new manifest leaves a ledger that opens.
// Method: at each operation on a marker file, many copies of the disk with any
// half of what the directory had not synced. Without markerFS about a quarter of
// them name a manifest that is not there.
func TestCrashWhileTheManifestMoves(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 3))
	mem := NewMemFS()
	m := &model{}
	var images []*MemFS
	fs := WatchFS(mem, func(op FSOp) error {
		if op.Write && strings.Contains(op.Path, "marker.manifest") {
			for range 12 {
				images = append(images, mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: 50, RNG: chance}))
			}
		}
		return nil
	})
	for range 3 { // each start has a new manifest
		l := mustLedger(t, testLedgerOptions(fs))
		m.stage(t, l, chance, shapes[1])
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(images) < 60 {
		t.Fatalf("only %d images", len(images))
	}
	for i, image := range images {
		l, err := OpenLedger(testLedgerOptions(image))
		if err != nil {
			t.Fatalf("image %d of %d: %v", i, len(images), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The mark of a fresh directory does not come back after a power cut.
func TestStartedIsDurable(t *testing.T) {
	mem := NewMemFS()
	if err := makeDir(mem, "data"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, mem, "data/"+FreshName, nil)
	if err := syncDir(mem, "data"); err != nil {
		t.Fatal(err)
	}
	if fresh, err := Fresh(mem, "data"); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if err := Started(mem, "data"); err != nil {
		t.Fatal(err)
	}
	if fresh, err := Fresh(mem.CrashClone(CrashCloneCfg{}), "data"); fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if err := errors.Join(Started(mem, "data"), Started(mem, "data")); err != nil {
		t.Fatalf("taken away twice: %v", err)
	}
}
