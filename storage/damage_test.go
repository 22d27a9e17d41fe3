package storage

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"quorate/wire"
)

// Aim: DSK-02 and DSK-03. Whatever one fault does to the files, the damage is
// reported (amnesia, a typed error) or harmless: never other data, never less
// of it in silence. Method: one image of a used journal or ledger; for each
// file and place a copy with one fault; open it; compare everything.

// fault changes the bytes of a file.
type fault struct {
	name  string
	apply func(p []byte, at int) []byte
}

var faults = []fault{
	{"flip a bit", func(p []byte, at int) []byte { p[at] ^= 1 << (at % 8); return p }},
	{"zero 16 bytes", func(p []byte, at int) []byte { clear(p[at:min(len(p), at+16)]); return p }},
	{"zero a sector", func(p []byte, at int) []byte {
		at &^= sectorBytes - 1
		clear(p[at:min(len(p), at+sectorBytes)])
		return p
	}},
	{"zero a block", func(p []byte, at int) []byte {
		at &^= blockBytes - 1
		clear(p[at:min(len(p), at+blockBytes)])
		return p
	}},
	{"truncate", func(p []byte, at int) []byte { return p[:at] }},
	{"repeat the block before", func(p []byte, at int) []byte { // misdirected write
		at &^= blockBytes - 1
		if at >= blockBytes && at+blockBytes <= len(p) {
			copy(p[at:at+blockBytes], p[at-blockBytes:])
		}
		return p
	}},
}

func readFile(t testing.TB, fs FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func writeFile(t testing.TB, fs FS, name string, p []byte) {
	t.Helper()
	f, err := fs.Create(name, writeCategory)
	if err == nil {
		_, err = f.Write(p)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// usedJournal is an image with several segments, recycled ones among them, and
// what its records are.
func usedJournal(t testing.TB, replica wire.ReplicaID, seal bool) (*MemFS, []entry, wire.SeqNum) {
	t.Helper()
	fs := NewMemFS()
	opt := testOptions(fs)
	opt.Replica = replica
	opt.Nonce = func() [16]byte { return [16]byte{byte(replica)} }
	j, _ := mustOpen(t, opt)
	var want []entry
	for n := range uint64(24) {
		want = append(want, feed(j, 1000*uint64(replica)+n*10, 2500, 100, 6000)...)
		lsn := mustSync(t, j)
		if n%8 == 7 && n < 20 {
			if err := j.Truncate(1e9, lsn-6); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.MarkApplied(33); err != nil {
		t.Fatal(err)
	}
	want = append(want, feed(j, 7777, 3000, 9000)...)
	mustSync(t, j)
	if seal {
		if err := j.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	got := replayAll(t, j)
	return fs.CrashClone(CrashCloneCfg{}), want[len(want)-len(got):], 33
}

// judgeJournal opens a damaged image. It reports how it ended, and fails if
// that is in silence with other data.
func judgeJournal(t *testing.T, name string, fs *MemFS, want []entry, applied wire.SeqNum) string {
	t.Helper()
	opt := testOptions(fs)
	opt.Create = false
	j, rec, err := OpenJournal(opt)
	switch {
	case errors.Is(err, ErrForeign):
		return "foreign"
	case err != nil:
		t.Fatalf("%s: %v", name, err)
	case rec.Amnesia:
		if rec.Reason == "" || rec.LastLSN != 0 {
			t.Fatalf("%s: %+v", name, rec)
		}
		j.Close()
		return "amnesia"
	}
	if diff := sameEntries(replayAll(t, j), want); diff != "" {
		t.Fatalf("%s: silently %s", name, diff)
	}
	if rec.DiskApplied != applied {
		t.Fatalf("%s: silently applied %d", name, rec.DiskApplied)
	}
	feed(j, 1, 5000)
	mustSync(t, j)
	j.Close()
	return "harmless"
}

func listFiles(t testing.TB, fs FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, n := range names {
		if info, err := fs.Stat(dir + "/" + n); err == nil && !info.IsDir() && n != "LOCK" {
			files = append(files, n)
		}
	}
	return files
}

func TestJournalDamage(t *testing.T) {
	image, want, applied := usedJournal(t, 1, true)
	step := 509
	if testing.Short() {
		step = 4093
	}
	seen := make(map[string]int)
	for _, file := range listFiles(t, image, "/d/journal") {
		name := "/d/journal/" + file
		whole := readFile(t, image, name)
		for _, f := range faults {
			for at := 0; at < len(whole); at += step {
				if file == superblockName && at%blockBytes > 2*sectorBytes {
					continue
				}
				clone := image.CrashClone(CrashCloneCfg{})
				writeFile(t, clone, name, f.apply(append([]byte(nil), whole...), at))
				end := judgeJournal(t, fmt.Sprintf("%s: %s at %d", file, f.name, at), clone, want, applied)
				seen[file[:4]+" "+f.name+" "+end]++
			}
		}
		clone := image.CrashClone(CrashCloneCfg{})
		if err := clone.Remove(name); err != nil {
			t.Fatal(err)
		}
		if end := judgeJournal(t, file+" removed", clone, want, applied); end != "amnesia" {
			t.Fatalf("%s removed: %s", file, end)
		}
	}
	for _, must := range []string{
		"segm flip a bit amnesia", "segm flip a bit harmless", "segm zero a block amnesia", "segm truncate amnesia",
		"supe flip a bit harmless", "supe truncate amnesia",
	} {
		if seen[must] == 0 {
			t.Errorf("never seen: %s", must)
		}
	}
	if seen["segm truncate harmless"] > 0 {
		t.Error("a truncated segment was taken for whole")
	}
	t.Log(seen)
}

// A flipped bit in the newest group, which no later write and no superblock
// pins, is found too: torn groups consist of whole sectors.
func TestJournalDamageNewestGroup(t *testing.T) {
	image, want, applied := usedJournal(t, 1, false)
	for _, file := range listFiles(t, image, "/d/journal") {
		if file == superblockName {
			continue
		}
		name := "/d/journal/" + file
		whole := readFile(t, image, name)
		for at := 3; at < len(whole); at += 127 {
			clone := image.CrashClone(CrashCloneCfg{})
			writeFile(t, clone, name, faults[0].apply(append([]byte(nil), whole...), at))
			judgeJournal(t, fmt.Sprintf("%s: flip at %d", file, at), clone, want, applied)
		}
	}
}

// All superblock copies bad, or only one good: amnesia. Two good: harmless.
func TestJournalSuperblockCopies(t *testing.T) {
	for good := range 5 {
		image, want, applied := usedJournal(t, 1, true)
		p := readFile(t, image, "/d/journal/superblock")
		for i := good; i < superblockCopies; i++ {
			p[i*blockBytes+20] ^= 4
		}
		writeFile(t, image, "/d/journal/superblock", p)
		end := judgeJournal(t, fmt.Sprint(good, " good copies"), image, want, applied)
		if (end == "harmless") != (good >= 2) {
			t.Fatalf("%d good copies: %s", good, end)
		}
	}
}

// DSK-03: files swapped between replicas.
func TestJournalSwapped(t *testing.T) {
	mine, want, applied := usedJournal(t, 1, true)
	theirs, _, _ := usedJournal(t, 2, true)
	ends := make(map[string]int)
	for _, a := range listFiles(t, mine, "/d/journal") {
		for _, b := range listFiles(t, theirs, "/d/journal") {
			if (a == superblockName) != (b == superblockName) {
				continue
			}
			clone := mine.CrashClone(CrashCloneCfg{})
			writeFile(t, clone, "/d/journal/"+a, readFile(t, theirs, "/d/journal/"+b))
			end := judgeJournal(t, a+" replaced by replica 2's "+b, clone, want, applied)
			if end == "harmless" {
				t.Errorf("%s replaced by replica 2's %s: %s", a, b, end)
			}
			ends[end]++
		}
		for _, b := range listFiles(t, mine, "/d/journal") {
			if a != b && a != superblockName && b != superblockName {
				clone := mine.CrashClone(CrashCloneCfg{})
				writeFile(t, clone, "/d/journal/"+a, readFile(t, mine, "/d/journal/"+b))
				ends[judgeJournal(t, a+" replaced by own "+b, clone, want, applied)]++
			}
		}
	}
	if ends["foreign"] != 1 || ends["amnesia"] == 0 {
		t.Fatalf("%v", ends)
	}
	opt := testOptions(theirs)
	if _, _, err := OpenJournal(opt); !errors.Is(err, ErrForeign) {
		t.Fatalf("another replica's directory: %v", err)
	}
	if _, rec := mustOpen(t, func() Options { o := testOptions(theirs); o.Replica = 2; return o }()); rec.Amnesia {
		t.Fatal("opening it as the wrong replica changed it")
	}
}

// DSK-03: one file goes back to an older image.
func TestJournalRolledBack(t *testing.T) {
	fs := NewMemFS()
	j, _ := mustOpen(t, testOptions(fs))
	var old []*MemFS
	var want []entry
	for n := range uint64(40) {
		want = append(want, feed(j, n*10, 2500, 4000)...)
		lsn := mustSync(t, j)
		if n%10 == 9 {
			if err := j.Truncate(1e9, lsn-10); err != nil {
				t.Fatal(err)
			}
			old = append(old, fs.CrashClone(CrashCloneCfg{}))
		}
	}
	if err := j.MarkApplied(44); err != nil {
		t.Fatal(err)
	}
	want = append(want, feed(j, 9999, 10)...)
	mustSync(t, j)
	// Sealed: the newest group alone could be rolled back unseen, nothing else
	// on the disk knows of it.
	if err := j.Seal(); err != nil {
		t.Fatal(err)
	}
	got := replayAll(t, j)
	want = want[len(want)-len(got):]
	now := fs.CrashClone(CrashCloneCfg{})
	amnesia := 0
	for i, o := range old {
		for _, file := range listFiles(t, o, "/d/journal") {
			clone := now.CrashClone(CrashCloneCfg{})
			before, after := readFile(t, o, "/d/journal/"+file), readFile(t, now, "/d/journal/"+file)
			writeFile(t, clone, "/d/journal/"+file, before)
			end := judgeJournal(t, fmt.Sprintf("%s of image %d", file, i), clone, want, 44)
			if end == "amnesia" {
				amnesia++
			} else if string(before) != string(after) && file == superblockName {
				t.Errorf("%s of image %d: %s", file, i, end)
			}
		}
	}
	if amnesia < 4 {
		t.Fatalf("%d rollbacks found", amnesia)
	}
}

// Every bit flip, zeroed stretch and truncation of any file of a ledger is an
// error of open, Verify or CheckApplied, or changes nothing.
func TestLedgerDamage(t *testing.T) {
	fs := NewMemFS()
	opt := testLedgerOptions(fs)
	opt.MemTableBytes, opt.blockBytes = 128<<10, 1<<10
	l := mustLedger(t, opt)
	m := &model{}
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 10 {
		m.stage(t, l, r, shapes[n%len(shapes)])
		if err := l.SavePages(wire.SeqNum(n+1), []Page{{Index: uint32(n % 5), Data: randomBytes(r, 200)}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(n%5 == 4); err != nil {
			t.Fatal(err)
		}
	}
	applied := l.Applied()
	image := fs.CrashClone(CrashCloneCfg{})
	ends := make(map[string]int)
	for _, file := range listFiles(t, image, "/d/ledger") {
		name := "/d/ledger/" + file
		whole := readFile(t, image, name)
		step := max(1, len(whole)/12)
		if testing.Short() {
			step = max(1, len(whole)/3)
		}
		for _, f := range faults {
			for at := 0; at < len(whole); at += step {
				clone := image.CrashClone(CrashCloneCfg{})
				writeFile(t, clone, name, f.apply(append([]byte(nil), whole...), at))
				kind, _, _ := strings.Cut(strings.TrimLeft(file, "0123456789."), "-")
				ends[kind+" "+judgeLedger(t, fmt.Sprintf("%s: %s at %d", file, f.name, at), clone, m, applied)]++
			}
		}
	}
	t.Log(ends)
	if ends["sst corrupt"]+ends["sst no open, corrupt"] == 0 {
		t.Fatal("damage of tables was never found")
	}
}

func judgeLedger(t *testing.T, name string, fs *MemFS, m *model, applied wire.SeqNum) (end string) {
	t.Helper()
	l, err := OpenLedger(testLedgerOptions(fs))
	switch {
	case l == nil && errors.Is(err, ErrCorrupt):
		return "no open, corrupt"
	case l == nil:
		t.Fatalf("%s: an error without a type: %v", name, err)
	}
	defer func() { _ = l.Close() }()
	if err == nil {
		err = l.CheckApplied(applied)
	}
	if errors.Is(err, ErrLedgerBehind) {
		return "behind"
	}
	if err := l.Verify(nil); err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s: an error without a type: %v", name, err)
		}
		return "corrupt"
	}
	if diff := m.checkBlocks(l); diff != "" {
		t.Fatalf("%s: silently %s", name, diff)
	}
	return "harmless"
}

// A segment whose first group is on the disk and its header is not: that group was
// never synced and is cut. The next use of the file writes the same header again;
// with that alone on the disk the old group must not come back.
func TestTornRollStaysCut(t *testing.T) {
	mem := NewMemFS()
	j, _ := mustOpen(t, testOptions(mem))
	feed(j, 1, 5000)
	mustSync(t, j)
	var before *MemFS
	for live := len(j.live); len(j.live) == live; {
		before = mem.CrashClone(CrashCloneCfg{})
		feed(j, uint64(j.next), 5000)
		mustSync(t, j)
	}
	rolled := j.live[len(j.live)-1]
	name := j.slotName(rolled.slot)
	torn := before.CrashClone(CrashCloneCfg{})
	whole, old := readFile(t, mem, name), readFile(t, before, name)
	writeFile(t, torn, name, append(append([]byte(nil), old[:blockBytes]...), whole[blockBytes:]...))
	_, rec := mustOpen(t, testOptions(torn))
	if rec.Amnesia || rec.LastLSN != rolled.head.first-1 {
		t.Fatalf("a torn roll: %+v, expected to end at record %d", rec, rolled.head.first-1)
	}
	again := torn.CrashClone(CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	now := readFile(t, again, name)
	writeFile(t, again, name, append(append([]byte(nil), whole[:blockBytes]...), now[blockBytes:]...))
	if _, rec = mustOpen(t, testOptions(again)); rec.Amnesia || rec.LastLSN != rolled.head.first-1 {
		t.Fatalf("a header came and the old group with it: %+v", rec)
	}
}
