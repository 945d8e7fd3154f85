package engine

import (
	"fmt"
	"unsafe"
)

// A Thread is a goroutine of the explored program.
type Thread struct {
	// ID is less than MaxThreads. Once all have been used, threads are given those of
	// threads that have ended.
	ID int
	// Number says how many were started before. That of Setup and Finish is Outside.
	Number int

	e       *Engine
	fn      func()
	begun   bool
	done    bool
	outside bool     // does Setup and Finish, not a thread of its own
	slot    int      // where it waits
	op      Op       // what it does next
	with    []uint32 // locations that op touches besides its own

	// A waiting thread goes on when ready(obj) holds. One that polls finds
	// nothing while it doesn't.
	ready func(unsafe.Pointer) bool
	obj   unsafe.Pointer
	// One that waits for a timer too is asleep at the same time, until due(obj).
	due func(unsafe.Pointer) int64

	// A mutex that it has unlocked, at which step, and the step at which it came to its
	// next point or its end.
	leaving          uintptr
	leftAt, parkedAt int
	endedAt          int // the step

	passed   int    // how often sleepers woke since it could go on but didn't
	yieldAt  uint64 // Engine.Writes when it gave way
	stamp    uint64 // when it gave way, to let the one who waited longest go first
	wokeAt   uint64 // Engine.Writes when it last woke from a sleep
	deadline int64  // virtual nanoseconds, of a sleeper
	autoAt   uint64 // Engine.Writes when it was taken to spin
	coarse   bool   // ... because it went on for long, not for what it read

	cpu  int // the virtual CPU that it was last seen on
	pins int

	newLocs  uint32
	opIndex  int
	hist     uint64   // of what it has seen
	histLoad uint64   // hist before the last load
	held     []uint32 // locks held: their location IDs

	lastLoad  uint32 // location of the last access if that was a load or a poll in vain
	lastValue uint64
	repeats   int

	buffer  bufferedStore
	empties *Buffered // what was stored since the last step that wasn't a load

	vc  clock
	ver uint32 // changes whenever vc learns of another thread
}

func (t *Thread) reset(f func(), number, cpus, clocks int) {
	t.Number = number
	t.leaving, t.leftAt, t.parkedAt = 0, 0, 0
	t.fn = f
	t.begun, t.done = false, false
	t.op = Op{Kind: OpStart, Loc: NoLoc}
	t.with = t.with[:0]
	t.ready, t.obj, t.due = nil, nil, nil
	t.cpu, t.pins = number%cpus, 0
	t.passed = 0
	t.empties, t.buffer = nil, bufferedStore{}
	t.newLocs, t.opIndex, t.hist = 0, 0, 0
	t.held = t.held[:0]
	t.lastLoad, t.repeats = NoLoc, 0
	t.autoAt, t.wokeAt = ^uint64(0), ^uint64(0)
	clear(t.vc[:clocks])
	t.ver++
}

// Outside is the number of what isn't a thread: Setup and Finish.
const Outside = -1

// Name returns what messages call the thread.
func (t *Thread) Name() string {
	if t.outside {
		return "setup"
	}
	return fmt.Sprintf("T%d", t.Number)
}

// CPU returns the virtual CPU that the thread was last seen on.
func (t *Thread) CPU() int { return t.cpu }

// Op returns what the thread does next.
func (t *Thread) Op() Op { return t.op }

// With returns the locations that Op touches besides its own.
func (t *Thread) With() []uint32 { return t.with }

// Timed reports whether the thread waits for a timer, maybe among other things.
func (t *Thread) Timed() bool { return t.due != nil }

// OpIndex returns how many operations of its program the thread has finished.
func (t *Thread) OpIndex() int { return t.opIndex }

// Held returns the locations of the locks that the thread holds. A pin counts
// as a lock on its CPU.
func (t *Thread) Held() []uint32 { return t.held }

// Pinned returns the CPU that the thread is pinned to, or -1.
func (t *Thread) Pinned() int {
	if t.pins == 0 {
		return -1
	}
	return t.cpu
}

func (t *Thread) hold(loc uint32) { t.held = append(t.held, loc) }

func (t *Thread) unhold(loc uint32) {
	for i, l := range t.held {
		if l == loc {
			t.held = append(t.held[:i], t.held[i+1:]...)
			return
		}
	}
}

// Ended reports whether the thread has returned.
func (t *Thread) Ended() bool { return t.done }
