package program

import (
	"math/rand/v2"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// bounded is a strategy that does o past its limit. Without preset no life can begin but
// with one reference.
func bounded(o strategies.Response, limit int64, preset bool) *strategies.Strategy {
	s := strict(strategies.Immediate, true, limit)
	p := &s.Promise
	if p.Overflow, p.Underflow = o, o; o == strategies.Wraps {
		p.GetOnZero = strategies.Revives
		for p.Width = 16; int64(1)<<(p.Width-1) <= limit; p.Width += 8 {
		}
		// Of modes nothing is said past the limit.
		s.New = func() strategies.Counter {
			return struct {
				strategies.Counter
				strategies.Presetter
				strategies.Multi
				strategies.Resurrecter
				strategies.Dropper
				strategies.LockPutter
			}{every{}, every{}, every{}, every{}, every{}, every{}}
		}
	}
	if !preset {
		s.New = func() strategies.Counter {
			return struct {
				strategies.Counter
				strategies.Multi
				strategies.Reader
				strategies.OnePutter
			}{every{}, every{}, every{}, every{}}
		}
	}
	return s
}

// Wherever first lives begin and whatever the promise says of the limit: what threads then call is a right use, who holds a
// reference knows of it, and the limit is passed only where that is promised.
func TestFirstLives(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, o := range []strategies.Response{strategies.Refuses, strategies.Wraps, strategies.Saturates, strategies.Panics} {
		for _, limit := range []int64{3, 5, 20, 127, 1 << 20, 1 << 40} {
			for _, preset := range []bool{true, false} {
				s := bounded(o, limit, preset)
				sp := spec.Of(s)
				full, past := 0, 0
				for range 300 {
					p, _ := Decode(random(rng, rng.IntN(120)))
					if threads := len(p.Threads); int(limit) <= threads && !Near(sp, threads) {
						continue // it isn't for so many
					}
					for i := range p.Objects {
						p.Objects[i] = Object{Start: StartNear, K: uint8(rng.IntN(4))}
						if int(limit) > MaxThreads && rng.IntN(3) == 0 {
							p.Objects[i] = Object{Start: StartAt, K: uint8(1 + rng.IntN(MaxK))}
						}
						p.Objects[i].Cached = rng.IntN(4) == 0
					}
					b := beginning{t: t, sp: sp, p: &p, seed: seed}
					b.run(rng)
					if b.full {
						full++
					}
					if b.past {
						past++
					}
				}
				what := func() string { return s.Promise.String() }
				near := Near(sp, ByteThreads)
				if near && full < 10 {
					t.Errorf("%s, preset %v: %d of 300 programs came to the limit", what(), preset, full)
				}
				if told := sp.PastLimit() != spec.Untold; near && told && past < 10 || !told && past > 0 {
					t.Errorf("%s, preset %v: %d of 300 programs came past the limit", what(), preset, past)
				}
			}
		}
	}
}

// A beginning is a program that is run in random order on states of the specification.
type beginning struct {
	t          *testing.T
	sp         *spec.Spec
	p          *Program
	g          Guard
	seed       uint64
	states     [MaxObjects]spec.State
	full, past bool
}

func (b *beginning) run(rng *rand.Rand) {
	b.g.Reset(b.p, b.sp, true)
	limit := b.sp.Promise().Limit
	for o := range b.p.Objects {
		first := b.g.Begin(o)
		if b.states[o] = b.sp.Start(first.First.Refs()); first.First.Refs() > limit {
			b.fail(o, "it begins by %v", first.First)
		}
		for range first.Gets {
			b.call(o, spec.Call{Op: spec.Get})
		}
		b.balance(o)
	}
	next := make([]int, len(b.p.Threads))
	for range 20 * (b.p.Steps() + MaxObjects*MaxThreads) {
		i := rng.IntN(len(next))
		h, steps := b.g.Caller(i), b.p.Threads[i]
		if next[i] < len(steps) {
			step := steps[next[i]]
			if next[i]++; step.Call.Op.Takes() && step.Call.Op.TakesNumber() {
				step.Call.N = 1 + step.Call.N%3 // or a narrow number comes round
			}
			if c, ok := h.Allow(step); ok {
				b.do(h, int(step.Object), c)
			}
		} else if o := rng.IntN(len(b.p.Objects)); true {
			if c, ok := h.Leave(o); ok {
				b.do(h, o, c)
			}
		}
	}
}

func (b *beginning) do(h *Caller, o int, c spec.Call) {
	h.Did(o, c, b.call(o, c))
	b.balance(o)
}

func (b *beginning) call(o int, c spec.Call) (result bool) {
	st := b.states[o]
	if why := b.sp.Unpromised(st, c); why != "" {
		b.fail(o, "%v in state %q: %s", c, st, why)
	}
	out := b.sp.Step(st, c)[0]
	over := out.Warns && (out.Misuse == strategies.GetOverflow || out.Misuse == strategies.TryGetOverflow)
	if out.Panics || out.Warns && !over && !st.Saturated {
		b.fail(o, "%v in state %q is misuse: %v", c, st, out.Misuse)
	}
	if over && b.sp.PastLimit() == spec.Refused && c.Op.Moves().If == spec.Always {
		b.fail(o, "%v in state %q is refused, and its caller isn't told", c, st)
	}
	b.states[o] = out.Next
	limit := b.sp.Promise().Limit
	b.full = b.full || out.Next.Refs == limit
	b.past = b.past || over || out.Next.Refs < 0 || out.Next.Refs > limit
	return out.Result
}

func (b *beginning) balance(o int) {
	held := b.g.Begin(o).Spare
	for i := range b.p.Threads {
		held += b.g.Caller(i).Holds(o)
	}
	if b.g.owner[o] == nobody {
		held++
	}
	if st := b.states[o]; !st.Saturated && !b.past && st.Refs != held {
		b.fail(o, "in state %q, and %d are held", st, held)
	}
}

func (b *beginning) fail(o int, format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf("seed %d, %s, object %s of %s: "+format, append([]any{b.seed, b.sp.Promise(), ObjectName(o), b.p}, args...)...)
}

// Where nothing is promised past the limit, lives begin so near to it that all threads
// together come to it with two references each.
func TestLivesBeginNearALimitThatMustNotBePassed(t *testing.T) {
	const limit = 1 << 20
	sp := spec.Of(bounded(strategies.Panics, limit, true))
	for _, threads := range []int{1, 2, 4} {
		p := Program{Objects: []Object{{Start: StartNear}}}
		for range threads {
			p.Threads = append(p.Threads, []Step{{Call: spec.Call{Op: spec.Get}}})
		}
		var g Guard
		g.Reset(&p, sp, true)
		b := g.Begin(0)
		if want := int64(limit) + b.Held - 2*int64(threads); b.First != (spec.Call{Op: spec.InitAt, N: want}) || b.Held != int64(threads) {
			t.Errorf("%d threads: the life begins with %v and %d held, want InitAt(%d)", threads, b.First, b.Held, want)
		}
	}
}
