package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twice returns a file with cells of which some were measured twice.
func twice(violations int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range 8 {
		for _, name := range []string{"getput/cpus=1/strategy=atomic", "getput/cpus=1/strategy=atomic+control", "getput/cpus=1/strategy=percpu", "handoff/cpus=2/strategy=percpu", "handoff/cpus=2/strategy=percpu+control/dispatch=generic", "handoff/cpus=2/strategy=percpu/dispatch=generic"} {
			time, bad := 100, 0
			switch {
			case strings.Contains(name, "atomic+control"):
				time, bad = 104, violations
			case strings.Contains(name, "percpu+control"):
				time = 80
			}
			fmt.Fprintf(&b, "BenchmarkRef/workload=%s-2 1000 %d.%d ns/op 0 shared %d round %d violations 500 ops-checked\n", name, time, i, i+1, bad)
		}
	}
	return b.String()
}

func TestNoiseFloorIsThatOfCellsMeasuredTwice(t *testing.T) {
	s := readBytes(t, []byte(twice(0)))
	d, n := s.NoiseFloor()
	if n != 2 || math.Abs(d-100.35/80.35+1) > 1e-9 {
		t.Errorf("noise floor %v of %d cells, want %v of 2", d, n, 100.35/80.35-1)
	}
	const want = "oise floor of this run: the same cell measured twice differed by 25 % (worst of 2 cells)"
	var text, page, asJSON bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := writePage(&page, s, sections()); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&asJSON, s); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{"text": text.String(), "page": page.String()} {
		if !strings.Contains(got, want) || strings.Contains(got, controlSuffix) {
			t.Errorf("the %s has the noise floor: %v, and control cells: %v; want %q and none", what, strings.Contains(got, want), strings.Contains(got, controlSuffix), want)
		}
	}
	if found := strings.Index(text.String(), "\nFound:"); found < strings.Index(text.String(), want) {
		t.Error("the noise floor stands after what was found, want before it")
	}
	var doc struct {
		Noise struct {
			Difference float64 `json:"difference_percent"`
			Cells      []struct {
				Strategy string
				Again    float64 `json:"again_ns"`
			}
		} `json:"noise_floor"`
	}
	if err := json.Unmarshal(asJSON.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if n := doc.Noise; math.Abs(n.Difference-100*d) > 1e-6 || len(n.Cells) != 2 || n.Cells[0].Strategy != "atomic" || n.Cells[1].Strategy != "percpu (generic)" || math.Abs(n.Cells[1].Again-80.35) > 1e-6 {
		t.Errorf("JSON says %+v, want %v %% of atomic and percpu (generic)", doc.Noise, 100*d)
	}
	if readTestdata(t, "old.txt").noiseLine() != "" {
		t.Error("a file without control cells has a noise floor")
	}
}

// The speed of a control cell is in no other cell, but what its checks saw is.
func TestControlCellsAreNotMixedWithTheirTwins(t *testing.T) {
	s := readBytes(t, []byte(twice(3)))
	c := cellOf(t, s, "getput", 1, "atomic")
	if got := s.Time(c).Center; math.Abs(got-100.35e-9) > 1e-15 || c.Samples != 8 {
		t.Errorf("median %v s of %d samples, want 100.35 ns of 8: the control cell is in it", got, c.Samples)
	}
	if c.Violations != 24 || c.Checked != 8000 {
		t.Errorf("%v violations in %v, want 24 in 8000: those of the control cell count", c.Violations, c.Checked)
	}
	if n := len(s.Cells()); n != 4 {
		t.Errorf("%d cells, want the 4 that are no controls", n)
	}
	cmp := Compare(s, s, CompareOptions{})
	for _, u := range cmp.Units {
		if n := len(u.Rows); n != 4 {
			t.Errorf("compare has %d rows for %s, want 4", n, u.Unit.Name)
		}
	}
	// A filter of the twin is one of the control.
	f, err := ReadFrom("x", strings.NewReader(twice(0)), Options{Filter: "/strategy:atomic"})
	if err != nil {
		t.Fatal(err)
	}
	if _, n := f.NoiseFloor(); n != 1 || len(f.Cells()) != 1 {
		t.Errorf("filtered for atomic: %d cells, %d of them twice, want 1 and 1", len(f.Cells()), n)
	}
	// Violations that only the control has aren't lost with it.
	lone := readBytes(t, []byte(header+"BenchmarkRef/workload=getput/cpus=1/strategy=atomic+control-2 1000 1 ns/op 2 violations 10 ops-checked\n"))
	if lone.Violations() != 2 {
		t.Errorf("%v violations of a control cell alone, want 2", lone.Violations())
	}
}

// asideFiles writes a result file and the samples that were excluded, which would be the
// fastest, with so many violations each. It returns the names.
func asideFiles(t *testing.T, name, aside, violations string) (path, beside string) {
	t.Helper()
	dir := t.TempDir()
	path, beside = filepath.Join(dir, name), filepath.Join(dir, aside)
	good := strings.Repeat(line("atomic", 1000, "12 ns/op 0 violations 0 shared"), 6) + strings.Repeat(line("percpu", 1000, "20 ns/op 0 violations 0 shared"), 6)
	bad := "set-aside: shared\n" + strings.Repeat(line("atomic", 1000, "9 ns/op "+violations+" violations 1 shared"), 7)
	for path, text := range map[string]string{path: header + good, beside: header + bad} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path, beside
}

func TestSamplesSetAsideAreReadWithTheirResults(t *testing.T) {
	for _, names := range [][2]string{{"r.txt", "r.shared.txt"}, {"r.out", "r.out.shared"}} {
		path, beside := asideFiles(t, names[0], names[1], "1")
		for _, paths := range [][]string{{path}, {path, beside}} {
			s, err := Read(paths, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := cellOf(t, s, "getput", 1, "atomic")
			if c.Samples != 6 || len(c.Excluded) != 7 || c.Violations != 7 || c.Checked != 13000 || s.Time(c).Center < 11e-9 {
				t.Errorf("%v: %d samples, %d excluded, %v violations in %v: want 6, 7, 7 in 13000", paths, c.Samples, len(c.Excluded), c.Violations, c.Checked)
			}
			if len(s.Warnings) > 0 {
				t.Errorf("%v: warnings %q, want none: the two files are of one run", paths, s.Warnings)
			}
		}
		alone, err := Read([]string{beside}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if c := cellOf(t, alone, "getput", 1, "atomic"); c.Samples != 0 || len(c.Excluded) != 7 {
			t.Errorf("what was excluded, alone: %d samples and %d excluded, want 0 and 7", c.Samples, len(c.Excluded))
		}
	}
}

func TestSharedSamplesAreIncludedOnlyLoudly(t *testing.T) {
	path, _ := asideFiles(t, "r.txt", "r.shared.txt", "0")
	s, err := Read([]string{path}, Options{IncludeShared: true})
	if err != nil {
		t.Fatal(err)
	}
	c := cellOf(t, s, "getput", 1, "atomic")
	if c.Samples != 13 || c.Shared != 7 || len(c.Excluded) != 0 || s.Time(c).Center > 10e-9 {
		t.Errorf("%d samples, %d of them shared, %d excluded, median %v: want 13, 7, 0 and 9 ns", c.Samples, c.Shared, len(c.Excluded), s.Time(c).Center)
	}
	var text, page bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := writePage(&page, s, sections()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"!! 7 of 13 SHARED", "7 samples are averaged in though the CPUs were SHARED"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text doesn't say %q:\n%s", want, text.String())
		}
	}
	if want := "7 SHARED"; !strings.Contains(page.String(), want) {
		t.Errorf("the page doesn't say %q", want)
	}
	for _, r := range s.Rank(c.Row).Leaders {
		if r == c {
			t.Error("a cell with shared samples is ranked")
		}
	}
}
