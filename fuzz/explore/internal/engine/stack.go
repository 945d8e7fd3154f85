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

// idleStack is a goroutine that waits in a slot with no thread on it.
type idleStack struct {
	slot  int
	stack int
}

type stacks struct {
	slots   []slot
	idle    []idleStack
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
func (e *Engine) grow() idleStack {
	i := len(e.slots)
	e.slots = append(e.slots, slot{live: true})
	next, _ := iter.Pull(func(yield func(struct{}) bool) {
		e.slots[i].yield = yield
		e.work(i + 1)
		e.slots[i].live = false
	})
	e.slots[i].next = next
	return idleStack{slot: i, stack: i + 1}
}

// takeIdle removes an idle stack from the pool, or makes one.
func (e *Engine) takeIdle() idleStack {
	if n := len(e.idle); n > 0 {
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return s
	}
	return e.grow()
}

// retire makes the calling stack idle and runs the goroutine in the slot.
func (e *Engine) retire(stack, slot int) {
	e.idle = append(e.idle, idleStack{slot: slot, stack: stack})
	e.exchange(slot)
}

// work is what each stack does: run threads that begin on it, hand over to
// those that wait elsewhere, and begin the next execution when all have ended.
// Stack 0 returns when the driver has had enough, the others when the pool
// closes.
func (e *Engine) work(stack int) {
	for !e.closing {
		if t := e.cur; t != nil && !t.begun {
			t.begun, t.stack = true, stack
			e.run(t)
		}
		t := e.afterEnd()
		switch {
		case t == nil && stack == 0:
			return
		case t == nil:
			e.retire(stack, e.homeSlot(stack))
		case t.begun:
			e.cur = t
			e.retire(stack, t.slot)
		default:
			e.cur = t
		}
	}
}

// homeSlot takes stack 0 out of the pool and returns where it waits.
func (e *Engine) homeSlot(int) int {
	for i, s := range e.idle {
		if s.stack == 0 {
			e.idle[i] = e.idle[len(e.idle)-1]
			e.idle = e.idle[:len(e.idle)-1]
			return s.slot
		}
	}
	panic("explore: stack 0 is lost")
}

// closeStacks ends all pooled goroutines. A goroutine that ends wakes the one
// that waits in its own slot, so that one exchange ends a whole cycle of them
// before it comes back.
func (e *Engine) closeStacks() {
	e.closing = true
	for i := range e.slots {
		if e.slots[i].live {
			e.exchange(i)
		}
	}
	e.slots, e.idle = nil, nil
}

// switchTo suspends the calling thread and runs t.
func (e *Engine) switchTo(from, t *Thread) {
	e.switches++
	e.cur = t
	if t.begun {
		from.slot = t.slot
	} else {
		from.slot = e.takeIdle().slot
	}
	e.exchange(from.slot)
	if e.aborting {
		panic(abort)
	}
}

func lowest(mask uint32) int { return bits.TrailingZeros32(mask) }
