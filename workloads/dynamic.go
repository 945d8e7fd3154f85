package workloads

import (
	"errors"

	"github.com/refbench/refbench/strategies"
)

// Dynamic is a counter type whose strategy is chosen at run time. It fills in
// for the concrete type in the generic form of a workload, at the price of an
// indirect call for each operation.
type Dynamic struct{ strategies.Counter }

type (
	dynamicTimed   = Timed[Dynamic, *Dynamic]
	dynamicChecked = Checked[Dynamic, *Dynamic]
)

// dynamic makes an instance that calls its strategy through an interface: a
// timed or a checked one, as the Config wants.
func dynamic(c Config,
	timed func(Config, Kit[Dynamic, dynamicTimed]) (Instance, error),
	checked func(Config, Kit[Dynamic, dynamicChecked]) (Instance, error),
) (Instance, error) {
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	prepare := func(d *Dynamic) { d.Counter = c.NewCounter() }
	if c.Checked {
		return checked(c, CheckedKit[Dynamic](prepare))
	}
	return timed(c, TimedKit[Dynamic](prepare))
}
