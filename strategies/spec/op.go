package spec

import (
	"fmt"
	"sync"

	"github.com/refbench/refbench/strategies"
)

// An Op is an operation of a count: a method of [strategies.Counter] or of one of
// the optional interfaces.
type Op uint8

// The operations. Their numbers may change; their names don't.
const (
	Init Op = iota
	InitAt
	Get
	TryGet
	Put
	Kill
	GetN
	TryGetN
	PutN
	Count
	Resurrect
	Drop
	PutIfOne
	PutUnlessOne
	PutAndLock
	SwitchToAtomic
	SwitchToPerCPU
	TryGetLive
	KillAndConfirm
	ResurrectLive
	Reinit
	GetAs
	TryGetAs
	PutAs
	opCount
)

const maxOps = 1 << 6

// An operation is all that refbench knows of an operation. Specification, fuzzing,
// schedules, histories and stress ask this table, so that a new power is its interface
// in package strategies and its rows here.
type operation struct {
	// by says who may call it while others use the count, moves what it does to what
	// its caller holds, and last that true reports the drop of the last reference.
	by    By
	moves Moves
	last  bool

	name    string
	power   strategies.Power // "" if every counter has it
	number  bool             // it takes a number
	reports bool             // it returns a bool
	env     bool             // it uses its Env

	// codes are its codes in the byte form of programs, from 0 to CodeCount-1,
	// the one that is written first. More codes make it more frequent in random bytes.
	codes []byte

	// step is what it does in a state in which the promise speaks of it, with the
	// number k, 1 if it takes none: see [Spec.Unpromised].
	step func(sp *Spec, st State, k int64) Outcome

	// apply makes the call on a counter that has it. value is what Count returns.
	apply func(c strategies.Counter, n int64, e *Env) (result bool, value int64)
}

// ops is the table, in the order of the constants. Its length is a power of two, so that no
// index needs a check.
var ops = [maxOps]operation{
	Init: {
		name: "Init", codes: []byte{4},
		by: TypeStableReleaser, moves: Moves{Sign: +1, Owner: true}, step: (*Spec).begin,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { c.Init(); return false, 0 },
	},
	InitAt: {
		name: "InitAt", power: strategies.PowerPresetter, number: true,
		by: Nobody, moves: Moves{Sign: +1, Owner: true}, step: (*Spec).begin,
		apply: does(func(c strategies.Counter, n int64) { c.(strategies.Presetter).InitAt(n) }),
	},
	Get: {
		name: "Get", codes: []byte{0, 20},
		by: AnyHolder, moves: Moves{Sign: +1}, step: (*Spec).take,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { c.Get(); return false, 0 },
	},
	TryGet: {
		name: "TryGet", reports: true, codes: []byte{1, 23},
		by: Anybody, moves: Moves{Sign: +1, If: Alive}, step: (*Spec).try,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { return c.TryGet(), 0 },
	},
	Put: {
		name: "Put", reports: true, codes: []byte{2, 21, 22, 24, 31},
		by: Holder, moves: Moves{Sign: -1}, last: true, step: (*Spec).drop,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { return c.Put(), 0 },
	},
	Kill: {
		name: "Kill", reports: true, codes: []byte{3, 25},
		by: Owner, moves: Moves{Sign: -1, Owner: true}, last: true, step: (*Spec).kill,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { return c.Kill(), 0 },
	},
	GetN: {
		name: "GetN", power: strategies.PowerMultiGetter, number: true, codes: []byte{5},
		by: AnyHolder, moves: Moves{Sign: +1}, step: (*Spec).take,
		apply: does(func(c strategies.Counter, n int64) { c.(strategies.MultiGetter).GetN(int(n)) }),
	},
	TryGetN: {
		name: "TryGetN", power: strategies.PowerMultiGetter, number: true, reports: true, codes: []byte{6},
		by: Anybody, moves: Moves{Sign: +1, If: Alive}, step: (*Spec).try,
		apply: func(c strategies.Counter, n int64, _ *Env) (bool, int64) {
			return c.(strategies.MultiGetter).TryGetN(int(n)), 0
		},
	},
	PutN: {
		name: "PutN", power: strategies.PowerMulti, number: true, reports: true, codes: []byte{7, 29},
		by: Holder, moves: Moves{Sign: -1}, last: true, step: (*Spec).drop,
		apply: func(c strategies.Counter, n int64, _ *Env) (bool, int64) { return c.(strategies.Multi).PutN(int(n)), 0 },
	},
	Count: {
		name: "Count", power: strategies.PowerReader, codes: []byte{8},
		by: Anybody, step: (*Spec).read,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) { return false, c.(strategies.Reader).Count() },
	},
	Resurrect: {
		name: "Resurrect", power: strategies.PowerResurrecter, codes: []byte{9},
		by: HolderOrReleaser, moves: Moves{Sign: +1}, step: (*Spec).resurrect,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Resurrecter).Resurrect() }),
	},
	Drop: {
		name: "Drop", power: strategies.PowerDropper, codes: []byte{19},
		by: HolderOfTwo, moves: Moves{Sign: -1}, step: (*Spec).dropBeforeLast,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Dropper).Drop() }),
	},
	PutIfOne: {
		name: "PutIfOne", power: strategies.PowerOnePutter, reports: true, codes: []byte{10},
		by: ExactHolder, moves: Moves{Sign: -1, If: One}, last: true, step: (*Spec).dropIfOne,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) {
			return c.(strategies.OnePutter).PutIfOne(), 0
		},
	},
	PutUnlessOne: {
		name: "PutUnlessOne", power: strategies.PowerOnePutter, reports: true, codes: []byte{11},
		by: ExactHolder, moves: Moves{Sign: -1, If: NotOne}, step: (*Spec).dropUnlessOne,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) {
			return c.(strategies.OnePutter).PutUnlessOne(), 0
		},
	},
	PutAndLock: {
		name: "PutAndLock", power: strategies.PowerLockPutter, reports: true, env: true, codes: []byte{12},
		by: ExactHolder, moves: Moves{Sign: -1}, last: true, step: (*Spec).dropAndLock,
		apply: func(c strategies.Counter, _ int64, e *Env) (bool, int64) {
			return c.(strategies.LockPutter).PutAndLock(e.Lock), 0
		},
	},
	SwitchToAtomic: {
		name: "SwitchToAtomic", power: strategies.PowerSwitcher, codes: []byte{13},
		by: Owner, step: (*Spec).switchToAtomic,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Switcher).SwitchToAtomic() }),
	},
	SwitchToPerCPU: {
		name: "SwitchToPerCPU", power: strategies.PowerSwitcher, codes: []byte{14},
		by: Owner, step: (*Spec).switchToPerCPU,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Switcher).SwitchToPerCPU() }),
	},
	TryGetLive: {
		name: "TryGetLive", power: strategies.PowerSwitcher, reports: true, codes: []byte{15},
		by: Anybody, moves: Moves{Sign: +1, If: Unkilled}, step: (*Spec).tryLive,
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) {
			return c.(strategies.Switcher).TryGetLive(), 0
		},
	},
	KillAndConfirm: {
		name: "KillAndConfirm", power: strategies.PowerSwitcher, reports: true, env: true, codes: []byte{16},
		by: Owner, moves: Moves{Sign: -1, Owner: true}, last: true, step: (*Spec).kill,
		apply: func(c strategies.Counter, _ int64, e *Env) (bool, int64) {
			return c.(strategies.Switcher).KillAndConfirm(e.Confirm), 0
		},
	},
	ResurrectLive: {
		name: "ResurrectLive", power: strategies.PowerSwitcher, codes: []byte{17},
		by: Killer, moves: Moves{Sign: +1, Owner: true}, step: (*Spec).resurrectLive,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Switcher).ResurrectLive() }),
	},
	Reinit: {
		name: "Reinit", power: strategies.PowerSwitcher, codes: []byte{18},
		by: Releaser, moves: Moves{Sign: +1, Owner: true}, step: (*Spec).begin,
		apply: does(func(c strategies.Counter, _ int64) { c.(strategies.Switcher).Reinit() }),
	},
	GetAs: {
		name: "GetAs", power: strategies.PowerActor, env: true, codes: []byte{28},
		by: AnyHolder, moves: Moves{Sign: +1}, step: (*Spec).take,
		apply: func(c strategies.Counter, _ int64, e *Env) (bool, int64) {
			strategies.GetAs(c.(strategies.Acting), e.Actor)
			return false, 0
		},
	},
	TryGetAs: {
		name: "TryGetAs", power: strategies.PowerActor, reports: true, env: true, codes: []byte{26},
		by: Anybody, moves: Moves{Sign: +1, If: Alive}, step: (*Spec).try,
		apply: func(c strategies.Counter, _ int64, e *Env) (bool, int64) {
			return strategies.TryGetAs(c.(strategies.Acting), e.Actor), 0
		},
	},
	PutAs: {
		name: "PutAs", power: strategies.PowerActor, reports: true, env: true, codes: []byte{27, 30},
		by: Holder, moves: Moves{Sign: -1}, last: true, step: (*Spec).drop,
		apply: func(c strategies.Counter, _ int64, e *Env) (bool, int64) {
			return strategies.PutAs(c.(strategies.Acting), e.Actor), 0
		},
	},
}

// does is the apply of an operation that returns nothing.
func does(call func(c strategies.Counter, n int64)) func(strategies.Counter, int64, *Env) (bool, int64) {
	return func(c strategies.Counter, n int64, _ *Env) (bool, int64) {
		call(c, n)
		return false, 0
	}
}

// By says who may call an operation while others use the count: what the contract of
// package strategies asks of the caller. Package program keeps to it.
type By uint8

// The callers. From HolderOrReleaser on they may have been told of the last drop.
const (
	Nobody             By = iota // it is for tests that are alone with the count
	Anybody                      // a weak reference is enough
	AnyHolder                    // who holds a reference, be it the owner's
	Holder                       // who holds a reference beside the owner's
	ExactHolder                  // a Holder, where zero is detected
	HolderOfTwo                  // a Holder of another one beside it
	Owner                        // who has the owner's reference
	Killer                       // who has killed the count and holds a reference
	HolderOrReleaser             // an AnyHolder, or who was told of the last drop, instead of releasing
	Releaser                     // who has killed the count and was told of the last drop
	TypeStableReleaser           // a Releaser, if the strategy promises that others may call TryGet meanwhile
)

// A Condition is what the effect of an operation depends on. Then its result tells
// whether it had the effect.
type Condition uint8

// The conditions.
const (
	Always   Condition = iota
	Alive              // the count isn't dead
	Unkilled           // the count isn't killed
	One                // there is one reference
	NotOne             // there are others
)

// Moves says what an operation does to what its caller holds.
type Moves struct {
	Sign  int8      // +1 if it takes references, -1 if it drops them, 0 if neither
	If    Condition // it takes or drops them only then
	Owner bool      // they are the owner's
}

// Env is what calls of some operations need.
type Env struct {
	Lock    sync.Locker // PutAndLock's
	Confirm func()      // KillAndConfirm's
	Actor   int         // who calls, for GetAs, TryGetAs and PutAs; 0 is nobody
}

// Ops returns every operation that there is, in the order of the constants.
func Ops() []Op {
	all := make([]Op, opCount)
	for i := range all {
		all[i] = Op(i)
	}
	return all
}

// String returns the method's name.
func (op Op) String() string {
	if op >= opCount {
		return fmt.Sprintf("Op(%d)", uint8(op))
	}
	return ops[op].name
}

func (op Op) row() *operation { return &ops[op%maxOps] }

// Power returns the power that a counter must have for the operation, or "" if
// every counter has it.
func (op Op) Power() strategies.Power { return op.row().power }

// TakesNumber reports whether a call of the operation has a number: how many
// references to take or drop, or to start with.
func (op Op) TakesNumber() bool { return op.row().number }

// Reports reports whether the operation returns a bool.
func (op Op) Reports() bool { return op.row().reports }

// UsesEnv reports whether a call uses its Env.
func (op Op) UsesEnv() bool { return op.row().env }

// By returns who may call the operation while others use the count.
func (op Op) By() By { return op.row().by }

// Moves returns what the operation does to what its caller holds.
func (op Op) Moves() Moves { return op.row().moves }

// If returns what the operation's effect depends on, of a count with that promise: TryGet may
// depend on more than that the count is alive.
func (op Op) If(p strategies.Promise) Condition {
	if c := op.Moves().If; c != Alive || !p.Closes() {
		return c
	}
	return Unkilled
}

// Last reports whether the result true reports the drop of the last reference.
func (op Op) Last() bool { return op.row().last }

// Takes reports whether the operation may take references.
func (op Op) Takes() bool { return op.Moves().Sign > 0 }

// Drops reports whether the operation may drop references.
func (op Op) Drops() bool { return op.Moves().Sign < 0 }

// Kills reports whether the operation drops the owner's reference.
func (op Op) Kills() bool { return op.Drops() && op.Moves().Owner }

// Begins reports whether the operation begins a life.
func (op Op) Begins() bool { return op.Unkills() && op.By() != Killer }

// Unkills reports whether the operation begins a life or takes a killed one up again,
// so that TryGetLive succeeds once more.
func (op Op) Unkills() bool { return op.Takes() && op.Moves().Owner }

// Revives reports whether the operation may be called on a dead count, by who was told
// of its death, and brings it back.
func (op Op) Revives() bool { return op.By() >= HolderOrReleaser }

// CodeCount is how many codes the byte form of programs has for operations.
const CodeCount = 1 << 5

// codeOps are the operations of all codes.
var codeOps = func() (out [CodeCount]Op) {
	for op := range opCount {
		for _, c := range ops[op].codes {
			out[c] = op
		}
	}
	return out
}()

// OpOfCode returns the operation of a code of the byte form.
func OpOfCode(code byte) Op { return codeOps[code%CodeCount] }

// Code returns the code of the operation that is written in the byte form. ok is false
// if programs don't have the operation.
func (op Op) Code() (code byte, ok bool) {
	if op >= opCount || len(ops[op].codes) == 0 {
		return 0, false
	}
	return ops[op].codes[0], true
}
