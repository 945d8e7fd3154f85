// Package sync is package sync of the standard library in explored form.
//
// A goroutine that has to wait is blocked for the scheduler, so that a deadlock
// is seen at once. The edges of the happens-before check are those of the Go
// memory model; as there, a reader of an RWMutex doesn't happen before later
// readers. There are more of them where one location stands for several things, so
// that a race may be missed: each Put to a Pool happens before each later Get, a
// change of a Map before what others do to any key of it, and a Signal before each
// later return of Wait.
//
// A Mutex, RWMutex or Pool that outlives an execution (a package variable) is new
// in the next. A Once, WaitGroup, Map or Cond isn't: Setup should make them.
//
// # What is not modelled
//
// Fairness and spinning of Mutex: any waiter may be next. The panic of a WaitGroup
// whose Add from zero meets a Wait: whoever waits too early goes on, or finds the
// group used again. A Pool keeps what is put
// into it and gives back what was put last, on whatever CPU; the original may drop
// anything at any time. Map.Range visits keys in the order in which they were
// stored first. Outside of an exploration the types do their bookkeeping without
// any synchronization, and panic where they would block.
package sync

import "sync"

// A Locker can be locked and unlocked.
type Locker = sync.Locker

func wouldBlock(what string) {
	panic("explore/sync: " + what + " outside of an exploration would block for ever")
}
