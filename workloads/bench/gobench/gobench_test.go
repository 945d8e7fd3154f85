package gobench

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

type count struct{ n atomic.Int64 }

func (c *count) Init()        { c.n.Store(1) }
func (c *count) Get()         { c.n.Add(1) }
func (c *count) TryGet() bool { c.n.Add(1); return true }
func (c *count) Put() bool    { return c.n.Add(-1) == 0 }
func (c *count) Kill() bool   { return c.Put() }

type load struct {
	ref  strategies.Counter
	left uint64
}

func (l *load) Work(_, n int) int {
	for range n {
		l.ref.Get()
		l.ref.Put()
	}
	return n
}
func (l *load) Roles() []workloads.Role { return nil }
func (l *load) Close() workloads.Books {
	return workloads.Books{Lives: 1, Released: 1 - l.left, Kinds: [judge.Kinds]uint64{judge.Leak: l.left}}
}

func workload(name string, left uint64) *workloads.Workload {
	return &workloads.Workload{
		Name: name, Doc: "a load for tests", Source: "tests", Operation: "Get and Put",
		New: func(c workloads.Config) (workloads.Instance, error) {
			l := &load{c.NewCounter(), left}
			l.ref.Init()
			return l, nil
		},
	}
}

const childVariable = "REFBENCH_GOBENCH_TEST"

// BenchmarkRef does nothing unless the test below runs it in a child process,
// so that the benchmarks of a whole source tree aren't joined by a toy.
func BenchmarkRef(b *testing.B) {
	if os.Getenv(childVariable) == "" {
		b.Skip("runs as a child of TestNames only")
	}
	plain := &strategies.Strategy{
		Name: "plain", Doc: "a count for tests",
		Promise: strategies.Promise{
			Limit: 1<<63 - 1, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 8,
		},
		New: func() strategies.Counter { return new(count) },
	}
	cells, err := bench.Selection{
		Strategies: []*strategies.Strategy{plain},
		Variants:   []bench.Variant{{Workload: workload("getput", 0)}, {Workload: workload("leaky", 1)}},
		CPUs:       []int{1, 1 << 20},
	}.Cells()
	if err != nil {
		b.Fatal(err)
	}
	Benchmark(b, cells...)
}

// A child that runs the benchmarks as go test does shows the names, the units
// and what becomes of broken books.
func TestNames(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.v", "-test.bench=Ref", "-test.benchtime=1000x", "-test.cpu=3")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("accounting that failed didn't fail the benchmark")
	}
	for _, want := range []string{
		`(?m)^BenchmarkRef/workload=getput/cpus=1/strategy=plain/dispatch=generic-3\s+1000\s+[0-9.]+ ns/op\s+[0-9.]+ ops/s\s+0 violations$`,
		`workload=leaky/cpus=1/strategy=plain/dispatch=generic \(seed 2\): reference accounting failed: 1 leak`,
		`SKIP: BenchmarkRef/workload=getput/cpus=1048576/strategy=plain/dispatch=generic`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no match of %s", want)
		}
	}
	if t.Failed() {
		t.Logf("on %d CPUs:\n%s", runtime.NumCPU(), out)
	}
}
