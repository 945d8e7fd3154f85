package strategytest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/refbench/refbench/strategies"
)

func basicCases() []Case {
	return []Case{
		{
			Name: "StartsAtOne",
			Rule: "Init starts a life with one reference, so that dropping it at once is the last drop.",
			run:  startsAtOne,
		},
		{
			Name: "LastExactlyOnce",
			Rule: "Of the drops of one life the one that leaves no reference reports the last, and no other.",
			run:  lastExactlyOnce,
		},
		{
			Name: "KillReportsLast",
			Rule: "Kill reports the last reference if the owner's is the last, and leaves the report to Put if it isn't.",
			run:  killReportsLast,
		},
		{
			Name: "NoLastBeforeKill",
			Rule: "While the owner's reference is held no Put reports the last.",
			run:  noLastBeforeKill,
		},
		{
			Name: "TryGetWhileAlive",
			Rule: "TryGet takes a reference of a live count, even after Kill while references are left.",
			run:  tryGetWhileAlive,
		},
		{
			Name: "TryGetAfterDeath",
			Rule: "TryGet on a dead count reports false and doesn't bring it back, however often it is called.",
			run:  tryGetAfterDeath,
		},
		{
			Name: "NextLife",
			Rule: "Init on a dead count starts a life like the first.",
			run:  nextLife,
		},
		{
			Name:  "NearLimit",
			Rule:  "Up to the promised limit references are counted right, and past it happens what the promise says of overflow.",
			power: strategies.PowerPreset,
			run:   nearLimit,
		},
		{
			Name: "Underflow",
			Rule: "Put on a dead count never reports the last, and does what the promise says of underflow.",
			run:  underflow,
		},
		{
			Name: "GetOnZero",
			Rule: "Get on a dead count does what the promise says.",
			run:  getOnZero,
		},
		{
			Name: "Programs",
			Rule: "Random programs on one goroutine return what a plain number with the strategy's promise would.",
			run:  programs,
		},
		{
			Name: "ZeroAllocs",
			Rule: "Get, TryGet and Put allocate nothing.",
			run:  zeroAllocs,
		},
		{
			Name: "BytesPromise",
			Rule: "A count takes no more memory than promised, and as much if it allocates nothing.",
			run:  bytesPromise,
		},
	}
}

func startsAtOne(e *env) error {
	return together(func() *script {
		s := e.script()
		s.init()
		s.count(1)
		s.kill(true)
		s.count(0)
		return s
	}, func() *script {
		s := e.script()
		s.init()
		s.get()
		s.count(2)
		s.put(false)
		s.kill(true)
		return s
	})
}

func lastExactlyOnce(e *env) error {
	for range e.times(500) {
		s := e.script()
		s.init()
		refs, killed := 1, false
		for range 1 + e.rng.IntN(30) {
			switch e.rng.IntN(3) {
			case 0:
				s.get()
				refs++
			case 1:
				s.tryGetAlive()
				refs++
			case 2:
				if refs > 1 {
					refs--
					s.put(false)
				}
			}
		}
		for refs > 0 {
			if !killed && e.rng.IntN(refs) == 0 {
				killed = true
				refs--
				s.kill(refs == 0)
				continue
			}
			if refs > 1 || killed {
				refs--
				s.put(refs == 0)
			}
		}
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

func killReportsLast(e *env) error {
	return together(func() *script {
		s := e.script()
		s.init()
		s.get()
		s.put(false)
		s.kill(true)
		return s
	}, func() *script {
		s := e.script()
		s.init()
		s.get()
		s.get()
		s.kill(false)
		s.put(false)
		s.put(true)
		return s
	})
}

func noLastBeforeKill(e *env) error {
	s := e.script()
	s.init()
	for i := range 200 {
		n := 1 + i%5
		for range n {
			s.get()
		}
		for range n {
			s.put(false)
		}
	}
	return s.err
}

func tryGetWhileAlive(e *env) error {
	s := e.script()
	s.init()
	s.tryGetAlive()
	s.count(2)
	s.put(false)
	s.get()
	s.kill(false)
	s.tryGetAlive()
	s.count(2)
	s.put(false)
	s.count(1)
	return s.err
}

func tryGetAfterDeath(e *env) error {
	s := e.script()
	s.dead()
	for range 10 {
		s.tryGet(false)
		s.count(0)
	}
	return s.err
}

func nextLife(e *env) error {
	s := e.script()
	for life := range 3 {
		s.init()
		s.count(1)
		for range life {
			s.get()
		}
		s.tryGetAlive()
		s.put(false)
		for range life {
			s.put(false)
		}
		s.kill(true)
		s.tryGet(false)
	}
	return s.err
}

// A taker takes references past the limit in one of the ways that there are.
type taker struct {
	name string
	n    int64
	try  bool
	take func(strategies.Counter) bool
}

func (e *env) takers() []taker {
	ts := []taker{
		{"Get", 1, false, func(c strategies.Counter) bool { c.Get(); return false }},
		{"TryGet", 1, true, strategies.Counter.TryGet},
	}
	if _, ok := e.s.New().(strategies.Multi); ok {
		ts = append(ts,
			taker{"GetN(3)", 3, false, func(c strategies.Counter) bool { c.(strategies.Multi).GetN(3); return false }},
			taker{"TryGetN(3)", 3, true, func(c strategies.Counter) bool { return c.(strategies.Multi).TryGetN(3) }})
	}
	return ts
}

func nearLimit(e *env) error {
	limit := e.promise.Limit
	var all []func() *script
	for _, tk := range e.takers() {
		if limit <= tk.n {
			continue
		}
		all = append(all, func() *script {
			// Up to the limit nothing special happens.
			s := e.script()
			s.initAt(limit - tk.n)
			s.want(tk.name, tk.try, func() bool { return tk.take(s.c) })
			s.count(limit)
			s.put(false)
			s.count(limit - 1)
			return s
		}, func() *script {
			// One past it. A taker of several goes past it by one too.
			s := e.script()
			s.initAt(limit - tk.n + 1)
			take := func() bool { return tk.take(s.c) }
			switch e.promise.Overflow {
			case strategies.Wraps:
				s.want(tk.name, tk.try, take)
				if r, ok := s.c.(strategies.Reader); ok && e.promise.Count != strategies.None && s.err == nil {
					if n := r.Count(); n > 0 {
						s.failf("one past the limit of %d Count returned %d: a number that wraps there is 0 or negative", limit, n)
					}
				}
				s.put(false)
				s.count(limit)
			case strategies.Saturates:
				s.want(tk.name, tk.try, take)
				s.sticks()
			case strategies.Refuses:
				s.want(tk.name, false, take)
				s.count(limit - tk.n + 1)
			case strategies.Panics:
				if tk.try {
					// It may refuse as well: the caller can tell.
					if ok, p := s.do(tk.name, take); p == nil && ok {
						s.failf("%s returned true past the limit", tk.name)
					}
				} else {
					s.wantPanic(tk.name, take)
				}
			}
			return s
		})
	}
	if e.promise.Zero == strategies.Immediate {
		all = append(all, func() *script {
			s := e.script()
			s.initAt(3)
			s.count(3)
			s.put(false)
			s.put(false)
			s.put(true)
			return s
		})
	}
	return together(all...)
}

// sticks checks a saturated count: it never dies again, and what can be read of
// it is no number of references. It goes down, up past where it was, and down
// again, so that a number that merely left its range comes back into it.
func (s *script) sticks() {
	for _, up := range []bool{false, true, true, false, false} {
		for range 4 {
			if up {
				s.get()
				s.saturated()
				s.tryGetAlive()
			} else {
				s.put(false)
				s.saturated()
				s.put(false)
			}
			s.saturated()
		}
	}
}

// saturated checks that Count of a saturated count is no number of references.
func (s *script) saturated() {
	r, ok := s.c.(strategies.Reader)
	if !ok || s.e.promise.Count == strategies.None || s.err != nil {
		return
	}
	if n := r.Count(); n >= 0 && n <= s.e.promise.Limit {
		s.failf("a saturated count reads %d, which looks like a number of references", n)
	}
}

func underflow(e *env) error {
	s := e.script()
	s.dead()
	switch e.promise.Underflow {
	case strategies.Wraps:
		s.put(false)
		s.put(false)
		s.get()
		s.get()
		s.tryGet(false) // the number went on, and came back
	case strategies.Saturates:
		s.put(false)
		s.sticks()
	case strategies.Refuses:
		for range 4 {
			s.put(false)
			s.tryGet(false)
			s.count(0)
		}
	case strategies.Panics:
		s.wantPanic("Put", s.c.Put)
	}
	return s.err
}

func getOnZero(e *env) error {
	s := e.script()
	s.dead()
	switch e.promise.GetOnZero {
	case strategies.Revives:
		s.get()
		s.count(1)
		s.tryGetAlive()
		s.put(false)
		s.put(true)
	case strategies.Saturates:
		s.get()
		s.sticks()
	case strategies.Refuses:
		for range 4 {
			s.get()
			s.tryGet(false)
			s.count(0)
		}
	case strategies.Panics:
		s.wantPanic("Get", void(s.c.Get))
	}
	return s.err
}

func programs(e *env) error {
	for range e.times(2000) {
		data := make([]byte, 1+e.rng.IntN(60))
		for i := range data {
			data[i] = byte(e.rng.Uint32())
		}
		if err := checkProgram(e.s, data); err != nil {
			return err
		}
	}
	return nil
}

func zeroAllocs(e *env) error {
	c := e.s.New()
	c.Init()
	for _, op := range []struct {
		name string
		run  func()
	}{
		{"Get and Put", func() { c.Get(); c.Put() }},
		{"TryGet and Put", func() {
			if c.TryGet() {
				c.Put()
			}
		}},
	} {
		if n := testing.AllocsPerRun(1000, op.run); n != 0 {
			return fmt.Errorf("%s allocate %v times a call, want 0", op.name, n)
		}
	}
	return nil
}

// sink makes what is assigned to it live on the heap, as counts in objects do.
type sink struct{ c strategies.Counter }

func bytesPromise(e *env) error {
	t := reflect.TypeOf(e.s.New())
	if t.Kind() != reflect.Pointer {
		return fmt.Errorf("the counter's type is %v, want a pointer type *T", t)
	}
	size, promised := int(t.Elem().Size()), e.promise.Bytes
	if size > promised {
		return fmt.Errorf("%v is %d bytes, promised are %d", t.Elem(), size, promised)
	}
	var keep sink
	allocs := testing.AllocsPerRun(100, func() { keep.c = e.s.New(); keep.c.Init() })
	if allocs <= 1 && size != promised {
		return fmt.Errorf("%v is %d bytes and allocates nothing besides, promised are %d", t.Elem(), size, promised)
	}
	return nil
}
