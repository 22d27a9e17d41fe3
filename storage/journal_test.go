package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"quorate/wire"
)

// Aim: a journal gives back what was synced, in order, through clean and
// unclean ends, rolls, recycling and truncation. Method: tables of small
// journals on a file system in memory, compared record by record.

var testCluster = wire.Sum("test/cluster", []byte("a"))

// testOptions is a journal of tiny segments, so that every path is short.
func testOptions(fs FS) Options {
	return Options{
		FS: fs, Dir: "/d/journal", Cluster: testCluster, Replica: 1, Create: true,
		SegmentBytes: 32 << 10, SegmentsMin: 2, SegmentsMax: 16, SuperblockBytes: 64 << 10, SuperblockGroups: 8,
		Nonce: func() [16]byte { return [16]byte{1, 2, 3} },
	}
}

// entry is what a record should be.
type entry struct {
	lsn  LSN
	kind uint8
	seq  wire.SeqNum
	body []byte
}

// testBody is determined by its number: no two records look alike.
func testBody(n uint64, size int) []byte {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(n, uint64(size)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if size >= 8 {
		binary.LittleEndian.PutUint64(b, n)
	}
	return b
}

func mustOpen(t testing.TB, opt Options) (*Journal, Recovery) {
	t.Helper()
	j, rec, err := OpenJournal(opt)
	if err != nil {
		t.Fatal(err)
	}
	return j, rec
}

func replayAll(t testing.TB, j *Journal) []entry {
	t.Helper()
	var got []entry
	if err := j.Replay(func(r Record) error {
		got = append(got, entry{r.LSN, r.Kind, r.Seq, bytes.Clone(r.Body)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// sameEntries says how two lists differ, or "".
func sameEntries(got, want []entry) string {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.lsn != w.lsn || g.kind != w.kind || g.seq != w.seq || !bytes.Equal(g.body, w.body) {
			return fmt.Sprintf("record %d: got lsn %d kind %d seq %d (%d bytes), want lsn %d kind %d seq %d (%d bytes)",
				i, g.lsn, g.kind, g.seq, len(g.body), w.lsn, w.kind, w.seq, len(w.body))
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d records, want %d", len(got), len(want))
	}
	return ""
}

// feed appends records of the sizes and gives what they should read as.
func feed(j *Journal, from uint64, sizes ...int) []entry {
	var out []entry
	for i, size := range sizes {
		n := from + uint64(i)
		e := entry{kind: uint8(n), seq: wire.SeqNum(n / 2), body: testBody(n, size)}
		cut := size / 3
		e.lsn = j.Append(e.kind, e.seq, e.body[:cut], nil, e.body[cut:])
		out = append(out, e)
	}
	return out
}

func mustSync(t testing.TB, j *Journal) LSN {
	t.Helper()
	lsn, err := j.Sync()
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func TestJournalRoundTrip(t *testing.T) {
	edge := blockPayload - groupHeaderBytes - recordHeaderBytes
	for _, sizes := range [][]int{
		{0}, {1}, {7, 8, 9}, {507, 508, 509}, {edge - 1}, {edge}, {edge + 1}, {edge, edge, edge},
		{20000}, {20000, 20000, 1}, {1, 2, 3, 20000, 0, 0, 500, 20000, 4000, 4000},
	} {
		for _, clean := range []bool{true, false} {
			for _, each := range []bool{true, false} {
				name := fmt.Sprint(sizes, " clean ", clean, " each ", each)
				fs := NewMemFS()
				j, rec := mustOpen(t, testOptions(fs))
				if !rec.Created || rec.Amnesia || rec.Incarnation != 1 {
					t.Fatalf("%s: fresh: %+v", name, rec)
				}
				var want []entry
				for round := range 5 {
					if each {
						for i, s := range sizes {
							want = append(want, feed(j, uint64(round*100+i), s)...)
							mustSync(t, j)
						}
					} else {
						want = append(want, feed(j, uint64(round*100), sizes...)...)
						mustSync(t, j)
					}
				}
				disk := fs
				if clean {
					if err := j.Close(); err != nil {
						t.Fatal(err)
					}
				} else {
					disk = fs.CrashClone(CrashCloneCfg{})
				}
				opt := testOptions(disk)
				opt.Create = false
				j, rec = mustOpen(t, opt)
				if rec.Amnesia || rec.Clean != clean || rec.LastLSN != LSN(len(want)) || rec.Records != uint64(len(want)) {
					t.Fatalf("%s: reopened: %+v", name, rec)
				}
				if diff := sameEntries(replayAll(t, j), want); diff != "" {
					t.Fatalf("%s: %s", name, diff)
				}
				more := feed(j, 9000, 100, 200)
				mustSync(t, j)
				if diff := sameEntries(replayAll(t, j), append(want, more...)); diff != "" {
					t.Fatalf("%s: after more: %s", name, diff)
				}
			}
		}
	}
}

func TestJournalTruncate(t *testing.T) {
	fs := NewMemFS()
	j, _ := mustOpen(t, testOptions(fs))
	var want []entry
	for n := range uint64(200) {
		want = append(want, feed(j, n*10, 3000, 3000, 10)...)
		synced := mustSync(t, j)
		if n%4 == 3 {
			if err := j.Truncate(wire.SeqNum((n-2)*10/2), synced); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := j.Stats(); s.SegmentFiles > 6 || s.Rolls < 30 {
		t.Fatalf("segments are not recycled: %+v", s)
	}
	if err := j.Truncate(1e9, j.synced+1); err == nil {
		t.Fatal("truncated before a record that is not synced")
	}
	if err := j.Truncate(1e9, 1); err != nil || replayAll(t, j)[0].lsn == want[len(want)-1].lsn {
		t.Fatal("truncated at or behind the anchor")
	}
	got := replayAll(t, j)
	first := int(got[0].lsn) - 1
	if want[first-1].seq > (199-2)*10/2 {
		t.Fatalf("record %d with seq %d was truncated", want[first-1].lsn, want[first-1].seq)
	}
	if diff := sameEntries(got, want[first:]); diff != "" {
		t.Fatal(diff)
	}
	j2, rec := mustOpen(t, testOptions(fs.CrashClone(CrashCloneCfg{})))
	if rec.Amnesia {
		t.Fatalf("%+v", rec)
	}
	if diff := sameEntries(replayAll(t, j2), want[first:]); diff != "" {
		t.Fatal(diff)
	}
}

func TestJournalMarks(t *testing.T) {
	fs := NewMemFS()
	j, _ := mustOpen(t, testOptions(fs))
	if err := j.MarkApplied(77); err != nil {
		t.Fatal(err)
	}
	_, rec := mustOpen(t, testOptions(fs.CrashClone(CrashCloneCfg{})))
	if rec.DiskApplied != 77 || rec.Clean || rec.Amnesia {
		t.Fatalf("%+v", rec)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Sync(); err == nil {
		t.Fatal("synced after close")
	}
	if j.Append(1, 1) != 0 {
		t.Fatal("appended after close")
	}
}

// Amnesia is reported until Healed, through any number of starts; the records
// of the new incarnation are kept.
func TestJournalAmnesiaStands(t *testing.T) {
	fs := NewMemFS()
	opt := testOptions(fs)
	opt.Create = false
	for start := range 4 {
		j, rec := mustOpen(t, opt)
		if !rec.Amnesia || rec.Reason == "" || rec.Incarnation != 1 || rec.LastLSN != LSN(start) {
			t.Fatalf("start %d: %+v", start, rec)
		}
		feed(j, uint64(start), 10)
		mustSync(t, j)
		if start == 3 {
			if err := j.Healed(); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, rec := mustOpen(t, opt); rec.Amnesia || rec.Reason != "" || rec.LastLSN != 4 {
		t.Fatalf("healed: %+v", rec)
	}
}

// The files of lost journals are kept aside, at most asidesMax of them, and
// each start over has a higher incarnation even if all superblocks are lost.
func TestJournalAside(t *testing.T) {
	fs := NewMemFS()
	j, _ := mustOpen(t, testOptions(fs))
	for n := range uint64(5) {
		feed(j, n, 100)
		mustSync(t, j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := fs.Remove("/d/journal/superblock"); err != nil {
			t.Fatal(err)
		}
		var rec Recovery
		j, rec = mustOpen(t, testOptions(fs)) // Create is set and must not matter
		if !rec.Amnesia || rec.Incarnation != n+2 || rec.Aside == "" {
			t.Fatalf("%+v", rec)
		}
	}
	names, _ := fs.List("/d/journal")
	asides := 0
	for _, n := range names {
		if len(n) > 6 && n[:6] == asidePrefix {
			asides++
		}
	}
	if asides != asidesMax {
		t.Fatalf("%d asides: %v", asides, names)
	}
}
