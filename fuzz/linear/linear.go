// Package linear tells whether what clients of a count saw can be explained by a
// count that does one operation after the other: whether it is linearizable.
//
// # Histories
//
// A [History] is what clients called, what they were told, and when each call began
// and ended. [Stress] records histories on real threads, [Scenario] under the
// deterministic scheduler. They are made of lives: each begins with a fresh count,
// and counts of different lives have nothing to do with each other, so that each
// can be judged by itself.
//
// # Judging
//
// A history is linearizable if each call can be given one instant between its
// beginning and its end, so that the calls in the order of their instants are what
// strategies/spec allows. It is the strategy's own promise that counts: TryGet may
// fail for no reason where that is promised, and zero is seen only after Kill where
// that is. What the promise or the contract leaves open isn't judged:
//
//   - Reads that are promised to be approximate, unless nothing else is going on
//     (quiescent consistency).
//   - Whether TryGetLive already fails while Kill goes on, or still fails while
//     ResurrectLive, Reinit or Init does; and whether it still succeeds until a plain
//     Kill has returned.
//   - What a saturated count reads as while a reference is being taken or dropped: what
//     came past the limit may be added first and make the count stick later, and a drop
//     may subtract first. Nobody can take it for dead meanwhile, and once those calls
//     have returned it is stuck.
//   - Where a drop too many may keep anybody from being told of the last drop, and the
//     two drops meet: who is told, and whether TryGet succeeds until both have returned.
//   - What follows a call of which nothing is promised.
//
// A [Judge] works in three steps.
//
//   - Intervals: from the beginnings and ends alone follow the smallest and the
//     largest count that are possible at each instant. An answer that fits none of
//     the counts possible during its call is wrong. This takes O(n log n) and finds
//     most of what is wrong, but not all. It is for lives in which a right count
//     stays between 0 and its limit and isn't brought back.
//   - Cuts: where no call is going on the count is in one of few states, and what
//     comes after can be judged from there (Herlihy and Wing, Linearizability,
//     section 3: locality and non-blocking make this exact).
//   - Search: porcupine (github.com/anishathalye/porcupine) looks for an order of
//     the calls between two cuts. That is exponential in how many go on at once, so
//     it has a time limit. What isn't decided by then is [Unknown], which is neither
//     good nor bad.
package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/refbench/refbench/strategies/spec"
)

// A Class says whether a history can be explained.
type Class string

// The classes.
const (
	Linearizable Class = "linearizable"
	Illegal      Class = "illegal" // no order of the calls explains the answers
	Unknown      Class = "unknown" // not found out in time
)

// An Op is one call that a client made and what it was told.
type Op struct {
	Client int // 0 .. MaxClients-1
	Call   spec.Call

	Result   bool  // what the call returned; false if it returns no bool
	Value    int64 // what Count returned
	Panicked bool  // it didn't return
	Stray    bool  // the client dropped what it didn't hold

	// Begin and End are stamps of one clock. The call took effect between
	// the two. A client makes one call after the other.
	Begin, End int64

	open open // what the promise leaves open; set by a Judge
}

// String returns the call and the answer, as in "Put -> true". A call that drops what
// the client doesn't hold has a "!" behind it, as in op programs.
func (o Op) String() string { return o.call() + " -> " + o.answer() }

func (o Op) call() string {
	if o.Stray {
		return o.Call.String() + "!"
	}
	return o.Call.String()
}

// A Life is what happened to one count from its Init.
type Life struct {
	Start int64 // how many references it began with
	Ops   []Op
}

// A History is some lives of counts of one strategy.
type History struct {
	Strategy string // its name
	Clock    string // what the stamps are: ClockTSC, ClockCounter or ClockSteps
	Seed     uint64 // of the driver that made the calls
	Lives    []Life
}

// MaxClients is how many clients a history may have.
const MaxClients = 64

// Ops returns how many calls there are.
func (h *History) Ops() int {
	n := 0
	for _, l := range h.Lives {
		n += len(l.Ops)
	}
	return n
}

// sorted returns the calls in the order in which they began.
func (l Life) sorted() []Op {
	ops := slices.Clone(l.Ops)
	slices.SortStableFunc(ops, func(a, b Op) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	return ops
}

// check returns why the life can't have been recorded, or nil.
func (l Life) check() error {
	if l.Start < 1 {
		return fmt.Errorf("a life begins with %d references: want at least 1", l.Start)
	}
	var last [MaxClients]*Op
	ops := l.sorted()
	for i := range ops {
		o := &ops[i]
		if err := o.check(); err != nil {
			return err
		}
		if x := last[o.Client]; x != nil && o.Begin < x.End {
			return fmt.Errorf("client %d: %s begins at %d, before the client's call before ended at %d", o.Client, o.Call, o.Begin, x.End)
		}
		last[o.Client] = o
	}
	return nil
}

// check returns why the call can't have been recorded, or nil.
func (o *Op) check() error {
	switch {
	case o.Client < 0 || o.Client >= MaxClients:
		return fmt.Errorf("client %d: want 0 .. %d", o.Client, MaxClients-1)
	case o.End < o.Begin:
		return fmt.Errorf("client %d: %s ends at %d, before it begins at %d", o.Client, o.Call, o.End, o.Begin)
	case o.End == math.MaxInt64:
		return fmt.Errorf("client %d: %s ends at the end of time", o.Client, o.Call)
	case o.Stray && !o.Call.Op.Drops():
		return fmt.Errorf("client %d: %s drops nothing", o.Client, o.call())
	case o.Call.Op.TakesNumber() && o.Call.N < 1:
		return fmt.Errorf("client %d: %s: want a number of at least 1", o.Client, o.Call)
	}
	return nil
}
