package form_test

import (
	"testing"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/form"
)

// TestAddressesLieAnywhere: any of two objects lies below the other in some schedule, by
// whomever they are compared, and in each schedule addresses have one order.
func TestAddressesLieAnywhere(t *testing.T) {
	for _, search := range []explore.Search{explore.DFS, explore.Random} {
		orders := make(map[[3]int]int)
		s := &explore.Scenario{Name: t.Name(), CPUs: 2, Make: func(explore.Program) explore.Case {
			var objects [3]*int
			compare := func(i, j int) int {
				return form.Compare(unsafe.Pointer(objects[i]), unsafe.Pointer(objects[j]))
			}
			return explore.Case{
				Setup: func() { objects = [3]*int{new(int), new(int), new(int)} },
				Threads: []func(){
					func() { compare(0, 1) },
					func() { compare(1, 2) },
				},
				Finish: func() {
					got := [3]int{compare(0, 1), compare(1, 2), compare(0, 2)}
					orders[got]++
					if got[0] == got[1] && got[2] != got[0] {
						explore.Failf("the order of three objects goes round: %v", got)
					}
					for i := range objects {
						for j := range objects {
							if compare(i, j) != -compare(j, i) || (compare(i, j) == 0) != (i == j) {
								explore.Failf("objects %d and %d compare as %d and %d", i, j, compare(i, j), compare(j, i))
							}
						}
					}
				},
			}
		}}
		r, err := explore.Explore(s, explore.Options{Seed: 1, Search: search, Bound: explore.Unbounded, Executions: 500})
		if err != nil || r.Failure != nil {
			t.Fatal(err, r.Failure)
		}
		if search == explore.DFS && !r.Exhaustive {
			t.Errorf("%d executions aren't all", r.Executions)
		}
		if len(orders) != 6 {
			t.Errorf("%s: three objects lay in %d orders, want 6: %v", search, len(orders), orders)
		}
	}
}
