package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const header = `format: refbench/1
goos: linux
promise-atomic: limit=2147483647 overflow=wraps
promise-percpu: limit=9223372036854775807 overflow=wraps
Unit ns/op better=lower
Unit ops/s better=higher
Unit violations better=lower assume=exact
Unit leak better=lower assume=exact of=violations
`

// line returns a result line of getput on one CPU.
func line(strategy string, iters int, values string) string {
	return fmt.Sprintf("BenchmarkRef/workload=getput/cpus=1/strategy=%s-2\t%d\t%s\n", strategy, iters, values)
}

func cellOf(t *testing.T, s *Set, workload string, cpus int, strategy string) *Cell {
	t.Helper()
	for _, c := range s.Cells() {
		if c.Row.Table.Text == workload && c.Row.Short == fmt.Sprint(cpus) && c.Column().Text == strategy {
			return c
		}
	}
	t.Fatalf("no cell %q, %d, %q among %d", workload, cpus, strategy, len(s.Cells()))
	return nil
}

func texts(ls []*Label) (out []string) {
	for _, l := range ls {
		out = append(out, l.Text)
	}
	return out
}

func TestBadLinesAreNamedAndTheRestIsUsed(t *testing.T) {
	good := line("atomic", 1000, "12 ns/op 0 violations")
	for _, tt := range []struct {
		name string
		bad  string
		want string // in the problem
	}{
		{"foreign text", "hello there\n", `not a line of the benchmark format: "hello there"`},
		{"another benchmark", "BenchmarkSort-8 100 12 ns/op\n", `another benchmark, "Sort-8"`},
		{"no strategy", "BenchmarkRef/workload=getput/cpus=1-2 100 12 ns/op\n", "no strategy="},
		{"no workload", "BenchmarkRef/cpus=1/strategy=atomic-2 100 12 ns/op\n", "no workload="},
		{"no cpus", "BenchmarkRef/workload=getput/strategy=atomic-2 100 12 ns/op\n", "no cpus="},
		{"zero cpus", "BenchmarkRef/workload=getput/cpus=0/strategy=atomic-2 100 12 ns/op\n", "cpus=0 is not a number from 1"},
		{"strategy twice", "BenchmarkRef/workload=getput/cpus=1/strategy=a/strategy=b-2 100 12 ns/op\n", "strategy= stands twice"},
		{"no measurement", "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 100\n", "missing measurements"},
		{"no unit", "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 100 12\n", "missing units"},
		{"iterations", "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 many 12 ns/op\n", "parsing iteration count"},
		{"negative time", line("atomic", 1, "-3 ns/op"), "is not a measurement"},
		{"not a number", line("atomic", 1, "NaN ns/op"), "is not a measurement"},
		{"infinite", line("atomic", 1, "Inf ns/op"), "is not a measurement"},
		{"long line", "Benchmark" + strings.Repeat("x", 100_000) + "\n", "longer than"},
		{"unit line", "Unit ns/op better\n", "expected key=value"},
		{"contradicting unit", "Unit ns/op better=higher\n", "already set to lower"},
		{"another format", "format: refbench/9\n", `format is "refbench/9"`},
		{"zero bytes", "\x00\x00\x00\n", "not a line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Before and after the bad line there is a good one.
			s := readBytes(t, []byte(header+good+tt.bad+good))
			if n := cellOf(t, s, "getput", 1, "atomic").Samples; n != 2 {
				t.Errorf("%d samples are used, want the 2 good ones", n)
			}
			if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Text, tt.want) {
				t.Fatalf("problems are %v, want one with %q", s.Problems, tt.want)
			}
			if want := strings.Count(header, "\n") + 2; s.Problems[0].Line != want || s.Problems[0].File != "test.txt" {
				t.Errorf("the problem is at %s:%d, want test.txt:%d", s.Problems[0].File, s.Problems[0].Line, want)
			}
		})
	}
}

func TestGoTestOutputIsNoProblem(t *testing.T) {
	s := readBytes(t, []byte("goos: linux\npkg: example.com/x\nBenchmarkRef/workload=getput/cpus=1/strategy=atomic-2\n"+
		line("atomic", 1000, "12 ns/op")+"PASS\nok  \texample.com/x\t1.2s\n\n"))
	if s.ProblemCount != 0 {
		t.Errorf("problems with what go test prints: %v", s.Problems)
	}
}

// A writer that is killed leaves a prefix of the file. At every byte of the last
// line, the lines before it are used, and a shortened number never is.
func TestFileCutAnywhereInItsLastLine(t *testing.T) {
	first := line("atomic", 1000, "12.5 ns/op 8e+07 ops/s 17 violations 0 leak")
	text := header + first + first
	for n := len(header + first); n <= len(text); n++ {
		s := readBytes(t, []byte(text[:n]))
		c := cellOf(t, s, "getput", 1, "atomic")
		whole := n >= len(text)-1 // all but the newline, or all
		switch {
		case whole && (c.Samples != 2 || c.Violations != 34 || s.ProblemCount != 0):
			t.Errorf("whole line: %d samples, %v violations, problems %v", c.Samples, c.Violations, s.Problems)
		case !whole && (c.Samples != 1 || c.Violations != 17):
			t.Errorf("cut to %q: %d samples, %v violations, want 1 and 17", text[len(header+first):n], c.Samples, c.Violations)
		case !whole && n > len(header+first) && s.ProblemCount != 1:
			t.Errorf("cut to %q: problems are %v, want one", text[len(header+first):n], s.Problems)
		}
	}
}

func TestMissingAndEmptyFilesAreErrors(t *testing.T) {
	dir := t.TempDir()
	empty, foreign := filepath.Join(dir, "empty.txt"), filepath.Join(dir, "foreign.txt")
	os.WriteFile(empty, nil, 0o666)
	os.WriteFile(foreign, []byte("one\ntwo\n"), 0o666)
	for path, want := range map[string]string{
		filepath.Join(dir, "none.txt"): "no such file",
		dir:                            "is a directory",
		empty:                          "no result in it",
		foreign:                        "no usable result (2 problems; first: " + foreign + ":1",
	} {
		_, err := Read([]string{path}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%s): error %v, want one with %q", path, err, want)
		}
	}
}

func TestSettingsAndDispatchAreTheirOwnCells(t *testing.T) {
	s := readBytes(t, []byte(`BenchmarkRef/workload=getput/objects=64/try=50/cpus=2/strategy=percpu/dispatch=generic-2 10 3 ns/op
BenchmarkRef/workload=getput/cpus=2/strategy=percpu-2 10 2 ns/op
BenchmarkRef/workload=getput/objects=128/cpus=2/strategy=percpu-2 10 2 ns/op
`))
	cellOf(t, s, "getput objects=64 try=50", 2, "percpu (generic)")
	cellOf(t, s, "getput", 2, "percpu")
	want := []string{"getput", "getput objects=64 try=50", "getput objects=128"}
	if fmt.Sprint(texts(s.layout.table.List)) != fmt.Sprint(want) {
		t.Errorf("workloads are %q, want natural order %q", texts(s.layout.table.List), want)
	}
}

func TestStrategiesStandInTheOrderOfTheirPromises(t *testing.T) {
	s := readBytes(t, []byte("promise-zeta: limit=1\npromise-atomic: limit=1\n"+
		line("other", 1, "1 ns/op")+line("atomic", 1, "1 ns/op")+
		"BenchmarkRef/workload=getput/cpus=1/strategy=zeta/dispatch=generic-2 1 1 ns/op\n"+line("zeta", 1, "1 ns/op")))
	if got, want := fmt.Sprint(texts(s.Columns)), "[zeta zeta (generic) atomic other]"; got != want {
		t.Errorf("strategies are %s, want %s", got, want)
	}
}

func TestSharedSampleCountsForCorrectnessOnly(t *testing.T) {
	s := readBytes(t, []byte(header+
		line("atomic", 1000, "12 ns/op 0 violations 0 shared")+
		line("atomic", 1000, "99 ns/op 5 violations 1 shared")))
	c := cellOf(t, s, "getput", 1, "atomic")
	if got := s.Time(c).Center; got > 13e-9 {
		t.Errorf("median is %v s: the shared sample was averaged in", got)
	}
	if c.Samples != 1 || len(c.Excluded) != 1 {
		t.Errorf("%d samples used and %d excluded, want 1 and 1", c.Samples, len(c.Excluded))
	}
	if c.Violations != 5 || c.Checked != 2000 {
		t.Errorf("%v violations in %v, want 5 in 2000: a violation counts in a shared sample too", c.Violations, c.Checked)
	}
	// The filter takes away the unit that says so.
	b, err := newBuilder(Options{Filter: ".unit:ns/op"})
	if err != nil {
		t.Fatal(err)
	}
	b.read("x", strings.NewReader(line("atomic", 1, "99 ns/op 1 shared")+line("atomic", 1, "12 ns/op 0 shared")), nil)
	if s, err = b.set(); err != nil {
		t.Fatal(err)
	}
	if got := s.Time(cellOf(t, s, "getput", 1, "atomic")).Center; got > 13e-9 {
		t.Errorf("with a filter on ns/op the median is %v s: the shared sample was averaged in", got)
	}
}

func TestCheckedOperations(t *testing.T) {
	for _, tt := range []struct {
		values              string
		checked, violations float64
		want                string
	}{
		{"1 ns/op", 0, 0, "not checked"},
		{"1 ns/op 0 violations", 2.5e6, 0, "0 in 2.5e6, < 1.2 per 10^6"},
		{"1 ns/op 0 violations 1000 ops-checked", 1000, 0, "0 in 1000, < 3 per 10^3"},
		{"1 ns/op 1 violations 1 ops-checked", 1, 1, "1 VIOLATION in 1"},
		{"1 ns/op 3 violations 3 leak", 2.5e6, 3, "3 VIOLATIONS in 2.5e6 (leak 3)"},
		{"1 ns/op 0 violations 2 ops-checked", 2, 0, "0 in 2, < 1 per operation"},
		// Kinds count where violations leaves them out.
		{"1 ns/op 1 violations 3 leak 1000 ops-checked", 1000, 3, "3 VIOLATIONS in 1000 (leak 3)"},
		{"1 ns/op 3 leak 2 double-free 1000 ops-checked", 1000, 5, "5 VIOLATIONS in 1000 (leak 3, double-free 2)"},
		{"1 ns/op 9 violations 3 leak 2 double-free 1000 ops-checked", 1000, 9, "9 VIOLATIONS in 1000 (leak 3, double-free 2)"},
	} {
		s := readBytes(t, []byte(header+"Unit double-free better=lower assume=exact of=violations\n"+line("atomic", 2_500_000, tt.values)))
		c := cellOf(t, s, "getput", 1, "atomic")
		if c.Checked != tt.checked || c.Violations != tt.violations || c.Correctness() != tt.want {
			t.Errorf("%s: %v of %v, %q; want %v of %v, %q", tt.values, c.Violations, c.Checked, c.Correctness(), tt.violations, tt.checked, tt.want)
		}
	}
}

func TestWarningsTravelWithTheCell(t *testing.T) {
	many := func(values ...string) string {
		var b strings.Builder
		for _, v := range values {
			b.WriteString(line("atomic", 1000, v))
		}
		return b.String()
	}
	ns := func(times ...float64) (out []string) {
		for _, v := range times {
			out = append(out, fmt.Sprintf("%g ns/op", v))
		}
		return out
	}
	for _, tt := range []struct {
		name, text, want string
	}{
		{"too few", many(ns(1, 1.1, 1.2)...), "need >= 6 samples"},
		{"two modes", many(ns(1, 1.01, 1.02, 1.0, 1.03, 1.8, 1.81, 1.82, 1.83, 1.8)...), "two modes: 5 samples near 1.010 ns, 5 near 1.810 ns"},
		{"one mode", many(ns(1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9)...), ""},
		{"one outlier", many(ns(1, 1.01, 1.02, 1.03, 1.01, 1.02, 1.03, 1, 1, 9)...), ""},
		{"not parallel", many("1 ns/op 0.53 parallel"), "each had 53 % of a CPU"},
		{"overlap", many("1 ns/op 40 overlap-%"), "only 40 % of the timed part"},
		{"excluded", many("1 ns/op 1 shared"), "1 sample excluded"},
		{"mixed commits", "commit: a\n" + many("1 ns/op") + "commit: b\n" + many("1 ns/op"), "samples vary in commit"},
		{"mixed GOMAXPROCS", many("1 ns/op") + "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-8 1 1 ns/op\n", "samples vary in GOMAXPROCS"},
	} {
		s := readBytes(t, []byte(header+tt.text))
		got := strings.Join(cellOf(t, s, "getput", 1, "atomic").Warnings, "; ")
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: warnings are %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestUntrustedTextIsMadeHarmless(t *testing.T) {
	s := readBytes(t, []byte("cpu: \x1b[2J\xff evil\u202ename\n"+line("a\x1b[31mb", 1, "1 ns/op")+"\x1b]0;title\n"))
	var b bytes.Buffer
	if err := Text(&b, s); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\u202e", "\xff"} {
		if strings.Contains(b.String(), bad) || strings.Contains(fmt.Sprint(s.Facts, s.Problems), bad) {
			t.Errorf("output has %q from the file", bad)
		}
	}
}

// What a unit counts is said by the unit. Another program's exact unit of which less is
// better, as allocations or retries, is no violation.
func TestOnlyUnitsThatSaySoCountViolations(t *testing.T) {
	for _, tt := range []struct {
		unit, metadata string
		want           float64
	}{
		{"retries", "better=lower assume=exact", 0},
		{"allocs/op", "better=lower assume=exact", 0},
		{"leak", "better=lower assume=exact", 0},
		{"leak", "better=lower assume=exact of=violations", 3},
		{"leak", "of=violations", 3},
		{"leak", "of=something", 0},
		{"violations", "better=lower", 3},
	} {
		s := readBytes(t, fmt.Appendf(nil, "Unit %s %s\n%s", tt.unit, tt.metadata, line("a", 1000, "1 ns/op 3 "+tt.unit)))
		c := cellOf(t, s, "getput", 1, "a")
		if c.Violations != tt.want {
			t.Errorf("3 %s with %q: %v violations, want %v", tt.unit, tt.metadata, c.Violations, tt.want)
		}
	}
}
