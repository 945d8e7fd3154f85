package sync

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Mutex is a mutual exclusion lock. Its zero value is unlocked.
type Mutex struct {
	m    engine.Meta
	gen  uint64 // execution in which it was locked
	held bool
	by   uint8 // the thread that locked it, for messages
}

func (m *Mutex) locked(e *engine.Engine) bool {
	if m.held && e != nil && m.gen != e.Generation() {
		m.held = false // left behind by an execution that failed
	}
	return m.held
}

func mutexIsFree(p unsafe.Pointer) bool { return !(*Mutex)(p).locked(engine.Current) }

// Lock locks m, as soon as it is unlocked.
func (m *Mutex) Lock() {
	e := engine.Current
	if e == nil {
		if m.held {
			wouldBlock("Mutex.Lock")
		}
		m.held, m.gen = true, 0
		return
	}
	if e.Aborting() {
		return
	}
	e.WaitAt(engine.OpLock, &m.m, mutexIsFree, unsafe.Pointer(m))
	m.take(e, engine.OpLock)
}

func (m *Mutex) take(e *engine.Engine, k engine.OpKind) {
	m.held, m.gen, m.by = true, e.Generation(), uint8(e.Cur().ID)
	e.Writes++
	if e.Noting() {
		e.Acquire(&m.m)
		e.State(&m.m, 1)
		e.Hold(&m.m)
		e.Noted(k, &m.m, 0, 1, 1)
	}
}

// TryLock locks m if it is unlocked, and reports whether it did.
func (m *Mutex) TryLock() bool {
	e := engine.Current
	if e == nil {
		if m.held {
			return false
		}
		m.held, m.gen = true, 0
		return true
	}
	e.Before(engine.OpTryLock, &m.m)
	if m.locked(e) {
		if e.Noting() {
			e.Noted(engine.OpTryLock, &m.m, 1, 1, 0)
		}
		return false
	}
	m.take(e, engine.OpTryLock)
	return true
}

// Unlock unlocks m. It is a failure if m isn't locked.
func (m *Mutex) Unlock() {
	e := engine.Current
	if e == nil {
		if !m.held {
			panic("sync: unlock of unlocked mutex")
		}
		m.held = false
		return
	}
	if e.Aborting() {
		return
	}
	e.Before(engine.OpUnlock, &m.m)
	if !m.locked(e) {
		e.Fail(engine.KindMisuse, "unlock of an unlocked mutex")
	}
	m.held = false
	e.Leave(unsafe.Pointer(m))
	e.Changed()
	if e.Noting() {
		e.Release(&m.m)
		e.State(&m.m, 0)
		e.UnholdBy(int(m.by), &m.m)
		e.Noted(engine.OpUnlock, &m.m, 1, 0, 0)
	}
}
