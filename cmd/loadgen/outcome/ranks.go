package outcome

import (
	"math"
	"slices"
)

// exactRuns is the number of runs of both sides together up to which every way to
// deal their ranks is counted: 60 take 7 million additions. A thousand a side
// would take 10¹², of counts that no float64 holds; the normal approximation is
// within 0.02 of the truth by then.
const exactRuns = 60

// rankTest is the two-sided Mann-Whitney test, ties included: the chance that the
// sum of a's ranks is at least as far from its mean as it is, if both sides are
// the same.
func rankTest(a, b []float64) float64 {
	ranks, sum := doubledRanks(a, b)
	if len(ranks) <= exactRuns {
		return rankExact(ranks, len(a), sum)
	}
	return rankNormal(ranks, len(a), sum)
}

// doubledRanks gives the ranks of all values and the sum of a's, doubled, so that
// those of ties are whole.
func doubledRanks(a, b []float64) (ranks []int, sum int) {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	rank := func(v float64) int {
		first, _ := slices.BinarySearch(all, v)
		last := first
		for last < len(all) && all[last] == v {
			last++
		}
		return first + 1 + last
	}
	for _, v := range all {
		ranks = append(ranks, rank(v))
	}
	for _, v := range a {
		sum += rank(v)
	}
	return ranks, sum
}

// rankExact is the share of all ways to take n of the ranks whose sum is at least
// as far from its mean as sum is.
func rankExact(ranks []int, n, sum int) float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	// ways[k][s]: ways in which k of the ranks so far add up to s.
	ways := make([][]float64, n+1)
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := n; k > 0; k-- {
			for s := most; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	mean := float64(most) * float64(n) / float64(len(ranks))
	far := math.Abs(float64(sum) - mean)
	extreme, every := 0.0, 0.0
	for s, n := range ways[n] {
		every += n
		if math.Abs(float64(s)-mean) >= far-1e-9 {
			extreme += n
		}
	}
	return extreme / every
}

// rankNormal takes the sum for normally distributed, with the variance of n draws
// without putting back, which holds for ties as well, and half a rank towards the
// mean for the step from whole ranks.
func rankNormal(ranks []int, n, sum int) float64 {
	every := float64(len(ranks))
	total := 0.0
	for _, r := range ranks {
		total += float64(r)
	}
	mean, spread := total/every, 0.0
	for _, r := range ranks {
		spread += (float64(r) - mean) * (float64(r) - mean)
	}
	drawn := float64(n)
	sd := math.Sqrt(spread * drawn * (every - drawn) / (every * (every - 1)))
	far := math.Abs(float64(sum)-mean*drawn) - 1
	if sd == 0 || far <= 0 {
		return 1
	}
	return math.Erfc(far / sd / math.Sqrt2)
}
