package sigagg

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: every plan is Lagrange interpolation at zero. Method: all subsets of
// small sets and random ones of large sets against the textbook formula in
// big-integer arithmetic mod r, the slow obvious twin.

// textbookLagrange returns λᵢ mod r for the signers.
func textbookLagrange(signers []int) []*big.Int {
	r := new(big.Int).SetBytes(scalarModulus)
	out := make([]*big.Int, len(signers))
	for i, si := range signers {
		l := big.NewInt(1)
		for j, sj := range signers {
			if j != i {
				inv := new(big.Int).ModInverse(new(big.Int).Mod(big.NewInt(int64(sj-si)), r), r)
				l.Mul(l, big.NewInt(int64(sj+1))).Mul(l, inv).Mod(l, r)
			}
		}
		out[i] = l
	}
	return out
}

// frOf returns v mod r as a scalar.
func frOf(t testing.TB, v *big.Int) (x bls.Fr) {
	t.Helper()
	if err := x.SetBigEndianMod(v.Bytes()); err != nil {
		t.Fatal(err)
	}
	return x
}

// checkPlan compares both ways of a plan with the twin.
func checkPlan(t *testing.T, signers []int) (integer bool) {
	t.Helper()
	points := make([]bls.G1, len(signers))
	var want, term, got bls.G1
	want.Clear()
	for i, l := range textbookLagrange(signers) {
		points[i] = hashed(string(rune(signers[i])), "TEST")
		bls.G1Mul(&term, &points[i], new(frOf(t, l)))
		bls.G1Add(&want, &want, &term)
	}
	p := newPlan(signers)
	p.apply(&got, slices.Clone(points))
	if !got.IsEqual(&want) {
		t.Fatalf("plan of %v (integers: %v) gives another point", signers, p.digits != nil)
	}
	(&plan{scalar: scalarLagrange(signers)}).apply(&got, slices.Clone(points))
	if !got.IsEqual(&want) {
		t.Fatalf("scalar plan of %v gives another point", signers)
	}
	return p.digits != nil
}

func TestPlanAllSubsetsOfSeven(t *testing.T) {
	for set := 1; set < 1<<7; set++ {
		var signers []int
		for i := range 7 {
			if set>>i&1 == 1 {
				signers = append(signers, i)
			}
		}
		if !checkPlan(t, signers) {
			t.Errorf("set %v has no integer plan", signers)
		}
	}
}

func TestPlanRandomSubsets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	integer := map[bool]int{}
	for _, c := range []struct{ k, n int }{{5, 31}, {22, 31}, {32, 40}, {32, SignersMax}, {67, 100}, {134, 201}, {8, SignersMax}} {
		for range 4 {
			signers := rng.Perm(c.n)[:c.k]
			signers[0] = c.n - 1 // the largest factors
			slices.Sort(signers)
			integer[checkPlan(t, slices.Compact(signers))]++
		}
	}
	if integer[true] == 0 || integer[false] == 0 {
		t.Fatalf("weak test: only one way was taken: %v", integer)
	}
}

func TestNonAdjacent(t *testing.T) {
	values := []int64{0, 1, -1, 2, 3, -3, 7, 705432, -705432, 1<<62 - 1, -(1<<62 - 1)}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		values = append(values, rng.Int64N(1<<62)>>rng.IntN(62))
	}
	for _, v := range values {
		var back int64
		digits := nonAdjacent(v)
		for i := len(digits) - 1; i >= 0; i-- {
			back = 2*back + int64(digits[i])
			if i > 0 && digits[i] != 0 && digits[i-1] != 0 {
				t.Fatalf("%d has neighbours that are not zero", v)
			}
		}
		if back != v {
			t.Fatalf("%d reads back as %d", v, back)
		}
	}
}

func TestPlanMemoBounded(t *testing.T) {
	var m planMemo
	rng := rand.New(rand.NewPCG(5, 6))
	first := m.of([]int{0, 1, 2})
	if m.of([]int{0, 1, 2}) != first {
		t.Fatal("the same set was planned twice")
	}
	for range 4 * planMemoMax {
		signers := rng.Perm(100)[:3]
		slices.Sort(signers)
		m.of(signers)
		if len(m.known) > planMemoMax {
			t.Fatalf("memo holds %d plans, bound %d", len(m.known), planMemoMax)
		}
	}
	if m.of([]int{0, 1, 2}) == first {
		t.Fatal("the oldest plan was never put out")
	}
}
