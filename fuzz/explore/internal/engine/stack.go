package engine

import (
	"iter"
	"math/bits"
)

// Threads run on pooled goroutines ("stacks"). Exactly one of them runs; each of
// the others waits in a slot. A slot is one coroutine of iter.Pull: a switch to a
// slot puts the running goroutine into it and runs the one that waited there.
//
// iter.Pull is made for a caller that calls next and a sequence that calls yield
// in turn. Both do the same: they exchange the calling goroutine with the one
// that waits in the coroutine. As long as next and yield of one slot are called
// in turn it doesn't matter who calls them. So any goroutine can hand over to any
// other in one switch, without going back to a central loop, and a thread that
// ends can give its stack to a thread that hasn't begun, without any switch.
//
//	running  slot 1  slot 2
//	g0       g1      g2      switch to slot 1
//	g1       g0      g2      switch to slot 2
//	g2       g0      g1      switch to slot 1
//	g0       g2      g1
type slot struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
	turn  bool // yield's turn
	live  bool
}

type stacks struct {
	slots   []slot
	idle    []int // slots in which goroutines wait with no thread on them
	home    int   // slot in which the caller of Run waits
	closing bool
}

// exchange puts the calling goroutine into the slot and runs the one in it. It
// returns when somebody switches to the slot again.
func (s *stacks) exchange(i int) {
	sl := &s.slots[i]
	if sl.turn {
		sl.turn = false
		sl.yield(struct{}{})
	} else {
		sl.turn = true
		sl.next()
	}
}

// grow makes one more stack and returns the slot in which it waits.
func (e *Engine) grow() int {
	i := len(e.slots)
	e.slots = append(e.slots, slot{live: true})
	next, _ := iter.Pull(func(yield func(struct{}) bool) {
		e.slots[i].yield = yield
		returned := false
		defer func() {
			e.slots[i].live = false
			if !returned {
				// Goexit would go on in whoever waits in this slot; a
				// panic ends there too, but can be recovered from.
				panic(closing)
			}
		}()
		e.work()
		returned = true
	})
	e.slots[i].next = next
	return i
}

// takeIdle removes an idle stack from the pool, or makes one. It returns the slot in
// which it waits.
func (e *Engine) takeIdle() int {
	if n := len(e.idle); n > 0 {
		i := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return i
	}
	return e.grow()
}

// retire makes the calling stack idle and runs the goroutine in the slot.
func (e *Engine) retire(slot int) {
	e.idle = append(e.idle, slot)
	e.exchange(slot)
}

// call runs the pool until the driver has had enough. The caller's goroutine waits in
// home meanwhile and runs no threads: a thread may be ended by Goexit, which ends the
// goroutine that it runs on.
func (e *Engine) call() {
	e.home = e.takeIdle()
	e.exchange(e.home)
}

// work is what each stack does: run threads that begin on it, hand over to
// those that wait elsewhere, and begin the next execution when all have ended.
// It returns when the pool closes.
func (e *Engine) work() {
	for !e.closing {
		if t := e.cur; t != nil && !t.begun {
			t.begun = true
			e.run(t)
		}
		t := e.afterEnd()
		switch {
		case t == nil:
			e.retire(e.home)
		case t.begun:
			e.cur = t
			e.retire(t.slot)
		default:
			e.cur = t
		}
	}
}

// closing is the panic of a goroutine that ends because the pool closes, after Goexit
// has been called on it.
var closing = &abortType{}

// closeStacks ends all pooled goroutines. A goroutine that ends wakes the one
// that waits in its own slot, so that one exchange ends a whole cycle of them
// before it comes back.
func (e *Engine) closeStacks() {
	e.closing = true
	for i := range e.slots {
		if e.slots[i].live {
			e.exchangeLast(i)
		}
	}
	e.slots, e.idle = nil, nil
}

// exchangeLast is exchange with a goroutine that ends.
func (e *Engine) exchangeLast(i int) {
	defer func() {
		if r := recover(); r != nil && r != any(closing) {
			panic(r)
		}
	}()
	e.exchange(i)
}

// switchTo suspends the calling thread and runs t.
func (e *Engine) switchTo(from, t *Thread) {
	e.switches++
	e.cur = t
	if t.begun {
		from.slot = t.slot
	} else {
		from.slot = e.takeIdle()
	}
	e.exchange(from.slot)
	if e.aborting {
		e.unwind()
	}
}

func lowest(mask uint64) int { return bits.TrailingZeros64(mask) }
