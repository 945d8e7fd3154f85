// Package percpu counts on the CPU that the caller runs on, as Linux percpu_ref
// does, and finds out about zero only once the owner has given up.
//
// # Protocol
//
// A count is in one of two modes. In per-CPU mode Get and Put change a word that
// belongs to the current P alone and never look at the sum, so Put always
// reports false: the owner's reference keeps the object alive. Kill switches to
// shared mode, where one atomic word holds the whole count, and drops the
// owner's reference. From then on zero is seen exactly.
//
// A reference may be taken on one CPU and dropped on another: a single word then
// goes below zero, and only the sum means anything. Goroutines may migrate at
// any time, except for the few instructions during which they touch a word: these
// are assembly where that is enough to stay on the P, and elsewhere pinned (pin.Tally).
//
// Kill, SwitchToAtomic, SwitchToPerCPU, Reinit and ResurrectLive may be called
// at the same time as all other methods; they exclude one another with a mutex.
// Kill waits for pinned sections of a few instructions only, never for holders.
//
// # The switch to shared mode
//
// The shared word is biased by 2^63 while the words of the CPUs count, so that
// no Put on it can see zero. The switch is
//
//  1. mode becomes shared;
//  2. [pin.Barrier], then wait until no word is busy: every fast path that saw
//     the old mode has finished, every later one sees the new mode;
//  3. sum all words, and only then add the sum minus the bias in one step.
//
// Adding word by word would be wrong: with a Get on CPU 0 and its Put on CPU 1,
// folding in CPU 1's -1 before CPU 0's +1 makes the count zero for an instant,
// and a Put in that instant would report the last reference.
//
// The words keep their values in shared mode; nothing ever clears them, because
// a fast path that was late in seeing the mode may be about to put back the
// value that it read. The switch to per-CPU mode subtracts their sum from the
// shared word instead.
//
// # Memory order
//
// A Put in per-CPU mode synchronizes before the return of the call of Kill,
// KillAndConfirm or SwitchToAtomic that ends the mode: that call either observes
// the word that the Put stored, or the Put observes the new mode and counts on
// the shared word. Operations on the shared word are sync/atomic operations. So
// every Put synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// The count is right up to 2^62 references, and modulo 2^64 past that, except while a
// mode is being switched. In per-CPU mode the shared word is the count minus 2^63 minus
// the sum of the words, and what keeps it away from zero is how far away both are from
// 2^63:
//
//	the count is 2^63-1: the shared word is -1
//	A: SwitchToAtomic  the mode is shared, and the bias is still there
//	B: TryGet          -1 to 0
//	C: TryGet          sees 0, and fails
//	A: SwitchToAtomic  takes the bias away
//
// The word of one CPU holds 63 bits, which one CPU can't overflow in a century with
// single references. GetN, TryGetN and PutN of more than 32767 take a mutex and count on
// the shared word instead, so that they don't overflow one sooner.
//
// # Cost
//
// In per-CPU mode a call, two looks at the mode, and two stores to a line that no other CPU
// writes: no locked instruction where words are plain, and no pin where the number of the P
// can be read without (see package pin; refbench list and result files say which it is). A
// count takes LineBytes for each P besides the Count itself. Kill costs a barrier on all CPUs
// and a walk over all words.
//
// # Source
//
// Linux include/linux/percpu-refcount.h and lib/percpu-refcount.c (v5.x). There
// the switch is a callback after an RCU grace period, so Kill returns before
// zero can be seen; here it is over when Kill returns, so Kill alone guarantees
// what there needs a confirmation. There Get in per-CPU mode runs with
// preemption off inside an RCU read section; here it is pinned.
package percpu

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Strategy is the sharded per-CPU count of Linux percpu_ref.
var Strategy = &strategies.Strategy{
	Name: "percpu",
	Doc:  "a word per CPU until killed, then one atomic word (Linux percpu_ref)",
	Promise: strategies.Promise{
		Limit:        1 << 62,
		Width:        64,
		Overflow:     strategies.Wraps,
		Underflow:    strategies.Wraps,
		GetOnZero:    strategies.Revives,
		Zero:         strategies.AfterKill,
		TryGet:       strategies.Exact,
		Count:        strategies.Approximate,
		Resurrection: true,
		Progress:     strategies.LockFree,
		Bytes:        int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[pin.Word]{})),
		TypeStable:   true,
	},
	Retries: true,
	Way:     pin.Way,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count counts references per CPU until it is killed.
//
// Its mode word has two bits:
//
//	bit  name    meaning when set
//	0    shared  the shared word counts, not the words of the CPUs
//	1    dead    Kill has begun: TryGetLive fails
type Count struct {
	// on has the mode, and a word for each P, set by the first Init and never changed. It
	// is read by every operation, and written by mode switches only.
	on pin.Tally

	// shared is the count in shared mode. In per-CPU mode it is the count
	// plus bias minus the sum of all words.
	shared atomic.Int64

	// switching is held by whoever changes mode.
	switching sync.Mutex
}

const (
	modePerCPU = 0
	modeShared = 1 << 0
	modeDead   = 1 << 1
)

// bias keeps the shared word away from zero in per-CPU mode
// (PERCPU_COUNT_BIAS).
const bias = -1 << 63

// Init starts a life in per-CPU mode with the owner's reference. The first Init
// allocates the words, later ones on the same memory keep them. If GOMAXPROCS
// grows later, the new Ps count on the shared word.
func (c *Count) Init() { c.InitAt(1) }

// InitAt is Init with n references.
func (c *Count) InitAt(n int64) {
	c.allocate()
	c.shared.Store(n + bias - c.on.Sum())
	c.on.Mode.Store(modePerCPU)
}

// InitAtomic is Init in shared mode (PERCPU_REF_INIT_ATOMIC): zero is seen at
// once, until SwitchToPerCPU.
func (c *Count) InitAtomic() {
	c.allocate()
	c.on.Mode.Store(modeShared)
	c.shared.Store(1)
}

// InitDead makes a count that is dead from the start (PERCPU_REF_INIT_DEAD). It
// needs Reinit to begin a life.
func (c *Count) InitDead() {
	c.allocate()
	c.on.Mode.Store(modeShared | modeDead)
	c.shared.Store(0)
}

// allocate makes the words, once. Readers of an earlier life never see the
// slice change.
func (c *Count) allocate() {
	if c.on.Words == nil {
		c.on.Make()
	}
}

// add adds n on the word of the current P and reports true, or reports false if
// the shared word counts.
func (c *Count) add(n int64) bool {
	if n != int64(int16(n)) {
		return c.addMany(n)
	}
	return pin.Add(&c.on, n)
}

// addMany is add of a number that could overflow a word. In per-CPU mode the shared
// word takes part in the sum like any other. The mutex keeps the mode as it is: in
// shared mode the same addition would have to look for zero.
func (c *Count) addMany(n int64) bool {
	c.switching.Lock()
	defer c.switching.Unlock()
	if c.on.Mode.Load() != modePerCPU {
		return false
	}
	c.shared.Add(n)
	return true
}

// Get takes a reference.
//
// Get and Put are inlined, down to the one call that counts.
func (c *Count) Get() {
	if !pin.Add(&c.on, 1) {
		c.shared.Add(1)
	}
}

// GetN takes n references.
func (c *Count) GetN(n int) {
	if !c.add(int64(n)) {
		c.shared.Add(int64(n))
	}
}

// TryGet takes a reference unless the count has died. After Kill it succeeds as
// long as references are left (percpu_ref_tryget).
func (c *Count) TryGet() bool { return pin.Add(&c.on, 1) || c.sharedTryGet(1) }

// TryGetN takes n references unless the count has died.
func (c *Count) TryGetN(n int) bool { return c.add(int64(n)) || c.sharedTryGet(int64(n)) }

func (c *Count) sharedTryGet(n int64) bool {
	for {
		v := c.shared.Load()
		if v == 0 {
			return false
		}
		if c.shared.CompareAndSwap(v, v+n) {
			return true
		}
	}
}

// TryGetLive takes a reference unless the count was killed, even if references
// are left (percpu_ref_tryget_live). Once Kill has returned, or confirm was
// called, no call of TryGetLive takes a reference any more.
func (c *Count) TryGetLive() bool {
	if pin.Add(&c.on, 1) {
		return true
	}
	// Kill must be able to wait for us between our look at dead and our
	// taking the reference, so this part too is announced on a word.
	if c.on.Mode.Load()&modeDead != 0 {
		return false
	}
	cpu := pin.Pin()
	if uint(cpu) >= uint(len(c.on.Words)) {
		// A P without a word: the mutex keeps Kill out instead.
		pin.Unpin()
		c.switching.Lock()
		defer c.switching.Unlock()
		return c.on.Mode.Load()&modeDead == 0 && c.sharedTryGet(1)
	}
	w := &c.on.Words[cpu].Word
	v := w.Load()
	w.Store(v | pin.Busy)
	ok := c.on.Mode.Load()&modeDead == 0 && c.sharedTryGet(1)
	w.Store(v)
	pin.Unpin()
	return ok
}

// Put drops a reference. It can report true only in shared mode.
func (c *Count) Put() bool { return !pin.Add(&c.on, -1) && c.shared.Add(-1) == 0 }

// PutN drops n references and reports whether the last was among them.
func (c *Count) PutN(n int) bool {
	return !c.add(int64(-n)) && c.shared.Add(int64(-n)) == 0
}

// Kill switches to shared mode for good and drops the owner's reference
// (percpu_ref_kill). A second Kill of the same life is a second drop.
func (c *Count) Kill() bool { return c.KillAndConfirm(nil) }

// KillAndConfirm is Kill that calls confirm, if not nil, when no TryGetLive can
// take a reference any more and the owner's is still held
// (percpu_ref_kill_and_confirm). confirm must not call methods that switch modes.
func (c *Count) KillAndConfirm(confirm func()) bool {
	c.switching.Lock()
	m := c.on.Mode.Load()
	c.on.Mode.Store(m | modeShared | modeDead)
	c.on.Drain()
	if m&modeShared == 0 {
		c.shared.Add(c.on.Sum() - bias)
	}
	if confirm != nil {
		confirm()
	}
	c.switching.Unlock()
	return c.shared.Add(-1) == 0
}

// SwitchToAtomic switches to shared mode, where zero is seen at once
// (percpu_ref_switch_to_atomic_sync).
func (c *Count) SwitchToAtomic() {
	c.switching.Lock()
	defer c.switching.Unlock()
	if m := c.on.Mode.Load(); m&modeShared == 0 {
		c.on.Mode.Store(m | modeShared)
		c.on.Drain()
		c.shared.Add(c.on.Sum() - bias)
	}
}

// SwitchToPerCPU switches back to per-CPU mode. A killed count stays in shared
// mode (percpu_ref_switch_to_percpu). The caller holds a reference.
func (c *Count) SwitchToPerCPU() {
	c.switching.Lock()
	defer c.switching.Unlock()
	if m := c.on.Mode.Load(); m == modeShared {
		c.toPerCPU()
	}
}

// toPerCPU leaves shared mode. The bias goes in before the mode changes, so that
// whoever still counts on the shared word can't see zero.
func (c *Count) toPerCPU() {
	c.shared.Add(bias - c.on.Sum())
	c.on.Mode.Store(modePerCPU)
}

// Reinit begins a new life of a count that has died: per-CPU mode and the
// owner's reference (percpu_ref_reinit).
func (c *Count) Reinit() { c.ResurrectLive() }

// ResurrectLive undoes Kill while references are left, or after: the owner has
// its reference again, and per-CPU mode is back (percpu_ref_resurrect).
func (c *Count) ResurrectLive() {
	c.switching.Lock()
	defer c.switching.Unlock()
	c.shared.Add(1)
	c.toPerCPU()
}

// Resurrect takes a reference whether the count is zero or not. A dead count
// goes on in shared mode.
func (c *Count) Resurrect() { c.Get() }

// Count returns how many references there are: exactly in shared mode, and in
// per-CPU mode exactly only while nobody takes or drops any.
func (c *Count) Count() int64 {
	if c.on.Mode.Load()&modeShared != 0 {
		return c.shared.Load()
	}
	return c.shared.Load() - bias + c.on.Sum()
}

// IsZero reports whether the count is dead. In per-CPU mode it isn't
// (percpu_ref_is_zero).
func (c *Count) IsZero() bool {
	return c.on.Mode.Load()&modeShared != 0 && c.shared.Load() == 0
}
