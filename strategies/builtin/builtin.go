// Package builtin lists the strategies that come with refbench.
package builtin

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/biased"
	"github.com/refbench/refbench/strategies/evenodd"
	"github.com/refbench/refbench/strategies/freebsd"
	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/refcountfull"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/sticky"
)

// All returns the strategies in the order in which reports show them. The caller
// may change the list.
func All() []*strategies.Strategy {
	return []*strategies.Strategy{
		atomic.Strategy,
		saturating.Strategy,
		percpu.Strategy,
		lockperatomic.Strategy,
		biased.Strategy,
		refcountfull.Strategy,
		freebsd.Strategy,
		evenodd.Strategy,
		sticky.Strategy,
	}
}
