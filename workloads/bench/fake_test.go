package bench

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
)

// count is a small correct counter to measure with.
type count struct{ n atomic.Int64 }

func (c *count) Init() { c.n.Store(1) }
func (c *count) Get()  { c.n.Add(1) }
func (c *count) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
func (c *count) Put() bool  { return c.n.Add(-1) == 0 }
func (c *count) Kill() bool { return c.Put() }

func fakeStrategy(name string) *strategies.Strategy {
	return &strategies.Strategy{
		Name: name,
		Doc:  "a count for tests",
		Promise: strategies.Promise{
			Limit: 1<<63 - 1, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 8,
		},
		New: func() strategies.Counter { return new(count) },
	}
}

// fake is an instance made of functions. Those that are nil do what a correct
// shared count does.
type fake struct {
	ref    strategies.Counter
	work   func(worker, n int) int
	roles  []workloads.Role
	books  workloads.Books
	closed func()
}

func (f *fake) Work(worker, n int) int {
	if f.work != nil {
		return f.work(worker, n)
	}
	for range n {
		f.ref.Get()
		f.ref.Put()
	}
	return n
}
func (f *fake) Roles() []workloads.Role { return f.roles }
func (f *fake) Close() workloads.Books {
	if f.closed != nil {
		f.closed()
	}
	b := f.books
	b.Lives++
	if f.ref.Kill() {
		b.Released++
	} else {
		b.Kinds[judge.Leak]++
	}
	return b
}

func fakeWorkload(name string, change func(c workloads.Config, f *fake) error) *workloads.Workload {
	return &workloads.Workload{
		Name: name, Doc: "a load for tests", Source: "tests", Operation: "Get and Put",
		Knobs: []workloads.Knob{{Name: "hold", Doc: "spins while holding", Default: 0, Min: 0, Max: 1000}},
		New: func(c workloads.Config) (workloads.Instance, error) {
			f := &fake{ref: c.NewCounter()}
			f.ref.Init()
			if change != nil {
				if err := change(c, f); err != nil {
					return nil, err
				}
			}
			return f, nil
		},
	}
}

func testMachine(t testing.TB) *Machine {
	t.Helper()
	m, err := NewMachine()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// oneCell returns a cell on n CPUs of a workload changed as given.
func oneCell(t testing.TB, n int, change func(c workloads.Config, f *fake) error) Cell {
	t.Helper()
	cells, err := Selection{
		Strategies: []*strategies.Strategy{fakeStrategy("plain")},
		Variants:   []Variant{{Workload: fakeWorkload("load", change)}},
		CPUs:       []int{n},
	}.Cells()
	if err != nil {
		t.Fatal(err)
	}
	return cells[0]
}

// patiently tries what depends on how fast this machine is, and on what else it
// does, until it is right once.
func patiently(t *testing.T, try func() error) {
	t.Helper()
	const tries = 10
	var err error
	for range tries {
		if err = try(); err == nil || t.Failed() {
			return
		}
		t.Log(err)
	}
	t.Errorf("%d times in a row, the last time: %v", tries, err)
}

var short = Length{Timed: 20 * time.Millisecond, Warm: 5 * time.Millisecond}
