package rules

import "github.com/refbench/refbench/strategies/spec"

// docs are rules of operations that have more to say than their names.
var docs = map[spec.Op]string{
	spec.Resurrect:    "Resurrect takes a reference of a count whether it is dead or alive.",
	spec.PutIfOne:     "PutIfOne drops the only reference and reports true; if there are others, or none, it changes nothing and reports false.",
	spec.PutUnlessOne: "PutUnlessOne drops a reference and reports true; if it is the only one it changes nothing and reports false.",
	spec.PutAndLock:   "PutAndLock returns true with the lock held if it dropped the last reference, and otherwise false without having locked it.",
}

// operations returns a rule for each operation: its rows of the specification's table,
// and that the monitor is told of misuse that the count refuses or saturates on, of the
// right kind, once a call, and of nothing else.
func operations() []Rule {
	var list []Rule
	for _, op := range spec.Ops() {
		doc := docs[op]
		if doc == "" {
			doc = op.String() + " does in every state at a boundary what the promise says, and leaves what it says."
		}
		list = append(list, Rule{op.String(), Operation, doc, func(e *env) func() error {
			e.need(op)
			return rows(false, func(_ *spec.Spec, row spec.Row) bool { return row.Call.Op == op })(e)
		}})
	}
	return list
}

// A selection of the specification's table makes a rule of those rows.
type selection func(sp *spec.Spec, row spec.Row) bool

// rows plans a check: every row that is selected does what the specification says. deaf
// leaves out what the monitor is told.
func rows(deaf bool, selected selection) func(*env) func() error {
	return func(e *env) func() error {
		var list []spec.Row
		for _, row := range e.sp.Table() {
			if row.Unpromised == "" && selected(e.sp, row) {
				list = append(list, row)
			}
		}
		if len(list) == 0 {
			e.skip("the promise says nothing of this")
		}
		return func() error {
			for _, row := range list {
				if err := e.sp.TryRow(row, deaf); err != nil {
					return err
				}
				e.res.Checks++
			}
			return nil
		}
	}
}

// nearLimit selects what takes references up to the limit and past it.
func nearLimit(e *env) func() error {
	e.need(spec.InitAt)
	return rows(true, func(sp *spec.Spec, row spec.Row) bool {
		takes := row.Call.Op.By() == spec.AnyHolder || row.Call.Op.Moves().If == spec.Alive
		return takes && row.State.Refs >= sp.Promise().Limit-1
	})(e)
}

// dropsTooMany selects what drops references that aren't there.
func dropsTooMany(sp *spec.Spec, row spec.Row) bool {
	drops := row.Call.Op.Drops() && row.Call.Op.By() != spec.ExactHolder
	return drops && !row.State.Saturated && row.State.Refs <= 0 && sp.Exact(row.State)
}

// getsOnZero selects Get on a dead count.
func getsOnZero(sp *spec.Spec, row spec.Row) bool {
	return row.Call.Op.By() == spec.AnyHolder && sp.Dead(row.State)
}
