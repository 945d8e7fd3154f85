package bugs

import (
	"strings"

	"github.com/refbench/refbench/strategies"
)

// A counting is how op programs use a single count. Each word is an operation of
// its thread:
//
//	g  Get, if the thread holds a reference
//	t  TryGet
//	l  TryGetLive
//	p  Put, if the thread holds a reference beside the owner's
//	k  Kill, if the thread has the owner's reference
//	c  KillAndConfirm, likewise
//	i  PutIfOne of the owner's reference, likewise
//	v  ResurrectLive, if the thread killed the count and holds a reference
//	r  Resurrect
//	n  Init for another life, if the thread was told of the last drop; it has the
//	   owner's reference then
//	x  Put, if the thread was told of the last drop: one too many, which must not
//	   report the last again
//
// The owner's reference belongs to the first thread with a k, c or i. If there is
// none, it is dropped when all threads have ended.
type counting struct {
	// handed says that every thread begins with a reference.
	handed bool

	// cached says that the object begins at zero and stays when it comes
	// back there, as an unused entry of a cache does. Resurrect brings it
	// back.
	cached bool

	// immortal says that the program takes the count past its limit, so that
	// it sticks and the object is never released.
	immortal bool
}

// program returns the start of a bug in a strategy.
func (u counting) program(wrong, fixed *strategies.Strategy) func(Config) Run {
	return func(c Config) Run {
		s := wrong
		if c.Fixed {
			s = fixed
		}
		return u.start(s, c)
	}
}

func (u counting) start(s *strategies.Strategy, c Config) Run {
	r := &countRun{
		counting: u, s: s, c: s.New(), judge: c.Judge,
		threads: make([]countThread, len(c.Program)), owner: -1,
	}
	for i, ops := range c.Program {
		if r.owner < 0 && strings.ContainsAny(ops, "kci") {
			r.owner = i
			r.threads[i].owns = true
		}
	}
	r.c.Init()
	if u.cached {
		r.c.Kill()
		return r
	}
	if u.handed {
		for i := range r.threads {
			r.c.Get()
			r.threads[i].held = 1
			c.Judge.Took("Get")
		}
	}
	return r
}

type countRun struct {
	counting
	s       *strategies.Strategy
	c       strategies.Counter
	judge   Judge
	owner   int // the thread that began with the owner's reference, or -1
	threads []countThread
}

// A countThread is what a thread knows.
type countThread struct {
	held   int  // references beside the owner's
	owns   bool // the owner's reference
	killed bool // it killed the count and brought nothing back since
	told   bool // of the last drop
	_      [64]byte
}

// patience is how often in a row a TryGet that may fail spuriously may do so.
const patience = 100

func (r *countRun) Do(thread int, op string) {
	t := &r.threads[thread]
	if r.cached {
		r.doCached(t, op)
		return
	}
	switch {
	case op == "g" && (t.held > 0 || t.owns):
		r.c.Get()
		t.held++
		r.judge.Took("Get")
	case op == "t":
		holds := t.held > 0 || t.owns
		for fails := 1; !r.c.TryGet(); fails++ {
			if !holds {
				return
			}
			if r.s.Promise.TryGet == strategies.Exact || fails == patience {
				r.judge.Failf("TryGet failed while its caller held a reference")
				return
			}
		}
		t.held++
		r.judge.Took("TryGet")
	case op == "l":
		if r.c.(strategies.Switcher).TryGetLive() {
			t.held++
			r.judge.Took("TryGetLive")
		}
	case op == "p" && t.held > 0:
		r.put(t)
	case op == "k" && t.owns:
		r.judge.Drops()
		r.dropped(t, "Kill", r.c.Kill())
	case op == "c" && t.owns:
		r.judge.Drops()
		r.dropped(t, "KillAndConfirm", r.c.(strategies.Switcher).KillAndConfirm(func() {}))
	case op == "i" && t.owns:
		r.judge.Drops()
		if r.c.(strategies.OnePutter).PutIfOne() {
			r.dropped(t, "PutIfOne", true)
		} else {
			r.judge.Kept()
		}
	case op == "v" && t.killed && t.held > 0:
		r.c.(strategies.Switcher).ResurrectLive()
		t.killed, t.owns = false, true
		r.judge.Took("ResurrectLive")
	case op == "n" && t.told:
		t.told, t.owns = false, true
		r.judge.Begins()
		r.c.Init()
	case op == "x" && t.told:
		r.judge.Dropped("Put of a reference that nobody had", r.c.Put())
	}
}

// dropped is called after the owner's reference was dropped.
func (r *countRun) dropped(t *countThread, op string, last bool) {
	t.owns, t.killed, t.told = false, true, last
	r.judge.Dropped(op, last)
}

func (r *countRun) put(t *countThread) {
	t.held--
	r.judge.Drops()
	last := r.c.Put()
	t.told = t.told || last
	r.judge.Dropped("Put", last)
}

// doCached does an operation on a cached object. Whether zero is the end isn't
// known until everybody has ended, so only the count that is left then is judged.
func (r *countRun) doCached(t *countThread, op string) {
	switch {
	case op == "r":
		r.c.(strategies.Resurrecter).Resurrect()
		t.held++
	case op == "g" && t.held > 0:
		r.c.Get()
		t.held++
	case op == "p" && t.held > 0:
		r.c.Put()
		t.held--
	}
}

func (r *countRun) End(thread int) {
	t := &r.threads[thread]
	for t.held > 0 {
		if r.cached {
			r.doCached(t, "p")
		} else {
			r.put(t)
		}
	}
}

func (r *countRun) Close() {
	if r.cached {
		if n := r.c.(strategies.Reader).Count(); n != 0 {
			r.judge.Failf("every reference was dropped, and the count is %d", n)
		}
		return
	}
	// The owner's reference may be left: nobody had it, or who had it didn't
	// drop it.
	if r.owner < 0 {
		r.judge.Drops()
		r.judge.Dropped("Kill", r.c.Kill())
	}
	for i := range r.threads {
		if t := &r.threads[i]; t.owns {
			r.judge.Drops()
			r.dropped(t, "Kill", r.c.Kill())
		}
	}
	if !r.immortal && !r.judge.Released() {
		r.judge.Leakf("every reference was dropped, and no drop reported the last")
	}
}
