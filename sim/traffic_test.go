package sim

import (
	"testing"
	"time"

	"quorate/wire"
)

// Aim: a block costs five messages per link from or to the primary, however many
// replicas there are, and signatures are counted where they are made. Method: a
// clock that ticks once per reading, so that each call of the suite costs one.

func TestTrafficIsLinear(t *testing.T) {
	for _, f := range []int{1, 2} {
		tick := time.Duration(0)
		const blocks = 6
		tr, err := MeasureTraffic(f, 0, blocks, func() time.Duration { tick++; return tick })
		if err != nil {
			t.Fatal(err)
		}
		if tr.Blocks != blocks || tr.Replicas != 3*f+1 {
			t.Fatalf("%d blocks of %d replicas", tr.Blocks, tr.Replicas)
		}
		others := uint64(3 * f)
		for k := range tr.Frames {
			want := uint64(0)
			switch wire.Kind(k) {
			case wire.KindPrePrepare, wire.KindSignShare, wire.KindFullCommitProof, wire.KindSignState, wire.KindExecuteProof:
				want = blocks * others
			}
			if !Periodic(wire.Kind(k)) && tr.Frames[k] != want {
				t.Errorf("f=%d: %d frames of kind %d, want %d", f, tr.Frames[k], k, want)
			}
			if tr.Bytes[k] < wire.FrameHeaderBytes*tr.Frames[k] {
				t.Errorf("f=%d: kind %d has %d bytes in %d frames", f, k, tr.Bytes[k], tr.Frames[k])
			}
		}
		for i, calls := range tr.Crypto {
			// σ and π shares, and the checks of proposal and certificates, of which
			// several are one call.
			if calls < 4*blocks || calls > 12*blocks {
				t.Errorf("f=%d: replica %d used its suite %d times in %d blocks", f, i, calls, blocks)
			}
		}
	}
}

func TestTrafficOfNoCluster(t *testing.T) {
	if tr, err := MeasureTraffic(-1, 0, 1, nil); err == nil {
		t.Errorf("%+v", tr)
	}
}
