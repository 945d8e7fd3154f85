package rules

import (
	"fmt"
	"runtime"

	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/strategies/spec"
)

// nextLife is a crossing in which holders drop what they have of an object that nobody else
// knows. Who is told of the last drop begins other lives in the same memory at once, and has
// them alone: no drop of the first life may see them, and they must see none.
func (e *env) nextLife() func() error {
	if e.p.GracePeriod {
		e.skip("the promise asks for a grace period before the memory is used again")
	}
	if e.sp.Waits() {
		e.skip("the promise says that Kill waits for all drops, and that none of them reports the last")
	}
	e.room(e.cfg.Workers + 2)
	own := spec.LifeAlone()
	return e.cross(crossing{
		starts: []begin{e.at(int64(e.cfg.Workers))},
		lives:  64,
		body: func(w *worker, l *life) {
			if w.rng.IntN(8) == 0 {
				stress.Pause(w.rng)
			}
			if !w.call(l, spec.Call{Op: spec.Put}) {
				return
			}
			if n := l.trues.Add(1); n > 1 {
				w.failf("Put reported the last reference of a life that had ended: it saw the memory's next life")
				return
			}
			for range 4 {
				l.Init()
				for i, op := range own {
					if w.rng.IntN(4) == 0 {
						runtime.Gosched() // for one that was stopped in its drop
					}
					if last := w.call(l, spec.Call{Op: op}); op.Drops() && last != (i == len(own)-1) {
						w.failf("in the memory's next life, which one goroutine has alone, call %d, %v, returned %v", i+1, op, last)
						return
					}
				}
			}
		},
		ends: func(l *life) (spec.State, error) {
			if n := l.trues.Load(); n != 1 {
				return spec.State{}, fmt.Errorf("%d drops of the first life reported the last, want 1", n)
			}
			return spec.State{Killed: true}, nil
		},
	})
}
