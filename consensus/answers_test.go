package consensus

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// Aim: what one peer is served in one tick is bounded, however it asks (RES-02).
// Method: one core, questions at servesMax−1, servesMax and servesMax+1.

func TestAnswersAreBounded(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for asked := servesMax - 1; asked <= servesMax+1; asked++ {
		core, err := New(Config{Quorums: q, Window: 8, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()})
		if err != nil {
			t.Fatal(err)
		}
		core.Step(Executed{Seq: 1, Digest: wire.Digest{1}}, nil)
		for tick := range 2 {
			served, busy := 0, 0
			for range asked {
				for _, e := range core.Step(Received{From: 1, Msg: &wire.FetchBlocks{From: 1, To: 1 << 5}}, nil) {
					switch e := e.(type) {
					case Serve:
						served++
					case Reject:
						if e.Reason == RejectBusy {
							busy++
						}
					}
				}
			}
			if served != min(asked, servesMax) || served+busy != asked {
				t.Errorf("tick %d: %d of %d questions were served, %d refused; at most %d are", tick, served, asked, busy, servesMax)
			}
			core.Step(Tick{}, nil)
		}
	}
}
