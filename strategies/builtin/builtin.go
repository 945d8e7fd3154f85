// Package builtin lists the strategies that come with refbench.
package builtin

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/akaros"
	"github.com/refbench/refbench/strategies/arc"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/biased"
	"github.com/refbench/refbench/strategies/drained"
	"github.com/refbench/refbench/strategies/evenodd"
	"github.com/refbench/refbench/strategies/fdmutex"
	"github.com/refbench/refbench/strategies/fileref"
	"github.com/refbench/refbench/strategies/freebsd"
	"github.com/refbench/refbench/strategies/freezable"
	"github.com/refbench/refbench/strategies/localcount"
	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/lockref"
	"github.com/refbench/refbench/strategies/mutexed"
	"github.com/refbench/refbench/strategies/owned"
	"github.com/refbench/refbench/strategies/ownerbiased"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/rcuref"
	"github.com/refbench/refbench/strategies/refcache"
	"github.com/refbench/refbench/strategies/refcountfull"
	"github.com/refbench/refbench/strategies/refusing"
	"github.com/refbench/refbench/strategies/rseq"
	"github.com/refbench/refbench/strategies/rundown"
	"github.com/refbench/refbench/strategies/rundowncpu"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/sloppy"
	"github.com/refbench/refbench/strategies/snzi"
	"github.com/refbench/refbench/strategies/sticky"
	"github.com/refbench/refbench/strategies/tlref"
	"github.com/refbench/refbench/strategies/xnupcpu"
)

// Default returns the names of the strategies that are measured where none are named: one
// of each kind, so that a table of them can be read and a quick run is quick. The first
// few are those that it keeps on machines with many CPUs.
func Default() []string {
	return []string{"atomic", "saturating", "percpu", "lockperatomic", "biased", "mutexed", "lockref", "rcuref"}
}

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
		mutexed.Strategy,
		lockref.Strategy,
		drained.Strategy,
		rundown.Strategy,
		rundowncpu.Strategy,
		akaros.Strategy,
		refusing.Strategy,
		freezable.Strategy,
		rcuref.Strategy,
		fileref.Strategy,
		fdmutex.Strategy,
		arc.Strategy,
		xnupcpu.Strategy,
		sloppy.Strategy,
		snzi.Strategy,
		refcache.Strategy,
		ownerbiased.Strategy,
		localcount.Strategy,
		tlref.Strategy,
		rseq.Strategy,
		owned.Strategy,
	}
}
