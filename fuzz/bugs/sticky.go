package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A sticky is the wait-free count of Anderson, Blelloch and Wei.
//
//	bit 63       zero: dead
//	bit 62       help: a reader declared it dead, and nobody is told yet
//	bits 61..0   the number of references
type sticky struct {
	word atomic.Uint64
	bug  stickyBug

	// helps: a TryGet that comes upon a 0 declares it dead, as readers do.
	helps bool
}

// A stickyBug is what is wrong with a sticky.
type stickyBug int

const (
	stickyRight  stickyBug = iota
	stickySilent           // a reader sets the zero bit alone
	stickyTwice            // who finds the zero bit takes it for a reader's
	stickyStore            // Put sets the zero bit whatever has become of the 0
	stickyShared           // every Put that finds the help bit takes it
)

const (
	stickyZero = 1 << 63
	stickyHelp = 1 << 62
)

func (c *sticky) Init()          { c.word.Store(1) }
func (c *sticky) InitAt(n int64) { c.word.Store(uint64(n)) }
func (c *sticky) Get()           { c.word.Add(1) }
func (c *sticky) TryGet() bool {
	if c.helps && c.word.Load() == 0 && c.word.CompareAndSwap(0, stickyZero|stickyHelp) {
		return false
	}
	return c.word.Add(1)&stickyZero == 0
}
func (c *sticky) Kill() bool { return c.Put() }

func (c *sticky) Put() bool {
	if c.word.Add(^uint64(0)) != 0 {
		return false
	}
	if c.bug == stickyStore {
		c.word.Store(stickyZero)
		return true
	}
	if c.word.CompareAndSwap(0, stickyZero) {
		return true
	}
	switch c.bug {
	case stickyTwice:
		return c.word.Load()&stickyZero != 0
	case stickyShared:
		return c.word.Load()&stickyHelp != 0
	}
	return c.word.Load()&stickyHelp != 0 && c.word.Swap(stickyZero)&stickyHelp != 0
}

func (c *sticky) Count() int64 {
	n := c.word.Load()
	if n == 0 {
		declared := uint64(stickyZero | stickyHelp)
		if c.bug == stickySilent {
			declared = stickyZero
		}
		if c.word.CompareAndSwap(0, declared) {
			return 0
		}
		if n = c.word.Load(); n == 0 {
			return 1 // dropped since
		}
	}
	if n&stickyZero != 0 {
		return 0
	}
	return int64(n)
}

// stickyPromise says nothing of misuse: what a drop too many does to the bits means nothing.
var stickyPromise = strategies.Promise{
	Limit:       stickyHelp - 1,
	Overflow:    strategies.Wraps,
	Underflow:   strategies.Wraps,
	GetOnZero:   strategies.Refuses,
	Zero:        strategies.Immediate,
	TryGet:      strategies.Exact,
	Count:       strategies.Approximate, // see package sticky
	Progress:    strategies.WaitFree,
	Bytes:       int(unsafe.Sizeof(sticky{})),
	GracePeriod: true,
}

func newSticky(bug stickyBug) func() strategies.Counter {
	return func() strategies.Counter { return &sticky{bug: bug} }
}

const stickySource = "Anderson, Blelloch, Wei, PLDI 2022, section 4.3"

var stickyBugs = []*Bug{
	Bug{
		Name:   "stickysilent",
		Doc:    "a reader declares a count dead, and doesn't leave word for who is to release",
		Source: stickySource + ", the help bit",
		Interleaving: `The last holder puts: 1 to 0. A reader comes upon the 0, must not say 0 while references can
be taken, and sets the zero bit. The put finds that somebody was faster and reports false: the
object leaks.`,
		Fix:     "the reader sets the help bit too, and the put takes it",
		Program: "a.Put a.Count|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(stickyPromise, newSticky(stickySilent), newSticky(stickyRight)),
	Bug{
		Name:   "stickytwice",
		Doc:    "a put that finds the count declared dead reports the last, whoever declared it",
		Source: stickySource + ", the help bit, which one of the puts exchanges",
		Interleaving: `A puts: 1 to 0. B's TryGet makes it 1, and has a reference. B puts: 0 again, sets the zero bit,
and reports the last. A finds the zero bit set and takes it for a reader's, who tells nobody: it
reports the last as well.`,
		Fix:     "only who swaps out the help bit, which readers set, is told",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(stickyPromise, newSticky(stickyTwice), newSticky(stickyRight)),
	Bug{
		Name:   "stickystore",
		Doc:    "the last put makes zero sticky without a look whether it is zero still",
		Source: stickySource + ", the compare-and-swap of the decrement",
		Interleaving: `The last holder puts: 1 to 0, and the zero bit isn't set yet. A TryGet adds 1 and has a
reference. The put sets the zero bit and reports the last: the object is released while the other
has it.`,
		Fix:     "a compare-and-swap of 0: if it fails, who drops the other reference is to be told",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(stickyPromise, newSticky(stickyStore), newSticky(stickyRight)),
	Bug{
		Name:   "stickyhelp",
		Doc:    "every put that finds zero set by a helper takes itself for the last",
		Source: stickySource + ", the help bit, which the decrement exchanges",
		Interleaving: `The owner puts: 1 to 0, and is stopped. One lookup takes a reference, 0 to 1, and puts it: 0
again, and is stopped too. Another lookup finds 0 and sets zero and help. Both putters fail
to set zero, see that they were helped, and both release.`,
		Fix:     "who clears the help bit is told, and nobody else",
		Program: "a.Kill|a.Put a.TryGet a.Put|a.Put a.TryGet", Concurrent: true,
		Preemptions: 8, Apart: true,
		Expected: interleaved,
	}.counts(stickyPromise, func() strategies.Counter { return &sticky{bug: stickyShared, helps: true} },
		func() strategies.Counter { return &sticky{helps: true} }),
}
