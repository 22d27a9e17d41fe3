package mark

import "slices"

// The reasons of consensus.RejectReason, by number; TestRejectNumbers of package
// consensus compares them.
const (
	sender = iota
	view
	window
	duplicate
	conflict
	forged
	busy
	banned
	badTime
	amnesia
)

// reminderKind is wire.KindReminder.
const reminderKind = 36

// coreRejects lists which message (wire.Kind, by number) the core refuses for
// which reasons.
var coreRejects = slices.Concat(
	rejects(16, sender, view, window, duplicate, conflict, forged, busy, badTime, amnesia), // pre-prepare
	rejects(17, view, window, conflict, banned),                                            // sign-share
	rejects(18, window, forged, busy, banned),                                              // full-commit-proof
	rejects(19, view, window, forged, busy, banned),                                        // prepare
	rejects(20, view, window, conflict, banned),                                            // commit
	rejects(21, window, forged, busy, banned),                                              // full-commit-proof-slow
	rejects(22, window, busy, banned),                                                      // sign-state
	rejects(23, window, conflict, forged, busy, banned),                                    // full-execute-proof
	rejects(24, window, duplicate, banned),                                                 // checkpoint
	rejects(25, conflict, forged, busy, banned),                                            // stable
	rejects(26, view), // complaint
	rejects(27, sender, view, duplicate, conflict, forged, busy), // view-change
	rejects(28, view, duplicate, conflict, forged, busy),         // new-view
	rejects(30, busy),                         // fetch-body
	rejects(31, duplicate, forged),            // body
	rejects(32, busy),                         // fetch-view-change
	rejects(33, busy),                         // fetch-blocks
	rejects(34, sender, window, forged, busy), // blocks
	rejects(reminderKind, window, duplicate, forged, busy),
	rejects(37, window, duplicate, forged, busy), // head
)

func rejects(kind uint8, reasons ...uint8) (codes []uint32) {
	for _, r := range reasons {
		codes = append(codes, RejectNumber(kind, r))
	}
	return codes
}
