package bugs

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A collected is a count with a word per P that Kill collects, as strategies/tlref.
type collected struct {
	global atomic.Int64 // with collectedBias until the words are in it
	killed atomic.Bool
	words  pin.Lines[collectedWord]
	bug    collectedBug
}

// A collectedWord is one P's.
//
//	word     bit 0: its P is in an operation; bits 63..1: references taken less dropped
//	decided  0, or the word as it was collected, with bit 0 set
type collectedWord struct {
	word    pin.Word
	decided atomic.Int64
}

// A collectedBug is what is wrong with a collected.
type collectedBug int

const (
	collectedRight    collectedBug = iota
	collectedEarly                 // who counts looks whether it was killed before the store, and not after
	collectedBelieves              // who was late takes it that its number was collected
	collectedUnfenced              // Kill has no barrier before it collects
)

const (
	collectedOne  = 2
	collectedBias = -1 << 62
)

func (c *collected) Init() {
	if c.words == nil {
		c.words = pin.NewLines[collectedWord]()
	}
	n := int64(1 + collectedBias)
	for i := range c.words {
		w := &c.words[i].Word
		n -= w.word.Load() >> 1
		w.decided.Store(0)
	}
	c.global.Store(n)
	c.killed.Store(false)
}

// update adds d on this P's word, unless global counts.
func (c *collected) update(d int64) bool {
	if c.killed.Load() {
		return false
	}
	w := &c.words[pin.Pin()%len(c.words)].Word
	defer pin.Unpin()
	v := w.word.Load()
	next := v + d*collectedOne
	late := c.bug == collectedEarly && c.killed.Load()
	w.word.Store(next | 1)
	if c.bug != collectedEarly {
		late = c.killed.Load()
	}
	ok := !late || w.decide(next) == next || c.bug == collectedBelieves
	if !ok {
		next = v
	}
	w.word.Store(next)
	return ok
}

// decide decides what the P's number is, unless it was decided before, and returns it.
func (w *collectedWord) decide(v int64) int64 {
	if w.decided.CompareAndSwap(0, v|1) {
		return v
	}
	return w.decided.Load() &^ 1
}

func (c *collected) Get() {
	if !c.update(1) && c.global.Add(1) == 1 {
		panic("Get on a dead count")
	}
}

func (c *collected) TryGet() bool {
	if c.update(1) {
		return true
	}
	for {
		n := c.global.Load()
		if n == 0 || c.global.CompareAndSwap(n, n+1) {
			return n != 0
		}
	}
}

func (c *collected) Put() bool {
	if c.update(-1) {
		return false
	}
	n := c.global.Add(-1)
	if n == -1 {
		panic("Put on a dead count")
	}
	return n == 0
}

func (c *collected) Kill() bool {
	c.killed.Store(true)
	if c.bug != collectedUnfenced {
		pin.Barrier()
	}
	sum := int64(0)
	for i := range c.words {
		w := &c.words[i].Word
		sum += w.decide(w.word.Load()&^1) >> 1
	}
	c.global.Add(sum - collectedBias)
	for i := range c.words {
		for c.words[i].Word.word.Load()&1 != 0 {
			runtime.Gosched()
		}
	}
	return c.global.Add(-1) == 0
}

func newCollected(bug collectedBug) func() strategies.Counter {
	return func() strategies.Counter { return &collected{bug: bug} }
}

var collectedPromise = strategies.Promise{
	Limit:     1 << 60,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Panics,
	Zero:      strategies.AfterKill,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(collected{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[collectedWord]{})),
}

const tlrefSource = "folly TLRefCount.h, commit ff98381ea, LocalRefCount::update"

var collectedBugs = []*Bug{
	Bug{
		Name:   "tlrefearly",
		Doc:    "who counts looks at the state before its number is stored, and not after",
		Source: tlrefSource + ": asymmetric_thread_fence_light between the store of the count and the load of the state; without it they change places",
		Interleaving: `A finds that nobody has killed the count, and is stopped. Kill changes the state and collects A's number. A
stores one more, or less: nobody collects it any more.`,
		Fix:     "store the number, and look then (with a barrier in Kill between its store and its loads)",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(collectedPromise, newCollected(collectedEarly), newCollected(collectedRight)),
	Bug{
		Name:   "tlrefbelieves",
		Doc:    "who finds that Kill came between takes it that its number was collected",
		Source: tlrefSource + ": if what was collected isn't the new count, it reports false and the operation is done again globally",
		Interleaving: `Kill changes the state and collects A's number. A, which has found the old state before, stores one more,
finds the new state, and is through: its reference isn't counted.`,
		Fix:     "compare what was collected with the new number, and count in global if it is another",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(collectedPromise, newCollected(collectedBelieves), newCollected(collectedRight)),
	Bug{
		Name:   "tlrefunfenced",
		Doc:    "Kill has no barrier between changing the state and collecting",
		Source: "folly TLRefCount.h, commit ff98381ea: asymmetric_thread_fence_heavy in useGlobal; " + unfencedSource,
		Interleaving: `A stores one more, which stays in its CPU's store buffer, and finds the old state. Kill changes the state and
collects A's number as it was before. A is through: its reference isn't counted.`,
		Fix:     "have all CPUs pass a barrier after the state is changed",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(collectedPromise, newCollected(collectedUnfenced), newCollected(collectedRight)),
}
