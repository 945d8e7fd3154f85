package strategytest

import (
	"errors"
	"slices"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Fuzz runs programs of calls on one goroutine, made from fuzzed bytes, and
// compares what they do with the specification that the strategy's promise makes
// (package spec).
func Fuzz(f *testing.F, s *strategies.Strategy) {
	f.Helper()
	if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
		f.Fatal(err)
	}
	limit := s.Promise.Limit
	for _, calls := range [][]spec.Call{
		// A life and what comes after.
		{{Op: spec.Init}, {Op: spec.Get}, {Op: spec.TryGet}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Kill}, {Op: spec.TryGet}, {Op: spec.Put}},
		// Past the limit.
		{{Op: spec.InitAt, N: limit}, {Op: spec.Get}, {Op: spec.Get}, {Op: spec.TryGet}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Put}},
		// Below zero, and a next life.
		{{Op: spec.Init}, {Op: spec.Kill}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Get}, {Op: spec.Get}, {Op: spec.Init}, {Op: spec.Get}, {Op: spec.Kill}},
		// The optional powers.
		{{Op: spec.Init}, {Op: spec.GetN, N: 8}, {Op: spec.PutN, N: 2}, {Op: spec.Kill}, {Op: spec.PutIfOne}, {Op: spec.PutUnlessOne}, {Op: spec.Resurrect}},
		{{Op: spec.Init}, {Op: spec.SwitchToAtomic}, {Op: spec.Get}, {Op: spec.SwitchToPerCPU}, {Op: spec.KillAndConfirm}, {Op: spec.TryGetLive}, {Op: spec.Put}, {Op: spec.Reinit}},
	} {
		f.Add(encodeProgram(s, calls))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := checkProgram(s, data); err != nil {
			t.Fatalf("%v\nprogram %q", err, data)
		}
	})
}

// A program's first byte is where the count starts: an odd one starts near the
// limit, if the strategy can. Each further byte is an operation; those that take a
// number take it from the next byte.
//
// near is how far from 1 and from the limit programs start, and how many
// references they take and drop at once.
const near = 8

// programOps are the operations that programs are made of.
func programOps(sp *spec.Spec) []spec.Op {
	return slices.DeleteFunc(slices.Clone(sp.Ops()), func(op spec.Op) bool {
		return op == spec.InitAt || op == spec.Count
	})
}

// encodeProgram returns the program that makes the calls, without those that the
// strategy can't make.
func encodeProgram(s *strategies.Strategy, calls []spec.Call) []byte {
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

// checkProgram runs the program that data is and returns the first thing that it
// does otherwise than specified, or nil. Calls of which the promise says nothing
// are left out.
func checkProgram(s *strategies.Strategy, data []byte) error {
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

// A selection of the specification's table makes a case of those rows.
type selection func(sp *spec.Spec, row spec.Row) bool

// rows returns a case's check: every row that is selected does what the
// specification says, the monitor's reports apart.
func rows(selected selection) func(*env) error {
	return func(e *env) error {
		sp := spec.Of(e.s)
		n := 0
		for _, row := range sp.Table() {
			if row.Unpromised != "" || !selected(sp, row) {
				continue
			}
			n++
			if err := sp.TryRow(row, true); err != nil {
				return err
			}
		}
		if n == 0 {
			return errors.New("no row of the specification is about this")
		}
		return nil
	}
}

func everyRow(*spec.Spec, spec.Row) bool { return true }

// takesNearLimit selects what takes references up to the limit and past it.
func takesNearLimit(sp *spec.Spec, row spec.Row) bool {
	switch row.Call.Op {
	case spec.Get, spec.TryGet, spec.GetN, spec.TryGetN:
		return row.State.Refs >= sp.Promise().Limit-1
	}
	return false
}

// dropsTooMany selects what drops references that aren't there.
func dropsTooMany(sp *spec.Spec, row spec.Row) bool {
	switch row.Call.Op {
	case spec.Put, spec.PutN, spec.Kill, spec.Drop:
		return !row.State.Saturated && row.State.Refs <= 0 && sp.Exact(row.State)
	}
	return false
}

// getsOnZero selects Get on a dead count.
func getsOnZero(sp *spec.Spec, row spec.Row) bool {
	switch row.Call.Op {
	case spec.Get, spec.GetN:
		return sp.Dead(row.State)
	}
	return false
}

// monitorReports checks that every row of the specification reports to the
// monitor what it should. Rows that go wrong in another way are another case's.
func monitorReports(e *env) error {
	sp := spec.Of(e.s)
	for _, row := range sp.Table() {
		if row.Unpromised != "" || sp.TryRow(row, true) != nil {
			continue
		}
		if err := sp.TryRow(row, false); err != nil {
			return err
		}
	}
	return nil
}
