// Package builtin lists the strategies that come with refbench.
package builtin

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/akaros"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/fdmutex"
	"github.com/refbench/refbench/strategies/fileref"
	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/rcuref"
	"github.com/refbench/refbench/strategies/refusing"
	"github.com/refbench/refbench/strategies/saturating"
)

// All returns the strategies in the order in which reports show them. The caller
// may change the list.
func All() []*strategies.Strategy {
	return []*strategies.Strategy{
		atomic.Strategy,
		saturating.Strategy,
		percpu.Strategy,
		lockperatomic.Strategy,
		akaros.Strategy,
		refusing.Strategy,
		rcuref.Strategy,
		fileref.Strategy,
		fdmutex.Strategy,
	}
}
