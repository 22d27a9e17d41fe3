package pipeline

import (
	"testing"

	"quorate/storage"
)

// Aim: no two replicas of a small cluster write tables at the same block, and every
// size is one that storage takes. Method: all sizes of memtables and clusters.
func TestTablesAreWrittenInTurn(t *testing.T) {
	for _, memTable := range []int{0, 64 << 10, 8 << 20, 32 << 20, 2 << 30} {
		for _, n := range []int{1, 4, 7, 100} {
			usual := min(int64(memTable)/4, storage.TableBytesMax)
			last := int64(-1)
			for self := range n {
				got := tableBytes(memTable, self, n)
				if got > usual || got < usual*5/8 {
					t.Errorf("memtable %d, replica %d of %d: %d bytes", memTable, self, n, got)
				}
				if memTable > 0 && n <= 7 && got <= last {
					t.Errorf("memtable %d: replicas %d and %d of %d write tables of %d bytes", memTable, self-1, self, n, got)
				}
				last = got
			}
			if last != usual {
				t.Errorf("memtable %d: the last of %d has %d bytes, storage's default is %d", memTable, n, last, usual)
			}
		}
	}
}
