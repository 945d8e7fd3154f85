package sync

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// An RWMutex is a reader/writer mutual exclusion lock. Its zero value is
// unlocked. As in the original, a writer that waits for readers keeps new readers
// out, so that a goroutine that read-locks twice can deadlock.
type RWMutex struct {
	w       engine.Meta // what writers release
	r       engine.Meta // what readers release
	gen     uint64
	readers int
	writer  bool // a writer has it, or waits for readers only
	by      uint8
}

// fresh forgets what an execution that failed left behind.
func (m *RWMutex) fresh(e *engine.Engine) {
	if e != nil && m.gen != e.Generation() {
		m.gen, m.readers, m.writer = e.Generation(), 0, false
	}
}

func noWriter(p unsafe.Pointer) bool {
	m := (*RWMutex)(p)
	m.fresh(engine.Current)
	return !m.writer
}

func noReaders(p unsafe.Pointer) bool { return (*RWMutex)(p).readers == 0 }

// value is the state of the lock as a number:
//
//	bits  meaning
//	0     a writer has it or waits
//	1-    number of readers
func (m *RWMutex) value() uint64 {
	v := uint64(m.readers) << 1
	if m.writer {
		v |= 1
	}
	return v
}

func (m *RWMutex) noted(e *engine.Engine, k engine.OpKind, old uint64) {
	e.State(&m.w, m.value())
	e.Noted(k, &m.w, old, m.value(), 1)
}

// Lock locks m for writing.
func (m *RWMutex) Lock() {
	e := engine.Current
	if e == nil {
		if m.writer || m.readers > 0 {
			wouldBlock("RWMutex.Lock")
		}
		m.writer = true
		return
	}
	if e.Aborting() {
		return
	}
	e.WaitAt(engine.OpLock, &m.w, noWriter, unsafe.Pointer(m))
	m.fresh(e)
	old := m.value()
	m.writer = true
	e.Writes++
	if e.Noting() {
		m.noted(e, engine.OpLock, old)
	}
	if m.readers > 0 {
		e.WaitAt(engine.OpLock, &m.w, noReaders, unsafe.Pointer(m))
		if e.Noting() {
			m.noted(e, engine.OpLock, m.value())
		}
	}
	m.got(e)
}

func (m *RWMutex) got(e *engine.Engine) {
	m.by = uint8(e.Cur().ID)
	if e.Noting() {
		e.Acquire(&m.w)
		e.Acquire(&m.r)
		e.Hold(&m.w)
	}
}

// TryLock locks m for writing if nobody has it, and reports whether it did.
func (m *RWMutex) TryLock() bool {
	e := engine.Current
	if e == nil {
		if m.writer || m.readers > 0 {
			return false
		}
		m.writer = true
		return true
	}
	e.Before(engine.OpTryLock, &m.w)
	m.fresh(e)
	old := m.value()
	if old != 0 {
		if e.Noting() {
			e.Noted(engine.OpTryLock, &m.w, old, old, 0)
		}
		return false
	}
	m.writer = true
	e.Writes++
	if e.Noting() {
		m.noted(e, engine.OpTryLock, old)
	}
	m.got(e)
	return true
}

// Unlock unlocks m from writing. It is a failure if m isn't locked for writing.
func (m *RWMutex) Unlock() {
	e := engine.Current
	if e == nil {
		if !m.writer {
			panic("sync: Unlock of unlocked RWMutex")
		}
		m.writer = false
		return
	}
	if e.Aborting() {
		return
	}
	e.Before(engine.OpUnlock, &m.w)
	m.fresh(e)
	if !m.writer || m.readers > 0 {
		e.Fail(engine.KindMisuse, "Unlock of an RWMutex that isn't locked for writing")
	}
	old := m.value()
	m.writer = false
	e.Changed()
	if e.Noting() {
		e.Release(&m.w)
		e.UnholdBy(int(m.by), &m.w)
		m.noted(e, engine.OpUnlock, old)
	}
}

// RLock locks m for reading.
func (m *RWMutex) RLock() {
	e := engine.Current
	if e == nil {
		if m.writer {
			wouldBlock("RWMutex.RLock")
		}
		m.readers++
		return
	}
	if e.Aborting() {
		return
	}
	e.WaitAt(engine.OpRLock, &m.w, noWriter, unsafe.Pointer(m))
	m.read(e, engine.OpRLock)
}

func (m *RWMutex) read(e *engine.Engine, k engine.OpKind) {
	m.fresh(e)
	old := m.value()
	m.readers++
	e.Writes++
	if e.Noting() {
		e.Acquire(&m.w)
		m.noted(e, k, old)
	}
}

// TryRLock locks m for reading if no writer has it or waits, and reports whether
// it did.
func (m *RWMutex) TryRLock() bool {
	e := engine.Current
	if e == nil {
		if m.writer {
			return false
		}
		m.readers++
		return true
	}
	e.Before(engine.OpTryRLock, &m.w)
	m.fresh(e)
	if m.writer {
		if e.Noting() {
			e.Noted(engine.OpTryRLock, &m.w, m.value(), m.value(), 0)
		}
		return false
	}
	m.read(e, engine.OpTryRLock)
	return true
}

// RUnlock undoes one RLock. It is a failure if m isn't locked for reading.
func (m *RWMutex) RUnlock() {
	e := engine.Current
	if e == nil {
		if m.readers == 0 {
			panic("sync: RUnlock of unlocked RWMutex")
		}
		m.readers--
		return
	}
	if e.Aborting() {
		return
	}
	e.Before(engine.OpRUnlock, &m.w)
	m.fresh(e)
	if m.readers == 0 {
		e.Fail(engine.KindMisuse, "RUnlock of an RWMutex that isn't locked for reading")
	}
	old := m.value()
	m.readers--
	e.Changed()
	if e.Noting() {
		e.Join(&m.r)
		m.noted(e, engine.OpRUnlock, old)
	}
}

// RLocker returns a Locker that locks m for reading.
func (m *RWMutex) RLocker() Locker { return (*rlocker)(m) }

type rlocker RWMutex

func (r *rlocker) Lock()   { (*RWMutex)(r).RLock() }
func (r *rlocker) Unlock() { (*RWMutex)(r).RUnlock() }
