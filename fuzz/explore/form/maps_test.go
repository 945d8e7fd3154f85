package form_test

import (
	"fmt"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/form"
)

// TestMapsAreRangedOverBothWays: each of two keys comes before the other in some schedule, and
// that is all that the search chooses: how others range makes no more schedules.
func TestMapsAreRangedOverBothWays(t *testing.T) {
	for _, search := range []explore.Search{explore.DFS, explore.Random} {
		orders := make(map[string]int)
		s := &explore.Scenario{Name: t.Name(), CPUs: 2, Make: func(explore.Program) explore.Case {
			var got [2][]string
			m := map[string]bool{"a": true, "b": true, "c": true}
			one := map[string]bool{"a": true}
			ranges := func(i int) func() {
				return func() {
					for it, k, _ := form.Iter(one); it.Next(&k, nil); {
						_ = k
					}
					for it, k, _ := form.Iter(m); it.Next(&k, nil); {
						got[i] = append(got[i], k)
					}
				}
			}
			return explore.Case{
				Setup:   func() { got = [2][]string{} },
				Threads: []func(){ranges(0), ranges(1)},
				Finish:  func() { orders[fmt.Sprint(got)]++ },
			}
		}}
		r, err := explore.Explore(s, explore.Options{Seed: 1, Search: search, Bound: explore.Unbounded, Executions: 500})
		if err != nil || r.Failure != nil {
			t.Fatal(err, r.Failure)
		}
		if search == explore.DFS && !r.Exhaustive {
			t.Errorf("%d executions aren't all", r.Executions)
		}
		if len(orders) != 4 || orders["[[a b c] [c b a]]"] == 0 || orders["[[c b a] [a b c]]"] == 0 {
			t.Errorf("%s: two threads ranged over three keys in %d orders, want each in both: %v", search, len(orders), orders)
		}
	}
}
