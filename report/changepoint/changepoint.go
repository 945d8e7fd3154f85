// Package changepoint finds where a series of measurements changes its level, as the
// series of a benchmark over the dates on which it ran.
//
// The method is that of E-divisive (Matteson and James, "A Nonparametric Approach for
// Multiple Change Point Analysis of Multivariate Data", JASA 109, 2014), which MongoDB
// (Daly and others, ICPE 2020) and Hunter (Fleming and others, ICPE 2023) use: find the best
// place to divide the series, ask a permutation test whether it means anything, and go on
// in both parts until it doesn't. The test goes by ranks, as Pettitt's does (Applied
// Statistics 28, 1979), so that one date gone wrong is no change, and nothing is assumed
// about how values are distributed. Ranks forget how far values lie apart and so put a step
// too near to the middle; where it is goes by the values' distances from the medians of both
// parts, of which the sum is least.
//
// The test is exact up to the number of permutations: if the dates of a series could have
// come in any order, a change is found in at most [Level] of such series. It doesn't hold for
// series that drift, since their dates depend on those before. So few dates as [LeastDates]
// less one can show no change at that level, however large.
package changepoint

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// Level is the share of series without a change in which one is found, at most.
	Level = 0.01

	// Least is how many values stand on either side of a change: one alone is no level.
	Least = 2

	// LeastDates is the smallest number of values that can show a change: of the 252 ways to
	// choose 5 of 10 values, two divide them as well as the order they came in, and 2 of 126
	// ways to choose 4 of 9 would be more than Level.
	LeastDates = 10

	permutations = 9999
	seed         = 1979
)

// A Change says that values from a place on have another level than those before.
type Change struct {
	At int     // index of the first value of the new level
	P  float64 // of the permutation test
}

// Find returns the changes of a series of finite values in its order. The same values give
// the same changes.
func Find(values []float64) []Change {
	var all []Change
	var search func(from, to int)
	search = func(from, to int) {
		c, ok := best(values[from:to])
		if !ok {
			return
		}
		search(from, from+c.At)
		all = append(all, Change{from + c.At, c.P})
		search(from+c.At, to)
	}
	search(0, len(values))
	return all
}

// best returns the change that divides some values best, if the test finds that there is one.
func best(values []float64) (c Change, ok bool) {
	if len(values) < LeastDates {
		return c, false
	}
	ranks := centred(values)
	found := divide(ranks)
	if found == 0 {
		return c, false // all are equal
	}
	// As many permutations as the test allows to be as good as what was found, and no more,
	// are tried: most series without a change are done after a few hundred.
	rng := rand.New(rand.NewPCG(seed, uint64(len(values))))
	atLeast := 1 // the order that they came in
	for range permutations {
		rng.Shuffle(len(ranks), func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
		if divide(ranks) >= found {
			if atLeast++; atLeast > Level*(permutations+1) {
				return c, false
			}
		}
	}
	return Change{place(values), float64(atLeast) / (permutations + 1)}, true
}

// centred returns the ranks of values less their mean, doubled, so that sums of them are
// exact. Equal values share their ranks.
func centred(values []float64) []float64 {
	n := len(values)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	ranks := make([]float64, n)
	for from := 0; from < n; {
		to := from
		for to < n && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from + to - n) // ranks from+1 .. to, their mean less (n+1)/2, times 2
		}
		from = to
	}
	return ranks
}

// divide returns how well the ranks can be divided: the square of the U statistic of the two
// parts less its mean, over its variance but for a factor that is the same for all orders of
// the ranks, at the place where that is largest.
func divide(ranks []float64) (how float64) {
	n, sum := len(ranks), 0.0
	for k := 1; k <= n-Least; k++ {
		sum += ranks[k-1]
		if k >= Least {
			how = max(how, sum*sum/float64(k*(n-k)))
		}
	}
	return how
}

// place returns where two levels fit some values best.
func place(values []float64) (at int) {
	least := math.Inf(1)
	for k := Least; k <= len(values)-Least; k++ {
		if far := spread(values[:k]) + spread(values[k:]); far < least {
			at, least = k, far
		}
	}
	return at
}

// spread returns how far values are from their median, in all.
func spread(values []float64) (sum float64) {
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[len(sorted)/2]
	for _, v := range sorted {
		sum += math.Abs(v - middle)
	}
	return sum
}
