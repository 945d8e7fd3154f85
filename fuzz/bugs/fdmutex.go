package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// An fd is a count with a closed bit, as Go counts the operations on a file.
//
//	bit  0       closed
//	bits 1-63    the number of references
type fd struct {
	word atomic.Uint64
	bug  fdBug
}

// An fdBug is what is wrong with an fd.
type fdBug int

const (
	fdRight     fdBug = iota
	fdLives           // TryGet asks for references alone
	fdKillStore       // Kill sets closed with a load and a store
)

const (
	fdClosed = 1 << 0
	fdOne    = 1 << 1
	fdMax    = 1<<20 - 1
)

func (c *fd) Init()          { c.word.Store(fdOne) }
func (c *fd) InitAt(n int64) { c.word.Store(uint64(n) * fdOne) }
func (c *fd) Count() int64   { return int64(c.word.Load() / fdOne) }

// change adds to the word what next says, which panics or refuses with 0.
func (c *fd) change(next func(old uint64) uint64) (now uint64, ok bool) {
	for {
		old := c.word.Load()
		now := next(old)
		if now == old {
			return now, false
		}
		if c.word.CompareAndSwap(old, now) {
			return now, true
		}
	}
}

func taken(old uint64) uint64 {
	if n := old / fdOne; n == 0 || n == fdMax {
		panic("too few or too many operations on a file")
	}
	return old + fdOne
}

func (c *fd) Get() { c.change(taken) }

func (c *fd) TryGet() bool {
	_, ok := c.change(func(old uint64) uint64 {
		if old&fdClosed != 0 && c.bug != fdLives || old < fdOne {
			return old
		}
		return taken(old)
	})
	return ok
}

func (c *fd) Put() bool {
	now, _ := c.change(func(old uint64) uint64 {
		if old < fdOne {
			panic("a file that nobody uses is left")
		}
		return old - fdOne
	})
	return now < fdOne
}

func (c *fd) Kill() bool {
	if c.bug == fdKillStore {
		c.word.Store(c.word.Load() | fdClosed)
	} else {
		c.change(func(old uint64) uint64 { return old | fdClosed })
	}
	return c.Put()
}

var fdPromise = strategies.Promise{
	Limit:         fdMax,
	Overflow:      strategies.Panics,
	Underflow:     strategies.Panics,
	GetOnZero:     strategies.Panics,
	Zero:          strategies.Immediate,
	TryGet:        strategies.Exact,
	TryGetRefuses: strategies.OnceKilled,
	Count:         strategies.Exact,
	Progress:      strategies.LockFree,
	Bytes:         int(unsafe.Sizeof(fd{})),
	TypeStable:    true,
}

func newFD(bug fdBug) func() strategies.Counter {
	return func() strategies.Counter { return &fd{bug: bug} }
}

var fdBugs = []*Bug{
	Bug{
		Name:   "fdlives",
		Doc:    "an operation gets in as long as others are in, though the file is closed",
		Source: "Go internal/poll, fdMutex.incref: it fails once closed is set; a count that fails at zero alone (kref_get_unless_zero) doesn't do here",
		Interleaving: `A reader waits on a socket, and so holds a reference. The socket is closed. Each further operation still
finds a reference and gets in, and while they overlap the descriptor is never destroyed.`,
		Fix:      "closed is looked at in the same compare-and-swap",
		Program:  "a.Get a.Kill a.TryGet",
		Expected: sequential.but(Expected{"histories": sure, "race": nothingGone, "workloads": blind("no workload tries a count that was killed and asks to be refused")}),
	}.counts(fdPromise, newFD(fdLives), newFD(fdRight)),
	Bug{
		Name:   "fdclosestore",
		Doc:    "closing reads the word and writes it back with the closed bit",
		Source: "Go internal/poll, fdMutex.increfAndClose: a compare-and-swap loop, as others count in the same word",
		Interleaving: `Two users are in. The closer reads 2 references. One of the users leaves: 1. The closer writes
2 and closed: a reference that nobody has. Its own drop and the other user's leave 1, and the
descriptor is never destroyed.`,
		Fix:     "a compare-and-swap that fails if somebody came or left",
		Program: "a.Kill|a.Put", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(fdPromise, newFD(fdKillStore), newFD(fdRight)),
}
