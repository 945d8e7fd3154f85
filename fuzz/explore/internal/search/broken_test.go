package search

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore/channel"
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
	end   func(*engine.Engine)
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
		d.end(e)
	}
}

// never is a broken search: it never switches.
type never struct{}

func (never) Pick(e *engine.Engine, cand uint64, cur int) (int, int) { return e.Default(cand, cur), 0 }
func (never) PickCPU(_ *engine.Engine, mask uint64, cur int) int     { return stay(mask, cur) }
func (never) PickWay(*engine.Engine, int) int                        { return 0 }

// TestBrokenSearchesMiss: what the real searches find, one that never switches and
// one that prunes everything miss. So the bug tells them apart.
func TestBrokenSearchesMiss(t *testing.T) {
	random := &Random{Seed: 1}
	pct := &PCT{Seed: 1, Depth: 2}
	pos, urw := &POS{Seed: 1}, &URW{Seed: 1}
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
		{"pos", oneSearch{s: pos, begin: func(i int) bool { pos.Begin(i); return true }, o: engine.Options{Locations: true}}, true},
		{"urw", oneSearch{s: urw, begin: func(i int) bool { urw.Begin(i); return true }, o: engine.Options{Locations: true}}, true},
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

// wrongCase is a bug that needs the second case of a select whose cases can both go on,
// and no preemption: a value that is left behind when the reader is told to stop.
func wrongCase() engine.Case {
	var values, stop *channel.Chan[int]
	return engine.Case{
		CPUs: 2, MaxPoints: 1000,
		Setup: func() {
			values, stop = channel.Make[int](1), channel.Make[int](0)
			values.Send(1)
			stop.Close()
		},
		Threads: []func(){func() {
			for channel.Select(channel.Receiving(values), channel.Receiving(stop)) == 0 {
				engine.Current.Yield()
			}
		}},
		Finish: func() {
			if values.Len() != 0 {
				engine.Current.Fail(engine.KindViolation, "a value is left behind")
			}
		},
	}
}

// firstCase is a broken search: it always takes the first case that can go on.
type firstCase struct{ engine.Search }

func (firstCase) PickWay(*engine.Engine, int) int { return 0 }

// TestFirstCaseMisses: each search finds a bug that needs a certain case of a select,
// and none does if it always takes the first that can go on.
func TestFirstCaseMisses(t *testing.T) {
	for _, first := range []bool{false, true} {
		random, pct, prefix := &Random{Seed: 1}, &PCT{Seed: 1, Depth: 1}, &Prefix{Bytes: []byte{0, 0, 1}, Then: &engine.Guided{}}
		pos, urw := &POS{Seed: 1}, &URW{Seed: 1}
		plain, bounded := &DFS{Bound: Unbounded, Plain: true}, &DFS{Bound: 0}
		dfs, hashed := &DFS{Bound: Unbounded}, &DFS{Bound: Unbounded, Hash: true}
		for _, c := range []struct {
			name  string
			s     engine.Search
			begin func(i int) bool
			end   func(*engine.Engine)
			o     engine.Options
		}{
			{"random", random, func(i int) bool { random.Begin(i); return true }, nil, engine.Options{}},
			{"pct", pct, func(i int) bool { pct.Begin(i, 6); return true }, nil, engine.Options{}},
			{"pos", pos, func(i int) bool { pos.Begin(i); return true }, nil, engine.Options{Locations: true}},
			{"urw", urw, func(i int) bool { urw.Begin(i); return true }, nil, engine.Options{Locations: true}},
			{"prefix", prefix, func(int) bool { prefix.Begin(); return true }, nil, engine.Options{}},
			{"plain dfs", plain, func(int) bool { return plain.Begin() }, plain.End, engine.Options{}},
			{"dfs without preemptions", bounded, func(int) bool { return bounded.Begin() }, bounded.End, engine.Options{Note: true}},
			{"dfs", dfs, func(int) bool { return dfs.Begin() }, dfs.End, engine.Options{Note: true}},
			{"dfs with states", hashed, func(int) bool { return hashed.Begin() }, hashed.End, engine.Options{Hash: true}},
		} {
			s := c.s
			if first {
				s = firstCase{s}
			}
			d := &oneSearch{s: s, begin: c.begin, end: c.end, o: c.o, c: wrongCase(), n: 500}
			engine.Run(d)
			if (d.fail == nil) != first {
				t.Errorf("%s, always the first case %v: found %v in %d executions", c.name, first, d.fail, d.i)
			}
		}
	}
}
