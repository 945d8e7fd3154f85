package bugs

import (
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A reviver is a count of objects that stay in a cache at zero. A hit brings them
// back.
type reviver struct {
	word
	bug reviverBug
}

// A reviverBug is what is wrong with a reviver.
type reviverBug int

const (
	reviverRight reviverBug = iota
	reviverGet              // Resurrect gets if it isn't the one who revives
	reviverInit             // Resurrect begins the life anew at zero
)

// Get refuses a count of zero, as kref_get asserts.
func (c *reviver) Get() {
	for {
		n := c.n.Load()
		if n == 0 {
			panic("Get on a count of zero")
		}
		if c.n.CompareAndSwap(n, n+1) {
			return
		}
	}
}

func (c *reviver) Resurrect() {
	switch c.bug {
	case reviverGet:
		if !c.n.CompareAndSwap(0, 1) {
			c.Get()
		}
	case reviverInit:
		if c.n.Load() == 0 {
			c.n.Store(1)
		} else {
			c.n.Add(1)
		}
	default:
		c.n.Add(1)
	}
}

func newReviver(bug reviverBug) func() strategies.Counter {
	return func() strategies.Counter { return &reviver{bug: bug} }
}

var reviverPromise = func() strategies.Promise {
	p := wordPromise
	p.Resurrection = true
	p.GetOnZero = strategies.Panics
	p.Bytes = int(unsafe.Sizeof(reviver{}))
	return p
}()

const resurrectSource = "Akaros Documentation/kref.txt, rule 4 and the example of the dentry cache"

var reviveBugs = []*Bug{
	Bug{
		Name:   "reviveget",
		Doc:    "a cache hit asks whether the count is zero and otherwise gets",
		Source: resurrectSource,
		Interleaving: `An unused entry has one user. A second hit sees that the count isn't zero, so it needn't be
revived. The user puts: 1 to 0. The hit gets, and Get on zero panics.`,
		Fix:     "one blind addition (__kref_get), which doesn't care about zero",
		Program: "a:cached a.Kill a.Resurrect|a.Put a.Resurrect", Concurrent: true,
		Expected: interleaved.but(Expected{"race": allAtomic}),
	}.counts(reviverPromise, newReviver(reviverGet), newReviver(reviverRight)),
	Bug{
		Name:   "reviveinit",
		Doc:    "a cache hit that reads zero begins the life anew",
		Source: resurrectSource,
		Interleaving: `An entry is unused: its count is 0. Two hits read 0. The first sets 1 and has a reference. The
second sets 1 as well: one count for two users. The first put frees what the other still has,
the second leaves -1.`,
		Fix:     "one blind addition (__kref_get): two hits leave 2",
		Program: "a:cached a.Kill a.Resurrect|a.Put a.Resurrect", Concurrent: true,
		Expected: interleaved.but(Expected{"race": allAtomic}),
	}.counts(reviverPromise, newReviver(reviverInit), newReviver(reviverRight)),
}
