// Package family judges many tests at once. Of twenty tests of things that are the same
// one comes out at a level of 0.05, so p-values that stand beside each other are corrected
// for how many there are.
package family

import (
	"cmp"
	"slices"
)

// Holm returns the p-values of a family of tests, corrected by Holm's step-down method
// (Scandinavian Journal of Statistics 6, 1979): if those at most a level are called
// different, the probability of calling any wrongly is at most that level, whatever the
// tests have to do with each other. The family has so many tests; those whose p-values
// aren't given count as not different. With fewer than there are p-values it has just these.
func Holm(ps []float64, tests int) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	corrected := make([]float64, len(ps))
	tests = max(tests, len(ps))
	least := 0.0
	for i, row := range order {
		least = max(least, min(1, ps[row]*float64(tests-i)))
		corrected[row] = least
	}
	return corrected
}
