package sync

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// A Pool keeps objects to be used again.
type Pool struct {
	// New makes an object when the pool has none. It may be nil.
	New func() any

	m     engine.Meta
	gen   uint64
	items []any
	n     uint64 // what stands for the items in the state
}

func (p *Pool) fresh(e *engine.Engine) {
	if p.gen != e.Generation() {
		p.gen = e.Generation()
		clear(p.items)
		p.items = p.items[:0]
		p.n = 0
	}
}

// Put adds x to the pool.
func (p *Pool) Put(x any) {
	if x == nil {
		return
	}
	e := engine.Current
	if e == nil {
		return // the original may drop it too
	}
	e.Before(engine.OpSignal, &p.m)
	p.fresh(e)
	p.items = append(p.items, x)
	p.n = e.Contents(p.n)
	e.Writes++
	if e.Noting() {
		// Others have put what is still there.
		e.Join(&p.m)
		e.State(&p.m, p.n)
		e.Noted(engine.OpSignal, &p.m, 0, uint64(len(p.items)), p.n)
	}
}

// Get takes an object out of the pool, or makes one.
func (p *Pool) Get() any {
	e := engine.Current
	if e != nil {
		e.Before(engine.OpWait, &p.m)
		p.fresh(e)
		var x any
		if n := len(p.items); n > 0 {
			x = p.items[n-1]
			p.items[n-1] = nil
			p.items = p.items[:n-1]
		}
		p.n = e.Contents(p.n)
		e.Writes++
		if e.Noting() {
			e.Acquire(&p.m)
			e.State(&p.m, p.n)
			e.Noted(engine.OpWait, &p.m, 0, uint64(len(p.items)), p.n)
		}
		if x != nil {
			return x
		}
	}
	if p.New != nil {
		return p.New()
	}
	return nil
}
