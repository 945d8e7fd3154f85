package spec

import (
	"fmt"
	"strconv"
	"strings"
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
	opCount
)

// ops has what is to be known of every operation.
var ops = [opCount]struct {
	name    string
	power   strategies.Power // "" if every counter has it
	number  bool             // it takes a number
	reports bool             // it returns a bool
}{
	Init:           {name: "Init"},
	InitAt:         {name: "InitAt", power: strategies.PowerPresetter, number: true},
	Get:            {name: "Get"},
	TryGet:         {name: "TryGet", reports: true},
	Put:            {name: "Put", reports: true},
	Kill:           {name: "Kill", reports: true},
	GetN:           {name: "GetN", power: strategies.PowerMulti, number: true},
	TryGetN:        {name: "TryGetN", power: strategies.PowerMulti, number: true, reports: true},
	PutN:           {name: "PutN", power: strategies.PowerMulti, number: true, reports: true},
	Count:          {name: "Count", power: strategies.PowerReader},
	Resurrect:      {name: "Resurrect", power: strategies.PowerResurrecter},
	Drop:           {name: "Drop", power: strategies.PowerDropper},
	PutIfOne:       {name: "PutIfOne", power: strategies.PowerOnePutter, reports: true},
	PutUnlessOne:   {name: "PutUnlessOne", power: strategies.PowerOnePutter, reports: true},
	PutAndLock:     {name: "PutAndLock", power: strategies.PowerLockPutter, reports: true},
	SwitchToAtomic: {name: "SwitchToAtomic", power: strategies.PowerSwitcher},
	SwitchToPerCPU: {name: "SwitchToPerCPU", power: strategies.PowerSwitcher},
	TryGetLive:     {name: "TryGetLive", power: strategies.PowerSwitcher, reports: true},
	KillAndConfirm: {name: "KillAndConfirm", power: strategies.PowerSwitcher, reports: true},
	ResurrectLive:  {name: "ResurrectLive", power: strategies.PowerSwitcher},
	Reinit:         {name: "Reinit", power: strategies.PowerSwitcher},
}

// AllOps returns every operation that there is, in the order of the constants.
func AllOps() []Op {
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

// Power returns the power that a counter must have for the operation, or "" if
// every counter has it.
func (op Op) Power() strategies.Power { return ops[op].power }

// TakesNumber reports whether a call of the operation has a number: how many
// references to take or drop, or to start with.
func (op Op) TakesNumber() bool { return ops[op].number }

// Reports reports whether the operation returns a bool.
func (op Op) Reports() bool { return ops[op].reports }

// A Call is one call of an operation.
type Call struct {
	Op Op
	N  int64 // the number that it takes; 0 if it takes none
}

// String returns the call as in "Get" or "GetN(4)": what [ParseCall] reads.
func (c Call) String() string {
	if c.Op < opCount && !c.Op.TakesNumber() {
		return c.Op.String()
	}
	return c.Op.String() + "(" + strconv.FormatInt(c.N, 10) + ")"
}

// ParseCall reads what [Call.String] writes.
func ParseCall(text string) (Call, error) {
	name, rest, number := strings.Cut(text, "(")
	for op := range opCount {
		if ops[op].name != name {
			continue
		}
		if number != ops[op].number {
			if number {
				return Call{}, fmt.Errorf("call %.60q: %s takes no number, so write %s", text, name, name)
			}
			return Call{}, fmt.Errorf("call %.60q: %s takes a number, as in %s(2)", text, name, name)
		}
		c := Call{Op: op}
		if !number {
			return c, nil
		}
		digits, closed := strings.CutSuffix(rest, ")")
		n, err := strconv.ParseInt(digits, 10, 64)
		if c.N = n; !closed || err != nil || c.String() != text {
			return Call{}, fmt.Errorf("call %.60q: want one number of 64 bits in parentheses, as in %s(2)", text, name)
		}
		return c, nil
	}
	return Call{}, fmt.Errorf("call %.60q: no operation is called %.30q", text, name)
}

// An Answer is what a call did, as far as its caller and the count's monitor
// could see.
type Answer struct {
	Result bool  // what it returned; false if it returns no bool
	Value  int64 // what Count returned

	// Panicked is what the call panicked with, or nil.
	Panicked any

	// Heard reports whether Misuse is what the count's monitor was told
	// during the call. It is false if the count has none, or nobody listened.
	Heard  bool
	Misuse []strategies.Misuse

	// Locks and Unlocks are how often PutAndLock used its lock.
	Locks, Unlocks int
	// Confirms is how often KillAndConfirm called confirm.
	Confirms int
}

// String returns the parts that aren't zero.
func (a Answer) String() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if a.Panicked != nil {
		add("panicked: %v", a.Panicked)
	}
	if a.Value != 0 {
		add("value %d", a.Value)
	}
	add("%v", a.Result)
	for _, m := range a.Misuse {
		add("reported %q", m)
	}
	if a.Locks+a.Unlocks > 0 {
		add("locked %d times, unlocked %d times", a.Locks, a.Unlocks)
	}
	if a.Confirms > 0 {
		add("confirmed %d times", a.Confirms)
	}
	return strings.Join(parts, ", ")
}

// lockCount is a lock that counts its uses.
type lockCount struct{ locks, unlocks int }

func (l *lockCount) Lock()   { l.locks++ }
func (l *lockCount) Unlock() { l.unlocks++ }

var _ sync.Locker = (*lockCount)(nil)

// Do makes the call on c, which must have the power for it, and returns what it
// did. Nothing listens to the count's monitor: see [Subject]. A panic of the
// count is part of the answer.
func Do(c strategies.Counter, call Call) (a Answer) {
	defer func() {
		if p := recover(); p != nil {
			a.Panicked = p
		}
	}()
	return Apply(c, call, nil)
}

// Apply makes the call on the count as [Do] does, and lets a panic pass. PutAndLock
// gets the lock l; if that is nil it gets one that only counts, and the answer has
// its numbers.
func Apply(c strategies.Counter, call Call, l sync.Locker) (a Answer) {
	switch call.Op {
	case Init:
		c.Init()
	case InitAt:
		c.(strategies.Presetter).InitAt(call.N)
	case Get:
		c.Get()
	case TryGet:
		a.Result = c.TryGet()
	case Put:
		a.Result = c.Put()
	case Kill:
		a.Result = c.Kill()
	case GetN:
		c.(strategies.Multi).GetN(int(call.N))
	case TryGetN:
		a.Result = c.(strategies.Multi).TryGetN(int(call.N))
	case PutN:
		a.Result = c.(strategies.Multi).PutN(int(call.N))
	case Count:
		a.Value = c.(strategies.Reader).Count()
	case Resurrect:
		c.(strategies.Resurrecter).Resurrect()
	case Drop:
		c.(strategies.Dropper).Drop()
	case PutIfOne:
		a.Result = c.(strategies.OnePutter).PutIfOne()
	case PutUnlessOne:
		a.Result = c.(strategies.OnePutter).PutUnlessOne()
	case PutAndLock:
		if l != nil {
			a.Result = c.(strategies.LockPutter).PutAndLock(l)
			break
		}
		var counts lockCount
		a.Result = c.(strategies.LockPutter).PutAndLock(&counts)
		a.Locks, a.Unlocks = counts.locks, counts.unlocks
	case SwitchToAtomic:
		c.(strategies.Switcher).SwitchToAtomic()
	case SwitchToPerCPU:
		c.(strategies.Switcher).SwitchToPerCPU()
	case TryGetLive:
		a.Result = c.(strategies.Switcher).TryGetLive()
	case KillAndConfirm:
		n := 0 // not the answer's field, which would put every answer on the heap
		a.Result = c.(strategies.Switcher).KillAndConfirm(func() { n++ })
		a.Confirms = n
	case ResurrectLive:
		c.(strategies.Switcher).ResurrectLive()
	case Reinit:
		c.(strategies.Switcher).Reinit()
	}
	return a
}

// A Subject is a new count of a strategy whose monitor, if it has one, is
// listened to. One goroutine at a time uses it.
type Subject struct {
	strategies.Counter
	heard   []strategies.Misuse
	watched bool
}

// New returns a count that is not initialized yet.
func New(s *strategies.Strategy) *Subject {
	x := &Subject{Counter: s.New()}
	if c, ok := x.Counter.(strategies.Monitored); ok {
		x.watched = true
		c.Monitor(&strategies.Monitor{Hook: func(k strategies.Misuse) { x.heard = append(x.heard, k) }})
	}
	return x
}

// Do is [Do] with the misuse that the call reported. The answer's Misuse is
// overwritten by the next call.
func (x *Subject) Do(call Call) Answer {
	x.heard = x.heard[:0]
	a := Do(x.Counter, call)
	a.Heard, a.Misuse = x.watched, x.heard
	return a
}
