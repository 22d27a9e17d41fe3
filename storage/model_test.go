package storage

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quorate/wire"
)

// Aim: any sequence of calls, crashes and starts agrees with a model that is a
// slice; and readers beside a committing thread never see a gap. Method:
// rapid's state machines, and a race between goroutines (run with -race).

// TestJournalModel: appends, syncs, truncations, seals, clean and unclean ends.
func TestJournalModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := NewMemFS()
		opt := testOptions(mem)
		opt.SuperblockGroups = rapid.IntRange(1, 20).Draw(rt, "superblockGroups")
		j, _ := mustOpen(t, opt)
		var all []entry // appended in this and earlier lives, lsn−1 is the index
		synced, anchor := 0, 0
		reopen := func(clean bool) {
			var rec Recovery
			j, rec = mustOpen(t, testOptions(mem))
			if rec.Amnesia || rec.Clean != clean || int(rec.LastLSN) < synced || int(rec.LastLSN) > len(all) {
				rt.Fatalf("%+v with %d synced of %d", rec, synced, len(all))
			}
			got := replayAll(t, j)
			all = all[:rec.LastLSN]
			if len(got) > len(all) || len(got) < len(all)-anchor {
				rt.Fatalf("%d records of %d, truncated before %d", len(got), len(all), anchor)
			}
			if diff := sameEntries(got, all[len(all)-len(got):]); diff != "" {
				rt.Fatal(diff)
			}
			synced = len(all)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				body := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(rt, "body")
				body = bytes.Repeat(body, rapid.IntRange(1, 8).Draw(rt, "times"))
				e := entry{LSN(len(all) + 1), rapid.Byte().Draw(rt, "kind"), wire.SeqNum(rapid.IntRange(0, 50).Draw(rt, "seq")), body}
				if lsn := j.Append(e.kind, e.seq, e.body); lsn != e.lsn {
					rt.Fatalf("lsn %d, want %d", lsn, e.lsn)
				}
				all = append(all, e)
			},
			"sync": func(rt *rapid.T) {
				lsn, err := j.Sync()
				if err != nil || int(lsn) != len(all) {
					rt.Fatalf("%d, %v; want %d", lsn, err, len(all))
				}
				synced = len(all)
			},
			"truncate": func(rt *rapid.T) {
				a := rapid.IntRange(0, synced).Draw(rt, "anchor")
				keep := wire.SeqNum(rapid.IntRange(0, 60).Draw(rt, "keep"))
				if err := j.Truncate(keep, LSN(a)); err != nil {
					rt.Fatal(err)
				}
				anchor = max(anchor, a)
				got := replayAll(t, j)
				for _, e := range all[:synced-len(got)] {
					if e.seq > keep && int(e.lsn) >= anchor {
						rt.Fatalf("record %d with seq %d was truncated", e.lsn, e.seq)
					}
				}
			},
			"seal": func(rt *rapid.T) {
				if err := j.Seal(); err != nil {
					rt.Fatal(err)
				}
			},
			"crash": func(rt *rapid.T) {
				seed := rapid.Uint64().Draw(rt, "seed")
				percent := rapid.SampledFrom([]int{0, 30, 70, 100}).Draw(rt, "percent")
				mem = mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})
				reopen(false)
			},
			"close": func(rt *rapid.T) {
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				synced = len(all)
				reopen(true)
			},
		})
	})
}

// TestLedgerModel: staging, commits of both kinds, certificates, starts.
func TestLedgerModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := NewMemFS()
		opt := testLedgerOptions(mem)
		opt.TableBytes = rapid.SampledFrom([]int64{0, 1, 20 << 10}).Draw(rt, "tableBytes")
		l := mustLedger(t, opt)
		m := &model{}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		rt.Repeat(map[string]func(*rapid.T){
			"stage": func(rt *rapid.T) {
				m.stage(t, l, r, shape{
					events: rapid.SliceOfN(rapid.IntRange(-1, 140), 0, 5).Draw(rt, "events"),
					tail:   rapid.IntRange(0, 3).Draw(rt, "tail"), gap: rapid.IntRange(0, 2).Draw(rt, "gap"),
					links: rapid.Bool().Draw(rt, "links"), codes: rapid.IntRange(0, 3).Draw(rt, "codes"),
					derived: rapid.IntRange(0, 9).Draw(rt, "derived"),
				})
			},
			"commit": func(rt *rapid.T) {
				if err := l.Commit(rapid.Bool().Draw(rt, "sync")); err != nil {
					rt.Fatal(err)
				}
			},
			"certificate": func(rt *rapid.T) {
				if len(m.blocks) == 0 {
					return
				}
				b := m.blocks[rapid.IntRange(0, len(m.blocks)-1).Draw(rt, "block")]
				b.ExecCert = []byte{rapid.Byte().Draw(rt, "cert")}
				if err := l.SetExecCert(b.Seq, b.ExecCert); err != nil {
					rt.Fatal(err)
				}
			},
			"start": func(rt *rapid.T) {
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
				opt.FS = mem
				l = mustLedger(t, opt)
			},
			"crash": func(rt *rapid.T) {
				applied := l.Applied()
				mem = mem.CrashClone(CrashCloneCfg{})
				opt.FS = mem
				l = mustLedger(t, opt)
				have, _ := l.Head()
				if have < applied || int(have) > len(m.blocks) {
					rt.Fatalf("%d blocks, applied %d of %d", have, applied, len(m.blocks))
				}
				m.blocks = m.blocks[:have]
				for _, b := range m.blocks { // an unsynced late certificate may be gone
					if got, err := l.Block(b.Seq); err == nil {
						b.ExecCert = got.ExecCert
					}
				}
			},
			"": func(rt *rapid.T) {
				if diff := m.check(l); diff != "" {
					rt.Fatal(diff)
				}
			},
		})
		_ = l.Close()
	})
}

// TestLedgerReadersBesideWriter: an event, once staged, is never missing.
func TestLedgerReadersBesideWriter(t *testing.T) {
	l := mustLedger(t, testLedgerOptions(NewMemFS()))
	m := &model{}
	r := rand.New(rand.NewPCG(1, 1))
	m.stage(t, l, r, shapes[7])
	var first []EventRecord
	m.each(func(_ *Block, e EventRecord) { first = append(first, e) })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for id := range uint64(3) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(id, 2))
			for {
				select {
				case <-stop:
					return
				default:
				}
				want := first[r.IntN(len(first))]
				if e, err := l.Event(want.Ordinal); err != nil || e != want {
					t.Errorf("event %d: %v", want.Ordinal, err)
					return
				}
				seq, next := l.Head()
				if e, err := l.Event(next - 1); err != nil || e.Ordinal != next-1 {
					t.Errorf("newest event %d of block %d: %v", next-1, seq, err)
					return
				}
				n, last := 0, uint64(0)
				err := l.ScanEvents(max(next, 300)-300, next, true, func(e *EventRecord) bool {
					n, last = n+1, e.Ordinal
					return true
				})
				if err != nil || uint64(n) != next-(max(next, 300)-300) {
					t.Errorf("scan of %d gave %d down to %d: %v", next, n, last, err)
					return
				}
				if _, err := l.Block(seq); err != nil {
					t.Error(err)
					return
				}
				if _, err := l.Status(r.Uint64N(next)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	until := time.Now().Add(2 * time.Second)
	for n := 0; time.Now().Before(until); n++ {
		m.stage(t, l, r, shapes[7])
		m.stage(t, l, r, shape{events: []int{5, 90}, links: true, codes: 2, derived: 3})
		if n%3 == 0 {
			if err := l.Commit(n%12 == 0); err != nil {
				t.Fatal(err)
			}
			if err := l.SetExecCert(wire.SeqNum(len(m.blocks)-1), []byte("c")); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	wg.Wait()
	m.blocks[0].ExecCert = nil
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLinkEncoding is exhaustive at the edges.
func TestLinkEncoding(t *testing.T) {
	edges := []uint64{0, 1, 2, 3, 127, 128, 1 << 31, 1<<61 - 1, 1 << 61, 1<<61 + 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<63 + 1, ^uint64(0) - 1, ^uint64(0)}
	for _, ordinal := range edges {
		for _, link := range edges {
			for _, near := range []uint64{link, ordinal - link, ordinal + link} {
				p := appendLink(nil, ordinal, near)
				in := cursor{rest: p}
				if got := in.link(ordinal); got != near || in.bad || len(in.rest) != 0 {
					t.Fatalf("link %d of ordinal %d became %d", near, ordinal, got)
				}
			}
		}
	}
}

// FuzzJournalRecovery: arbitrary bytes anywhere in the files of a sealed
// journal. Recovery never panics, and never gives other records in silence.
func FuzzJournalRecovery(f *testing.F) {
	image, want, applied := usedJournal(f, 1, true)
	names := listFiles(f, image, "/d/journal")
	f.Add(uint8(0), uint32(0), []byte{}, uint8(0), uint32(0), []byte{})
	f.Add(uint8(0), uint32(4096), []byte("QGRP"), uint8(1), uint32(0), []byte("QRTSEG01"))
	f.Add(uint8(2), uint32(0), make([]byte, 512), uint8(2), uint32(4096), make([]byte, 512))
	whole := make(map[string][]byte)
	for _, n := range names {
		whole[n] = readFile(f, image, "/d/journal/"+n)
		f.Add(uint8(slices.Index(names, n)), uint32(0), slices.Clone(whole[n][:700]), uint8(0), uint32(512), []byte{1})
	}
	f.Fuzz(func(t *testing.T, a uint8, atA uint32, dataA []byte, b uint8, atB uint32, dataB []byte) {
		clone := image.CrashClone(CrashCloneCfg{})
		changed := make(map[string][]byte)
		for _, p := range []struct {
			file uint8
			at   uint32
			data []byte
		}{{a, atA, dataA}, {b, atB, dataB}} {
			name := names[int(p.file)%len(names)]
			if changed[name] == nil {
				changed[name] = slices.Clone(whole[name])
			}
			copy(changed[name][int(p.at)%len(changed[name]):], p.data)
		}
		for name, p := range changed {
			writeFile(t, clone, "/d/journal/"+name, p)
		}
		judgeJournal(t, "fuzz", clone, want, applied)
	})
}

// FuzzSegment: a journal whose only segment is arbitrary but for its header.
// There is nothing to compare with; recovery must end, without a panic, and
// what it gives must be numbered without gaps and survive another start.
func FuzzSegment(f *testing.F) {
	fs := NewMemFS()
	j, _ := mustOpen(f, testOptions(fs))
	feed(j, 1, 100, 9000, 3)
	mustSync(f, j)
	image := fs.CrashClone(CrashCloneCfg{})
	whole := readFile(f, image, "/d/journal/segment-0000")
	f.Add(whole[blockBytes:])
	f.Add(whole[blockBytes : 3*blockBytes])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, tail []byte) {
		p := make([]byte, len(whole))
		copy(p, whole[:blockBytes])
		copy(p[blockBytes:], tail)
		for at := blockBytes; at < len(p); at += sectorBytes { // reach the layers behind the sector sums
			sealSector(p[at : at+sectorBytes])
		}
		clone := image.CrashClone(CrashCloneCfg{})
		writeFile(t, clone, "/d/journal/segment-0000", p)
		j, rec, err := OpenJournal(testOptions(clone))
		if err != nil {
			t.Fatal(err)
		}
		got := replayAll(t, j)
		for i, e := range got {
			if e.lsn != got[0].lsn+LSN(i) {
				t.Fatal("a gap")
			}
		}
		j2, again := mustOpen(t, testOptions(clone.CrashClone(CrashCloneCfg{})))
		if diff := sameEntries(replayAll(t, j2), got); diff != "" || again.Amnesia != rec.Amnesia {
			t.Fatal("another start differs: ", diff)
		}
	})
}

// FuzzSuperblock: decoding is total and canonical.
func FuzzSuperblock(f *testing.F) {
	s := superblock{sequence: 9, cluster: testCluster, replica: 3, amnesia: true, segmentBytes: 64 << 20, reason: "why"}
	var sector [sectorBytes]byte
	s.encode(sector[:], 1)
	f.Add(sector[:], true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, p []byte, seal bool) {
		if seal && len(p) >= sectorBytes {
			sealSector(p)
		}
		for number := range uint8(superblockCopies) {
			if s, ok := decodeSuperblock(p, number); ok {
				var again [sectorBytes]byte
				s.encode(again[:], number)
				if !bytes.Equal(again[:], p[:sectorBytes]) {
					t.Fatal("not canonical")
				}
			}
		}
		chooseSuperblock(p)
	})
}

// FuzzChunk: decoding a chunk is total.
func FuzzChunk(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	w := chunkWriter{b: makeBlock(r, 1, 5, shapes[6]), emit: func(first uint64, head []byte, events [][]byte) {
		f.Add(first, append(slices.Clone(head), bytes.Join(events, nil)...))
	}}
	w.write()
	f.Fuzz(func(t *testing.T, first uint64, p []byte) {
		if c, ok := decodeChunk(first, 1, p); ok {
			var e EventRecord
			for i := range c.count() {
				c.record(i, &e)
			}
		}
	})
}
