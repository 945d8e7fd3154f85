package gen

import (
	"maps"
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	explored "github.com/refbench/refbench/fuzz/explore/gen/testdata/explored/fuzz/explore/gen/testdata/src/selects"
	native "github.com/refbench/refbench/fuzz/explore/gen/testdata/src/selects"
)

// ends explores a program and returns how it ends.
func ends(t *testing.T, name string, o explore.Options, run func() string) (map[string]bool, *explore.Result) {
	t.Helper()
	seen := make(map[string]bool)
	s := &explore.Scenario{Name: name, Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){func() { seen[run()] = true }}}
	}}
	r, err := explore.Explore(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return seen, r
}

// TestSelectPrograms: in explored form a program ends in the ways in which it can end,
// no more and no fewer, by each exhaustive search; and in no other way natively.
func TestSelectPrograms(t *testing.T) {
	for i, p := range native.Programs {
		want := slices.Sorted(slices.Values(p.Ends))
		for range 500 {
			if got := p.Run(); !slices.Contains(want, got) {
				t.Errorf("%s: natively it ends with %q, want one of %q", p.Name, got, want)
			}
		}
		for _, o := range []explore.Options{
			{Search: explore.DFS, Bound: explore.Unbounded, Executions: 100_000},
			{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: 1_000_000},
		} {
			seen, r := ends(t, p.Name, o, explored.Programs[i].Run)
			if r.Failure != nil || !r.Exhaustive {
				t.Fatalf("%s, %s: exhaustive %v, %v", p.Name, o.Search, r.Exhaustive, r.Failure)
			}
			if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
				t.Errorf("%s, %s: it ends with %q, want %q", p.Name, o.Search, got, want)
			}
			t.Logf("%s, %s: %d executions", p.Name, o.Search, r.Executions)
		}
	}
}
