package program

import (
	"math/rand/v2"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A waiter is a thread of a program on counts whose Kill waits: what package driver does,
// one call after the other.
type waiter struct {
	c       *Caller
	steps   Thread
	leaving bool // it drops what it holds, before the next step or its end
	kill    int  // the object whose Kill it waits in, or -1
}

// next returns the thread's next call, and false if it has ended.
func (w *waiter) next(objects int) (o int, call spec.Call, ok bool) {
	for {
		if w.leaving = w.leaving || len(w.steps) == 0 || w.c.Waits(w.steps[0]); w.leaving {
			for o := range objects {
				if call, ok := w.c.Leave(o); ok {
					return o, call, true
				}
			}
			w.leaving = false
		}
		if len(w.steps) == 0 {
			return 0, call, false
		}
		s := w.steps[0]
		w.steps = w.steps[1:]
		if call, ok := w.c.Allow(s); ok {
			return int(s.Object), call, true
		}
	}
}

// Whatever the program and the order, some thread can go on until all have ended, though
// Kill waits for the other references; and threads do wait.
func TestThreadsThatWaitDontMeet(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	waited, killed := 0, 0
	for n := range 4000 {
		s := strict(strategies.Waits, true, 1<<40)
		if n%2 == 1 {
			s.Promise.TryGetRefuses = strategies.OnceKilled
		}
		p, _ := Decode(random(rng, 20+rng.IntN(100)))
		sp, g := spec.Of(s), new(Guard)
		g.Reset(&p, sp, n%4 > 1)
		states := make([]spec.State, len(p.Objects))
		for o := range states {
			b := g.Begin(o)
			states[o] = sp.Start(b.First.Refs() + b.Gets)
		}
		threads := make([]waiter, len(p.Threads))
		for i := range threads {
			threads[i] = waiter{c: g.Caller(i), steps: p.Threads[i], kill: -1}
		}
		for left := len(threads); left > 0; {
			var can []int
			for i := range threads {
				if w := &threads[i]; w.c != nil && (w.kill < 0 || !sp.Blocks(states[w.kill], spec.Call{Op: spec.Kill})) {
					can = append(can, i)
				}
			}
			if len(can) == 0 {
				t.Fatalf("seed %d, program %d: all threads that are left wait for one another\n%s", seed, n, &p)
			}
			w := &threads[can[rng.IntN(len(can))]]
			o, call, ok := w.kill, spec.Call{Op: spec.Kill}, true
			if w.kill < 0 {
				o, call, ok = w.next(len(states))
			}
			if !ok {
				w.c = nil
				left--
				continue
			}
			if w.kill = -1; sp.Blocks(states[o], call) {
				w.kill = o
				waited++
				continue
			}
			if why := sp.Unpromised(states[o], call); why != "" {
				t.Fatalf("seed %d, program %d: %v at %q isn't promised: %s\n%s", seed, n, call, states[o], why, &p)
			}
			out := sp.Step(states[o], call)[0]
			if states[o] = out.Next; call.Op.Kills() {
				killed++
			}
			w.c.Did(o, call, out.Result)
		}
	}
	if waited < 200 || killed < 1000 {
		t.Errorf("%d of %d Kills waited: the test tests nothing", waited, killed)
	}
}

// A thread that holds nothing but owner's references may kill; one that holds another, of
// whatever object, or where references are left that nobody holds, may not.
func TestWhoMayKillACountThatWaits(t *testing.T) {
	s := strict(strategies.Waits, true, 1<<40)
	kill := Step{Call: spec.Call{Op: spec.Kill}}
	for _, c := range []struct {
		text         string
		starts       bool
		allow, waits bool
	}{
		{"a.Kill|a.Put", false, true, true},
		{"a.Kill b.Put|b.Kill a.Put", false, false, true},
		{"a.Kill b.Kill|a.Put b.Put", false, true, true},
		{"a:InitAt(9) a.Kill|a.Put", true, false, false},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		g := new(Guard)
		g.Reset(&p, spec.Of(s), c.starts)
		if _, allow := g.Caller(0).Allow(kill); allow != c.allow {
			t.Errorf("%s: Kill is allowed: %v, want %v", c.text, allow, c.allow)
		}
		if waits := g.Caller(0).Waits(kill); waits != c.waits {
			t.Errorf("%s: the thread must leave all objects before: %v, want %v", c.text, waits, c.waits)
		}
		if g.Caller(1).Waits(kill) && g.owner[0] == 0 {
			t.Errorf("%s: a thread waits that isn't the owner", c.text)
		}
	}
}
