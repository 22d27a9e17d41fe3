package sim

import (
	"fmt"

	"quorate/wire"
)

// describe puts a frame into words, for the timeline.
func describe(kind wire.Kind, body []byte) string {
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return fmt.Sprintf("kind %d, %d bytes", kind, len(body))
	}
	slot := func(name string, s wire.SlotID) string {
		return fmt.Sprintf("%s view %d seq %d %v", name, s.View, s.Seq, s.Digest)
	}
	switch m := m.(type) {
	case *wire.PrePrepare:
		return slot("pre-prepare", m.Slot)
	case *wire.SignShare:
		return slot("sign-share", m.Slot) + fmt.Sprintf(" tau %v", m.HasTau)
	case *wire.FullCommitProof:
		return slot("full-commit-proof", m.Slot)
	case *wire.Prepare:
		return slot("prepare", m.Slot)
	case *wire.Commit:
		return slot("commit", m.Slot)
	case *wire.SlowCommitProof:
		return slot("slow-commit-proof", m.Slot)
	case *wire.ViewChange:
		return fmt.Sprintf("view-change of %d to %d, stable %d, %d slots", m.Replica, m.To, m.Stable.State.Seq, len(m.Slots))
	case *wire.NewView:
		return fmt.Sprintf("new-view %d", m.To)
	case *wire.Status:
		return fmt.Sprintf("status view %d active %v stable %d executed %d amnesia %v", m.View, m.Active, m.Stable, m.Executed, m.Amnesia)
	case *wire.Complaint:
		return fmt.Sprintf("complaint view %d", m.View)
	case *wire.Blocks:
		return fmt.Sprintf("blocks from %d, %d of them", m.Blocks[0].Proof.Slot.Seq, len(m.Blocks))
	case *wire.FetchBlocks:
		return fmt.Sprintf("fetch-blocks %d to %d", m.From, m.To)
	case *wire.SignState:
		return fmt.Sprintf("sign-state seq %d", m.Seq)
	case *wire.ExecuteProof:
		return fmt.Sprintf("execute-proof seq %d", m.Seq)
	case *wire.Checkpoint:
		return fmt.Sprintf("checkpoint seq %d", m.State.Seq)
	case *wire.Stable:
		return fmt.Sprintf("stable seq %d", m.State.Seq)
	case *wire.FetchBody:
		return fmt.Sprintf("fetch-body %v", m.Digest)
	}
	return fmt.Sprintf("%T", m)
}
