package explore_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
)

// TestPlanted: the portfolio finds each planted bug within a second, the
// counterexample is small, its token replays it, and the twin passes.
func TestPlanted(t *testing.T) {
	for _, p := range bank() {
		t.Run(strings.ReplaceAll(p.bug.Name, " ", "_"), func(t *testing.T) {
			start := time.Now()
			r, err := explore.Explore(p.bug, explore.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			f := r.Failure
			if f == nil {
				t.Fatalf("not found in %d executions", r.Executions)
			}
			t.Logf("%v after %d executions by %s, %v with shrinking\n%s", f, f.Executions, r.Search, time.Since(start).Round(time.Millisecond), f.Text())
			if n := f.Preemptions; n > 3 {
				t.Errorf("%d preemptions, want at most 3", n)
			}
			for i, ops := range f.Program {
				if n := len(strings.Fields(ops)); n > 3 {
					t.Errorf("thread %d has %d operations (%s), want at most 3", i, n, ops)
				}
			}
			var page strings.Builder
			if err := f.WriteHTML(&page); err != nil {
				t.Error(err)
			}
			for _, want := range []string{"<svg", "CPU 0", "is preempted", "bugs_test.go:", f.Token} {
				if !strings.Contains(page.String(), want) {
					t.Errorf("the page doesn't contain %q", want)
				}
			}
			for _, not := range []string{"http:", "https:", "<script", " src="} {
				if strings.Contains(page.String(), not) {
					t.Errorf("the page needs something else: %q", not)
				}
			}
			if dir := os.Getenv("EXPLORE_PAGES"); dir != "" {
				// For looking at them.
				if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.bug.Name, " ", "-")+".html"), []byte(page.String()), 0o644); err != nil {
					t.Error(err)
				}
			}
			for i := range 20 {
				g, err := explore.Replay(f.Token, []*explore.Scenario{p.bug}, explore.Options{})
				if err != nil {
					t.Fatalf("replay %d of %s: %v", i, f.Token, err)
				}
				if g.Message != f.Message || g.Kind != f.Kind || g.Text() != f.Text() {
					t.Fatalf("replay %d of %s: %v, want %v", i, f.Token, g, f)
				}
			}
			r, err = explore.Explore(p.fixed, explore.Options{Seed: 1, Executions: 20_000})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil {
				t.Errorf("false alarm: %v\n%s", r.Failure, r.Failure.Text())
			}
			if p.exhaustive {
				r, err = explore.Explore(p.fixed, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 500_000})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("twin: %d executions, %d points, %.2f s, %s", r.Executions, r.Points, r.Seconds, r.Complete)
				if r.Failure != nil {
					t.Errorf("false alarm: %v\n%s", r.Failure, r.Failure.Text())
				}
				if !r.Exhaustive {
					t.Errorf("not exhausted in %d executions", r.Executions)
				}
			}
		})
	}
}

// TestTwinsPass: right code gives no alarm, whatever the search.
// EXPLORE_EXECUTIONS sets how many executions that is in total.
func TestTwinsPass(t *testing.T) {
	total := 300_000
	if v := os.Getenv("EXPLORE_EXECUTIONS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		total = n
	}
	twins := bank()
	searches := []explore.Options{
		{Search: explore.Random}, {Search: explore.PCT, Depth: 2}, {Search: explore.PCT, Depth: 3}, {Search: explore.PCT, Depth: 5},
	}
	done, points := 0, 0
	for _, p := range twins {
		for i, o := range searches {
			o.Seed, o.Executions = uint64(100+i), total/len(twins)/len(searches)
			r, err := explore.Explore(p.fixed, o)
			if err != nil {
				t.Fatal(err)
			}
			done += r.Executions
			points += r.Points
			if r.Failure != nil {
				t.Errorf("%s, %s with depth %d and seed %d: false alarm:\n%s", p.fixed.Name, o.Search, o.Depth, o.Seed, r.Failure.Text())
			}
		}
	}
	t.Logf("%d executions, %d points", done, points)
}
