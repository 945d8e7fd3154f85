// Package trace says what a fuzz input makes its target do, as features for package
// corpus: what calls a program makes in which states, and which accesses to shared
// memory meet in its schedules. Coverage of code says little of either, since every
// program runs the same few lines.
package trace

import (
	"math/bits"
	"slices"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// The kinds of features, which their hashes begin with.
const (
	kindCall uint64 = iota + 1
	kindPair
	kindSites
)

// hash mixes numbers into a feature, each with the finisher of SplitMix64 (Steele, Lea
// and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
func hash(numbers ...uint64) corpus.Feature {
	h := uint64(0)
	for _, n := range numbers {
		h += n + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return corpus.Feature(h)
}

// Sequential returns what minimizing has to know of a target whose inputs are programs
// that package lockstep runs. The features of a program are each call of each strategy in a state, with what came
// of it; and each two calls in a row on a count, both with what came of them. States that
// differ only in a number of references far from zero and from the limit are the same.
func Sequential(list []*strategies.Strategy, name string) corpus.Target {
	return corpus.Target{
		Name: name,
		Trim: trimProgram,
		Trace: func() func([]byte) ([]corpus.Feature, error) {
			t := newSequential(list)
			return func(data []byte) ([]corpus.Feature, error) { return t.trace(data), nil }
		},
	}
}

func trimProgram(data []byte) []byte {
	_, read := lockstep.Inputs(data)
	return data[:read]
}

// A sequential traces programs one after another.
type sequential struct {
	lanes []lane
	list  []corpus.Feature
}

// A lane is one strategy, and its counts of the current program.
type lane struct {
	s      *strategies.Strategy
	sp     *spec.Spec
	counts []count
}

type count struct {
	subject *spec.Subject
	state   spec.State
	last    corpus.Feature // of the call before
	over    bool           // nothing more is known of it
}

func newSequential(list []*strategies.Strategy) *sequential {
	t := new(sequential)
	for _, s := range list {
		t.lanes = append(t.lanes, lane{s: s, sp: spec.Of(s), counts: make([]count, program.MaxObjects)})
	}
	return t
}

func (t *sequential) trace(data []byte) []corpus.Feature {
	t.list = t.list[:0]
	programs, _ := lockstep.Inputs(data)
	for _, p := range programs {
		for i := range t.lanes {
			t.program(i, &p)
		}
	}
	return t.list
}

// program runs a program on counts of a lane.
func (t *sequential) program(i int, p *program.Program) {
	l := &t.lanes[i]
	for o, object := range p.Objects {
		c := &l.counts[o]
		*c = count{subject: spec.New(l.s)}
		first := object.First(&l.s.Promise)
		if !l.sp.Has(first.Op) || first.Op == spec.InitAt && (first.N < 1 || first.N > l.s.Promise.Limit) {
			first = spec.Call{Op: spec.Init}
		}
		c.subject.Do(first)
		c.state = l.sp.Start(max(1, first.N))
		if object.Atomic {
			t.call(i, c, spec.Call{Op: spec.SwitchToAtomic})
		}
	}
	for _, step := range p.Sequential() {
		t.call(i, &l.counts[step.Object], step.Call)
	}
}

// call makes a call of the program on a count of the lane, if its promise says what
// comes of it.
func (t *sequential) call(i int, c *count, call spec.Call) {
	l := &t.lanes[i]
	if c.over || !l.sp.Has(call.Op) || l.sp.Unpromised(c.state, call) != "" {
		return
	}
	before := class(c.state, l.s.Promise.Limit)
	a := c.subject.Do(call)
	next, err := l.sp.Check(c.state, call, a)
	if err != nil || next.Lost {
		// A finding is the target's to report, not this package's.
		c.over = true
	}
	c.state = next
	f := hash(kindCall, uint64(i), before, uint64(call.Op), magnitude(call.N), answer(a), class(next, l.s.Promise.Limit))
	t.list = append(t.list, f, hash(kindPair, uint64(c.last), uint64(call.Op), answer(a)))
	c.last = hash(uint64(call.Op), answer(a))
}

// class numbers the states that are worth telling apart.
func class(st spec.State, limit int64) uint64 {
	n := uint64(6)
	switch {
	case st.Refs < 0:
		n = 0
	case st.Refs <= 2:
		n = 1 + uint64(st.Refs)
	case st.Refs >= limit-1:
		n = 4 + uint64(st.Refs-limit+1)
	}
	for _, flag := range []bool{st.Killed, st.Atomic, st.Saturated, st.Lost} {
		n <<= 1
		if flag {
			n |= 1
		}
	}
	return n
}

// magnitude numbers the sizes of numbers of references that are worth telling apart.
func magnitude(n int64) uint64 {
	if n <= 2 {
		return uint64(max(n, 0))
	}
	return uint64(2 + bits.Len64(uint64(n))/8)
}

// answer numbers the answers that are worth telling apart. What an approximate Count
// returns is none of them.
func answer(a spec.Answer) uint64 {
	n := uint64(0)
	for _, flag := range []bool{a.Result, a.Panicked != nil, a.Locks > 0, a.Confirms > 0} {
		n <<= 1
		if flag {
			n |= 1
		}
	}
	misuse := slices.Clone(a.Misuse)
	slices.Sort(misuse)
	for _, m := range misuse {
		n = n<<4 | uint64(m) + 1
	}
	return n
}
