package workloads_test

import (
	"math"
	"testing"

	"github.com/refbench/refbench/workloads"
)

// counts returns how often each of n objects is picked.
func counts(n, skew, picks int) []int {
	p := workloads.NewPopularity(n, skew, 1)
	r := workloads.NewRand(1, 0)
	c := make([]int, n)
	for range picks {
		c[p.Pick(&r)]++
	}
	return c
}

func TestZeroSkewPicksAllAlike(t *testing.T) {
	const n, picks = 10, 100_000
	for i, c := range counts(n, 0, picks) {
		if math.Abs(float64(c)/(picks/n)-1) > 0.1 {
			t.Errorf("object %d: picked %d times of %d, want a tenth", i, c, picks)
		}
	}
}

// The shares are those of Zipf's law: 1/(k+1)^s.
func TestSkewFollowsZipf(t *testing.T) {
	const n, picks = 16, 200_000
	for _, skew := range []int{10, 100, 400} {
		var sum float64
		for k := range n {
			sum += math.Pow(float64(k+1), -1-float64(skew)/100)
		}
		got := counts(n, skew, picks)
		for k := range 3 {
			want := math.Pow(float64(k+1), -1-float64(skew)/100) / sum
			if share := float64(got[k]) / picks; math.Abs(share-want) > 0.04 {
				t.Errorf("skew %d, object %d: share %.3f, want %.3f", skew, k, share, want)
			}
		}
	}
}

func TestPicksAreInRange(t *testing.T) {
	for _, n := range []int{1, 2, 3, 65536} {
		for _, skew := range []int{0, 1, 400} {
			counts(n, skew, 10_000) // panics otherwise
		}
	}
}
