package explore

import (
	"fmt"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// The functions in this file are called by explored code while it runs. Outside
// of an exploration they do nothing, or what is natural.

// Go runs f as a new thread: what a go statement becomes.
func Go(f func()) {
	if e := engine.Current; e != nil {
		e.Spawn(f)
		return
	}
	go f()
}

// Active reports whether an exploration is going on.
func Active() bool { return engine.Current != nil }

// Failf says that a rule is broken and ends the execution. It doesn't return.
func Failf(format string, args ...any) { fail(engine.KindViolation, format, args) }

// Leakf says that something is left over and ends the execution. It doesn't
// return.
func Leakf(format string, args ...any) { fail(engine.KindLeak, format, args) }

func fail(k engine.Kind, format string, args []any) {
	msg := fmt.Sprintf(format, args...)
	e := engine.Current
	if e == nil {
		panic("explore: " + string(k) + ": " + msg)
	}
	e.Fail(k, msg)
}

// Read declares that the running thread reads the plain memory at p. If a write
// of another thread doesn't happen before, that is a failure. It is no scheduling
// point: who is to be caught between two steps calls [Point].
func Read[T any](p *T) {
	if e := engine.Current; e != nil {
		e.Read(unsafe.Pointer(p))
	}
}

// Write declares that the running thread writes the plain memory at p. If an
// access of another thread doesn't happen before, that is a failure.
func Write[T any](p *T) {
	if e := engine.Current; e != nil {
		e.Write(unsafe.Pointer(p))
	}
}

// Look declares that the running thread is about to read what is at p, outside of
// explored memory: an oracle's flag, a slot's generation. It is a scheduling
// point, so the thread may be stopped before it looks.
func Look[T any](p *T) { touch(engine.OpLoad, unsafe.Pointer(p)) }

// Set declares that the running thread is about to change what is at p, outside
// of explored memory; value stands for the new contents. It is a scheduling point.
// Call it before the change:
//
//	explore.Set(&released, 1)
//	released = true
func Set[T any](p *T, value uint64) {
	if e := engine.Current; e != nil {
		e.BeforeAddr(engine.OpStore, unsafe.Pointer(p))
		e.Writes++
		if e.Noting() {
			e.SetAddr(unsafe.Pointer(p), value)
		}
	}
}

// Point is a scheduling point before an access of any kind to what is at p. If it
// changes, say so with [Set].
func Point[T any](p *T) { touch(engine.OpPoint, unsafe.Pointer(p)) }

func touch(k engine.OpKind, p unsafe.Pointer) {
	if e := engine.Current; e != nil {
		e.BeforeAddr(k, p)
		if e.Noting() {
			e.LookAddr(k, p)
		}
	}
}

// Observe declares that the running thread has learned the value other than
// from explored memory. It matters to cases that have Case.Values.
func Observe(value uint64) {
	if e := engine.Current; e != nil {
		e.Observe(value)
	}
}

// Boundary declares that the running thread has finished an operation of its
// program, and that state says all that it remembers. It matters to cases that
// have Case.Values; and exhaustive searches without it are slower.
func Boundary(state uint64) {
	if e := engine.Current; e != nil {
		e.Boundary(state)
	}
}

// Name names what is at p in messages and pictures.
func Name[T any](p *T, name string) {
	if e := engine.Current; e != nil {
		e.NameAddr(unsafe.Pointer(p), unsafe.Sizeof(*p), name)
	}
}

// Free declares that the size bytes at p are freed: whatever touches explored memory there from
// now on, on any thread, is a failure. So is an Unlock of a sync.Mutex there by another thread
// that may not have returned: it lets others have the lock first, and looks at the mutex
// again. name is what messages call the memory.
func Free(p unsafe.Pointer, size uintptr, name string) {
	if e := engine.Current; e != nil {
		e.Free(p, size, name)
	}
}

// Notef writes a remark into the picture of the schedule.
func Notef(format string, args ...any) {
	if e := engine.Current; e != nil && e.Tracing() {
		e.Text(fmt.Sprintf(format, args...))
	}
}

// Thread returns the ID of the running thread, MaxThreads in Setup and Finish. It is
// less than MaxThreads, and no other thread that hasn't ended has the same.
func Thread() int {
	if e := engine.Current; e != nil {
		return e.Cur().ID
	}
	return 0
}
