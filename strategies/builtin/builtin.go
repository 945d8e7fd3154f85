// Package builtin lists the strategies that come with refbench.
package builtin

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/saturating"
)

// Default returns the names of the strategies that are measured where none are named: one
// of each kind, so that a table of them can be read and a quick run is quick.
func Default() []string {
	return []string{"atomic", "saturating", "percpu", "lockperatomic"}
}

// All returns the strategies in the order in which reports show them. The caller
// may change the list.
func All() []*strategies.Strategy {
	return []*strategies.Strategy{
		atomic.Strategy,
		saturating.Strategy,
		percpu.Strategy,
		lockperatomic.Strategy,
	}
}
