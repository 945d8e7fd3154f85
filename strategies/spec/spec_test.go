package spec_test

import (
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// Every operation of every strategy does at every boundary what its promise says.
func TestStrategiesDoWhatTheirPromisesSay(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			if row.Unpromised != "" {
				continue
			}
			if err := try(s, sp, row); err != nil {
				t.Errorf("after %v: %v", sp.Path(row.State), err)
			}
		}
	}
}

// try brings a count to the row's state, makes its call, and reads the count.
func try(s *strategies.Strategy, sp *spec.Spec, row spec.Row) error {
	x := spec.New(s)
	path := sp.Path(row.State)
	x.Do(path[0])
	st := sp.Start(max(path[0].N, 1))
	calls := append(path[1:len(path):len(path)], row.Call)
	if sp.Has(spec.Count) {
		calls = append(calls, spec.Call{Op: spec.Count})
	}
	for _, c := range calls {
		var err error
		if st, err = sp.Check(st, c, x.Do(c)); err != nil || st.Lost {
			return err
		}
	}
	return nil
}
