package form

import (
	"cmp"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// addresses are the ranks of objects whose addresses were compared in an execution.
type addresses struct {
	m         engine.Meta
	gen       uint64
	n         uint64 // what stands for the ranks in the state
	rank      map[unsafe.Pointer]int
	low, high int // the ranks that were given last, below and above all others
}

var compared addresses

// Compare compares two addresses: -1 if p is below q, 0 if they are the same, 1 otherwise.
// Natively objects lie anywhere. Here each new one lies below or above all others whose
// addresses were compared, which is a choice of the search, and it stays there.
func Compare(p, q unsafe.Pointer) int {
	e := engine.Current
	if e == nil || e.Aborting() || p == q || p == nil || q == nil {
		return cmp.Compare(uintptr(p), uintptr(q))
	}
	return cmp.Compare(compared.of(e, p), compared.of(e, q))
}

func (a *addresses) of(e *engine.Engine, p unsafe.Pointer) int {
	if a.gen != e.Generation() {
		*a = addresses{gen: e.Generation(), rank: make(map[unsafe.Pointer]int)}
	}
	if r, ok := a.rank[p]; ok {
		return r
	}
	e.Before(engine.OpSignal, &a.m)
	if r, ok := a.rank[p]; ok {
		return r // another thread has compared it meanwhile
	}
	below := 0
	if len(a.rank) > 0 {
		below = e.Way(2)
	}
	r := 0
	if below == 1 {
		a.low--
		r = a.low
	} else {
		a.high++
		r = a.high
	}
	a.rank[p] = r
	a.n = e.Contents(a.n)
	e.Writes++
	if e.Noting() {
		e.State(&a.m, a.n)
		e.Noted(engine.OpSignal, &a.m, 0, uint64(len(a.rank)), a.n)
	}
	return r
}
