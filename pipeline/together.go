package pipeline

import (
	"sync"

	"quorate/internal/edbatch"
)

// togetherPart is how many signatures are tried together once a larger number of
// them was not found good as a whole.
const togetherPart = 64

// together verifies many Ed25519 signatures at once where the processor has what
// that takes. Where it has not, and for every signature that is not found good in
// company, the library decides: verdicts are its verdicts on every machine.
type together struct{ batches *sync.Pool }

func newTogether() together {
	if !edbatch.Available() {
		return together{}
	}
	return together{&sync.Pool{New: func() any { return edbatch.New() }}}
}

// claims are signatures to be verified, by their indices.
type claims interface {
	// add puts one into a batch.
	add(b *edbatch.Batch, i int)
	// one asks the library about one.
	one(i int) bool
	// all asks the library about all, and sets ok.
	all(ok []bool)
}

// verify sets ok for each of the claims. With a bad one among many, only the part
// that it is in is verified one by one: whoever sends bad ones costs at most the
// quarter more that finding the part took.
func (t together) verify(c claims, ok []bool) {
	n := len(ok)
	switch {
	case t.batches == nil || n < edbatch.Worthwhile:
		c.all(ok)
		return
	case t.good(c, ok, 0, n):
		return
	}
	for from := 0; from < n; from += togetherPart {
		to := min(from+togetherPart, n)
		if n > togetherPart && t.good(c, ok, from, to) {
			continue
		}
		for i := from; i < to; i++ {
			ok[i] = c.one(i)
		}
	}
}

// good sets ok and reports true if the claims from to to are all found good.
func (t together) good(c claims, ok []bool, from, to int) bool {
	b := t.batches.Get().(*edbatch.Batch)
	defer t.batches.Put(b)
	b.Reset()
	for i := from; i < to; i++ {
		c.add(b, i)
	}
	if !b.Verify() {
		return false
	}
	for i := from; i < to; i++ {
		ok[i] = true
	}
	return true
}
