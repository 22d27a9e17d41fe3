package sim

import (
	"path"
	"slices"
	"strings"

	"quorate/storage"
)

// Faults of a disk beyond lost and torn writes: bytes that change while nobody
// looks (of at most f replicas, like lost journals), reads that fail, and a full
// disk. Checker C16 wants each to be noticed or to be harmless.

// rotKinds are the ways of bytes to change.
var rotKinds = [...]string{"a bit flips", "a sector turns to zeros", "a write went to the wrong sector", "the end of a file is gone",
	"two files are swapped", "a file is gone", "a file is as it was before"}

// rot damages what a journal has on disk in one way, and says how; nothing if
// there is nothing to damage.
func (d *disk) rot(r *stream) string {
	var files []string
	for _, name := range sortedKeys(d.now) {
		if n := d.now[name]; !n.dir && len(n.data) > 0 && !strings.Contains(name, "aside-") {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return ""
	}
	name := files[r.below(len(files))]
	n := d.now[name]
	at := r.below(len(n.data))
	if used := n.used(); r.chance(800) && used > 0 { // where something was written
		at = r.below(used)
	}
	kind := r.below(len(rotKinds))
	switch kind {
	case 0:
		n.data[at] ^= 1 << r.below(8)
	case 1:
		clear(sector(n.data, at))
	case 2:
		copy(sector(n.data, at), sector(n.data, r.below(len(n.data))))
	case 3:
		n.data = n.data[:at]
	case 4:
		other := files[r.below(len(files))]
		d.now[name], d.now[other] = d.now[other], n
	case 5:
		delete(d.now, name)
	case 6:
		if n.before == nil {
			return ""
		}
		n.data = append([]byte(nil), n.before...)
		d.old = append(d.old, path.Base(name))
	}
	d.settle()
	return rotKinds[kind] + " in " + name
}

// imaged reports whether the superblock and a segment are as they were before: an
// old image of the journal, in perfect order.
func (d *disk) imaged() bool {
	return slices.Contains(d.old, "superblock") && slices.ContainsFunc(d.old, func(name string) bool { return name != "superblock" })
}

// sector is the sector of b around an offset.
func sector(b []byte, at int) []byte {
	from := at - at%sectorBytes
	return b[from:min(len(b), from+sectorBytes)]
}

// used is the length without the zeros at the end.
func (n *inode) used() int {
	i := len(n.data)
	for i > 0 && n.data[i-1] == 0 {
		i--
	}
	return i
}

// remember keeps a file's bytes, so that rot can bring them back.
func (d *disk) remember() {
	for _, name := range sortedKeys(d.durable) {
		if n := d.durable[name]; !n.dir {
			n.before = append(n.before[:0], n.synced...)
		}
	}
}

// settle makes what is there now durable as it is.
func (d *disk) settle() {
	d.durable = map[string]*inode{}
	for _, name := range sortedKeys(d.now) {
		n := d.now[name]
		n.synced, n.dirty = append(n.synced[:0], n.data...), n.dirty[:0]
		d.durable[name] = n
	}
}

// paper is what a replica's journal should hold: a digest of each record under
// its number, and how far it was synced (C16).
type paper struct {
	incarnation uint64
	records     map[storage.LSN]hash // nil: nothing was written yet
	synced      storage.LSN
	sealed      storage.LSN // a superblock pins records up to here, at least
	superblocks uint64
	given       storage.LSN // records up to here came with an older journal and are not known
}

func recordHash(kind uint8, body []byte) hash {
	h := hash(kind) + 1
	h.bytes(body)
	return h
}

// begin notes which journal was found. One that starts afresh, and says so, owes
// nothing.
func (p *paper) begin(n *node, found *storage.Recovery) {
	lost := found.LastLSN < p.synced || found.Incarnation != p.incarnation
	switch {
	case p.records == nil:
	case lost && found.Amnesia:
		n.past.forget()
	case lost && n.rotten && (found.LastLSN >= p.sealed && found.Incarnation == p.incarnation || n.disk.imaged()):
		// The newest groups, which no superblock knows of yet, or superblock and
		// records as they were together: no disk can see that alone (package storage,
		// "What one disk cannot see").
		n.blind = true
		n.w.result.Unseen++
		n.w.say("replica %d does not know that records %d to %d are lost", n.id, found.LastLSN+1, p.synced)
	case lost && n.liar != nil:
	case lost:
		n.w.fail("C16: replica %d: journal %d ends at record %d, %d of journal %d were synced, and no word of it", n.id,
			found.Incarnation, found.LastLSN, p.synced, p.incarnation)
	}
	if p.records == nil || lost && (found.Amnesia || n.disk.imaged()) {
		// An old image may be of a journal before this one: its records are as good
		// as the storage's own sums say.
		p.records, p.given = map[storage.LSN]hash{}, found.LastLSN
	}
	p.incarnation, p.synced, p.sealed = found.Incarnation, found.LastLSN, found.LastLSN
}

// group notes a group that was synced. What a superblock covers for sure is what
// was synced before the call that wrote one.
func (p *paper) group(synced storage.LSN, superblocks uint64) {
	if superblocks != p.superblocks {
		p.sealed, p.superblocks = p.synced, superblocks
	}
	p.synced = synced
}

// check compares a record that was read back.
func (p *paper) check(n *node, rec *storage.Record) {
	if n.liar != nil {
		return // it may be given old disks
	}
	if want, known := p.records[rec.LSN]; !known && rec.LSN <= p.given {
		p.records[rec.LSN] = recordHash(rec.Kind, rec.Body)
	} else if !known || want != recordHash(rec.Kind, rec.Body) {
		n.w.fail("C16: replica %d: record %d of the journal comes back changed (known %v)", n.id, rec.LSN, known)
	}
}
