package rules

import (
	"fmt"
	"reflect"

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
			power: strategies.PowerPresetter,
			run:   rows(takesNearLimit),
		},
		{
			Name: "Underflow",
			Rule: "Put on a dead count never reports the last, and does what the promise says of underflow.",
			run:  rows(dropsTooMany),
		},
		{
			Name: "GetOnZero",
			Rule: "Get on a dead count does what the promise says.",
			run:  rows(getsOnZero),
		},
		{
			Name: "Boundaries",
			Rule: "Every operation does in every state at a boundary what the specification says that the strategy's promise makes.",
			run:  rows(everyRow),
		},
		{
			Name: "Programs",
			Rule: "Random programs on one goroutine do what the specification says that the strategy's promise makes.",
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

func programs(e *env) error {
	for range e.times(2000) {
		data := make([]byte, 1+e.rng.IntN(60))
		for i := range data {
			data[i] = byte(e.rng.Uint32())
		}
		if err := CheckProgram(e.s, data); err != nil {
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
		if n := allocsPerRun(1000, op.run); n != 0 {
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
	allocs := allocsPerRun(100, func() { keep.c = e.s.New(); keep.c.Init() })
	if allocs <= 1 && size != promised {
		return fmt.Errorf("%v is %d bytes and allocates nothing besides, promised are %d", t.Elem(), size, promised)
	}
	return nil
}
