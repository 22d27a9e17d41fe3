package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quorate/wire"
)

// Aim: a crash leaves one checkpoint image, whole. Method: images larger than
// several memtables, so that Pebble flushes one between the batches of an image;
// the power goes at every operation, and what is left is opened and compared.

const (
	imagesSaved    = 4
	imagePages     = 24
	imagePageBytes = 8 << 10
)

// imageVersion is the image that wrote a page of this image: one page in four
// stays as it was.
func imageVersion(image wire.SeqNum, index uint32) wire.SeqNum {
	for image > 1 && (uint64(index)+uint64(image))%4 == 0 {
		image--
	}
	return image
}

func imageBody(index uint32, version wire.SeqNum) []byte {
	return testBody(uint64(version)<<32|uint64(index), imagePageBytes)
}

// imageCrash is a disk after a crash, and the image that was durable before.
type imageCrash struct {
	fs      *MemFS
	durable wire.SeqNum
}

// check opens what a crash left, and reports whether an image was half written.
func (c *imageCrash) check(t *testing.T, opt LedgerOptions) (within bool) {
	t.Helper()
	opt.FS = c.fs
	l := mustLedger(t, opt)
	defer l.Close()
	within = len(l.stale) > 0
	image, _, err := l.Checkpoint()
	if c.durable == 0 && errors.Is(err, ErrNotFound) {
		return within
	}
	found := 0
	seq, meta, err := l.LoadPages(func(p Page) error {
		found++
		if p.Region != 1 || !bytes.Equal(p.Data, imageBody(p.Index, imageVersion(image, p.Index))) {
			return fmt.Errorf("page %d/%d is not that of image %d", p.Region, p.Index, image)
		}
		return nil
	})
	if err != nil || seq < c.durable || found != imagePages || !bytes.Equal(meta, []byte{byte(seq)}) {
		t.Errorf("image %d with meta %v has %d of %d pages, image %d was durable: %v", seq, meta, found, imagePages, c.durable, err)
	}
	return within
}

func TestImageCrashAnywhere(t *testing.T) {
	mem := NewMemFS()
	chance := rand.New(rand.NewPCG(11, 11))
	var crashes []imageCrash
	var durable atomic.Uint64
	var busy atomic.Bool
	fs := onWrite(mem, func(op errorfs.Op) error {
		if !busy.CompareAndSwap(false, true) { // Pebble writes from several threads
			return nil
		}
		defer busy.Store(false)
		at := wire.SeqNum(durable.Load())
		clone := mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 100}[chance.IntN(3)], RNG: chance})
		crashes = append(crashes, imageCrash{clone, at})
		return nil
	})
	opt := testLedgerOptions(fs)
	opt.MemTableBytes = 64 << 10 // a fifth of an image
	l := mustLedger(t, opt)
	for seq := wire.SeqNum(1); seq <= imagesSaved; seq++ {
		var changed []Page
		for i := range uint32(imagePages) {
			if imageVersion(seq, i) == seq {
				changed = append(changed, Page{Region: 1, Index: i, Data: imageBody(i, seq)})
			}
		}
		if err := l.SavePages(seq, changed, []byte{byte(seq)}); err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(true); err != nil {
			t.Fatal(err)
		}
		durable.Store(uint64(seq))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	within := 0
	for i := range crashes {
		if crashes[i].check(t, opt) {
			within++
		}
	}
	if within == 0 {
		t.Errorf("none of %d crashes met an image half written: the test does not test", len(crashes))
	}
}
