package corpus

import (
	"context"
	"slices"
)

// A Feature is something that an input makes a target do, hashed: see package
// [github.com/refbench/refbench/fuzz/trace] for those of programs.
// Only whether two features are the same matters.
type Feature uint64

// A Target is what minimizing has to know of a fuzz target.
type Target struct {
	// Name is that of its function.
	Name string

	// Trim returns the part of an input that the target reads, which is all of it
	// or begins it. nil means all.
	Trim func(data []byte) []byte

	// Trace returns a function that returns the features of an input. It is for
	// one goroutine, and what it returns is overwritten by its next call.
	Trace func() func(data []byte) ([]Feature, error)
}

// Minimal is a small set of inputs and what it covers.
type Minimal struct {
	Inputs   [][]byte // sorted
	From     int      // different inputs that there were
	Features int      // different ones, of all inputs and of those kept
}

// Minimize returns a small subset of inputs that together have every feature that any
// of them has. It takes an input, the shortest first, if it has a feature that no
// shorter one has; and drops those again whose features longer ones that were taken
// have as well. So the result depends on the set of inputs only, not on their order,
// and minimizing it again changes nothing.
//
// The smallest such set is NP-hard to find, and would be no better: fewer inputs, but
// longer ones, of which a mutation more often hits what doesn't matter.
//
// features is called once for each input, and progress after it, if it isn't nil.
func Minimize(ctx context.Context, inputs [][]byte, features func(data []byte) ([]Feature, error), progress func(done, kept int)) (Minimal, error) {
	inputs = Sort(slices.Clone(inputs))
	type taken struct {
		data []byte
		has  []Feature
	}
	var list []taken
	count := make(map[Feature]int) // by how many of the list each is had
	for i, data := range inputs {
		if err := ctx.Err(); err != nil {
			return Minimal{}, err
		}
		has, err := features(data)
		if err != nil {
			return Minimal{}, err
		}
		has = slices.Compact(slices.Sorted(slices.Values(has)))
		if slices.ContainsFunc(has, func(f Feature) bool { return count[f] == 0 }) {
			for _, f := range has {
				count[f]++
			}
			list = append(list, taken{data, has})
		}
		if progress != nil {
			progress(i+1, len(list))
		}
	}
	m := Minimal{From: len(inputs), Features: len(count)}
	for _, t := range list {
		if slices.ContainsFunc(t.has, func(f Feature) bool { return count[f] == 1 }) {
			m.Inputs = append(m.Inputs, t.data)
			continue
		}
		for _, f := range t.has {
			count[f]--
		}
	}
	return m, nil
}
