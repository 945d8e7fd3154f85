package spec_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// Every operation of every strategy does at every boundary what its promise says.
func TestStrategiesDoWhatTheirPromisesSay(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			if row.Unpromised == "" {
				if err := sp.TryRow(row, false); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
