package rules

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A number may be made of parts, or some code may look at a part of it: then something happens
// far from the limit, where one part is full and carries into the next.

// mostCounted is to how many references counts that can't begin near a number are brought, one
// by one: past the carries of 8 and 16 bits.
const mostCounted = 1 << 17

// around is how far on both sides of a power of two is looked.
const around = 2

// nearPower are calls that go up and down near a power of two. What they leave too much is
// dropped then.
const nearPower = "Count Get Count TryGet Count Put Count Put Count GetN(5) Count TryGetN(3) PutN(3) Count PutN(5) Count Get PutUnlessOne Get Drop PutIfOne"

// nearClosed are such calls on a count whose TryGet fails since Kill.
const nearClosed = "Count Get Count TryGet Put Count GetN(5) Count TryGetN(3) PutN(5) Count Get PutUnlessOne Get Drop PutIfOne"

// powersOfTwo returns those between which and the limit there is some room.
func (e *env) powersOfTwo() []int64 {
	var list []int64
	for k := 2; k <= program.LastPower && 1<<k < e.p.Limit-16; k++ {
		list = append(list, 1<<k)
	}
	return list
}

func (e *env) carries() func() error {
	powers := e.powersOfTwo()
	if len(powers) == 0 {
		e.skip("the limit of %d is so low that every number is near it", e.p.Limit)
	}
	return func() error {
		if e.sp.Has(spec.InitAt) {
			for _, n := range powers {
				for d := int64(-around); d <= around; d++ {
					c := e.s.New()
					spec.Do(c, spec.Call{Op: spec.InitAt, N: n + d})
					if err := e.near(c, spec.State{Refs: n + d}); err != nil {
						return err
					}
				}
			}
		}
		return errors.Join(e.upAndDownAgain(spec.Get), e.upAndDownAgain(spec.TryGet))
	}
}

// near makes the calls near a power of two on a count in the state.
func (e *env) near(c strategies.Counter, st spec.State) error {
	r := e.sp.Resume(c, st)
	r.Deaf = true
	calls := nearPower
	if st.Killed && e.p.Closes() {
		calls = nearClosed
	}
	for _, call := range parse(calls) {
		if !e.sp.Has(call.Op) || call.Op == spec.Count && e.p.Count == strategies.None {
			continue
		}
		if err := e.insist(r, call); err != nil {
			return fmt.Errorf("from %q: %w", st, err)
		}
	}
	for r.State().Refs > st.Refs {
		if err := e.insist(r, spec.Call{Op: spec.Put}); err != nil {
			return fmt.Errorf("from %q: %w", st, err)
		}
	}
	e.res.Checks += r.Checks
	return nil
}

// upAndDownAgain takes many references one by one, and drops them one by one. Taken with Get
// they are dropped after Kill, and taken with TryGet also taken after it, where that can be.
func (e *env) upAndDownAgain(take spec.Op) error {
	c, witness := e.s.New(), spec.NewWitness(1)
	st := spec.State{Refs: 1}
	c.Init()
	one := func(op spec.Op) error {
		call := spec.Call{Op: op}
		// Far from zero and from powers of two the specification says the same each time.
		if low := st.Refs & (st.Refs - 1); op != spec.Kill && low > 2*around && st.Refs+2*around < 1<<bits.Len64(uint64(st.Refs)) {
			a := witness.Do(c, call)
			if takes := op.Takes(); a.Panicked == nil && a.Result == (op == spec.TryGet) {
				if st.Refs--; takes {
					st.Refs += 2
				}
				return nil
			} else if op != spec.TryGet || e.p.TryGet != strategies.Spurious || a.Panicked != nil {
				return fmt.Errorf("from 1 reference, one by one: %s at %q returned %v, panicked %v", call, st, a.Result, a.Panicked)
			}
		}
		want := e.sp.Step(st, call)[0]
		for tries := 0; ; tries++ {
			a := witness.Do(c, call)
			e.res.Checks++
			if a.Panicked == nil && (!op.Reports() || a.Result == want.Result) {
				break
			}
			if op != spec.TryGet || a.Panicked != nil || a.Result || e.p.TryGet != strategies.Spurious || tries == 1000 {
				return fmt.Errorf("from 1 reference, one by one: %s at %q returned %v, panicked %v, want %v", call, st, a.Result, a.Panicked, want.Result)
			}
		}
		st = want.Next
		if low := st.Refs & (st.Refs - 1); st.Refs > around && (low <= around || st.Refs+around >= 1<<bits.Len64(uint64(st.Refs))) {
			return e.near(c, st)
		}
		return nil
	}
	most := min(int64(mostCounted)+around, e.p.Limit-16)
	// A Kill that waits comes last, and after one that closes nobody takes.
	waits, closes := e.sp.Waits(), e.p.Closes()
	if take == spec.TryGet && !waits && !closes {
		if err := errors.Join(one(spec.Get), one(spec.Kill)); err != nil {
			return err
		}
	}
	for st.Refs < most {
		if err := one(take); err != nil {
			return err
		}
	}
	if !waits && !st.Killed {
		if err := one(spec.Kill); err != nil {
			return err
		}
	}
	for st.Refs > 1 {
		if err := one(spec.Put); err != nil {
			return err
		}
	}
	if waits {
		return one(spec.Kill)
	}
	return one(spec.Put)
}

// acrossCarry is a crossing in which workers go up and down across powers of two.
func (e *env) acrossCarry() func() error {
	n := int64(e.cfg.Workers)
	var starts []begin
	for _, power := range e.powersOfTwo() {
		refs := power - n/2
		switch {
		case refs < 1 || power+2*n > e.p.Limit:
		case e.sp.Has(spec.InitAt):
			starts = append(starts, e.at(refs))
		case power == 1<<8 || power == 1<<16 || power == 1<<12:
			first := refs
			if e.exact(0).Killed {
				first++
			}
			path := append([]spec.Call{{Op: spec.Init}}, slices.Repeat([]spec.Call{{Op: spec.Get}}, int(first)-1)...)
			starts = append(starts, begin{path, spec.State{Refs: first}})
			if first > refs && !e.sp.Waits() { // alone it would wait for ever
				starts = append(starts, begin{append(slices.Clone(path), spec.Call{Op: spec.Kill}), e.exact(refs)})
			}
		}
	}
	if len(starts) == 0 {
		e.skip("the limit of %d is so low that every number is near it", e.p.Limit)
	}
	// It takes long to take so many references one by one, so that a life has more in it.
	worth := 1
	if !e.sp.Has(spec.InitAt) {
		worth = 20
	}
	return e.cross(crossing{
		starts: starts, lives: len(starts), worth: worth,
		body: func(w *worker, l *life) {
			for range worth * each {
				if w.rng.IntN(2) == 0 || l.from.state.Killed && e.p.Closes() {
					w.call(l, spec.Call{Op: spec.Get})
				} else if !w.call(l, spec.Call{Op: spec.TryGet}) {
					if e.p.TryGet == strategies.Exact {
						w.failf("TryGet failed on a live count near %s", l.from.state)
					}
					continue
				}
				if w.rng.IntN(4) == 0 {
					stress.Pause(w.rng)
				}
				if w.call(l, spec.Call{Op: spec.Put}) {
					w.failf("Put reported the last reference near %s", l.from.state)
				}
			}
		},
		ends: func(l *life) (spec.State, error) { return l.from.state, nil },
	})
}
