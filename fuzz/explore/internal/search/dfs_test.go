package search

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

type dfsDriver struct {
	s      DFS
	c      engine.Case
	limit  int
	execs  int
	points int
	fail   *engine.Failure
	done   bool
}

func (d *dfsDriver) Begin(e *engine.Engine) bool {
	if d.fail != nil || d.execs == d.limit {
		return false
	}
	if !d.s.Begin() {
		d.done = true
		return false
	}
	e.Prepare(&d.c, &d.s, engine.Options{Note: !d.s.Plain, Hash: d.s.Hash, Retries: d.s.Retries})
	d.execs++
	return true
}

func (d *dfsDriver) End(e *engine.Engine) {
	d.points += e.Step()
	d.fail = e.Failure()
	d.s.End(e)
}

type casCount struct{ v atomic.Int64 }

func (c *casCount) TryGet() bool {
	for {
		v := c.v.Load()
		if v == 0 {
			return false
		}
		if c.v.CompareAndSwap(v, v+1) {
			return true
		}
	}
}
func (c *casCount) Put() bool {
	for {
		v := c.v.Load()
		if c.v.CompareAndSwap(v, v-1) {
			return v == 1
		}
	}
}

func casCase(n int) engine.Case {
	var c casCount
	released := 0
	body := func() {
		ok := c.TryGet()
		if e := engine.Current; ok {
			e.Boundary(1)
		} else {
			e.Boundary(0)
		}
		if ok && c.Put() {
			released++
		}
		engine.Current.Boundary(0)
	}
	k := engine.Case{CPUs: n, Setup: func() { released = 0; c.v.Store(1) }, MaxPoints: 10000,
		Finish: func() {
			if c.Put() != (released == 0) || released > 0 {
				engine.Current.Fail(engine.KindViolation, "released twice")
			}
		}}
	for range n {
		k.Threads = append(k.Threads, body)
	}
	return k
}

func TestDFSCounts(t *testing.T) {
	for _, n := range []int{2, 3, 4} {
		for _, s := range []DFS{{Bound: -1, Hash: true}, {Bound: -1, Hash: true, Retries: true}, {Bound: 2, Hash: true, Retries: true}, {Bound: 2}, {Bound: 2, Plain: true}} {
			d := &dfsDriver{s: s, c: casCase(n), limit: 500000}
			engine.Run(d)
			if !d.done && d.execs < d.limit || d.fail != nil {
				t.Errorf("%d threads, %+v: done %v after %d executions, failure %v", n, s.Bound, d.done, d.execs, d.fail)
			}
			if n < 4 && !d.done {
				t.Errorf("%d threads, bound %d, plain %v: not through in %d executions", n, s.Bound, s.Plain, d.execs)
			}
			t.Logf("%d threads plain=%v hash=%v,%v bound=%d: %d executions, %d states, %d restarts, done %v, fail %v",
				n, s.Plain, s.Hash, s.Retries, s.Bound, d.execs, d.s.States, d.s.Restarts, d.done, d.fail)
		}
	}
}
