package search

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// lostUpdate is a bug that needs one preemption.
func lostUpdate() engine.Case {
	var n atomic.Int64
	body := func() { n.Store(n.Load() + 1) }
	return engine.Case{
		CPUs: 2, MaxPoints: 1000, Setup: func() { n.Store(0) }, Threads: []func(){body, body},
		Finish: func() {
			if n.Load() != 2 {
				engine.Current.Fail(engine.KindViolation, "lost")
			}
		},
	}
}

// oneSearch drives any search a number of times.
type oneSearch struct {
	s     engine.Search
	begin func(i int) bool
	end   func()
	c     engine.Case
	o     engine.Options
	i, n  int
	fail  *engine.Failure
}

func (d *oneSearch) Begin(e *engine.Engine) bool {
	if d.i == d.n || d.fail != nil || !d.begin(d.i) {
		return false
	}
	d.i++
	e.Prepare(&d.c, d.s, d.o)
	return true
}

func (d *oneSearch) End(e *engine.Engine) {
	d.fail = e.Failure()
	if d.end != nil {
		d.end()
	}
}

// never is a broken search: it never switches.
type never struct{}

func (never) Pick(e *engine.Engine, cand uint32, cur int) (int, int) { return e.Default(cand, cur), 0 }
func (never) PickCPU(_ *engine.Engine, mask uint32, cur int) int     { return stay(mask, cur) }
func (never) PickWay(*engine.Engine, int) int                        { return 0 }

// TestBrokenSearchesMiss: what the real searches find, one that never switches and
// one that prunes everything miss. So the bug tells them apart.
func TestBrokenSearchesMiss(t *testing.T) {
	random := &Random{Seed: 1}
	pct := &PCT{Seed: 1, Depth: 2}
	one := &PCT{Seed: 1, Depth: 1}
	dfs := &DFS{Bound: Unbounded}
	bounded := &DFS{Bound: 1}
	hashed := &DFS{Bound: Unbounded, Hash: true}
	plain := &DFS{Bound: Unbounded, Plain: true}
	pruned := &DFS{Bound: Unbounded}
	forgetful := &DFS{Bound: Unbounded, Hash: true}
	for _, c := range []struct {
		name  string
		d     oneSearch
		finds bool
	}{
		{"random", oneSearch{s: random, begin: func(i int) bool { random.Begin(i); return true }}, true},
		{"pct", oneSearch{s: pct, begin: func(i int) bool { pct.Begin(i, 6); return true }}, true},
		{"dfs", oneSearch{s: dfs, begin: func(int) bool { return dfs.Begin() }, end: dfs.End, o: engine.Options{Note: true}}, true},
		{"dfs with a bound", oneSearch{s: bounded, begin: func(int) bool { return bounded.Begin() }, end: bounded.End, o: engine.Options{Note: true}}, true},
		{"dfs with states", oneSearch{s: hashed, begin: func(int) bool { return hashed.Begin() }, end: hashed.End, o: engine.Options{Hash: true}}, true},
		{"plain dfs", oneSearch{s: plain, begin: func(int) bool { return plain.Begin() }, end: plain.End}, true},

		{"never switches", oneSearch{s: never{}, begin: func(int) bool { return true }}, false},
		{"pct without change points", oneSearch{s: one, begin: func(i int) bool { one.Begin(i, 6); return true }}, false},
		{"prunes everything", oneSearch{s: pruned, begin: func(int) bool { ok := pruned.Begin(); pruned.cut = true; return ok }, end: pruned.End, o: engine.Options{Note: true}}, false},
		{"takes all states for one", oneSearch{s: forgetful, begin: func(i int) bool {
			ok := forgetful.Begin()
			forgetful.sameState = true
			return ok
		}, end: forgetful.End, o: engine.Options{Hash: true}}, false},
	} {
		c.d.c, c.d.n = lostUpdate(), 500
		engine.Run(&c.d)
		if (c.d.fail != nil) != c.finds {
			t.Errorf("%s: found %v in %d executions, want found: %v", c.name, c.d.fail, c.d.i, c.finds)
		}
	}
}
