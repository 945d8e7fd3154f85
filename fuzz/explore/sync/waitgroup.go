package sync

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A WaitGroup waits until a number of goroutines have finished.
type WaitGroup struct {
	m engine.Meta
	n int
}

func groupIsDone(p unsafe.Pointer) bool { return (*WaitGroup)(p).n == 0 }

// Add adds delta to the number of goroutines. It panics if that is negative.
func (g *WaitGroup) Add(delta int) {
	e := engine.Current
	if e != nil {
		if e.Aborting() {
			return
		}
		e.Before(engine.OpSignal, &g.m)
	}
	old := g.n
	g.n += delta
	if g.n < 0 {
		panic("sync: negative WaitGroup counter")
	}
	if e != nil {
		e.Changed()
		if e.Noting() {
			if delta < 0 {
				e.Join(&g.m)
			}
			e.State(&g.m, uint64(g.n))
			e.Noted(engine.OpSignal, &g.m, uint64(old), uint64(g.n), 0)
		}
	}
}

// Done is Add(-1).
func (g *WaitGroup) Done() { g.Add(-1) }

// Wait blocks until the number is zero.
func (g *WaitGroup) Wait() {
	e := engine.Current
	if e == nil {
		if g.n != 0 {
			wouldBlock("WaitGroup.Wait")
		}
		return
	}
	if e.Aborting() {
		return
	}
	e.WaitAt(engine.OpWait, &g.m, groupIsDone, unsafe.Pointer(g))
	if e.Noting() {
		e.Acquire(&g.m)
		e.Noted(engine.OpWait, &g.m, 0, 0, 0)
	}
}

// Go calls f in a new goroutine that the group waits for.
func (g *WaitGroup) Go(f func()) {
	g.Add(1)
	body := func() {
		defer g.Done()
		f()
	}
	if e := engine.Current; e != nil {
		e.Spawn(body)
		return
	}
	body()
}
