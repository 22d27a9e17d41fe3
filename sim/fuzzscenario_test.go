package sim

import (
	"encoding/binary"
	"testing"

	"quorate/wire"
)

// Aim: no list of faults, however unlikely, breaks a promise of the cluster.
// Method: the fuzzer's bytes are an explicit scenario, one choice per few bytes;
// coverage of the program guides it. A choice that the run does not come to has
// no effect, so most bytes mean something. What fails is printed as a scenario
// file, which make sim SCENARIO= replays.

// fuzzKinds are the frames that a fuzzer's choice may be about.
var fuzzKinds = [16]wire.Kind{wire.KindPrePrepare, wire.KindSignShare, wire.KindFullCommitProof, wire.KindPrepare, wire.KindCommit,
	wire.KindSlowCommitProof, wire.KindSignState, wire.KindExecuteProof, wire.KindCheckpoint, wire.KindStable, wire.KindComplaint,
	wire.KindViewChange, wire.KindNewView, wire.KindStatus, wire.KindFetchBlocks, wire.KindBlocks}

// fuzzTopics are what its choices may be; frequent ones stand first and last.
var fuzzTopics = [...]topic{topicLost, topicLost, topicLate, topicAgain, topicReplay, topicCrashAt, topicCrash, topicTorn, topicLedger,
	topicRestart, topicCut, topicCut, topicNotice, topicSyncFails, topicCommitFails, topicStall, topicPause, topicClog, topicCapacity,
	topicBandwidth, topicCrashAll, topicRepeat, topicBent, topicForget, topicRot, topicReadFails, topicRemember, topicJump, topicFreeze, topicLost}

const (
	fuzzEntryBytes = 7
	fuzzEntriesMax = 60
	fuzzCalm       = 2_000_000
)

// scenarioOf reads the fuzzer's bytes; nil when there are too few.
func scenarioOf(b []byte) *Scenario {
	if len(b) < 4 {
		return nil
	}
	s := &Scenario{Opt: fuzzOptions(), Calm: fuzzCalm, Jitter: uint64(b[0] & 15)}
	o := &s.Opt
	size := [...][2]int{{1, 0}, {1, 0}, {1, 1}, {2, 0}}[b[0]>>4&3]
	o.F, o.C = size[0], size[1]
	o.Network.FIFO, o.Final = b[0]&64 != 0, b[0]&128 != 0
	o.Window, o.Load.Ops, o.Load.Depth = 4<<(b[1]&3), 2+int(b[1]>>2&15), 1+int(b[1]>>6)
	if role := []topic{topicLiar, topicForgetful, topicRotten, topicClock}[b[2]&3]; b[2]&4 != 0 {
		s.entries = append(s.entries, entry{topic: role, key: key{a: int16(int(b[2]>>3) % o.replicas())}, value: uint64(b[3])})
	}
	for b = b[4:]; len(b) >= fuzzEntryBytes && len(s.entries) < fuzzEntriesMax; b = b[fuzzEntryBytes:] {
		s.entries = append(s.entries, entryOf(b, o.replicas()))
	}
	return s
}

// entryOf reads one choice.
func entryOf(b []byte, n int) entry {
	v := uint64(binary.LittleEndian.Uint16(b[5:]))
	from, to := int(b[1]>>4)%n, int(b[1]&15)%n
	e := entry{topic: fuzzTopics[int(b[0])%len(fuzzTopics)], value: v * 20}
	frame := key{a: int16(from), b: int16(to), kind: uint8(fuzzKinds[b[2]&15]), view: uint64(b[2] >> 6), seq: uint64(b[3] & 31), n: uint32(b[3] >> 5)}
	switch t := e.topic; t {
	case topicLost, topicLate, topicAgain, topicReplay, topicBent:
		switch wire.Kind(frame.kind) {
		case wire.KindComplaint, wire.KindViewChange, wire.KindNewView, wire.KindStatus:
			frame.seq = 0
		case wire.KindSignState, wire.KindExecuteProof, wire.KindCheckpoint, wire.KindStable, wire.KindFetchBlocks:
			frame.view = 0
		case wire.KindBlocks:
			frame.view, frame.seq = 0, 0
		}
		e.key = frame
		if t == topicBent {
			e.key.a += liarEnd
		}
		e.old = frame
		e.old.seq -= min(e.old.seq, uint64(b[4]&7))
		e.old.b = int16(int(b[4]>>3) % n)
	case topicTorn, topicLedger, topicRestart, topicForget, topicRot, topicReadFails:
		e.key = key{a: int16(from), n: 1 + uint32(b[2]&7)}
		e.value = v % 1001
		if t == topicRestart {
			e.value = 1000 + v*20
		}
	case topicRepeat:
		e.key = key{a: -1 - int16(b[2]&1), seq: uint64(b[3] & 31)}
	default:
		e.at = 1 + uint64(b[2])*fuzzCalm/256
		e.key = key{a: int16(from), b: int16(to), kind: b[3] % 7}
		e.fuzzAction(b, n)
	}
	return e
}

// fuzzAction reads what is special about an action.
func (e *entry) fuzzAction(b []byte, n int) {
	switch e.topic {
	case topicCut:
		for i := range n * n {
			if (uint64(b[3])|uint64(b[4])<<8|uint64(b[5])<<16|uint64(b[6])<<24)>>(i%32)&1 != 0 && i/n != i%n {
				e.links = append(e.links, i/n, i%n)
			}
		}
	case topicNotice:
		e.value &= 1
	case topicCapacity, topicBandwidth, topicCrashAt:
		e.value = e.value/20%1000 + 2
	case topicJump:
		e.value = uint64((int64(b[5]) - 128) * timeBound / 1000)
	case topicStall, topicPause, topicClog, topicFreeze:
		e.value *= 2
	}
}

func FuzzScenario(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0x81, 0x55, 0, 0, 6, 0x10, 40, 0, 0, 0, 0, 0, 0x01, 0, 1, 0, 0, 0}) // a crash and a lost proposal
	f.Add([]byte{0x10, 0x29, 4, 7, 10, 0, 20, 0x0f, 0xf0, 0xff, 0, 10, 0, 120, 0, 0, 0, 0, 5, 0x20, 30, 0, 0, 90, 0})
	f.Add([]byte{0x35, 0x7a, 0x0d, 3, 20, 0, 90, 0, 0, 0, 0, 7, 0x10, 1, 0, 0, 200, 1, 22, 0x12, 1, 3, 0, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := scenarioOf(b)
		if s == nil {
			return
		}
		if err := s.validate(); err != nil {
			t.Fatalf("the reading of the bytes is wrong: %v", err)
		}
		if r := s.Run(nil); r.Problem != "" {
			s.Found = Class(r.Problem)
			t.Fatalf("%s\n%s", r.Problem, s.Text())
		}
	})
}
