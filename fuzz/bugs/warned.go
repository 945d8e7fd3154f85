package bugs

import (
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A warner is a word that reports misuse.
type warner struct {
	word
	monitor *strategies.Monitor
	cries   bool
}

func (c *warner) Monitor(m *strategies.Monitor) { c.monitor = m }

// TryGet never misuses: to find a dead count is what it is for.
func (c *warner) TryGet() bool {
	for tries := 0; ; tries++ {
		n := c.n.Load()
		if n == 0 {
			if c.cries && tries > 0 {
				c.monitor.Report(strategies.GetAfterFree)
			}
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

var warnerPromise = func() strategies.Promise {
	p := wordPromise
	p.Bytes = int(unsafe.Sizeof(warner{}))
	return p
}()

var warnedBugs = []*Bug{
	Bug{
		Name:   "criesafterfree",
		Doc:    "a lookup that sees the count die between two tries reports a use after free",
		Source: "Linux Documentation/core-api/refcount-vs-atomic.rst and lib/refcount.c of v4.11: refcount_inc_not_zero fails at zero without a warning, refcount_inc warns",
		Interleaving: `A lookup loads 1. Another one takes a reference, so that the first one's swap fails. Both references
are dropped. The first lookup loads 0 and, as the count was alive when it came, reports misuse
to the monitor: a warning with a stack, and a panic where panic_on_warn is set. Nothing was misused.`,
		Fix:     "a lookup that fails is silent, however often it tried",
		Program: "a.Kill|a.Put|a.Put a.TryGet", Concurrent: true,
		Expected: interleaved,
	}.counts(warnerPromise, func() strategies.Counter { return &warner{cries: true} }, func() strategies.Counter { return new(warner) }),
}
