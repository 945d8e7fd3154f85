package explore_test

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// TestPartsAreTheWhole: what all parts of a program try together is what one search tries of
// the whole. Plain depth-first search has the very executions, the others end in the same
// ways; and all of it is called exhaustive, or nothing.
func TestPartsAreTheWhole(t *testing.T) {
	const alphabet = "abcABC012pqmwrtls"
	seed := uint64(16)
	rng := rand.New(rand.NewPCG(seed, 0))
	var whole, some, compared int
	for compared < 60 {
		n := 2 + rng.IntN(2)
		p := make(explore.Program, n)
		for i := range p {
			p[i] = randomWords(rng, alphabet, 1+rng.IntN(5-n))
		}
		const limit = 10_000
		ends, all := outcomes(t, p, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: limit}, false)
		if !all.Exhaustive {
			continue
		}
		compared++
		parts := []int{1, 2, 5, 16}[compared%4]
		united := func(o explore.Options, values bool) (map[string]bool, *explore.Result) {
			seen := make(map[string]bool)
			var results []*explore.Result
			o.Parts = parts
			for o.Part = range parts {
				e, r := outcomes(t, p, o, values)
				maps.Copy(seen, e)
				results = append(results, r)
			}
			return seen, add(results)
		}
		got, r := united(explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: -1}, false)
		if !maps.Equal(ends, got) || r.Executions != all.Executions || r.Points != all.Points || !r.Exhaustive {
			t.Fatalf("seed %d, program %v, %d parts of plaindfs: %d executions, %d points, %d ends, exhaustive: %v; the whole has %d, %d, %d", seed, p, parts, r.Executions, r.Points, len(got), r.Exhaustive, all.Executions, all.Points, len(ends))
		}
		for _, bound := range []int{0, 1, 2} {
			o := explore.Options{Search: explore.PlainDFS, Bound: bound, Executions: -1}
			_, all := outcomes(t, p, o, false)
			if _, r := united(o, false); r.Executions != all.Executions {
				t.Fatalf("seed %d, program %v, %d parts of plaindfs up to %d preemptions: %d executions, the whole has %d", seed, p, parts, bound, r.Executions, all.Executions)
			}
		}
		for _, values := range []bool{false, true} {
			o := explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: -1}
			ends, all := outcomes(t, p, o, values)
			got, r := united(o, values)
			if !r.Exhaustive || r.Complete != all.Complete {
				t.Fatalf("seed %d, program %v, %d parts, values %v: %q, exhaustive: %v, the whole is %q", seed, p, parts, values, r.Complete, r.Exhaustive, all.Complete)
			}
			if r.Complete != "all schedules" {
				continue // fair ones may be others
			}
			if !maps.Equal(ends, got) {
				t.Fatalf("seed %d, program %v, %d parts, values %v: they end in %d ways, the whole in %d", seed, p, parts, values, len(got), len(ends))
			}
			whole, some = whole+all.Executions, some+r.Executions
		}
	}
	t.Logf("depth-first search: %d executions of all parts, %d of the whole", some, whole)
}

// TestPartsOfRandomWalks: the parts have the executions of the whole, and as many as it has.
func TestPartsOfRandomWalks(t *testing.T) {
	p := explore.Program{"0 b C", "1 A c", "2 a B"}
	o := explore.Options{Search: explore.Random, Seed: 7, Executions: 1001}
	ends, whole := outcomes(t, p, o, false)
	got := make(map[string]bool)
	var results []*explore.Result
	o.Parts = 4
	for o.Part = range o.Parts {
		e, r := outcomes(t, p, o, false)
		maps.Copy(got, e)
		results = append(results, r)
	}
	if r := add(results); r.Executions != 1001 || r.Points != whole.Points || !maps.Equal(ends, got) || r.Exhaustive {
		t.Fatalf("%d executions, %d points, %d ends, exhaustive: %v; the whole has 1001, %d, %d", r.Executions, r.Points, len(got), r.Exhaustive, whole.Points, len(ends))
	}
}

// add adds up what came out of all parts.
func add(parts []*explore.Result) *explore.Result {
	var sum explore.Result
	var complete []string
	for _, r := range parts {
		sum.Executions += r.Executions
		sum.Points += r.Points
		complete = append(complete, r.Complete)
	}
	sum.Complete, sum.Exhaustive = explore.Together(complete)
	return &sum
}

// TestOnePartIsEnough: what one part wasn't tried completely of, all together weren't.
func TestOnePartIsEnough(t *testing.T) {
	const all = "all schedules"
	for _, other := range []string{all, "all fair schedules", all + " with at most 1 preemption", "all fair schedules with at most 2 preemptions", ""} {
		for _, parts := range [][]string{{all, other, all}, {other, all}} {
			complete, exhaustive := explore.Together(parts)
			if complete != other || exhaustive != (other == all || other == "all fair schedules") {
				t.Errorf("%q: %q, exhaustive: %v", parts, complete, exhaustive)
			}
		}
	}
	if complete, _ := explore.Together([]string{all + " with at most 2 preemptions", "all fair schedules with at most 1 preemption"}); complete != "all fair schedules with at most 1 preemption" {
		t.Errorf("the lower bound, and fair ones: %q", complete)
	}
	_, err := explore.Explore(&explore.Scenario{}, explore.Options{Part: 3, Parts: 3})
	if err == nil || err.Error() != "part 3 of 3: want 0 or more, and less than there are" {
		t.Errorf("part 3 of 3: %v", err)
	}
}
