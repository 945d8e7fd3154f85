package probe

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

type Count struct{}

func (*Count) Init()        {}
func (*Count) Get()         {}
func (*Count) TryGet() bool { return false }
func (*Count) Put() bool    { return false }
func (*Count) Kill() bool   { return false }

type hidden struct{ Count }

func right(name string) *strategies.Strategy {
	return &strategies.Strategy{
		Name: name, Doc: "x", New: func() strategies.Counter { return new(Count) },
		Promise: strategies.Promise{
			Limit: math.MaxInt64, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives, Zero: strategies.Waits,
			TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.WaitFree, Bytes: 1,
		},
	}
}

// All reasons why variables can't be used are said at once, each with its variable.
func TestErrors(t *testing.T) {
	wrong := right("per-8")
	wrong.Promise.Bytes, wrong.Promise.Zero, wrong.Doc = 0, "sometimes", ""
	a := ask([]*strategies.Strategy{right("atomic")}, []Variable{
		{Path: "m/a", Name: "A", Strategy: wrong},
		{Path: "m/a", Name: "B", Strategy: right("twice")},
		{Path: "m/b", Name: "C", Strategy: right("twice")},
		{Path: "m/b", Name: "D", Strategy: right("atomic")},
		{Path: "m/b", Name: "E"},
		{Path: "m/b", Name: "F", Workload: &workloads.Workload{Name: "getput", Doc: "x", Source: "x", Operation: "x", New: workloads.GetPut.New}},
		{Path: "m/b", Name: "G", Workload: &workloads.Workload{Name: "x"}},
	})
	for _, want := range []string{
		`m/a.A: strategy name "per-8": must be lower-case letters`, `m/a.A: strategy per-8: no doc`, `m/a.A: strategy per-8: promise: bytes is 0`, `promise: zero is "sometimes"`,
		`m/b.C: strategy name "twice": m/a.B has it too`, `m/b.D: strategy name "atomic": a built-in one has it too`, `m/b.E: the variable is nil`,
		`m/b.F: workload name "getput": a built-in one has it too`, `m/b.G: workload x: doc, source or operation is missing`, `m/b.G: workload x: no constructor`,
	} {
		if !slices.ContainsFunc(a.Errors, func(e string) bool { return strings.Contains(e, want) }) {
			t.Errorf("%q isn't in %q", want, a.Errors)
		}
	}
}

func TestAnswer(t *testing.T) {
	s, h := right("mine"), right("other")
	h.New = func() strategies.Counter { return new(hidden) }
	a := ask(nil, []Variable{
		{Path: "m/a", Name: "A", Strategy: s}, {Path: "m/a", Name: "Again", Strategy: s}, {Path: "m/a", Name: "H", Strategy: h},
		{Path: "m/a", Name: "Theirs", Workload: workloads.GetPut},
	})
	if len(a.Errors) > 0 || len(a.Strategies) != 2 || len(a.Workloads) > 0 {
		t.Fatalf("%+v", a)
	}
	if m := a.Strategies[0]; m.Name != "mine" || m.Variable != 0 || m.Type != "Count" || !strings.HasSuffix(m.Path, "/probe") || !m.Waits {
		t.Errorf("%+v", m)
	}
	if m := a.Strategies[1]; m.Variable != 2 || m.Type != "" || !strings.Contains(m.Unnamed, "export the type") {
		t.Errorf("%+v", m)
	}
}
