package wire

import "fmt"

// RecordKind says what a journal record's body is.
type RecordKind uint8

// Kinds of journal records.
const (
	RecordBody       RecordKind = 1 // an encoded batch; the pipeline writes it before the vote that needs it
	RecordVote       RecordKind = 2
	RecordLock       RecordKind = 3
	RecordCommitted  RecordKind = 4
	RecordViewChange RecordKind = 5
	RecordEntered    RecordKind = 6
	RecordAnchor     RecordKind = 7
)

// Record is what the core asks to have on disk before something leaves.
type Record interface {
	RecordKind() RecordKind
	// RecordSeq is the slot that the record belongs to: the journal may drop it
	// once a stable checkpoint is at or past it. 0: superseded by the next anchor.
	RecordSeq() SeqNum
	Append(b []byte) []byte
}

// VoteRecord is a promise: this replica accepted this value in this view.
type VoteRecord struct{ Slot SlotID }

// LockRecord is the τ certificate that this replica will report in view changes.
type LockRecord struct {
	Slot SlotID
	Tau  Certificate
}

// CommittedRecord is the proof that a slot is final. Nothing waits for it; it
// spares a restarted replica from asking others.
type CommittedRecord struct{ Proof CommitProof }

// ViewChangeRecord is the view change that this replica sends: from here on it
// does not vote below view Message.To.
type ViewChangeRecord struct{ Message *ViewChange }

// EnteredRecord is an entered view with all that its start was computed from,
// so that it can be shown to a replica that missed it.
type EnteredRecord struct {
	NewView *NewView
	Chosen  []*ViewChange // same order as NewView.Chosen
}

// AnchorRecord restates what older segments of the journal said and what still
// matters: where this replica stands. Votes and locks above the stable
// checkpoint stay in their own segments.
type AnchorRecord struct {
	View    View
	Active  bool
	Stable  Stable
	Leaving *ViewChange    // set when not active
	Entered *EnteredRecord // set when View > 0 was entered and is or was the last active view
}

func (r *VoteRecord) RecordKind() RecordKind       { return RecordVote }
func (r *LockRecord) RecordKind() RecordKind       { return RecordLock }
func (r *CommittedRecord) RecordKind() RecordKind  { return RecordCommitted }
func (r *ViewChangeRecord) RecordKind() RecordKind { return RecordViewChange }
func (r *EnteredRecord) RecordKind() RecordKind    { return RecordEntered }
func (r *AnchorRecord) RecordKind() RecordKind     { return RecordAnchor }

func (r *VoteRecord) RecordSeq() SeqNum       { return r.Slot.Seq }
func (r *LockRecord) RecordSeq() SeqNum       { return r.Slot.Seq }
func (r *CommittedRecord) RecordSeq() SeqNum  { return r.Proof.Slot.Seq }
func (r *ViewChangeRecord) RecordSeq() SeqNum { return 0 }
func (r *EnteredRecord) RecordSeq() SeqNum    { return 0 }
func (r *AnchorRecord) RecordSeq() SeqNum     { return 0 }

// Append appends the canonical encoding to b.
func (r *VoteRecord) Append(b []byte) []byte { return r.Slot.append(b) }

// Append appends the canonical encoding to b.
func (r *LockRecord) Append(b []byte) []byte { return r.Tau.append(r.Slot.append(b)) }

// Append appends the canonical encoding to b.
func (r *CommittedRecord) Append(b []byte) []byte { return r.Proof.Append(b) }

// Append appends the canonical encoding to b.
func (r *ViewChangeRecord) Append(b []byte) []byte { return r.Message.Append(b) }

// Append appends the canonical encoding to b.
func (r *EnteredRecord) Append(b []byte) []byte {
	b = r.NewView.Append(b)
	for _, m := range r.Chosen {
		b = m.Append(b)
	}
	return b
}

// Append appends the canonical encoding to b.
func (r *AnchorRecord) Append(b []byte) []byte {
	b = appendU64(b, uint64(r.View))
	b = appendBool(b, r.Active)
	b = r.Stable.Append(b)
	b = appendBool(b, r.Leaving != nil)
	if r.Leaving != nil {
		b = r.Leaving.Append(b)
	}
	b = appendBool(b, r.Entered != nil)
	if r.Entered != nil {
		b = r.Entered.Append(b)
	}
	return b
}

// AnchorBytes is the length of the largest anchor record: of a replica that is on
// its way out of a view which viewChanges others opened, each with votes and
// locks in all slots of the window and certificates of certBytes. No message
// between replicas but a batch is larger.
func AnchorBytes(viewChanges, window, certBytes int) int {
	stable := checkpointStateBytes + 2 + certBytes
	slot := 8 + 1 + 8 + DigestBytes + 8 + DigestBytes + 2 + certBytes
	change := 2 + 8 + stable + 4 + window*slot + SignatureBytes
	newView := 8 + 4 + viewChanges*chosenBytes + SignatureBytes
	return 8 + 1 + stable + 1 + change + 1 + newView + viewChanges*change
}

func (r *reader) entered() *EnteredRecord {
	e := &EnteredRecord{NewView: r.newView()}
	for i := 0; i < len(e.NewView.Chosen) && r.err == nil; i++ {
		e.Chosen = append(e.Chosen, r.viewChange())
	}
	return e
}

// DecodeRecord reads a journal record other than RecordBody.
func DecodeRecord(kind RecordKind, b []byte) (Record, error) {
	r := reader{rest: b}
	var rec Record
	switch kind {
	case RecordVote:
		rec = &VoteRecord{Slot: r.slotID()}
	case RecordLock:
		rec = &LockRecord{Slot: r.slotID(), Tau: r.certificate("tau")}
	case RecordCommitted:
		rec = &CommittedRecord{Proof: r.commitProof()}
	case RecordViewChange:
		rec = &ViewChangeRecord{Message: r.viewChange()}
	case RecordEntered:
		rec = r.entered()
	case RecordAnchor:
		a := &AnchorRecord{View: View(r.u64("view")), Active: r.bool("active"), Stable: r.stable()}
		if r.bool("leaving") {
			a.Leaving = r.viewChange()
		}
		if r.bool("entered") {
			a.Entered = r.entered()
		}
		rec = a
	default:
		r.fail("unknown record kind")
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("record kind %d: %w", kind, err)
	}
	return rec, nil
}
