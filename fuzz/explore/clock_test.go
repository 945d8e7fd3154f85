package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// TestReductionsSeeClocks: an exhaustive search that leaves schedules out shows
// whatever the plain one does of the clock, of timers and of the number of goroutines.
func TestReductionsSeeClocks(t *testing.T) {
	for name, look := range map[string]func(own *atomic.Int64) string{
		"Now": func(own *atomic.Int64) string {
			saw := ""
			for range 3 { // so that it takes more preemptions than small bounds allow
				own.Store(1)
				saw += time.Now().Format(" 05")
			}
			return saw
		},
		"NumGoroutine": func(own *atomic.Int64) string {
			saw := ""
			for range 3 {
				own.Store(1)
				saw += fmt.Sprint(" ", runtime.NumGoroutine())
			}
			return saw
		},
		"Reset": func(own *atomic.Int64) string {
			timer := time.AfterFunc(time.Second, func() {})
			own.Store(1)
			return fmt.Sprint(timer.Reset(time.Second))
		},
	} {
		ends := func(search explore.Search) map[string]bool {
			ends := make(map[string]bool)
			s := &explore.Scenario{Name: name, Make: func(explore.Program) explore.Case {
				var own, other, third atomic.Int64
				var saw string
				c := explore.Case{
					Setup: func() { own.Store(0); other.Store(0); third.Store(0) },
					Threads: []func(){
						func() { saw = look(&own) },
						func() { time.Sleep(5 * time.Second); other.Store(1) },
					},
					Finish: func() { ends[saw] = true },
				}
				if name != "Reset" { // whose timers are threads too
					c.Threads = append(c.Threads, func() { time.Sleep(7 * time.Second); third.Store(1) })
				}
				return c
			}}
			r, err := explore.Explore(s, explore.Options{Search: search, Bound: explore.Unbounded, Executions: 500_000})
			if err != nil || r.Failure != nil || !r.Exhaustive {
				t.Fatal(name, search, err, r)
			}
			return ends
		}
		want, got := ends(explore.PlainDFS), ends(explore.DFS)
		if len(want) < 2 || !maps.Equal(want, got) {
			t.Errorf("%s: it shows %v, plain search %v", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}
