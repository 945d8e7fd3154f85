package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
)

// diary is a Watcher that writes down what it is told.
type diary struct {
	samples  int
	length   Length
	estimate time.Duration
	begun    time.Time
	done     int
	warnings []string
	onDone   func(samples int)
}

func (d *diary) Begin(samples, _, _ int, length Length, estimate time.Duration) {
	d.samples, d.length, d.estimate, d.begun = samples, length, estimate, time.Now()
}
func (d *diary) Done(samples int, _ time.Duration) {
	d.done++
	if d.onDone != nil {
		d.onDone(samples)
	}
}
func (d *diary) Warn(text string) { d.warnings = append(d.warnings, text) }

// planOf returns a plan on a fresh file.
func planOf(t *testing.T, m *Machine, ws []*workloads.Workload, cpus ...int) (Plan, *diary) {
	t.Helper()
	ss := []*strategies.Strategy{fakeStrategy("first"), fakeStrategy("second")}
	var vs []Variant
	for _, w := range ws {
		vs = append(vs, Variant{Workload: w})
	}
	cells, err := Selection{Strategies: ss, Variants: vs, CPUs: cpus}.Cells()
	if err != nil {
		t.Fatal(err)
	}
	file, err := Create(t.Context(), filepath.Join(t.TempDir(), "results.txt"), m, m.Header(ss, ws))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	d := new(diary)
	return Plan{
		Machine: m, Cells: cells, Rounds: 2, Seed: 42, Length: Length{Timed: 2 * time.Millisecond, Warm: time.Millisecond}, File: file, Watcher: d,
		measure: spoiling(func(Cell) bool { return false }),
	}, d
}

// spoiling returns a Measure that finds the samples spoiled that it is told, whatever else
// the machine does.
func spoiling(spoiled func(Cell) bool) func(context.Context, *Machine, Cell, Length, uint64) (Sample, error) {
	return func(ctx context.Context, m *Machine, c Cell, l Length, seed uint64) (Sample, error) {
		s, err := Measure(ctx, m, c, l, seed)
		s.Shared = spoiled(c)
		return s, err
	}
}

// results reads a file as benchstat does and returns the results; a line that
// the format doesn't know is an error.
func results(t *testing.T, path string) []*benchfmt.Result {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rs []*benchfmt.Result
	r := benchfmt.NewReader(f, path)
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			rs = append(rs, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Errorf("%s: %v", path, rec)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if n, want := len(r.Units()), len(unitRecords()); n != want {
		t.Errorf("%s: metadata for %d units, want %d", path, n, want)
	}
	return rs
}

func names(rs []*benchfmt.Result) []string {
	var ns []string
	for _, r := range rs {
		ns = append(ns, r.Name.String())
	}
	return ns
}

func TestEveryCellOncePerRoundInAnOrderOfTheSeed(t *testing.T) {
	m := testMachine(t)
	run := func(seed uint64) []string {
		p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil), fakeWorkload("b", nil)}, 1)
		p.Seed, p.Rounds = seed, 3
		o, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if o.Samples != 12 || o.Planned != 12 || o.Rounds != 3 || d.done != 12 || d.samples != 12 || len(o.Failures) > 0 {
			t.Errorf("outcome %+v, %d times done: want 12 samples in 3 rounds", o, d.done)
		}
		return names(results(t, p.File.Path()))
	}
	first := run(1)
	if len(first) != 12 {
		t.Fatalf("%d results, want 12", len(first))
	}
	var keys []string
	for round := range 3 {
		part := slices.Sorted(slices.Values(first[4*round : 4*round+4]))
		if round == 0 {
			keys = part
		}
		if !slices.Equal(part, keys) || len(slices.Compact(part)) != 4 {
			t.Errorf("round %d has %v, want each of %v", round, part, keys)
		}
	}
	if slices.Equal(first[:4], first[4:8]) && slices.Equal(first[:4], first[8:]) {
		t.Error("all rounds have the same order")
	}
	if again := run(1); !slices.Equal(first, again) {
		t.Errorf("seed 1 gave two orders:\n%v\n%v", first, again)
	}
	if other := run(2); slices.Equal(first, other) {
		t.Error("seeds 1 and 2 gave the same order")
	}
}

func TestStrategiesSeeTheSameSeeds(t *testing.T) {
	m := testMachine(t)
	var mu sync.Mutex
	seeds := make(map[uint64]int)
	w := fakeWorkload("a", func(c workloads.Config, _ *fake) error {
		mu.Lock()
		defer mu.Unlock()
		seeds[c.Seed]++
		return nil
	})
	p, _ := planOf(t, m, []*workloads.Workload{w}, 1)
	p.Rounds = 3
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Two strategies in each round, and in round 0 a first look and a
	// rehearsal besides.
	var times []int
	for _, n := range seeds {
		times = append(times, n)
	}
	slices.Sort(times)
	if !slices.Equal(times, []int{2, 2, 6}) {
		t.Errorf("each seed was used %v times, want 2, 2 and 6", times)
	}
}

func TestFailuresLeaveOtherCellsAlone(t *testing.T) {
	m := testMachine(t)
	panicky := fakeWorkload("panicky", func(_ workloads.Config, f *fake) error {
		f.work = func(_, _ int) int { panic("planted") }
		return nil
	})
	leaky := fakeWorkload("leaky", func(_ workloads.Config, f *fake) error {
		f.books = workloads.Books{Lives: 1, Kinds: [judge.Kinds]uint64{judge.Leak: 1}}
		for i := range 9 {
			f.books.Notes = append(f.books.Notes, fmt.Sprintf("note %d", i))
		}
		return nil
	})
	p, d := planOf(t, m, []*workloads.Workload{panicky, leaky, fakeWorkload("fine", nil)}, 1)
	o, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Failures) != 2 || o.Findings != 4 || o.Samples != 8 {
		t.Errorf("outcome %+v: want 2 failures (one for each strategy), 4 findings, 8 samples", o)
	}
	all := strings.Join(d.warnings, "\n")
	for _, want := range []string{"panicky", "plan_test.go", "1 violations in 2 lives", "note 4", "and 4 notes more"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning has %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "note 5") {
		t.Errorf("more than %d notes are shown:\n%s", mostNotes, all)
	}
	for _, r := range results(t, p.File.Path()) {
		v, _ := r.Value(UnitViolations)
		if want := map[bool]float64{true: 1}[strings.Contains(r.Name.String(), "leaky")]; v != want {
			t.Errorf("%s: %v violations, want %v", r.Name, v, want)
		}
	}
}

func TestInterruptKeepsWhatWasFinished(t *testing.T) {
	m := testMachine(t)
	p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Rounds = 100
	ctx, cancel := context.WithCancel(t.Context())
	d.onDone = func(samples int) {
		if samples == 5 {
			cancel()
		}
	}
	o, err := p.Run(ctx)
	if err != nil || !o.Interrupted || o.Samples != 5 {
		t.Errorf("error %v, outcome %+v: want interrupted after 5 samples", err, o)
	}
	if n := len(results(t, p.File.Path())); n != 5 {
		t.Errorf("%d results, want 5", n)
	}
	facts, err := ReadFacts(p.File.FactsPath())
	if err != nil || len(facts) != 1 || !facts[0].Interrupted || facts[0].Samples != 5 || facts[0].Seed != 42 || facts[0].Ended.IsZero() {
		t.Errorf("error %v, facts %+v", err, facts)
	}
}

// What happens to the files of a run is said when it happens: results that are gone end it,
// facts are written again.
func TestFilesRemovedDuringARun(t *testing.T) {
	m := testMachine(t)
	run := func(remove func(f *File) string) (Outcome, *diary, error) {
		p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
		p.Rounds = 10
		d.onDone = func(samples int) {
			if samples == 3 {
				if err := os.Remove(remove(p.File)); err != nil {
					t.Fatal(err)
				}
			}
		}
		o, err := p.Run(t.Context())
		return o, d, err
	}
	o, _, err := run((*File).Path)
	if !errors.As(err, new(*GoneError)) || o.Samples != 3 {
		t.Errorf("results removed after 3 samples: error %v after %d, want a GoneError at once", err, o.Samples)
	}
	var facts string
	o, d, err := run(func(f *File) string { facts = f.FactsPath(); return facts })
	if err != nil || o.Samples != 20 {
		t.Errorf("facts removed after 3 samples: error %v, %d samples, want all 20", err, o.Samples)
	}
	if len(d.warnings) != 1 || !strings.Contains(d.warnings[0], "was removed during the run") {
		t.Errorf("facts removed: warnings %q, want one that says so", d.warnings)
	}
	if runs, err := ReadFacts(facts); err != nil || len(runs) != 1 || runs[0].Samples != 20 {
		t.Errorf("facts removed: they are now %+v (%v), want those of the run", runs, err)
	}
}

func TestGOMAXPROCSHasRoomAndIsSetBack(t *testing.T) {
	m := testMachine(t)
	before := runtime.GOMAXPROCS(0)
	var during int
	w := fakeWorkload("a", func(_ workloads.Config, f *fake) error {
		role := workloads.Role{Name: "admin", Step: func() time.Duration { return time.Hour }}
		f.roles = []workloads.Role{role, role, role, role, role}
		f.work = func(_, n int) int { during = runtime.GOMAXPROCS(0); return n }
		return nil
	})
	p, _ := planOf(t, m, []*workloads.Workload{w}, 1)
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if during < 1+5+1 {
		t.Errorf("GOMAXPROCS was %d while 1 worker, 5 roles and the runner ran", during)
	}
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS is %d, was %d before the run", after, before)
	}
}

func TestBadSettingFailsBeforeTheFirstSample(t *testing.T) {
	m := testMachine(t)
	bad := fakeWorkload("bad", func(workloads.Config, *fake) error { return errors.New("planted") })
	p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("fine", nil), bad}, 1)
	_, err := p.Run(t.Context())
	var s *SetupError
	if !errors.As(err, &s) || d.done > 0 {
		t.Errorf("error %v after %d samples, want a SetupError before the first", err, d.done)
	}
	if _, err := os.Stat(p.File.FactsPath()); err == nil {
		t.Errorf("there are facts of a run that never was")
	}
}

func TestBudgetEndsBetweenRounds(t *testing.T) {
	m := testMachine(t)
	patiently(t, func() error {
		p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
		p.Rounds, p.Length.Timed, p.Budget = 1000, 20*time.Millisecond, 300*time.Millisecond
		begin := time.Now()
		o, err := p.Run(t.Context())
		took := time.Since(begin)
		if err != nil || !o.OutOfTime || o.Rounds < 1 || o.Samples != 2*o.Rounds {
			t.Errorf("error %v, outcome %+v after %v: want whole rounds, then out of time", err, o, took)
		}
		if took > 3*p.Budget {
			return fmt.Errorf("took %v with a budget of %v", took, p.Budget)
		}
		return nil
	})
}

// An interval needs so many rounds, however little time there is.
func TestLeastRoundsAreDoneWhateverTheBudget(t *testing.T) {
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Rounds, p.Least, p.Budget = 1000, 3, time.Nanosecond
	o, err := p.Run(t.Context())
	if err != nil || !o.OutOfTime || o.Rounds != 3 || o.Samples != 6 {
		t.Errorf("error %v, outcome %+v: want three rounds of two cells, then out of time", err, o)
	}
}

func TestLengthFitsTheBudget(t *testing.T) {
	for _, tt := range []struct {
		budget, extra time.Duration
		samples       int
		want          time.Duration
	}{
		{70 * time.Second, 0, 250, 200 * time.Millisecond},
		{70 * time.Second, 70 * time.Millisecond, 250, 150 * time.Millisecond},
		{72 * time.Second, 0, 24, longestTimed},
		{time.Second, time.Second, 1000, shortestTimed},
		// A warm-up takes 5 ms at least, and 100 ms at most.
		{1700 * time.Millisecond, 0, 100, 10 * time.Millisecond},
		{2900 * time.Millisecond, 0, 100, 20 * time.Millisecond},
		{82 * time.Second, 0, 100, 600 * time.Millisecond},
	} {
		l := fit(tt.budget, tt.samples, tt.extra)
		if l.Timed != tt.want {
			t.Errorf("%d samples in %v with %v extra each: timed %v, want %v", tt.samples, tt.budget, tt.extra, l.Timed, tt.want)
		}
	}
}

// The user is told before the run how long it will take. The samples are as
// long as those of the quick sweep.
func TestEstimateIsRight(t *testing.T) {
	m := testMachine(t)
	patiently(t, func() error {
		p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, m.CPUs.Sweep()...)
		p.Rounds, p.Length, p.Budget = 2, Length{}, time.Duration(2*len(p.Cells))*350*time.Millisecond
		if _, err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(d.begun)
		t.Logf("took %v, estimate %v, samples of %v", took, d.estimate, d.length)
		if took > d.estimate*12/10 || took < d.estimate*8/10 {
			return fmt.Errorf("took %v, the estimate was %v: more than 20 %% off", took, d.estimate)
		}
		if d.estimate > p.Budget*11/10 || d.estimate < p.Budget*9/10 {
			return fmt.Errorf("estimate %v with a budget of %v", d.estimate, p.Budget)
		}
		return nil
	})
}

func TestNamesFollowTheGrammar(t *testing.T) {
	w := fakeWorkload("load", nil)
	s := fakeStrategy("plain")
	for _, tt := range []struct {
		c    Cell
		want string
	}{
		{Cell{Workload: w, Strategy: s, CPUs: 2}, "Ref/workload=load/cpus=2/strategy=plain-8"},
		{Cell{Workload: w, Strategy: s, CPUs: 2, Generic: true}, "Ref/workload=load/cpus=2/strategy=plain/dispatch=generic-8"},
		{Cell{Workload: w, Settings: workloads.Settings{"hold": 5}, Strategy: s, CPUs: 16}, "Ref/workload=load/hold=5/cpus=16/strategy=plain-8"},
		{Cell{Workload: w, Settings: workloads.Settings{"hold": 0}, Strategy: s, CPUs: 1}, "Ref/workload=load/cpus=1/strategy=plain-8"},
	} {
		if got := tt.c.Name(8); got != tt.want {
			t.Errorf("name %q, want %q", got, tt.want)
		}
	}
}

func TestLoopIsTakenIfThereIsOne(t *testing.T) {
	w := fakeWorkload("load", nil)
	var used string
	sel := Selection{
		Strategies: []*strategies.Strategy{fakeStrategy("plain"), fakeStrategy("other")},
		Variants:   []Variant{{Workload: w}},
		CPUs:       []int{1},
		Loops: []workloads.Loop{{Workload: "load", Strategy: "plain", New: func(workloads.Config) (workloads.Instance, error) {
			used += "loop"
			return &fake{}, nil
		}}},
	}
	cells, err := sel.Cells()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cells[0].New(workloads.Config{}); err != nil || used != "loop" || cells[0].Generic || !cells[1].Generic {
		t.Errorf("cells %v, error %v, used %q: want plain by its loop, other by the generic workload", cells, err, used)
	}
	sel.Generic = true
	if cells, err = sel.Cells(); err != nil || !cells[0].Generic || !cells[1].Generic {
		t.Errorf("cells %v, error %v: want both generic", cells, err)
	}
}

func TestSelectionRefusesWhatBreaksTheFormat(t *testing.T) {
	good := Selection{
		Strategies: []*strategies.Strategy{fakeStrategy("plain")},
		Variants:   []Variant{{Workload: fakeWorkload("load", nil)}},
		CPUs:       []int{1},
	}
	if _, err := good.Cells(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want   string
		change func(*Selection)
	}{
		{`strategy name "per-8"`, func(s *Selection) { s.Strategies = append(s.Strategies, fakeStrategy("per-8")) }},
		{`workload name "a/b"`, func(s *Selection) { s.Variants = []Variant{{Workload: fakeWorkload("a/b", nil)}} }},
		{"outside 0 .. 1000", func(s *Selection) { s.Variants[0].Settings = workloads.Settings{"hold": -1} }},
		{"0 CPUs", func(s *Selection) { s.CPUs = []int{0} }},
		{"nothing to measure", func(s *Selection) { s.CPUs = nil }},
	} {
		s := good
		s.Variants = slices.Clone(good.Variants)
		tt.change(&s)
		if _, err := s.Cells(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one with %q", err, tt.want)
		}
	}
}

func TestUnsupportedPairsAreLeftOutWithAReason(t *testing.T) {
	w := fakeWorkload("needy", nil)
	w.Needs = []strategies.Power{strategies.PowerReader}
	ss := []*strategies.Strategy{fakeStrategy("plain")}
	us := UnsupportedPairs([]*workloads.Workload{w}, ss)
	want := []Unsupported{{"needy", "plain", `needy needs the power "reader", which plain doesn't have`}}
	if !reflect.DeepEqual(us, want) {
		t.Errorf("%v, want %v", us, want)
	}
	m := testMachine(t)
	h := m.Header(ss, []*workloads.Workload{w})
	if !slices.Contains(h, Config{"unsupported-needy-plain", want[0].Reason}) {
		t.Errorf("header %v has no line for the unsupported pair", h)
	}
}

func TestHeaderIsOneLineForEachKey(t *testing.T) {
	t.Setenv("REFBENCH_COMMIT", "abc\nBenchmarkFoo 1 1 ns/op")
	m := testMachine(t)
	for _, c := range m.Header([]*strategies.Strategy{fakeStrategy("plain")}, nil) {
		if c.Value == "" || strings.ContainsAny(c.Value, "\n\r") || strings.ContainsAny(c.Key, " \t") || c.Key != strings.ToLower(c.Key) {
			t.Errorf("config line %q: %q breaks the format", c.Key, c.Value)
		}
	}
}

// What of a run is in no part of a sample is said, so that it can be seen to be little.
func TestFactsSayTheOverhead(t *testing.T) {
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Length.Checked = time.Millisecond
	begin := time.Now()
	o, err := p.Run(t.Context())
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := ReadFacts(p.File.FactsPath())
	if err != nil || len(facts) != 1 {
		t.Fatalf("facts %+v (%v), want those of one run", facts, err)
	}
	f := facts[0]
	if within := time.Duration(o.Samples) * 4 * time.Millisecond; f.WallNS-f.OverheadNS != within {
		t.Errorf("wall %v, overhead %v: want all but the %v of %d samples of 1 ms + 2 ms + 1 ms", f.WallNS, f.OverheadNS, within, o.Samples)
	}
	if f.WallNS > took || f.WallNS < f.OverheadNS || f.OverheadNS <= 0 {
		t.Errorf("wall %v, overhead %v of a run that took %v", f.WallNS, f.OverheadNS, took)
	}
}
