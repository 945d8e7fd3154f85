package rules

import (
	"errors"

	"github.com/refbench/refbench/strategies/spec"
)

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
