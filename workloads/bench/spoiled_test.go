package bench

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads"
)

// linesOf returns how many lines each strategy has in a file, 0 if there is no file.
func linesOf(t *testing.T, path string) map[string]int {
	t.Helper()
	n := make(map[string]int)
	if _, err := os.Stat(path); err != nil {
		return n
	}
	for _, r := range results(t, path) {
		n[part(r, "strategy")]++
	}
	return n
}

// part returns a part of a result's name.
func part(r *benchfmt.Result, key string) string {
	_, parts := r.Name.Parts()
	for _, p := range parts {
		if value, ok := strings.CutPrefix(string(p), "/"+key+"="); ok {
			return value
		}
	}
	return ""
}

func TestSpoiledSamplesAreRepeated(t *testing.T) {
	m := testMachine(t)
	p, d := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Rounds = 3
	spoiled := false
	p.measure = spoiling(func(c Cell) bool {
		if c.Strategy.Name != "first" {
			return false
		}
		spoiled = !spoiled // not when it is repeated
		return spoiled
	})
	o, err := p.Run(t.Context())
	if err != nil || o.Samples != 6 || o.Planned != 6 || o.Repeated != 3 || o.Shared != 3 || d.done != 6 {
		t.Errorf("error %v, outcome %+v, %d done: want 6 samples of 6, and 3 more that were spoiled", err, o, d.done)
	}
	if got := linesOf(t, p.File.Path()); got["first"] != 3 || got["second"] != 3 {
		t.Errorf("the results have %v, want 3 of each", got)
	}
	if got := linesOf(t, p.File.AsidePath()); got["first"] != 3 || got["second"] != 0 {
		t.Errorf("excluded are %v, want the 3 spoiled samples of first", got)
	}
	// Repeated are samples of the round that is just ending.
	var rounds []float64
	for _, r := range results(t, p.File.Path()) {
		v, _ := r.Value(UnitRound)
		rounds = append(rounds, v)
	}
	for i, v := range rounds {
		if want := float64(i/2 + 1); v != want {
			t.Errorf("the rounds of the lines are %v, want each of 1, 2 and 3 twice", rounds)
			break
		}
	}
	f, err := ReadFacts(p.File.FactsPath())
	if err != nil || len(f) != 1 || f[0].Samples != 6 || f[0].Shared != 3 || f[0].Repeated != 3 {
		t.Errorf("facts %+v (%v), want 6 samples, 3 repeated, 3 excluded", f, err)
	}
}

func TestWhatCannotBeRepeatedIsSetAside(t *testing.T) {
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Rounds = 12
	p.measure = spoiling(func(c Cell) bool { return c.Strategy.Name == "first" })
	o, err := p.Run(t.Context())
	if err != nil || o.Samples != 24 || o.Repeated < 1 || o.Shared != 12+o.Repeated {
		t.Errorf("error %v, outcome %+v: want 24 samples, and some repeated in vain", err, o)
	}
	if most := p.Rounds / 3; o.Repeated > most {
		t.Errorf("%d samples of a cell were taken again in %d rounds, want %d at most: a busy machine makes the run so much longer", o.Repeated, p.Rounds, most)
	}
	if got := linesOf(t, p.File.Path()); got["first"] != 0 || got["second"] != 12 {
		t.Errorf("the results have %v, want the 12 of second only", got)
	}
	if got := linesOf(t, p.File.AsidePath()); got["first"] != 12+o.Repeated {
		t.Errorf("excluded are %v, want all of first", got)
	}
	header := content(t, p.File.AsidePath())
	if want := content(t, p.File.Path()); !strings.HasPrefix(header, want[:strings.Index(want, "\nUnit")]+"\n"+SetAside+": shared\n") {
		t.Errorf("the header of the samples excluded is not that of the results, with %s: shared:\n%s", SetAside, header)
	}
}

// Samples that share CPUs by construction would be spoiled again.
func TestOversubscribedSamplesAreNotRepeated(t *testing.T) {
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, m.CPUs.Max()+1)
	p.Rounds = 1
	p.measure = nil
	o, err := p.Run(t.Context())
	if err != nil || o.Samples != 2 || o.Shared != 2 || o.Repeated != 0 {
		t.Errorf("error %v, outcome %+v: want 2 samples excluded, none repeated", err, o)
	}
	if got := linesOf(t, p.File.AsidePath()); got["first"] != 1 || got["second"] != 1 || len(linesOf(t, p.File.Path())) > 0 {
		t.Errorf("excluded are %v and the results are %v, want all excluded", got, linesOf(t, p.File.Path()))
	}
}

func TestRepeatedSamplesDontCostRounds(t *testing.T) {
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	// The budget is that of the samples alone: there is no time for others.
	p.Rounds, p.Length = 3, Length{Timed: 20 * time.Millisecond, Warm: 5 * time.Millisecond}
	p.Budget = 6 * p.Length.total()
	p.measure = spoiling(func(c Cell) bool { return true })
	o, err := p.Run(t.Context())
	if err != nil || o.Repeated > 0 {
		t.Errorf("error %v, outcome %+v: want none repeated, for want of time", err, o)
	}
	p, _ = planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	p.Budget, p.measure = time.Hour, spoiling(func(c Cell) bool { return true })
	if o, err := p.Run(t.Context()); err != nil || o.Repeated != 2*mostRepeats(p.Rounds) {
		t.Errorf("error %v, outcome %+v: want %d repeated of each cell, as there is time", err, o, mostRepeats(p.Rounds))
	}
}

// The benchstat command that go.mod pins never averages in what was excluded, even if it
// is given both files.
func TestBenchstatDoesNotSeeSpoiledSamples(t *testing.T) {
	m, f := testFile(t)
	s := testSample(t)
	spoiled := s
	spoiled.Shared, spoiled.Window = true, 7777*s.Window
	for range 8 {
		if err := errors.Join(f.Add(s), f.Add(spoiled)); err != nil {
			t.Fatal(err)
		}
	}
	stream := filepath.Join(t.TempDir(), "stream.txt")
	writeStream(t, m, stream, s, spoiled)
	for _, files := range [][]string{{f.Path()}, {f.Path(), f.AsidePath()}, {stream}} {
		out, err := exec.Command("go", append([]string{"tool", "benchstat", "-col", "/strategy", "-row", "/workload,/cpus", "-filter", ".unit:ns/op"}, files...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("benchstat: %v\n%s", err, out)
		}
		good, bad, mixed := strings.Contains(string(out), "3.333n ± 0%"), strings.Contains(string(out), "25.92µ"), strings.Contains(string(out), "± ∞")
		if !good || mixed || bad != (len(files) > 1 || files[0] == stream) {
			t.Errorf("of %d files benchstat makes\n%s\nwant 3.333n ± 0%% of the good samples, and the spoiled ones in a table of their own if at all", len(files), out)
		}
	}
}

// writeStream writes eight good and eight spoiled samples as they go to what is no regular
// file.
func writeStream(t *testing.T, m *Machine, path string, good, spoiled Sample) {
	t.Helper()
	f, err := Create(t.Context(), path, m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.regular = false
	for range 8 {
		if err := errors.Join(f.Add(good), f.Add(spoiled)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSamplesSetAsideBelongToTheirResults(t *testing.T) {
	m, f := testFile(t)
	spoiled := testSample(t)
	spoiled.Shared = true
	if err := errors.Join(f.Add(spoiled), f.Close()); err != nil {
		t.Fatal(err)
	}
	g, err := Append(t.Context(), f.Path(), m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Add(spoiled), g.Close()); err != nil {
		t.Fatal(err)
	}
	if n := len(results(t, f.AsidePath())); n != 2 {
		t.Errorf("%d samples are excluded, want the one of before and the one that was added", n)
	}
	// A writer that was killed when it had just made the file.
	if err := os.Truncate(f.AsidePath(), 0); err != nil {
		t.Fatal(err)
	}
	if g, err = Append(t.Context(), f.Path(), m, fileHeader); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Add(spoiled), g.Close()); err != nil || len(results(t, f.AsidePath())) != 1 {
		t.Errorf("after the file was empty: error %v, want one sample in it", err)
	}
	_, err = Append(t.Context(), f.AsidePath(), m, fileHeader)
	if e := new(MismatchError); !errors.As(err, &e) || e.Key != SetAside {
		t.Errorf("adding to the samples excluded: error %v, want a MismatchError for %s", err, SetAside)
	}
	if err := os.Remove(f.Path()); err != nil {
		t.Fatal(err)
	}
	_, err = Create(t.Context(), f.Path(), m, fileHeader)
	if e := new(ExistsError); !errors.As(err, &e) || e.Path != f.AsidePath() {
		t.Errorf("new results beside old samples excluded: error %v, want an ExistsError for these", err)
	}
}

func TestNamesOfSamplesSetAside(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"a.txt", "a", "a.out", "a.shared", "a.txt.txt", ".txt", "d.txt/a"} {
		aside := (&File{path: name, regular: true}).AsidePath()
		if other := seen[aside]; other != "" || !IsAside(aside) {
			t.Errorf("%s sets aside in %s, and so does %q; it is told to be such a file: %v", name, aside, other, IsAside(aside))
		}
		seen[aside] = name
	}
	if got := (&File{path: "d/a.txt", regular: true}).AsidePath(); got != "d/a.shared.txt" {
		t.Errorf("d/a.txt sets aside in %s, want d/a.shared.txt", got)
	}
}
