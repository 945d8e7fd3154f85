package stress

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
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
			if r := Run(context.Background(), s, &p, 2, Config{}); r.Err != nil || r.Executions != 2 {
				t.Fatalf("seed %d, program %d: %d executions, %v", seed, n, r.Executions, r.Err)
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
		{spec.Get, "a.Get a.Put", "thread 0, step 1: a.Get doesn't return"},
		{spec.Get, "a.Get a.Put|a.Put", "when no thread ran: a.Get doesn't return"},
		{spec.TryGet, "a.Get a.Put a.Kill|a.TryGet a.Put b.TryGet a.TryGet", "thread 1, step 4: a.TryGet doesn't return"},
		{spec.Put, "a.Get a.Get a.Put a.Put", "thread 0, step 4: a.Put doesn't return"},
		{spec.GetN, "a.GetN(3) a.GetN(2)", "thread 0, step 2: a.GetN(2) doesn't return"},
		{spec.Count, "a.Get", "when no thread ran: a.Count doesn't return"},
		{spec.TryGet, "a.TryGet a.Kill", "when no thread ran: a.TryGet doesn't return"},
	} {
		t.Run(c.in.String(), func(t *testing.T) {
			t.Parallel() // each waits
			s := *saturating.Strategy
			s.Name = "planted"
			s.New = func() strategies.Counter { return &hanging{in: c.in, end: end} }
			p, err := program.Parse(c.threads)
			if err != nil {
				t.Fatal(err)
			}
			r := Run(context.Background(), &s, &p, 3, Config{Timeout: 500 * time.Millisecond})
			var hang *watchdog.HangError
			if !errors.As(r.Err, &hang) || hang.After != 500*time.Millisecond || r.Executions > 1 ||
				!strings.Contains(r.Err.Error(), "strategy planted, execution 1: "+c.want+": not finished after 500ms: a call of "+c.in.String()+" doesn't return\n") || !strings.Contains(r.Err.Error(), "program: "+c.threads) {
				t.Errorf("%v hangs: %d executions, %v, want %s with the program", c.in, r.Executions, r.Err, c.want)
			}
		})
	}
}

// Every flaw that one thread can meet is found by a program that has it meet it.
func TestFlawsAreFound(t *testing.T) {
	for _, c := range []struct{ flaw, threads, want string }{
		{"", "a.TryGet a.Put a.Get a.PutIfOne a.PutUnlessOne a.PutAndLock a.Kill|a.TryGet", ""},
		{"last too early", "a.Get a.Put a.Put", "Put reported the last reference while another was held"},
		{"last too early", "a.Get a.Put a.Kill", "Put reported the last reference while another was held"},
		{"last never", "a.Put", "no drop reported the last"},
		{"drops two", "a.Get a.Get a.Put a.Count a.Kill", "Count returned 1 while its caller held 2"},
		{"panics", "a.Put", "panicked: flaw"},
		{"fails alive", "a.TryGet", "TryGet failed while its caller held a reference"},
		{"takes dead", "a.Kill", "every reference is dropped, but TryGet takes one"},
		{"takes dead", "a.Kill a.TryGet", "TryGet took a reference after the last had been dropped"},
		{"not the only one", "a.Get a.PutIfOne", "PutIfOne took the reference for the only one, but its caller held 2"},
		{"always one", "a.Get a.PutUnlessOne", "PutUnlessOne took the reference for the only one, but its caller held 2"},
		{"no lock", "a.Get a.Kill a.PutAndLock", "PutAndLock returned true without the lock"},
	} {
		s := *saturating.Strategy
		s.Name = "planted"
		s.New = func() strategies.Counter { return &flawed{flaw: c.flaw} }
		p, err := program.Parse(c.threads)
		if err != nil {
			t.Fatal(err)
		}
		// The owner may come last, and the flaw then in a call of its own.
		err = Run(context.Background(), &s, &p, 200, Config{}).Err
		switch {
		case c.want == "" && err != nil:
			t.Errorf("false alarm: %v", err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: error %v, want it to contain %q", c.flaw, err, c.want)
		case c.want != "" && !strings.Contains(err.Error(), "strategy planted, execution ") || err != nil && !strings.Contains(err.Error(), "\nprogram: "+p.String()):
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
	steps := strings.Repeat(" a.Get a.Put", 40)
	p, err := program.Parse(steps + "|" + steps + "|" + steps)
	if err != nil {
		t.Fatal(err)
	}
	if r := Run(context.Background(), &s, &p, 20000, Config{}); r.Err == nil {
		t.Error("a count that loses updates passes 20,000 runs")
	}
}
