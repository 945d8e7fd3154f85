package rules

import (
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// near is how far from 1 and from the limit programs start, and how many
// references they take and drop at once.
const near = 8

// programOps are the operations that programs are made of.
func programOps(sp *spec.Spec) []spec.Op {
	return slices.DeleteFunc(slices.Clone(sp.Ops()), func(op spec.Op) bool {
		return op == spec.InitAt || op == spec.Count
	})
}

// EncodeProgram returns the program that makes the calls, without those that the
// strategy can't make.
//
// A program's first byte is where the count starts: an odd one starts near the
// limit, if the strategy can. Each further byte is an operation; those that take a
// number take it from the next byte.
func EncodeProgram(s *strategies.Strategy, calls []spec.Call) []byte {
	sp := spec.Of(s)
	data := []byte{0}
	for i, c := range calls {
		switch op := slices.Index(programOps(sp), c.Op); {
		case i == 0 && c.Op == spec.InitAt:
			data[0] = byte(1 + 2*(s.Promise.Limit-c.N))
		case i == 0 || op < 0:
		case c.Op.TakesNumber():
			data = append(data, byte(op), byte(c.N-1))
		default:
			data = append(data, byte(op))
		}
	}
	return data
}

// CheckProgram runs the program that data is and returns the first thing that it
// does otherwise than specified, or nil. Calls of which the promise says nothing
// are left out.
func CheckProgram(s *strategies.Strategy, data []byte) error {
	const longest = 4096 // bytes; fuzzing finds nothing more in longer ones
	data = data[:min(len(data), longest)]
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	sp := spec.Of(s)
	r := sp.NewRunner()
	r.Deaf = true // MonitorReports is about that
	start := spec.Call{Op: spec.Init}
	if b := next(); b%2 == 1 && sp.Has(spec.InitAt) && s.Promise.Limit > near {
		start = spec.Call{Op: spec.InitAt, N: s.Promise.Limit - int64(b/2%near)}
	}
	if _, err := r.Do(start); err != nil {
		return err
	}
	ops := programOps(sp)
	for len(data) > 0 {
		c := spec.Call{Op: ops[next()%len(ops)]}
		if c.Op.TakesNumber() {
			c.N = int64(1 + next()%near)
		}
		if r.Unpromised(c) != "" {
			continue
		}
		if _, err := r.Do(c); err != nil {
			return err
		}
	}
	// What is left is dropped, to see that the last drop says so.
	const few = near * longest
	st := r.State()
	if st.Saturated || st.Lost || st.Refs <= 0 || st.Refs > few {
		return nil
	}
	if !st.Killed {
		if _, err := r.Do(spec.Call{Op: spec.Kill}); err != nil {
			return err
		}
	}
	for r.State().Refs > 0 {
		if _, err := r.Do(spec.Call{Op: spec.Put}); err != nil {
			return err
		}
	}
	_, err := r.Do(spec.Call{Op: spec.TryGet})
	return err
}
