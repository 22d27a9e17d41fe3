package ours

import "testing"

// Aim: what loadgen writes is read as it is meant; the smoke test of the command
// runs it.

func TestAchieved(t *testing.T) {
	const series = "second,offered,achieved,late\n1,9,100,0\n2,9,20,0\n3,9,3,0\n"
	for warmup, want := range map[int]uint64{0: 123, 1: 23, 2: 3, 3: 0} {
		if n, err := achieved(series, warmup); n != want || err != nil {
			t.Errorf("after %d seconds: %d, %v", warmup, n, err)
		}
	}
	for _, bad := range []string{"", "second,achieved\n1,2", "second,offered,achieved\nx,1,2", "second,offered,achieved\n1,1,x"} {
		if n, err := achieved(bad, 0); err == nil {
			t.Errorf("%q gives %d", bad, n)
		}
	}
}
