// Package rcu is read-copy-update for Go: readers that take no lock, and
// writers that wait until the readers which may still see the old data have
// left.
//
// # Protocol
//
// A reader calls Lock, follows pointers to shared data, and calls Unlock with
// what Lock returned. It may migrate between CPUs, be preempted and nest; it
// must not call Synchronize. A writer first makes the data unreachable (an
// atomic store to the last pointer to it), then calls Synchronize, and then
// owns the data alone. A Retirer does that for many objects at a time.
//
// # Memory order
//
// If a Lock does not synchronize after a Synchronize's beginning, its Unlock
// synchronizes before that Synchronize's return. In other words: a reader
// either sees that the data is unreachable, or is waited for.
//
// # How it works
//
// Every P counts the Locks and the Unlocks that happened on it, for two indexes
// of which one is current. Since readers migrate, only sums over all Ps mean
// anything: no reader of an index is left when as many have unlocked as have
// locked. Synchronize waits for the index that isn't current to be empty, makes
// it the current one, and waits for the other. The sum of Unlocks is taken
// first, so that a reader is never missed by being counted out but not in:
//
//	reader A, on P0 then P1         Synchronize
//	                                sums Locks: P0 has 0
//	Lock on P0 (1)
//	Unlock on P1 (1)                sums Unlocks: P1 has 1
//
// would make up for another reader B who has locked and not unlocked.
//
// # Source
//
// The algorithm is that of Linux SRCU as rewritten in 2012 (kernel/rcu/srcutree.c;
// Mathieu Desnoyers and Paul McKenney describe its ordering). Its memory barriers
// in readers are replaced by [pin.Barrier] in Synchronize.
package rcu

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/strategies/pin"
)

// A Domain is a set of readers and the writers that wait for them.
type Domain struct {
	// current is the index for new readers: its lowest bit.
	current atomic.Uint32
	counts  []counts

	// synchronizing is held by the writer that waits.
	synchronizing sync.Mutex

	// extra counts readers on Ps that came after New.
	extra [2]struct {
		locks, unlocks atomic.Int64
	}
}

// counts is what one P counted, alone on its cache lines.
type counts struct {
	locks, unlocks [2]pin.Word
	_              [pin.LineBytes]byte
}

// New returns a domain without readers.
func New() *Domain {
	return &Domain{counts: make([]counts, pin.CPUs())}
}

// A Section is a read section that has begun.
type Section uint32

// Lock begins a read section.
func (d *Domain) Lock() Section {
	i := d.current.Load() & 1
	cpu := pin.Pin()
	if uint(cpu) < uint(len(d.counts)) {
		w := &d.counts[cpu].locks[i]
		w.Store(w.Load() + 1)
	} else {
		d.extra[i].locks.Add(1)
	}
	pin.Unpin()
	return Section(i)
}

// Unlock ends the read section.
func (d *Domain) Unlock(s Section) {
	cpu := pin.Pin()
	if uint(cpu) < uint(len(d.counts)) {
		w := &d.counts[cpu].unlocks[s&1]
		w.Store(w.Load() + 1)
	} else {
		d.extra[s&1].unlocks.Add(1)
	}
	pin.Unpin()
}

// Synchronize returns after a grace period: when every read section that had
// begun has ended.
func (d *Domain) Synchronize() {
	d.synchronizing.Lock()
	defer d.synchronizing.Unlock()
	i := d.current.Load() & 1
	// A reader may have read an old index, and counted itself on it only
	// after the last Synchronize had found that index empty. Such readers
	// are of today, so wait for them before the index is used again.
	d.wait(i ^ 1)
	d.current.Store(i ^ 1)
	d.wait(i)
}

// wait returns when no reader of the index is left.
func (d *Domain) wait(i uint32) {
	for spins := 0; !d.empty(i); spins++ {
		if spins >= 16 {
			runtime.Gosched()
		}
	}
}

// empty reports whether no reader that counted itself on the index before the
// call is left.
func (d *Domain) empty(i uint32) bool {
	// Orders the caller's making data unreachable before the sums.
	pin.Barrier()
	unlocks := d.extra[i].unlocks.Load()
	for c := range d.counts {
		unlocks += d.counts[c].unlocks[i].Load()
	}
	// A reader whose Unlock is in the sum must have its Lock, which came
	// earlier and maybe on another P, in the next sum.
	pin.Barrier()
	locks := d.extra[i].locks.Load()
	for c := range d.counts {
		locks += d.counts[c].locks[i].Load()
	}
	return locks == unlocks
}

// A Retirer frees objects of type S after a grace period, many at a time
// (call_rcu). It belongs to one goroutine.
type Retirer[S any] struct {
	domain *Domain
	free   func(S)
	batch  []S
}

// batchSize is how many retired objects share a grace period.
const batchSize = 64

// NewRetirer returns a retirer that calls free for each object.
func NewRetirer[S any](d *Domain, free func(S)) *Retirer[S] {
	return &Retirer[S]{domain: d, free: free, batch: make([]S, 0, batchSize)}
}

// Retire frees s after a grace period. s is already unreachable for new readers.
// The caller is not in a read section: every so often Retire waits.
func (r *Retirer[S]) Retire(s S) {
	r.batch = append(r.batch, s)
	if len(r.batch) == batchSize {
		r.Flush()
	}
}

// Flush waits for a grace period and frees everything that was retired
// (rcu_barrier).
func (r *Retirer[S]) Flush() {
	if len(r.batch) == 0 {
		return
	}
	r.domain.Synchronize()
	for _, s := range r.batch {
		r.free(s)
	}
	clear(r.batch)
	r.batch = r.batch[:0]
}
