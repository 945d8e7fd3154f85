package linear

import (
	"math"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Some calls take effect at more than one instant, and the contract leaves open what
// others see between those. So an answer that is given meanwhile may be one of
// several. What a call may answer besides is set for each before judging, from the
// beginnings and ends alone.
type open uint8

const (
	// mayFail: TryGetLive may fail though the count isn't killed, and so may TryGet of
	// a count that closes, after which it must, unless it does so CPU by CPU. A Kill has
	// announced itself and not dropped the owner's reference yet, or a new
	// life has its reference and is still marked as killed:
	//
	//	2 references, the owner's and B's
	//	A: Kill        marks the count
	//	B: TryGetLive  false
	//	B: Put         false, for the owner's is still there
	//	A: Kill        drops it: true
	mayFail open = 1 << iota

	// mayTake: TryGetLive may take a reference though the count is killed.
	// Kill promises that it fails once Kill has returned; only KillAndConfirm
	// promises it from before the drop on.
	mayTake

	// anyNumber: Count may be any number though the count is saturated. What
	// comes past the limit may add first and make the count stick later, at
	// its end at the latest. Between the two a drop may bring the number back
	// to a good one:
	//
	//	the count is at its limit
	//	A: Get    adds 1
	//	B: Put    subtracts 1
	//	B: Count  the limit
	//	A: Get    saturates
	//
	// Or it leaves the number past the limit, and who finds it there makes it stick
	// (FreeBSD refcount_acquire): then A is a drop, and the Get is over.
	//
	// All other answers are those of a saturated count, unless the number
	// comes down to zero meanwhile, which must not happen.
	anyNumber

	// mayLose: a drop may leave a dead count and not be told. It meets another one, and
	// there is one reference for the two, since somebody has dropped what it didn't
	// hold: one of the two, or another one before.
	//
	//	1 reference, in a word that holds the number less one
	//	A: Put   0 to -1: the last, and about to mark the count dead
	//	B: Put   -1 to -2: one too many, and about to mark the count dead
	//	A: Put   finds that it isn't -1 any more: false
	//	B: Put   marks it: false
	mayLose

	// anything: an approximate read during which something else is going on. It is
	// left out.
	anything
)

// leaveOpen sets what the promise leaves open of the sorted calls, and returns those that
// are judged.
func leaveOpen(ops []Op, p strategies.Promise) []Op {
	mark := func(these, those func(spec.Op) bool, what open) {
		if slices.ContainsFunc(ops, func(o Op) bool { return these(o.Call.Op) }) {
			meeting(ops, these, those, func(i int) { ops[i].open |= what })
		}
	}
	live := func(op spec.Op) bool { return op.If(p) == spec.Unkilled }
	mark(live, func(op spec.Op) bool { return op.Kills() || op.Unkills() }, mayFail)
	mark(is(spec.TryGetLive), is(spec.Kill), mayTake)
	if p.Overflow == strategies.Saturates {
		mark(is(spec.Count), func(op spec.Op) bool { return op.Takes() && !op.Begins() || op.Drops() }, anyNumber)
	}
	if p.Count == strategies.Approximate {
		mark(is(spec.Count), func(op spec.Op) bool { return op != spec.Count }, anything)
	}
	if p.Stray == strategies.LastLost {
		markLosers(ops)
	}
	return slices.DeleteFunc(ops, func(o Op) bool { return o.open&anything != 0 })
}

// markLosers finds the drops that meet another one when there has been one too many.
func markLosers(ops []Op) {
	first := slices.IndexFunc(ops, func(o Op) bool { return o.Stray })
	if first < 0 {
		return
	}
	for i := range ops {
		o := &ops[i]
		for j := i + 1; j < len(ops) && ops[j].Begin <= o.End; j++ {
			x := &ops[j]
			if o.Call.Op.Last() && x.Call.Op.Last() && max(o.End, x.End) >= ops[first].Begin {
				o.open |= mayLose
				x.open |= mayLose
			}
		}
	}
}

func is(want spec.Op) func(spec.Op) bool { return func(op spec.Op) bool { return op == want } }

// meeting calls found with the index of each of the sorted calls that is one of these
// and goes on at the same time as one of those. No call is both.
func meeting(ops []Op, these, those func(spec.Op) bool, found func(int)) {
	// The calls begin in order. So one that goes on when this one begins is
	// before it, and one that begins while this one goes on behind it.
	last := int64(math.MinInt64) // when those before it have ended
	k := 0                       // the first of those that isn't before it
	for i := range ops {
		o := &ops[i]
		if those(o.Call.Op) {
			last = max(last, o.End)
			continue
		}
		if !these(o.Call.Op) {
			continue
		}
		for k = max(k, i+1); k < len(ops) && !those(ops[k].Call.Op); {
			k++
		}
		if o.Begin <= last || k < len(ops) && ops[k].Begin <= o.End {
			found(i)
		}
	}
}
