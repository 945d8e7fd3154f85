package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// resumable returns a plan with samples that are spoiled now and then, how to resume it,
// and what is measured in which order.
func resumable(t *testing.T, m *Machine) (p Plan, d *diary, resume func() (Plan, error), order *[]string) {
	ws := []*workloads.Workload{fakeWorkload("a", nil), fakeWorkload("b", nil)}
	p, d = planOf(t, m, ws, 1)
	p.Rounds = 4
	p.Cells[1].Probe = Latency
	n := 0
	order = new([]string)
	spoil := spoiling(func(Cell) bool { n++; return n%5 == 0 })
	p.measure = func(ctx context.Context, m *Machine, c Cell, l Length, seed uint64) (Sample, error) {
		if what := fmt.Sprint(c, seed); !slices.Contains(*order, what) {
			*order = append(*order, what)
		}
		s, err := spoil(ctx, m, c, l, seed)
		if c.Probe == Latency {
			s.Probed = []benchfmt.Value{{Unit: UnitLatencies, Value: 1}}
		}
		return s, err
	}
	return p, d, func() (Plan, error) {
		again := p
		var err error
		again.File, again.Rest, err = Resume(t.Context(), p.File.Path(), m, m.Header([]*strategies.Strategy{p.Cells[0].Strategy, p.Cells[1].Strategy}, ws))
		if err == nil {
			t.Cleanup(func() { again.File.Close() })
			again.Length = again.Rest.Length()
		}
		return again, err
	}, order
}

// Wherever a run is interrupted, what is missing is taken once it is resumed, in the order
// that it would have had.
func TestResumedRunTakesWhatIsMissing(t *testing.T) {
	m := testMachine(t)
	whole, _, _, want := resumable(t, m)
	if _, err := whole.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at := 1; at < 16; at += 3 {
		p, d, resume, got := resumable(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		d.onDone = func(samples int) {
			if samples == at {
				cancel()
			}
		}
		if o, err := p.Run(ctx); err != nil || !o.Interrupted {
			t.Fatalf("error %v, outcome %+v: want interrupted", err, o)
		}
		p.File.Close()
		d.onDone = nil
		again, err := resume()
		if err != nil {
			t.Fatal(err)
		}
		o, err := again.Run(t.Context())
		if err != nil || o.Samples != 16-at || o.Planned != 16-at || o.Interrupted {
			t.Errorf("interrupted after %d of 16: error %v, outcome %+v: want the %d that are missing", at, err, o, 16-at)
		}
		again.File.Close()
		slots := make(map[string]int)
		for _, path := range []string{p.File.Path(), p.File.AsidePath()} {
			if _, err := os.Stat(path); err != nil {
				continue
			}
			for _, r := range results(t, path) {
				round, _ := r.Value(UnitRound)
				slots[fmt.Sprint(r.Name, round)]++
			}
		}
		if len(slots) != 16 {
			t.Errorf("interrupted after %d: %d different samples, want 16", at, len(slots))
		}
		if !slices.Equal(*got, *want) {
			t.Errorf("interrupted after %d: the order of the samples is\n%v\nwant\n%v", at, *got, *want)
		}
		f, err := ReadFacts(p.File.FactsPath())
		if err != nil || len(f) != 1 || f[0].Samples != 16 || f[0].Resumed != 1 || f[0].Interrupted || f[0].Shared < 1 {
			t.Errorf("facts %+v (%v), want one run with 16 samples that was resumed once", f, err)
		}
		var complete *CompleteError
		if _, err := resume(); !errors.As(err, &complete) || complete.Samples != 16 {
			t.Errorf("resumed again: error %v, want a CompleteError", err)
		}
	}
}

// Only the last run of a file is resumed: what others have in the file doesn't count.
func TestRunsBeforeAreNotResumed(t *testing.T) {
	m := testMachine(t)
	p, d, resume, _ := resumable(t, m)
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(results(t, p.File.Path()))
	ctx, cancel := context.WithCancel(t.Context())
	d.onDone = func(samples int) {
		if samples == 3 {
			cancel()
		}
	}
	p.Cells = p.Cells[:2]
	if _, err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	p.File.Close()
	d.onDone = nil
	again, err := resume()
	if err != nil {
		t.Fatal(err)
	}
	again.Cells = p.Cells
	if o, err := again.Run(t.Context()); err != nil || o.Samples != 5 {
		t.Errorf("error %v, outcome %+v: want the 5 that the second run has left of its 8", err, o)
	}
	if n := len(results(t, p.File.Path())); n < before+3 {
		t.Errorf("the file has %d samples, want at least 3 more than the %d of before", n, before)
	}
	if f, err := ReadFacts(p.File.FactsPath()); err != nil || len(f) != 2 || f[0].Resumed != 0 || f[1].Resumed != 1 {
		t.Errorf("facts %+v (%v), want those of two runs, the second resumed", f, err)
	}
}

func TestRunsThatCannotBeResumed(t *testing.T) {
	m := testMachine(t)
	for _, tt := range []struct {
		name   string
		change func(p Plan)
		want   string
	}{
		{"no facts", func(p Plan) { os.Remove(p.File.FactsPath()) }, "no facts of it are in "},
		{"facts of an earlier version", func(p Plan) { writeFacts(p.File.FactsPath(), []Facts{{ID: "old", Rounds: 4}}) }, "doesn't say what it was to measure"},
		{"damaged facts", func(p Plan) { os.WriteFile(p.File.FactsPath(), []byte("{"), 0o666) }, "results.json: unexpected end"},
		{"cut results", func(p Plan) {
			facts, _ := ReadFacts(p.File.FactsPath())
			facts[0].From = 1 << 40
			writeFacts(p.File.FactsPath(), facts)
		}, "shorter than it was"},
		{"lines of another run", func(p Plan) {
			s := testSample(t)
			s.Round = 1
			p.File.Add(s)
		}, `something else has added "Ref/workload=load/`},
		{"another GOMAXPROCS", func(p Plan) { p.File.procs++; p.File.Add(Sample{Cell: p.Cells[0], Round: 1, Ops: 1, Window: 1}) }, "it was measured with GOMAXPROCS "},
	} {
		p, d, resume, _ := resumable(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		d.onDone = func(int) { cancel() }
		if _, err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		tt.change(p)
		p.File.Close()
		_, err := resume()
		var e *ResumeError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a ResumeError with %q in one line", tt.name, err, tt.want)
		}
	}
	p, _, resume, _ := resumable(t, m)
	if _, err := resume(); !errors.As(err, new(*InUseError)) && p.File.Unlocked == nil {
		t.Errorf("while it is written: error %v, want an InUseError", err)
	}
}

func TestCellsAreFoundByTheirKeys(t *testing.T) {
	w := fakeWorkload("load", nil)
	sel := Selection{
		Strategies: []*strategies.Strategy{fakeStrategy("plain"), fakeStrategy("other")},
		Variants:   []Variant{{Workload: w}, {Workload: w, Settings: workloads.Settings{"hold": 7}}},
		CPUs:       []int{1, 16},
		Loops: []workloads.Loop{{Workload: "load", Strategy: "plain", New: func(workloads.Config) (workloads.Instance, error) {
			return nil, nil
		}}},
	}
	cells, err := sel.Cells()
	if err != nil {
		t.Fatal(err)
	}
	all := Selection{Strategies: sel.Strategies, Variants: sel.Variants[:1], Loops: sel.Loops}
	twin := cells[0]
	twin.Control = true
	for _, c := range append(cells, twin) {
		got, err := all.CellNamed(c.Key())
		if err != nil || got.Key() != c.Key() || got.Strategy != c.Strategy || got.Control != c.Control || got.Generic != c.Generic {
			t.Errorf("%s: %+v, error %v: want the cell itself", c, got, err)
		}
	}
	for _, key := range []string{"", "workload=load/cpus=1/strategy=gone", "workload=gone/cpus=1/strategy=plain", "workload=load/cpus=x/strategy=plain", "workload=load/odd=1/cpus=1/strategy=plain"} {
		if c, err := all.CellNamed(key); err == nil {
			t.Errorf("%q is cell %v, want an error", key, c)
		}
	}
}
