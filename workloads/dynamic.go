package workloads

import (
	"errors"

	"github.com/refbench/refbench/strategies"
)

// Dynamic is a counter type whose strategy is chosen at run time. It fills in
// for the concrete type in the generic form of a workload, at the price of an
// indirect call for each operation.
type Dynamic struct{ strategies.Counter }

// dynamic returns what prepares the counts of an arena for a strategy that is
// chosen at run time.
func (c Config) dynamic() (func(*Dynamic), error) {
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	return func(d *Dynamic) { d.Counter = c.NewCounter() }, nil
}
