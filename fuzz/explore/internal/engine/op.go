package engine

// OpKind is what an access does.
type OpKind uint8

// The kinds of access.
const (
	OpStart OpKind = iota // the thread begins
	OpEnd                 // the thread ends
	OpLoad
	OpStore
	OpSwap
	OpAdd
	OpAnd
	OpOr
	OpCAS
	OpLock
	OpTryLock
	OpUnlock
	OpRLock
	OpTryRLock
	OpRUnlock
	OpWait   // WaitGroup, Cond
	OpSignal // Cond, WaitGroup
	OpSend
	OpReceive
	OpClose
	OpSelect // select without default
	OpPoll   // select with default
	OpTimed  // receive from a timer's channel, select with such a case, start of a timer
	OpArrive // begins to wait where others can see it
	OpWake   // goes on: what it waited for has been done by another thread
	OpPin
	OpUnpin
	OpBarrier
	OpYield
	OpSleep
	OpSpawn
	OpPoint // a point of the case's own
	OpRead  // plain read, no point
	OpWrite // plain write, no point
	OpFail  // a failure, in Events
	OpNote  // text, in Events
	OpCPU   // reads the CPU's number
	OpIdle  // waits until nobody is pinned to a CPU
	OpBegin // a restartable section begins
	OpCommit
	OpCut    // restartable sections are cut off
	OpLate   // load of a word of which a store may be in a buffer
	OpBuffer // store into a buffer
	OpDrain  // a buffer drains
)

var opNames = [...]string{
	OpStart: "begin", OpEnd: "end", OpLoad: "load", OpStore: "store", OpSwap: "swap", OpAdd: "add",
	OpAnd: "and", OpOr: "or", OpCAS: "cas", OpLock: "lock", OpTryLock: "trylock", OpUnlock: "unlock",
	OpRLock: "rlock", OpTryRLock: "tryrlock", OpRUnlock: "runlock", OpWait: "wait", OpSignal: "signal",
	OpSend: "send", OpReceive: "receive", OpClose: "close", OpSelect: "select", OpPoll: "poll", OpTimed: "timer", OpArrive: "arrive", OpWake: "wake",
	OpPin: "pin", OpUnpin: "unpin", OpBarrier: "barrier", OpYield: "gosched", OpSleep: "sleep",
	OpSpawn: "go", OpPoint: "point", OpRead: "read", OpWrite: "write", OpFail: "FAIL", OpNote: "note", OpCPU: "on",
	OpIdle: "idle", OpBegin: "begin section", OpCommit: "commit", OpCut: "cut off",
	OpLate: "load", OpBuffer: "store", OpDrain: "drain",
}

func (k OpKind) String() string { return opNames[k] }

// Reads reports whether the access leaves memory as it is.
func (k OpKind) Reads() bool { return k == OpLoad || k == OpRead }

// Yields reports whether the access lets others go first.
func (k OpKind) Yields() bool { return k == OpYield || k == OpSleep }

// Clocks reports whether the access may move the clock on.
func (k OpKind) Clocks() bool { return k == OpSleep || k == OpTimed }

// Buffers reports whether the access may fill or drain a store buffer.
func (k OpKind) Buffers() bool { return k == OpLate || k == OpBuffer || k == OpDrain }

// keepsBuffer reports whether the thread's store buffer needn't drain before the access.
func (k OpKind) keepsBuffer() bool { return k == OpLoad || k == OpLate }

// local reports whether the access touches nothing that others can see.
func (k OpKind) local() bool { return k == OpStart || k == OpWake }

// NoLoc is the ID of no location.
const NoLoc = ^uint32(0)

// The IDs of locations that have no memory.
const (
	LocCPUs    = 0xffff_ff00 // all CPUs together: which are pinned
	LocThreads = 0xffff_fe00 // the list of threads
	locCPU0    = 0xffff_fd00 // CPU i, for clocks and lock sets
	LocBarrier = 0xffff_fc00
	LocClock   = 0xffff_fb00 // the virtual clock
)

// LocCPU is the location that stands for a pin of the CPU.
func LocCPU(cpu int) uint32 { return locCPU0 + uint32(cpu) }

// An Op is one access: what and where.
type Op struct {
	Kind OpKind
	Loc  uint32 // stable ID of the location, NoLoc if there is none or it isn't known
}

// Independent reports whether the two accesses, of different threads, have the
// same effect in either order, and neither enables or disables the other.
func Independent(a, b Op) bool {
	if a.Kind.Clocks() || b.Kind.Clocks() {
		return false // the clock is everybody's
	}
	if a.Kind.Yields() || b.Kind.Yields() {
		// Who gave way waits for a change of memory.
		return (a.Kind.Reads() || a.Kind.Yields() || a.Kind.local()) && (b.Kind.Reads() || b.Kind.Yields() || b.Kind.local())
	}
	if a.Kind.local() || b.Kind.local() {
		return true
	}
	if a.Kind == OpBarrier && b.Kind.Buffers() || b.Kind == OpBarrier && a.Kind.Buffers() {
		return false // it looks at all store buffers
	}
	if a.Kind == OpPoint && a.Loc == NoLoc || b.Kind == OpPoint && b.Loc == NoLoc {
		return false
	}
	if a.Loc != b.Loc {
		return true
	}
	return a.Kind.Reads() && b.Kind.Reads()
}
