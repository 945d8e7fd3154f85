package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies"
)

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
	i := slices.IndexFunc(ops[:opCount], func(o operation) bool { return o.name == name })
	switch {
	case i < 0:
		return Call{}, fmt.Errorf("call %.60q: no operation is called %.30q", text, name)
	case number && !ops[i].number:
		return Call{}, fmt.Errorf("call %.60q: %s takes no number, so write %s", text, name, name)
	case !number && ops[i].number:
		return Call{}, fmt.Errorf("call %.60q: %s takes a number, as in %s(2)", text, name, name)
	case !number:
		return Call{Op: Op(i)}, nil
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(rest, ")"), 10, 64)
	c := Call{Op(i), n}
	if err != nil || c.String() != text {
		return Call{}, fmt.Errorf("call %.60q: want one number of 64 bits in parentheses, as in %s(2)", text, name)
	}
	return c, nil
}

// An Answer is what a call did, as far as its caller and the count's monitor
// could see.
type Answer struct {
	Result bool  // what it returned; false if it returns no bool
	Value  int64 // what Count returned

	// Panicked is what the call panicked with, or nil.
	Panicked any

	// Heard is true if somebody listened to the count's monitor. Then Misuse is
	// what the monitor was told during the call.
	Heard  bool
	Misuse []strategies.Misuse

	// Locks and Unlocks are how often PutAndLock used its lock.
	Locks, Unlocks int
	// Confirms is how often KillAndConfirm called confirm.
	Confirms int
}

// LifeAlone returns what somebody does who has a life alone, after Init: of all drops the last
// one reports the last reference, if zero is detected by whoever drops it.
func LifeAlone() []Op { return []Op{Get, Put, Get, Kill, Get, Put, Put} }

// Refs returns how many references the call is about: 1 if it takes no number.
func (c Call) Refs() int64 {
	if c.Op.TakesNumber() {
		return c.N
	}
	return 1
}

// Moved returns how many references the caller holds more after the call, which
// returned result: below 0 if it holds fewer.
func (c Call) Moved(result bool) int64 {
	m := c.Op.Moves()
	if m.If != Always && !result {
		return 0
	}
	return int64(m.Sign) * c.Refs()
}

// Last reports whether the result of the call is the report that it dropped the last
// reference.
func (c Call) Last(result bool) bool { return result && c.Op.Last() }

// Apply makes the call on a count that has the power for it, and lets a panic pass. It
// returns what the call returned, false if it returns no bool, and what Count
// returned.
func (c Call) Apply(x strategies.Counter, e *Env) (result bool, value int64) {
	return c.Op.row().apply(x, c.N, e)
}

// A Witness makes calls and sees what they do. One goroutine at a time uses it.
type Witness struct {
	env                      Env
	locks, unlocks, confirms int
}

// NewWitness returns a witness that calls as the actor: see strategies.ActorCounter.
func NewWitness(actor int) *Witness {
	w := new(Witness)
	w.env = Env{Lock: (*countingLock)(w), Confirm: func() { w.confirms++ }, Actor: actor}
	return w
}

// countingLock is the witness as PutAndLock's lock.
type countingLock Witness

func (l *countingLock) Lock()   { l.locks++ }
func (l *countingLock) Unlock() { l.unlocks++ }

// Do makes the call on c, which must have the power for it, and returns what it
// did. Nothing listens to the count's monitor: see [Subject]. A panic of the
// count is part of the answer.
func (w *Witness) Do(c strategies.Counter, call Call) (a Answer) {
	defer func() { a.Panicked = recover() }()
	w.locks, w.unlocks, w.confirms = 0, 0, 0
	a.Result, a.Value = call.Apply(c, &w.env)
	a.Locks, a.Unlocks, a.Confirms = w.locks, w.unlocks, w.confirms
	return a
}

// alone is the actor that calls are by where nobody else calls meanwhile.
const alone = 1

// Do is [Witness.Do] with a new witness. Nobody else calls as an actor meanwhile.
func Do(c strategies.Counter, call Call) Answer { return NewWitness(alone).Do(c, call) }

// A Subject is a new count of a strategy whose monitor, if it has one, is
// listened to. One goroutine at a time uses it.
type Subject struct {
	strategies.Counter
	heard   []strategies.Misuse
	watched bool
	witness *Witness
}

// New returns a count that is not initialized yet.
func New(s *strategies.Strategy) *Subject {
	x := &Subject{Counter: s.New(), witness: NewWitness(alone)}
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
	a := x.witness.Do(x.Counter, call)
	a.Heard, a.Misuse = x.watched, x.heard
	return a
}
