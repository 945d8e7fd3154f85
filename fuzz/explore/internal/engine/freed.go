package engine

import "unsafe"

// A freedRange is memory that must not be touched any more.
type freedRange struct {
	from, size uintptr
	name       string
}

func (r freedRange) has(addr uintptr) bool { return addr-r.from < r.size }

// Free says that the size bytes at p are freed by the running thread: an access of any thread
// from now on is a failure. So is an Unlock of a mutex there that may still go on: it lets
// others have the lock before it has returned, and looks at the mutex once more then.
//
// From the first Free on each point is a decision, so that Before needn't ask.
func (e *Engine) Free(p unsafe.Pointer, size uintptr, name string) {
	if e.aborting || e.cur.outside {
		return
	}
	r := freedRange{uintptr(p), size, name}
	e.freed = append(e.freed, r)
	e.refuel(0)
	for i := range e.n {
		if t := &e.threads[i]; t != e.cur && t.begun && t.leaving != 0 && r.has(t.leaving) && t.parkedAt == t.leftAt+1 {
			e.Fail(KindViolation, name+" is freed by "+e.cur.Name()+" while an Unlock by "+t.Name()+" of a mutex in it may go on")
		}
	}
}

// Leave says that the running thread has unlocked the mutex, and may touch it until the
// thread comes to its next point.
func (e *Engine) Leave(p unsafe.Pointer) {
	e.cur.leaving, e.cur.leftAt = uintptr(p), e.Step()
}

// touch fails if the memory is freed.
func (e *Engine) touch(k OpKind, p unsafe.Pointer) {
	for _, r := range e.freed {
		if r.has(uintptr(p)) {
			e.Fail(KindViolation, r.name+" is freed, and "+e.cur.Name()+" touches it: "+k.String())
		}
	}
}
