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
// that package lockstep runs. The features of a program are each call of each strategy in
// a state, with what came of it; and each two calls in a row on a count, both with what
// came of them. States that differ only in a number of references far from zero and from
// the limit are the same.
func Sequential(list []*strategies.Strategy, name string) corpus.Target {
	return corpus.Target{
		Name: name,
		Trim: func(data []byte) []byte {
			_, rest := lockstep.Inputs(new(program.Program), data)
			return data[:len(data)-len(rest)]
		},
		Trace: func() func([]byte) ([]corpus.Feature, error) {
			var p program.Program
			var features []corpus.Feature
			last := make([][program.MaxObjects]corpus.Feature, len(list)) // of the call before
			// A finding is the target's to report, not this package's.
			r := lockstep.New(list, 0)
			r.Observe = func(i, object int, before spec.State, call spec.Call, a spec.Answer, next spec.State) {
				limit, op := list[i].Promise.Limit, uint64(call.Op)
				c := &last[i][object]
				features = append(features,
					hash(kindCall, uint64(i), class(before, limit), op, magnitude(call.N), answer(a), class(next, limit)),
					hash(kindPair, uint64(*c), op, answer(a)))
				*c = hash(op, answer(a))
			}
			return func(data []byte) ([]corpus.Feature, error) {
				features = features[:0]
				programs, _ := lockstep.Inputs(&p, data)
				for p := range programs {
					clear(last)
					r.Run(p)
				}
				return features, nil
			}
		},
	}
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
	return flags(n, st.Killed, st.Atomic, st.Saturated, st.Lost)
}

// flags puts a bit for each flag behind n.
func flags(n uint64, list ...bool) uint64 {
	for _, flag := range list {
		if n <<= 1; flag {
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
	n := flags(0, a.Result, a.Panicked != nil, a.Locks > 0, a.Confirms > 0)
	misuse := slices.Clone(a.Misuse)
	slices.Sort(misuse)
	for _, m := range misuse {
		n = n<<4 | uint64(m) + 1
	}
	return n
}
