// Package paired judges measurements that were taken in pairs: does one side differ
// from the other, by how much, and how sure is that?
//
// A pair's difference is one number, as the logarithm of new over old. What is asked of
// the numbers is little: under the assumption that nothing changed each of them is as
// likely to be positive as negative, which holds if the order within a pair is drawn,
// whatever the noise is like. Hence Wilcoxon's signed-rank test with its exact
// distribution, and the interval of Hodges and Lehmann that belongs to it (Hollander,
// Wolfe and Chicken, Nonparametric Statistical Methods, 3.1 to 3.3). Where many rows
// are judged at once, package family corrects their p-values.
package paired

import (
	"cmp"
	"math"
	"slices"
)

// An Estimate is where the centre of some differences lies.
type Estimate struct {
	Center float64 // the median of the Walsh averages
	Lo, Hi float64 // the interval; -Inf and +Inf if there are too few for one
}

// distribution returns of how many of the 2^n choices of signs the positive ranks have
// each sum. ranks are twice the ranks, so that those of ties are whole too.
func distribution(ranks []int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([]float64, total+1)
	ways[0] = 1
	for _, r := range ranks {
		for s := total; s >= r; s-- {
			ways[s] += ways[s-r]
		}
	}
	return ways
}

// SignedRank returns the two-sided p-value of Wilcoxon's signed-rank test, exact, with
// ties as they are. Differences of zero say nothing and are left out. It is 1 if there
// are none.
func SignedRank(diffs []float64) float64 {
	xs := slices.DeleteFunc(slices.Clone(diffs), func(x float64) bool { return x == 0 })
	n := len(xs)
	slices.SortFunc(xs, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	ranks := make([]int, n)
	positive := 0
	for i := 0; i < n; {
		j := i
		for j < n && math.Abs(xs[j]) == math.Abs(xs[i]) {
			j++
		}
		for k := i; k < j; k++ {
			ranks[k] = i + 1 + j // twice the mean of i+1 .. j
			if xs[k] > 0 {
				positive += ranks[k]
			}
		}
		i = j
	}
	ways := distribution(ranks)
	tail := 0.0
	for _, w := range ways[:min(positive, len(ways)-1-positive)+1] {
		tail += w
	}
	return min(1, 2*tail/math.Exp2(float64(n)))
}

// HodgesLehmann estimates the centre of differences, with the interval that holds it
// with at least the given confidence.
func HodgesLehmann(diffs []float64, confidence float64) Estimate {
	n := len(diffs)
	if n == 0 {
		return Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
	}
	var walsh []float64
	for i, x := range diffs {
		for _, y := range diffs[i:] {
			walsh = append(walsh, (x+y)/2)
		}
	}
	slices.Sort(walsh)
	m := len(walsh)
	e := Estimate{(walsh[(m-1)/2] + walsh[m/2]) / 2, math.Inf(-1), math.Inf(1)}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	// k is the place, from either end, of the averages that bound it.
	k, tail := 0, 0.0
	for _, w := range distribution(ranks) {
		if tail += w / math.Exp2(float64(n)); tail > (1-confidence)/2 {
			break
		}
		k++
	}
	if k > 0 {
		e.Lo, e.Hi = walsh[k-1], walsh[m-k]
	}
	return e
}
