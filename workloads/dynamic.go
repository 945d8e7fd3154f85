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

// A load is an instance that can be made ready. Every workload has a type for its
// instances, which is generic over the counter and the holder.
type load[T any, H Holder[T]] interface {
	Instance
	// setup makes the zero value ready.
	setup(Config, Kit[T, H]) error
}

// begin makes an instance ready.
func begin[T any, H Holder[T]](l load[T, H], c Config, k Kit[T, H]) (Instance, error) {
	if err := l.setup(c, k); err != nil {
		return nil, err
	}
	return l, nil
}

// dynamic makes an instance that calls its strategy through an interface: a
// timed or a checked one, as the Config wants.
func dynamic(c Config, timed load[Dynamic, dynamicTimed], checked load[Dynamic, dynamicChecked]) (Instance, error) {
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	prepare := func(d *Dynamic) { d.Counter = c.NewCounter() }
	if c.Checked {
		return begin(checked, c, CheckedKit[Dynamic](prepare))
	}
	return begin(timed, c, TimedKit[Dynamic](prepare))
}
