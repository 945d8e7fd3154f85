package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A sectioned counts on its CPU's word in a section in which it is alone there, as
// strategies/rseq. There the kernel begins a section anew that it interrupts, and Kill has it
// do so on all CPUs; here who is in a section is pinned, and Kill waits for all who are.
//
// While the words count, the shared one is biased by sectionedBias.
type sectioned struct {
	closed atomic.Bool
	words  []sectionedWord
	shared atomic.Int64
	bug    sectionedBug
}

// A sectionedWord is one CPU's.
type sectionedWord struct {
	word pin.Word
	_    [pin.LineBytes - 8]byte
}

// A sectionedBug is what is wrong with a sectioned.
type sectionedBug int

const (
	sectionedRight       sectionedBug = iota
	sectionedUnbiased                 // the shared word has no bias
	sectionedUnchecked                // who counts looks before the section whether the words do
	sectionedUncut                    // Kill doesn't see to those who are in a section
	sectionedUndescribed              // nobody is told where the section is
)

const sectionedBias = -1 << 63

func (c *sectioned) Init() { c.InitAt(1) }

func (c *sectioned) InitAt(n int64) {
	if c.words == nil {
		c.words = make([]sectionedWord, pin.CPUs())
	}
	for i := range c.words {
		c.words[i].word.Store(0)
	}
	c.shared.Store(n + c.bias())
	c.closed.Store(false)
}

func (c *sectioned) bias() int64 {
	if c.bug == sectionedUnbiased {
		return 0
	}
	return sectionedBias
}

// add adds n on this CPU's word, unless the shared word counts.
func (c *sectioned) add(n int64) bool {
	if c.bug == sectionedUnchecked && c.closed.Load() {
		return false
	}
	cpu := pin.CPU()
	if c.bug != sectionedUndescribed {
		cpu = pin.Pin()
		defer pin.Unpin()
	}
	if cpu >= len(c.words) {
		return false
	}
	if c.bug != sectionedUnchecked && c.closed.Load() {
		return false
	}
	w := &c.words[cpu].word
	w.Store(w.Load() + n)
	return true
}

func (c *sectioned) Get() {
	if !c.add(1) {
		c.shared.Add(1)
	}
}

func (c *sectioned) TryGet() bool {
	if c.add(1) {
		return true
	}
	for {
		v := c.shared.Load()
		if v == 0 {
			return false
		}
		if c.shared.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

func (c *sectioned) Put() bool { return !c.add(-1) && c.shared.Add(-1) == 0 }

func (c *sectioned) Kill() bool {
	if c.closed.Swap(true) {
		return c.shared.Add(-1) == 0
	}
	if c.bug != sectionedUncut {
		pin.Wait()
	}
	sum := int64(0)
	for i := range c.words {
		sum += c.words[i].word.Load()
	}
	return c.shared.Add(sum-c.bias()-1) == 0
}

func newSectioned(bug sectionedBug) func() strategies.Counter {
	return func() strategies.Counter { return &sectioned{bug: bug} }
}

var sectionedPromise = strategies.Promise{
	Limit:     1 << 62, // the bias is as far away again
	Width:     64,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Revives,
	Zero:      strategies.AfterKill,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(sectioned{})) + pin.CPUs()*int(unsafe.Sizeof(sectionedWord{})),
}

const rseqSource = "Linux rseq(2) and membarrier(2); strategies/rseq"

var sectionedBugs = []*Bug{
	Bug{
		Name:   "sectionbias",
		Doc:    "the shared word has no bias while the CPUs' words count",
		Source: rseqSource + ": a CPU without a word, and who comes once Kill has begun, count on the shared one even then",
		Interleaving: `A has a reference, which was counted on its CPU's word; the shared word has the owner's. Kill closes the words and
is about to add them up. A drops its reference: on the shared word, which is 0. A reports the last
while the owner's is there.`,
		Fix:     "bias the shared word until the words are added to it",
		Program: "a.Get a.Put a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(sectionedPromise, newSectioned(sectionedUnbiased), newSectioned(sectionedRight)),
	Bug{
		Name:   "sectionunchecked",
		Doc:    "the section doesn't look whether the words still count: who counts has looked before",
		Source: rseqSource + ": what a section depends on is read within it",
		Interleaving: `A looks, and finds that the words count. Kill closes them, waits for everybody in a section, and takes
the sum. A begins its section and counts on a word that nobody looks at any more.`,
		Fix:     "look between the start of the section and its commit",
		Program: "a.Get a.Put a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(sectionedPromise, newSectioned(sectionedUnchecked), newSectioned(sectionedRight)),
	Bug{
		Name:   "sectionuncut",
		Doc:    "Kill takes the sum while others are in a section",
		Source: rseqSource + ": MEMBARRIER_CMD_PRIVATE_EXPEDITED in place of MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ lost counts in 2 of 100,000 switches",
		Interleaving: `A begins its section and finds that the words count. Kill closes them and takes the sum. A commits: its
number is lost.`,
		Fix:     "have every section begin anew, or wait for it, before the sum",
		Program: "a.Get a.Put a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(sectionedPromise, newSectioned(sectionedUncut), newSectioned(sectionedRight)),
	Bug{
		Name:   "sectionundescribed",
		Doc:    "the kernel isn't told of the section, so who is interrupted in it goes on where it was",
		Source: rseqSource + ": struct rseq_cs has to be announced before the section's first load",
		Interleaving: `A thread finds that it is on CPU 1, loads its word, and is moved to CPU 0. Another thread, on CPU 1 now, loads the same
word, adds and stores. The first one stores what it had loaded plus one: the other's reference is lost.`,
		Fix:     "announce the section, so that who is interrupted begins anew",
		Program: "a.Get|a.Get|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(sectionedPromise, newSectioned(sectionedUndescribed), newSectioned(sectionedRight)),
}
