package sim

import (
	"quorate/wire"
)

// Lies with the past: lost and old disks, and old frames.

// fate is what happens to a liar's disks when it dies next.
type fate uint8

const (
	fateNone     fate = iota
	fateEmpty         // everything is gone, and it does not know (strategy 18)
	fateJournal       // the journal alone
	fateRollback      // an older copy comes back (strategy 19)
)

// diskCopy is a liar's disk and ledger as they were at some time, after a power
// cut would have left them.
type diskCopy struct {
	disk   map[string]*inode
	ledger durable
}

// amnesia ends the liar's program, to start it again with nothing on disk. It
// believes to be new: its real program votes for the same slots again, with all
// the plausibility of one.
func amnesia(l *liar, r *stream) bool {
	l.fate = fateEmpty
	if r.chance(500) {
		l.fate = fateJournal
	}
	l.n.crashAt = l.n.effects + 1
	return true
}

// rollback copies the disks first, and later starts again from that copy.
func rollback(l *liar, r *stream) bool {
	if l.copied == nil {
		l.copied = l.n.copyDisks()
		return true
	}
	if r.chance(700) {
		return false // the older the copy, the more was promised since
	}
	l.fate = fateRollback
	l.n.crashAt = l.n.effects + 1
	return true
}

func (n *node) copyDisks() *diskCopy {
	c := &diskCopy{disk: map[string]*inode{}, ledger: n.ledger.old.clone()}
	for _, name := range sortedKeys(n.disk.durable) {
		c.disk[name] = n.disk.durable[name].clone()
	}
	return c
}

func (n *inode) clone() *inode {
	synced := append([]byte(nil), n.synced...)
	return &inode{dir: n.dir, data: append([]byte(nil), synced...), synced: synced}
}

func (d *durable) clone() durable {
	c := durable{blocks: append(d.blocks[:0:0], d.blocks...), certs: map[wire.SeqNum][]byte{},
		pages: image{seq: d.pages.seq, meta: d.pages.meta, pages: map[pageKey][]byte{}}}
	for seq, cert := range d.certs { //tidy:sorted copied key by key
		c.certs[seq] = cert
	}
	for key, page := range d.pages.pages { //tidy:sorted copied key by key
		c.pages.pages[key] = page
	}
	return c
}

// died turns a dead liar's disks into what its strategy wants. What it signed
// stays signed.
func (l *liar) died() {
	n := l.n
	if l.fate != fateNone {
		n.paper = paper{}
	}
	switch l.fate {
	case fateEmpty:
		n.disk.wipe("journal")
		n.ledger.wipe()
		n.created = false
	case fateJournal:
		n.disk.wipe("journal")
		n.created = false
	case fateRollback:
		n.disk.now, n.disk.durable = map[string]*inode{}, map[string]*inode{}
		for _, name := range sortedKeys(l.copied.disk) {
			f := l.copied.disk[name].clone()
			n.disk.now[name], n.disk.durable[name] = f, f
		}
		n.ledger.old = l.copied.ledger.clone()
		n.ledger.load()
		l.copied = nil
	}
	l.fate = fateNone
}

// unable empties the disks of a liar whose program refuses to start from what it
// was left with.
func (l *liar) unable(err error) {
	l.w.say("liar %d cannot start: %v", l.n.id, err)
	l.fate = fateEmpty
}

// replayArchive sends old frames beside a new one: its own of other views, slots
// and lives, and what others once sent to any liar (strategy 20). Links are
// authenticated, so all of it comes from the liar; what others signed in it
// stays signed.
func replayArchive(f *frame) bool {
	archive := f.l.brain.archive
	if len(archive) == 0 {
		return false
	}
	for range f.rnd.between(1, 3) {
		old := archive[f.rnd.below(len(archive))]
		f.l.post(f.to, old.kind, old.body, uint64(f.rnd.below(2)*f.rnd.below(100_000)))
	}
	return true
}
