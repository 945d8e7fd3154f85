package cpu

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// A Word is an integer that restartable sections change (Linux rseq(2)). A section begins
// with Begin, and its last step is Commit. Until then it may be cut off at any point: by
// another section that begins on the word, as if the scheduler had given the CPU to that, or
// by Cut. Commit of a section that was cut off changes nothing, and the section begins anew.
//
// So a section is on a CPU alone, as a pinned goroutine is, but nobody waits for it.
//
// Its zero value is 0.
type Word struct {
	v  int64
	by int // whose section it is, by engine.Self; 0: none is under way
	m  engine.Meta
}

// Begin begins a section of the calling goroutine, and cuts off whichever is under way.
func (w *Word) Begin() {
	e := engine.Current
	if e == nil {
		w.by = 1
		return
	}
	e.Before(engine.OpBegin, &w.m)
	w.by = e.Self()
	w.changed(e)
	if e.Noting() {
		v := uint64(w.v)
		e.Noted(engine.OpBegin, &w.m, v, v, 0)
	}
}

// Commit adds n if the section that the caller began hasn't been cut off, ends it, and
// reports whether it did.
func (w *Word) Commit(n int64) bool {
	e := engine.Current
	if e == nil {
		w.v += n
		return true
	}
	e.Before(engine.OpCommit, &w.m)
	old, ok := w.v, w.by == e.Self()
	a := engine.Access{Kind: engine.OpCommit, Old: uint64(old), New: uint64(old)}
	if ok {
		w.v, w.by = old+n, 0
		e.Writes++
		a.New, a.Seen, a.Wrote = uint64(w.v), 1, true
	}
	if e.Noting() {
		e.After(&w.m, a)
		w.state(e)
	}
	return ok
}

// Cut cuts off the section that is under way.
func (w *Word) Cut() {
	e := engine.Current
	if e == nil {
		return
	}
	e.Before(engine.OpCut, &w.m)
	w.by = 0
	w.changed(e)
	if e.Noting() {
		v := uint64(w.v)
		e.After(&w.m, engine.Access{Kind: engine.OpCut, Old: v, New: v, Wrote: true})
		w.state(e)
	}
}

// Load returns the value.
func (w *Word) Load() int64 {
	e := engine.Current
	if e == nil {
		return w.v
	}
	e.Before(engine.OpLoad, &w.m)
	if e.Noting() {
		v := uint64(w.v)
		e.After(&w.m, engine.Access{Kind: engine.OpLoad, Old: v, New: v, Seen: v})
		w.state(e)
	}
	return w.v
}

// Store sets the value, and cuts off the section that is under way.
func (w *Word) Store(v int64) {
	e := engine.Current
	if e == nil {
		w.v = v
		return
	}
	e.Before(engine.OpStore, &w.m)
	old := w.v
	w.v, w.by = v, 0
	e.Writes++
	if e.Noting() {
		e.After(&w.m, engine.Access{Kind: engine.OpStore, Old: uint64(old), New: uint64(v), Wrote: true})
		w.state(e)
	}
}

func (w *Word) changed(e *engine.Engine) {
	e.Writes++
	w.state(e)
}

// state tells what the word contributes to the state of memory: its value alone isn't all
// that decides how its sections go on.
func (w *Word) state(e *engine.Engine) { e.State(&w.m, uint64(w.v)*0x9e3779b97f4a7c15+uint64(w.by)) }
