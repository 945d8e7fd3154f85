package gen

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
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

// TestPrograms: in explored form a program ends in the ways in which it can end, no more
// and no fewer, by each exhaustive search; and in no other way natively.
func TestPrograms(t *testing.T) {
	for _, l := range []struct {
		native   []native.Program
		explored []explored.Program
		times    int // natively
	}{
		{native.Programs, explored.Programs, 500},
		{native.Timers, explored.Timers, 5},
		{native.Contexts, explored.Contexts, 50},
	} {
		for i, p := range l.native {
			want := slices.Sorted(slices.Values(p.Ends))
			for n := 0; n < l.times && !p.Racy; n++ {
				if got := p.Run(); !slices.Contains(want, got) {
					t.Errorf("%s: natively it ends with %q, want one of %q", p.Name, got, want)
				}
			}
			for _, o := range []explore.Options{
				{Search: explore.DFS, Bound: explore.Unbounded, Executions: 100_000},
				{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: 2_000_000},
			} {
				seen, r := ends(t, p.Name, o, l.explored[i].Run)
				if r.Failure != nil || !r.Exhaustive {
					t.Errorf("%s, %s: exhaustive %v, %v", p.Name, o.Search, r.Exhaustive, r.Failure)
				}
				if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
					t.Errorf("%s, %s: it ends with %q, want %q", p.Name, o.Search, got, want)
				}
				t.Logf("%s, %s: %d executions", p.Name, o.Search, r.Executions)
			}
		}
	}
}

// play explores a game. ends is how it can end if nothing fails.
func play(t *testing.T, program explore.Program, o explore.Options, values bool) (map[string]bool, *explore.Result) {
	t.Helper()
	seen := make(map[string]bool)
	o.NoShrink = true
	s := &explore.Scenario{Name: "game", Program: program, Make: func(p explore.Program) explore.Case {
		var g *explored.Game
		words := p.Words()
		c := explore.Case{
			Values: values,
			Setup:  func() { g = explored.NewGame(words) },
			Finish: func() { seen[g.End()] = true },
		}
		for i := range p {
			c.Threads = append(c.Threads, func() { g.Thread(i) })
		}
		return c
	}}
	r, err := explore.Explore(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return seen, r
}

// TestReductionsLoseNoSelect: depth-first search that leaves schedules out ends random
// programs of channel operations in the same ways as one that doesn't, or finds that
// they deadlock if that does. Natively they end in no other way.
func TestReductionsLoseNoSelect(t *testing.T) {
	compareGames(t, "abcABC11223344556677889klxy", 150, true)
	// Natively a timer may be late by any time, also if one that fires after it has
	// fired.
	compareGames(t, "aAcC1234569lxyttppssrrwwzz", 50, false)
	compareGames(t, "aBCcx125pszxfgffgq", 50, false)
}

func compareGames(t *testing.T, alphabet string, programs int, timely bool) {
	t.Helper()
	const seed, limit = 40, 20_000
	rng := rand.New(rand.NewPCG(seed, 0))
	var compared, deadlocks, fair, plainTotal, reducedTotal, hashedTotal, natively int
	// When the first thread's timeout ends depends on when it looks at the clock.
	late := []explore.Program{{"w", "x p 6"}}
	for compared < programs {
		n := 2 + rng.IntN(2)
		p := make(explore.Program, n)
		if len(late) > 0 && !timely {
			p, late = late[0], nil
		}
		for i := range p {
			if p[i] != "" {
				continue
			}
			words := make([]string, 1+rng.IntN(6-n))
			for k := range words {
				words[k] = string(alphabet[rng.IntN(len(alphabet))])
			}
			p[i] = strings.Join(words, " ")
		}
		plain, r := play(t, p, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: limit}, false)
		if r.Failure == nil && !r.Exhaustive {
			continue
		}
		if r.Failure != nil {
			if r.Failure.Kind != explore.Deadlock {
				t.Fatalf("seed %d, program %v: %v", seed, p, r.Failure)
			}
			// Most do.
			if deadlocks >= programs/3 {
				continue
			}
			deadlocks++
		}
		compared++
		plainTotal += r.Executions
		for _, values := range []bool{false, true} {
			got, q := play(t, p, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 5 * limit}, values)
			if values {
				hashedTotal += q.Executions
			} else {
				reducedTotal += q.Executions
			}
			if q.Verdict != r.Verdict {
				t.Fatalf("seed %d, program %v, values %v: %s in %d executions, want %s", seed, p, values, q.Verdict, q.Executions, r.Verdict)
			}
			if r.Failure != nil {
				continue
			}
			if !q.Exhaustive {
				t.Fatalf("seed %d, program %v, values %v: not exhausted in %d executions", seed, p, values, q.Executions)
			}
			if q.Complete != "all schedules" {
				// Somebody polls again and again: some ends may be missing.
				fair++
				for k := range got {
					if !plain[k] {
						t.Fatalf("seed %d, program %v, values %v: impossible end %s", seed, p, values, k)
					}
				}
				continue
			}
			if !maps.Equal(plain, got) {
				for _, k := range slices.Sorted(maps.Keys(plain)) {
					if !got[k] {
						t.Errorf("lost: %s", k)
					}
				}
				t.Fatalf("seed %d, program %v, values %v: %d ends in %d executions, want %d", seed, p, values, len(got), q.Executions, len(plain))
			}
		}
		if r.Failure != nil {
			continue
		}
		for n := 0; n < 20 && timely && !strings.Contains(strings.Join(p, ""), "k"); n++ { // as Program.Racy
			g := native.NewGame(p.Words())
			g.Play()
			natively++
			if !plain[g.End()] {
				t.Fatalf("seed %d, program %v: natively it ends with %s, want one of %q", seed, p, g.End(), slices.Sorted(maps.Keys(plain)))
			}
		}
		for bound := range 3 {
			want, r := play(t, p, explore.Options{Search: explore.PlainDFS, Bound: bound, Executions: limit}, false)
			got, q := play(t, p, explore.Options{Search: explore.DFS, Bound: bound, Executions: limit}, true)
			if r.Complete == "" || q.Complete == "" {
				t.Fatalf("seed %d, program %v: bound %d not exhausted", seed, p, bound)
			}
			if !strings.HasPrefix(q.Complete, "all schedules") {
				continue
			}
			for _, k := range slices.Sorted(maps.Keys(want)) {
				if !got[k] {
					t.Fatalf("seed %d, program %v, bound %d: lost %s", seed, p, bound, k)
				}
			}
		}
	}
	if deadlocks == compared || deadlocks == 0 {
		t.Errorf("%d of %d programs deadlock: they don't tell right from wrong", deadlocks, compared)
	}
	if 2*fair > compared {
		t.Errorf("%d of %d searches were through fair schedules only: too few to compare", fair, 2*compared)
	}
	t.Logf("%d programs, %d deadlock, %d fair only, %d runs natively: %d executions plain, %d with partial orders, %d with states", compared, deadlocks, fair, natively, plainTotal, reducedTotal, hashedTotal)
}
