package strategytest

import (
	"fmt"
	"testing"

	"github.com/refbench/refbench/strategies"
)

// Fuzz runs programs of calls on one goroutine, made from fuzzed bytes, and
// compares what they return with a plain number that has the strategy's promise.
func Fuzz(f *testing.F, s *strategies.Strategy) {
	f.Helper()
	if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 0, 1, 2, 2, 3, 1, 2})           // a life and what comes after
	f.Add([]byte{1, 0, 0, 0, 1, 2, 2})              // past the limit
	f.Add([]byte{0, 3, 2, 2, 1, 0, 2, 4, 0, 3})     // below zero, and a next life
	f.Add([]byte{2, 5, 3, 7, 2, 6, 1, 8, 9, 10, 3}) // the optional powers
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := checkProgram(s, data); err != nil {
			t.Fatalf("strategy %s: %v\nprogram %q", s.Name, err, data)
		}
	})
}

// A model is what a count with the given promise holds.
type model struct {
	p      strategies.Promise
	refs   int64 // the true number, even past the limit and below zero
	killed bool
	stuck  bool // saturated
}

// exact reports whether zero is detected now.
func (m *model) exact() bool { return m.p.Zero == strategies.Immediate || m.killed }

func (m *model) dead() bool { return m.exact() && m.refs == 0 && !m.stuck }

// An answer is what a call may do.
type answer struct {
	result bool
	any    bool // the result isn't judged
	panics bool // it must panic, and the program ends
	maybe  bool // it may panic, and the program ends
}

// respond is what taking or dropping k references does that the count can't hold.
func (m *model) respond(r strategies.Response, k int64, try bool) answer {
	switch r {
	case strategies.Wraps, strategies.Revives:
		m.refs += k
		return answer{result: try}
	case strategies.Saturates:
		m.stuck = true
		return answer{result: try}
	case strategies.Panics:
		if try {
			return answer{maybe: true}
		}
		return answer{panics: true}
	}
	return answer{}
}

func (m *model) get(k int64) answer {
	switch {
	case m.stuck:
		return answer{}
	case m.dead():
		return m.respond(m.p.GetOnZero, k, false)
	case m.refs <= m.p.Limit && m.refs > m.p.Limit-k:
		return m.respond(m.p.Overflow, k, false)
	}
	m.refs += k
	return answer{}
}

// tryGet doesn't count a success of TryGet that may fail: the caller does.
func (m *model) tryGet(k int64) answer {
	switch {
	case m.stuck:
		return answer{result: true}
	case m.dead():
		return answer{}
	case m.refs <= m.p.Limit && m.refs > m.p.Limit-k:
		return m.respond(m.p.Overflow, k, true)
	}
	m.refs += k
	return answer{result: true}
}

func (m *model) put(k int64) answer {
	switch {
	case m.stuck:
		return answer{}
	case m.exact() && m.refs < k:
		return m.respond(m.p.Underflow, -k, false)
	}
	m.refs -= k
	return answer{result: m.exact() && m.refs == 0}
}

func (m *model) resurrect() answer {
	if m.dead() {
		m.refs = 1
		return answer{}
	}
	return m.get(1)
}

// An operation is one that programs are made of.
type operation struct {
	name string
	n    bool // it takes a number
	// legal reports whether the promise says what happens. Programs leave out
	// calls of which it doesn't.
	legal func(m *model, k int64) bool
	model func(m *model, k int64) answer
	call  func(c strategies.Counter, k int) bool
}

func always(*model, int64) bool { return true }

// droppable is false where the owner's reference would be dropped by another
// operation than Kill before zero is detected.
func droppable(m *model, k int64) bool { return m.exact() || m.refs > k }

// held is droppable while there is something to drop.
func held(m *model, _ int64) bool { return m.exact() && (m.stuck || m.refs > 0) }

func operations(s *strategies.Strategy) []operation {
	get := func(m *model, k int64) answer { return m.get(k) }
	tryGet := func(m *model, k int64) answer { return m.tryGet(k) }
	put := func(m *model, k int64) answer { return m.put(k) }
	nothing := func(*model, int64) answer { return answer{} }
	ops := []operation{
		{"Get", false, always, get,
			func(c strategies.Counter, _ int) bool { c.Get(); return false }},
		{"TryGet", false, always, tryGet,
			func(c strategies.Counter, _ int) bool { return c.TryGet() }},
		{"Put", false, droppable, put,
			func(c strategies.Counter, _ int) bool { return c.Put() }},
		{"Kill", false,
			func(m *model, _ int64) bool { return !m.killed },
			func(m *model, _ int64) answer { m.killed = true; return m.put(1) },
			func(c strategies.Counter, _ int) bool { return c.Kill() }},
		{"Init", false,
			func(m *model, _ int64) bool { return m.dead() },
			func(m *model, _ int64) answer { *m = model{p: m.p, refs: 1}; return answer{} },
			func(c strategies.Counter, _ int) bool { c.Init(); return false }},
	}
	c := s.New()
	if _, ok := c.(strategies.Multi); ok {
		ops = append(ops,
			operation{"GetN", true, always, get,
				func(c strategies.Counter, k int) bool { c.(strategies.Multi).GetN(k); return false }},
			operation{"TryGetN", true, always, tryGet,
				func(c strategies.Counter, k int) bool { return c.(strategies.Multi).TryGetN(k) }},
			operation{"PutN", true, droppable, put,
				func(c strategies.Counter, k int) bool { return c.(strategies.Multi).PutN(k) }})
	}
	if _, ok := c.(strategies.Resurrecter); ok {
		ops = append(ops, operation{"Resurrect", false, always,
			func(m *model, _ int64) answer { return m.resurrect() },
			func(c strategies.Counter, _ int) bool { c.(strategies.Resurrecter).Resurrect(); return false }})
	}
	if _, ok := c.(strategies.OnePutter); ok {
		ops = append(ops,
			operation{"PutIfOne", false,
				func(m *model, _ int64) bool { return m.exact() },
				func(m *model, _ int64) answer {
					if m.stuck || m.refs != 1 {
						return answer{}
					}
					m.refs = 0
					return answer{result: true}
				},
				func(c strategies.Counter, _ int) bool { return c.(strategies.OnePutter).PutIfOne() }},
			operation{"PutUnlessOne", false, held,
				func(m *model, _ int64) answer {
					if m.stuck {
						return answer{any: true}
					}
					if m.refs == 1 {
						return answer{}
					}
					m.refs--
					return answer{result: true}
				},
				func(c strategies.Counter, _ int) bool { return c.(strategies.OnePutter).PutUnlessOne() }})
	}
	if _, ok := c.(strategies.LockPutter); ok {
		ops = append(ops, operation{"PutAndLock", false, held, put,
			func(c strategies.Counter, _ int) bool {
				var l lockCount
				last := c.(strategies.LockPutter).PutAndLock(&l)
				if l.held() != last {
					panic(fmt.Sprintf("PutAndLock returned %v, and the lock is held: %v", last, l.held()))
				}
				return last
			}})
	}
	if _, ok := c.(strategies.Switcher); ok {
		living := func(m *model, _ int64) bool { return !m.killed && m.refs > 0 }
		ops = append(ops,
			operation{"SwitchToAtomic", false, living, nothing,
				func(c strategies.Counter, _ int) bool { c.(strategies.Switcher).SwitchToAtomic(); return false }},
			operation{"SwitchToPerCPU", false, living, nothing,
				func(c strategies.Counter, _ int) bool { c.(strategies.Switcher).SwitchToPerCPU(); return false }},
			operation{"TryGetLive", false,
				func(m *model, _ int64) bool { return !m.killed || m.dead() }, tryGet,
				func(c strategies.Counter, _ int) bool { return c.(strategies.Switcher).TryGetLive() }},
			operation{"ResurrectLive", false,
				func(m *model, _ int64) bool { return m.killed && m.refs > 0 && m.refs < m.p.Limit },
				func(m *model, _ int64) answer { m.killed = false; m.refs++; return answer{} },
				func(c strategies.Counter, _ int) bool { c.(strategies.Switcher).ResurrectLive(); return false }},
			operation{"Reinit", false,
				func(m *model, _ int64) bool { return m.killed && m.dead() },
				func(m *model, _ int64) answer { *m = model{p: m.p, refs: 1}; return answer{} },
				func(c strategies.Counter, _ int) bool { c.(strategies.Switcher).Reinit(); return false }})
	}
	return ops
}

// checkProgram turns data into a program, runs it, and returns the first thing
// that it does otherwise than the model, or nil.
//
// The first byte is where the count starts: an odd one starts near the limit,
// if the strategy can. Each further byte is an operation; those that take a
// number take it from the next byte.
func checkProgram(s *strategies.Strategy, data []byte) error {
	const longest = 4096 // operations; fuzzing finds nothing more in longer ones
	data = data[:min(len(data), longest)]
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	e := &env{s: s, promise: s.Promise}
	sc := e.script()
	m := &model{p: s.Promise, refs: 1}
	_, preset := sc.c.(strategies.Presetter)
	if b := next(); preset && b%2 == 1 && s.Promise.Limit > 8 {
		m.refs = s.Promise.Limit - int64(b/2%8)
		sc.initAt(m.refs)
	} else {
		sc.init()
	}
	ops := operations(s)
	for len(data) > 0 && sc.err == nil {
		op, k, name := ops[next()%len(ops)], 1, ""
		if name = op.name; op.n {
			k = 1 + next()%8
			name = fmt.Sprintf("%s(%d)", name, k)
		}
		if !op.legal(m, int64(k)) {
			continue
		}
		before := *m
		want := op.model(m, int64(k))
		got, p := sc.do(name, func() bool { return op.call(sc.c, k) })
		switch {
		case want.panics && p == nil:
			sc.failf("%s didn't panic", name)
		case want.maybe && p == nil && got:
			sc.failf("%s returned true past the limit", name)
		case want.panics, want.maybe && p != nil:
			return sc.err // nothing is promised of what comes after
		case p != nil:
			sc.failf("%s panicked: %v", name, p)
		case want.any || want.maybe:
		case got == want.result:
		case !got && s.Promise.TryGet == strategies.Spurious && (op.name == "TryGet" || op.name == "TryGetN" || op.name == "TryGetLive"):
			*m = before
		default:
			sc.failf("%s returned %v, want %v", name, got, want.result)
		}
		// So far out a number that wraps may come round again. What it is
		// then the promise doesn't say.
		if half := m.p.Limit / 2; m.refs < -half || m.refs-half > m.p.Limit {
			return sc.err
		}
		switch {
		case m.stuck:
			sc.saturated()
		case m.refs >= 0 && m.refs <= m.p.Limit:
			sc.count(m.refs)
		}
	}
	// What is left is dropped, to see that the last drop says so.
	const few = 4 * longest
	if m.stuck || m.refs <= 0 || m.refs > few {
		return sc.err
	}
	if !m.killed {
		m.refs--
		sc.kill(m.refs == 0)
	}
	for m.refs > 0 && sc.err == nil {
		m.refs--
		sc.put(m.refs == 0)
	}
	sc.tryGet(false)
	return sc.err
}
