package engine

import (
	"math/bits"
	"unsafe"
)

// A thread's CPU shows only where the code asks for it. So the scheduler doesn't
// move threads at every point; it chooses the CPU when a thread pins itself or
// reads the number. A thread that reads the number, is moved, and then uses it is
// one that gets another answer the second time.

func (e *Engine) freeCPUs() uint64 {
	free := uint64(1)<<e.caseOf.CPUs - 1
	for i := range e.caseOf.CPUs {
		if e.pinned[i] >= 0 {
			free &^= 1 << i
		}
	}
	return free
}

func cpuIsFree(p unsafe.Pointer) bool { return (*Engine)(p).freeCPUs() != 0 }

// Pin keeps the running thread on a CPU of the scheduler's choice, alone, and
// returns the CPU.
func (e *Engine) Pin() int {
	t := e.cur
	if t.outside || e.aborting {
		return t.cpu
	}
	if t.pins > 0 {
		t.pins++
		return t.cpu
	}
	e.Wait(Op{Kind: OpPin, Loc: LocCPUs}, cpuIsFree, unsafe.Pointer(e))
	e.chooseCPU(t, OpPin)
	e.pinned[t.cpu] = int8(t.ID)
	t.pins = 1
	if e.note {
		t.hold(LocCPU(t.cpu))
		if e.caseOf.Races {
			e.acquire(t, &e.cpuClocks[t.cpu])
		}
	}
	return t.cpu
}

// Unpin ends the innermost Pin.
func (e *Engine) Unpin() {
	t := e.cur
	if t.outside || e.aborting {
		return
	}
	if t.pins == 0 {
		e.Fail(KindMisuse, "Unpin without Pin")
	}
	if t.pins > 1 {
		t.pins--
		return
	}
	e.PointAt(Op{Kind: OpUnpin, Loc: LocCPUs})
	t.pins = 0
	e.pinned[t.cpu] = -1
	if e.waiting != 0 {
		e.Poke()
	}
	if e.note {
		t.unhold(LocCPU(t.cpu))
		if e.caseOf.Races {
			e.release(t, &e.cpuClocks[t.cpu])
		}
		e.noted(t, Op{Kind: OpUnpin, Loc: LocCPUs}, uint64(t.cpu), 0, 0, true, false)
	}
}

// CPU returns the CPU that the thread is on at this instant.
func (e *Engine) CPU() int {
	t := e.cur
	if t.outside || e.aborting || t.pins > 0 {
		return t.cpu
	}
	e.Wait(Op{Kind: OpCPU, Loc: LocCPUs}, cpuIsFree, unsafe.Pointer(e))
	e.chooseCPU(t, OpCPU)
	return t.cpu
}

func isUnpinned(p unsafe.Pointer) bool { return *(*int8)(p) < 0 }

// WaitIdleCPU is a point at which nobody is pinned to the CPU. What was done there
// between Pin and Unpin before happens before what the running thread does next.
func (e *Engine) WaitIdleCPU(cpu int) {
	t := e.cur
	if t.outside || e.aborting {
		return
	}
	if t.pins > 0 && t.cpu == cpu {
		e.Fail(KindMisuse, "a thread waits for the CPU that it is pinned to")
	}
	e.Wait(Op{Kind: OpIdle, Loc: LocCPUs}, isUnpinned, unsafe.Pointer(&e.pinned[cpu]))
	if e.note {
		if e.caseOf.Races {
			e.acquire(t, &e.cpuClocks[cpu])
		}
		e.noted(t, Op{Kind: OpIdle, Loc: LocCPUs}, uint64(cpu), uint64(cpu), 0, true, false)
	}
}

// Self returns a number that no other thread has at the same time: 1 and above.
func (e *Engine) Self() int { return e.cur.ID + 1 }

func (e *Engine) chooseCPU(t *Thread, k OpKind) {
	free := e.freeCPUs()
	cpu := t.cpu
	if bits.OnesCount64(free) > 1 {
		cpu = e.search.PickCPU(e, free, t.cpu)
		if cpu < 0 || free&(1<<cpu) == 0 {
			e.Fail(KindNondeterministic, "the schedule does not fit: CPU "+itoa(cpu)+" isn't free at point "+itoa(e.Step()))
		}
	} else if free != 0 {
		cpu = lowest(free)
	}
	if e.recording && cpu != defaultCPU(free, t.cpu) {
		e.rec = append(e.rec, Decision{Step: e.Step(), Choice: uint8(cpu), Of: OfCPU})
	}
	old := t.cpu
	t.cpu = cpu
	if e.note {
		e.noted(t, Op{Kind: k, Loc: LocCPUs}, uint64(old), uint64(cpu), uint64(cpu), true, true)
	}
}

// defaultCPU is where a thread goes if nobody decides: it stays if it can.
func defaultCPU(free uint64, cur int) int {
	if free&(1<<cur) != 0 {
		return cur
	}
	return lowest(free)
}
