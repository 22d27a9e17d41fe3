package consensus

// Aim: the registry of marks means the same reasons by their numbers as this
// package. Method: both directions over what the registry expects.

import (
	"testing"

	"quorate/internal/mark"
	"quorate/wire"
)

func TestRejectNumbers(t *testing.T) {
	expected := map[uint32]bool{}
	for _, code := range mark.AllFamilies()[mark.CoreRejects].Expected {
		expected[code] = true
	}
	rows := []struct {
		kind wire.Kind
		why  RejectReason
		want bool
	}{
		{wire.KindPrePrepare, RejectSender, true}, {wire.KindPrePrepare, RejectAmnesia, true}, {wire.KindPrePrepare, RejectTime, true},
		{wire.KindPrePrepare, RejectBanned, false}, {wire.KindSignShare, RejectBanned, true}, {wire.KindSignShare, RejectBusy, false},
		{wire.KindStable, RejectForged, true}, {wire.KindStable, RejectWindow, false}, {wire.KindComplaint, RejectView, true},
		{wire.KindCheckpoint, RejectDuplicate, true}, {wire.KindCheckpoint, RejectConflict, false},
		{wire.KindExecuteProof, RejectConflict, true}, {wire.KindBlocks, RejectSender, true}, {wire.KindBlocks, RejectView, false},
		{wire.KindFetchBody, RejectBusy, true}, {wire.KindFetchBody, RejectSender, false},
	}
	for _, r := range rows {
		if got := expected[mark.RejectNumber(uint8(r.kind), uint8(r.why))]; got != r.want {
			t.Errorf("kind %d, %v: expected %v, want %v", r.kind, r.why, got, r.want)
		}
	}
}
