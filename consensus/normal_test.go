package consensus

import (
	"fmt"
	"testing"
)

func TestNormal(t *testing.T) {
	for _, size := range [][3]int{{4, 1, 0}, {6, 1, 1}, {7, 2, 0}} {
		w := newWorld(1, size[0], size[1], size[2], 8)
		if testing.Verbose() {
			w.trace = func(f string, a ...any) {
				fmt.Printf("%5d.%d ", w.now/unitsPerTick, w.now%unitsPerTick)
				fmt.Printf(f+"\n", a...)
			}
		}
		for i := range 20 {
			w.want(fmt.Sprint(i))
		}
		w.ticks(200)
		if w.check.failed() {
			t.Fatalf("%s\n%s", w.check.problem, w)
		}
		t.Logf("%s", w)
	}
}
