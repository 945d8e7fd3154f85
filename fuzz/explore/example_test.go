package explore_test

import (
	"fmt"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// A count that is loaded and stored loses updates.
func ExampleExplore() {
	scenario := &explore.Scenario{
		Name:    "load and store",
		Program: explore.Program{"add add", "add add"},
		Make: func(p explore.Program) explore.Case {
			var n atomic.Int64
			var c explore.Case
			want := int64(0)
			for _, words := range p.Words() {
				want += int64(len(words))
				c.Threads = append(c.Threads, func() {
					for range words {
						n.Store(n.Load() + 1)
					}
				})
			}
			c.Setup = func() { n.Store(0); explore.Name(&n, "n") }
			c.Finish = func() {
				if got := n.Load(); got != want {
					explore.Failf("n is %d, want %d", got, want)
				}
			}
			return c
		},
	}
	r, err := explore.Explore(scenario, explore.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Failure)
	fmt.Println("program", r.Failure.Program)

	again, err := explore.Replay(r.Failure.Token, []*explore.Scenario{scenario}, explore.Options{})
	fmt.Println(again, err)
	// Output:
	// violation: n is 1, want 2
	// program add|add
	// violation: n is 1, want 2 <nil>
}
