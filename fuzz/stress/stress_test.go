package stress

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// No random program finds anything wrong with what is right.
func TestBuiltinStrategiesStand(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	programs := 1000
	if testing.Short() {
		programs = 50
	}
	for n := range programs {
		p, _ := program.Decode(random(rng, rng.IntN(150)))
		for _, s := range builtin.All() {
			if err := Run(s, &p, 2); err != nil {
				t.Fatalf("seed %d, program %d: %v", seed, n, err)
			}
		}
	}
}

// flawed is a saturating count with one flaw.
type flawed struct {
	count
	flaw string
}

type count = saturating.Count

func (c *flawed) Put() bool {
	switch c.flaw {
	case "last too early":
		return c.count.Put() || c.Count() == 1
	case "last never":
		c.count.Put()
		return false
	case "drops two":
		if c.Count() > 2 {
			c.count.Put()
		}
	case "panics":
		panic("flaw")
	}
	return c.count.Put()
}

func (c *flawed) Kill() bool { return c.Put() }

func (c *flawed) TryGet() bool {
	switch c.flaw {
	case "fails alive":
		return false
	case "takes dead":
		c.InitAt(c.Count() + 1)
		return true
	}
	return c.count.TryGet()
}

func (c *flawed) PutIfOne() bool {
	if c.flaw == "not the only one" {
		return c.count.Put() || true
	}
	return c.count.PutIfOne()
}

func (c *flawed) PutUnlessOne() bool { return c.flaw != "always one" && c.count.PutUnlessOne() }

func (c *flawed) PutAndLock(l sync.Locker) bool {
	last := c.count.PutAndLock(l)
	if last && c.flaw == "no lock" {
		l.Unlock()
	}
	return last
}

// A hanging count waits in one of its operations, from its second call on, until the
// test ends.
type hanging struct {
	count
	in    spec.Op
	calls atomic.Int32
	end   chan struct{}
}

func (c *hanging) at(op spec.Op) {
	if op == c.in && c.calls.Add(1) > 1 {
		<-c.end
	}
}
func (c *hanging) Get()         { c.at(spec.Get); c.count.Get() }
func (c *hanging) TryGet() bool { c.at(spec.TryGet); return c.count.TryGet() }
func (c *hanging) Put() bool    { c.at(spec.Put); return c.count.Put() }
func (c *hanging) GetN(n int)   { c.at(spec.GetN); c.count.GetN(n) }
func (c *hanging) Count() int64 { c.at(spec.Count); return c.count.Count() }

// A call that doesn't return is found, with its thread. The others go on.
func TestCallsThatDontReturnAreFound(t *testing.T) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	for _, c := range []struct {
		in            spec.Op
		threads, want string
	}{
		{spec.Get, "thread 0: a.Get a.Put\n", "thread 0, step 1: a.Get doesn't return"},
		{spec.Get, "thread 0: a.Get a.Put\nthread 1: a.Put\n", "when no thread ran: a.Get doesn't return"},
		{spec.TryGet, "thread 0: a.Get a.Put a.Kill\nthread 1: a.TryGet a.Put b.TryGet a.TryGet\n", "thread 1, step 4: a.TryGet doesn't return"},
		{spec.Put, "thread 0: a.Get a.Get a.Put a.Put\n", "thread 0, step 4: a.Put doesn't return"},
		{spec.GetN, "thread 0: a.GetN(3) a.GetN(2)\n", "thread 0, step 2: a.GetN(2) doesn't return"},
		{spec.Count, "thread 0: a.Get\n", "when no thread ran: a.Count doesn't return"},
		{spec.TryGet, "thread 0: a.TryGet a.Kill\n", "when no thread ran: a.TryGet doesn't return"},
	} {
		t.Run(c.in.String(), func(t *testing.T) {
			t.Parallel() // each waits
			s := *saturating.Strategy
			s.Name = "planted"
			s.New = func() strategies.Counter { return &hanging{in: c.in, end: end} }
			p, err := program.Parse("object a: Init\nobject b: Init\n" + c.threads)
			if err != nil {
				t.Fatal(err)
			}
			err = runFor(500*time.Millisecond, &s, &p, 3)
			if err == nil || !strings.Contains(err.Error(), "strategy planted, run 1 of 3: not finished after 500ms") ||
				!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.threads) {
				t.Errorf("%v hangs: %v, want %s with the program", c.in, err, c.want)
			}
		})
	}
}

// Every flaw that one thread can meet is found by a program that has it meet it.
func TestFlawsAreFound(t *testing.T) {
	for _, c := range []struct{ flaw, threads, want string }{
		{"", "thread 0: a.TryGet a.Put a.Get a.PutIfOne a.PutUnlessOne a.PutAndLock a.Kill\nthread 1: a.TryGet\n", ""},
		{"last too early", "thread 0: a.Get a.Put a.Put\n", "a drop reported the last, but the owner's reference is left"},
		{"last too early", "thread 0: a.Get a.Put a.Kill\n", "it reported the last drop, but its caller holds 1 more"},
		{"last never", "thread 0: a.Put\n", "no drop reported the last"},
		{"drops two", "thread 0: a.Get a.Get a.Put a.Count a.Kill\n", "it returned 1, but its caller holds 2 references"},
		{"panics", "thread 0: a.Put\n", "panicked: flaw"},
		{"fails alive", "thread 0: a.TryGet\n", "it failed, but its caller holds 1 references"},
		{"takes dead", "thread 0: a.Kill\n", "every reference is dropped, but TryGet takes one"},
		{"takes dead", "thread 0: a.Kill a.TryGet\n", "it took a reference after the last had been dropped"},
		{"not the only one", "thread 0: a.Get a.PutIfOne\n", "it took the reference for the only one, but its caller holds 2"},
		{"always one", "thread 0: a.Get a.PutUnlessOne\n", "it took the reference for the only one, but its caller holds 2"},
		{"no lock", "thread 0: a.Kill\nthread 1:" + strings.Repeat(" a.Get a.Put", 40) + " a.PutAndLock\n", "it returned true without the lock"},
	} {
		s := *saturating.Strategy
		s.Name = "planted"
		s.New = func() strategies.Counter { return &flawed{flaw: c.flaw} }
		p, err := program.Parse("object a: Init\n" + c.threads)
		if err != nil {
			t.Fatal(err)
		}
		// The owner may come last, and the flaw then in a call of its own.
		err = Run(&s, &p, 200)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("false alarm: %v", err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: error %v, want it to contain %q", c.flaw, err, c.want)
		case c.want != "" && !strings.Contains(err.Error(), "strategy planted, run ") || err != nil && !strings.Contains(err.Error(), p.String()):
			t.Errorf("%q: the error doesn't name strategy and program: %v", c.flaw, err)
		}
	}
}

// racy loses updates when threads meet. It gives way now and then where it may lose
// one, for machines on which threads only take turns.
type racy struct {
	mu    sync.Mutex
	n     int64
	reads int
}

func (c *racy) load() int64 {
	c.mu.Lock()
	n, pause := c.n, c.reads%64 == 0
	c.reads++
	c.mu.Unlock()
	if pause {
		runtime.Gosched()
	}
	return n
}
func (c *racy) store(n int64) { c.mu.Lock(); defer c.mu.Unlock(); c.n = n }
func (c *racy) Init()         { c.store(1) }
func (c *racy) Get()          { c.store(c.load() + 1) }
func (c *racy) Put() bool     { n := c.load() - 1; c.store(n); return n == 0 }
func (c *racy) Kill() bool    { return c.Put() }
func (c *racy) TryGet() bool {
	n := c.load()
	if n > 0 {
		c.store(n + 1)
	}
	return n > 0
}

// Threads do meet: a count that is wrong only then is found wrong.
func TestThreadsMeet(t *testing.T) {
	s := *saturating.Strategy
	s.Name = "racy"
	s.New = func() strategies.Counter { return new(racy) }
	steps := strings.Repeat(" a.Get a.Put", 40) + "\n"
	p, err := program.Parse("object a: Init\nthread 0:" + steps + "thread 1:" + steps + "thread 2:" + steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(&s, &p, 20000); err == nil {
		t.Error("a count that loses updates passes 20,000 runs")
	}
}
