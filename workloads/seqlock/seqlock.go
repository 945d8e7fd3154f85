// Package seqlock lets readers take a consistent look at some fields without
// writing to memory: they read a sequence number, the fields, and the number
// again, and start over if it changed (Linux seqlock_t).
//
// The fields are atomic variables, so that a reader that comes at the wrong time
// reads mixed values but does not race.
package seqlock

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Lock is a sequence number and a mutex for writers. The zero Lock is ready.
//
// In the terms of the Go memory model, what a writer did before Unlock happens
// before the return of a Begin that observes its number.
type Lock struct {
	seq     atomic.Uint32 // odd while a writer is at work
	writers sync.Mutex
}

// Begin starts a look and returns the number to give to Retry. It waits while a
// writer is at work.
func (l *Lock) Begin() uint32 {
	for spins := 0; ; spins++ {
		seq := l.seq.Load()
		if seq&1 == 0 {
			return seq
		}
		if spins >= 16 {
			runtime.Gosched()
		}
	}
}

// Retry reports whether a writer came between, so that what was read since
// Begin must be thrown away.
func (l *Lock) Retry(seq uint32) bool { return l.seq.Load() != seq }

// Lock begins a change.
func (l *Lock) Lock() {
	l.writers.Lock()
	l.seq.Add(1)
}

// Unlock ends a change.
func (l *Lock) Unlock() {
	l.seq.Add(1)
	l.writers.Unlock()
}
