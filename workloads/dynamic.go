package workloads

import (
	"errors"

	"github.com/refbench/refbench/strategies"
)

// Dynamic is a counter type whose strategy is chosen at run time. It fills in
// for the concrete type in the generic form of a workload, at the price of an
// indirect call for each operation.
type Dynamic struct{ strategies.Counter }

// Acting returns the counter if it has words for actors, and nil otherwise.
func (d *Dynamic) Acting() strategies.Acting {
	a, _ := d.Counter.(strategies.Acting)
	return a
}

// The holders of instances that call their strategy through an interface.
type (
	DynamicTimed   = Timed[Dynamic, *Dynamic]
	DynamicChecked = Checked[Dynamic, *Dynamic]
)

// A Load is an instance that can be made ready. Every workload has a type for its
// instances, which is generic over the counter and the holder. Its name begins with a
// lower-case letter: native loops have one of their own.
type Load[T any, H Holder[T]] interface {
	Instance
	// Setup makes the zero value ready.
	Setup(Config, Kit[T, H]) error
}

// begin makes an instance ready.
func begin[T any, H Holder[T]](l Load[T, H], c Config, k Kit[T, H]) (Instance, error) {
	if err := l.Setup(c, k); err != nil {
		return nil, err
	}
	return l, nil
}

// NewDynamic makes an instance that calls its strategy through an interface: a
// timed or a checked one, as the Config wants. It is what Workload.New returns.
func NewDynamic(c Config, timed Load[Dynamic, DynamicTimed], checked Load[Dynamic, DynamicChecked]) (Instance, error) {
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	prepare := func(d *Dynamic) { d.Counter = c.NewCounter() }
	if c.Checked {
		return begin(checked, c, CheckedKit[Dynamic](prepare))
	}
	return begin(timed, c, TimedKit[Dynamic](prepare))
}
