package engine

import "unsafe"

// WaitAt is Wait at the location of m.
func (e *Engine) WaitAt(k OpKind, m *Meta, ready func(unsafe.Pointer) bool, obj unsafe.Pointer) {
	op := Op{Kind: k, Loc: NoLoc}
	if e.note {
		op.Loc = e.loc(m).ID
	}
	e.Wait(op, ready, obj)
	if len(e.freed) > 0 {
		e.touch(k, unsafe.Pointer(m))
	}
}

// Changed says that memory has changed in a way that may let waiting threads go
// on.
func (e *Engine) Changed() {
	e.Writes++
	if e.waiting != 0 {
		e.Poke()
	}
}

// Generation is a number of this execution that no other has.
func (e *Engine) Generation() uint64 { return e.gen }
