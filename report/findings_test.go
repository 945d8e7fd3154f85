package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// samples returns lines of getput on some CPUs with the given times in nanoseconds.
func samples(strategy string, cpus int, extra string, ns ...float64) string {
	var b strings.Builder
	for _, t := range ns {
		fmt.Fprintf(&b, "BenchmarkRef/workload=getput/cpus=%d/strategy=%s-2\t1000\t%g ns/op\t%g ops/s\t%s\n", cpus, strategy, t, 1e9/t, extra)
	}
	return b.String()
}

func near(ns float64) []float64 {
	return []float64{ns * 0.98, ns * 0.99, ns, ns * 1.01, ns * 1.02, ns, ns}
}

func TestWhatIsFastestInWords(t *testing.T) {
	ok := "0 violations"
	for _, tt := range []struct {
		name, text, want string
	}{
		{"clear", samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(5)...),
			"at 1 CPU, b is the fastest: 5.000 ns per operation, 2.00× as fast as a, the next"},
		{"the same", samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(10.1)...),
			"at 1 CPU, no measurable difference between a and b"},
		{"two of three", samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(10.1)...) + samples("c", 1, ok, near(20)...),
			"at 1 CPU, no measurable difference between a and b, which are ahead of the rest"},
		{"slower median, wider interval", samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(11)...) + samples("c", 1, ok, 5, 6, 7, 12, 13, 14, 15),
			"at 1 CPU, no measurable difference between a and c, which are ahead of the rest"},
		{"intervals touch, the test differs", samples("a", 1, ok, 9.8, 9.9, 10, 10, 10, 10.1, 10.2) + samples("b", 1, ok, 10.2, 10.5, 10.6, 10.6, 10.6, 10.7, 10.8),
			"at 1 CPU, a is the fastest: 10.00 ns per operation, 1.06× as fast as b, the next"},
		{"too few for so many", samples("a", 1, ok, 1, 2, 3, 4) + samples("b", 1, ok, 7, 8, 9, 10) + samples("c", 1, ok, 7, 8, 9, 10),
			"at 1 CPU, too few samples to say which is fastest"}, // 3 pairs × 2/70
		{"just no touch", samples("a", 1, ok, 9.8, 9.9, 10, 10, 10, 10.1, 10.2) + samples("b", 1, ok, 10.21, 10.5, 10.6, 10.6, 10.6, 10.7, 10.8),
			"at 1 CPU, a is the fastest: 10.00 ns per operation, 1.06× as fast as b, the next"},
		{"violations aren't ranked", samples("a", 1, ok, near(10)...) + samples("b", 1, "1 violations", near(5)...) + samples("c", 1, ok, near(20)...),
			"at 1 CPU, a is the fastest: 10.00 ns per operation, 2.00× as fast as c, the next"},
		{"one left", samples("a", 1, ok, near(10)...) + samples("b", 1, "1 violations", near(5)...),
			"at 1 CPU, only a can be ranked"},
		{"none left", samples("a", 1, "1 violations", near(5)...),
			"at 1 CPU, nothing to rank: no strategy has both usable samples and no violations"},
		{"too few", samples("a", 1, ok, 1, 2) + samples("b", 1, ok, 9, 10),
			"at 1 CPU, too few samples to say which is fastest"},
		{"a baseline isn't ranked", "baseline-c: nothing\n" + samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(5)...) + samples("c", 1, "", near(1)...),
			"at 1 CPU, b is the fastest: 5.000 ns per operation, 2.00× as fast as a, the next"},
		{"excluded", samples("a", 1, ok, near(10)...) + samples("b", 1, "1 shared", near(5)...),
			"at 1 CPU, only a can be ranked"},
		{"spans", samples("a", 1, ok, near(5)...) + samples("b", 1, ok, near(10)...) +
			samples("a", 2, ok, near(10)...) + samples("b", 2, ok, near(5)...) + samples("a", 4, ok, near(20)...) + samples("b", 4, ok, near(5)...),
			"at 1 CPU, a is the fastest: 5.000 ns per operation, 2.00× as fast as b, the next|" +
				"from 2 to 4 CPUs, b is the fastest: 2.00× as fast as the next at 2, 4.00× at 4"},
	} {
		s := readBytes(t, []byte(header+tt.text))
		if got := strings.Join(s.fastest(s.Tables[0]), "|"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestRatioNeedsTwoRightCells(t *testing.T) {
	ok := "0 violations"
	for _, tt := range []struct {
		name, text  string
		ratio       float64
		differs, ok bool
	}{
		{"twice as fast", samples("atomic", 1, ok, near(10)...) + samples("percpu", 1, ok, near(5)...), 2, true, true},
		{"the same", samples("atomic", 1, ok, near(10)...) + samples("percpu", 1, ok, near(10)...), 1, false, true},
		{"violations", samples("atomic", 1, ok, near(10)...) + samples("percpu", 1, "1 violations", near(5)...), 0, false, false},
		{"violations of the first", samples("atomic", 1, "1 violations", near(10)...) + samples("percpu", 1, ok, near(5)...), 0, false, false},
		{"all excluded", samples("atomic", 1, ok, near(10)...) + samples("percpu", 1, "1 shared", near(5)...), 0, false, false},
	} {
		s := readBytes(t, []byte(header+tt.text))
		ratio, differs, ok := s.Ratio(cellOf(t, s, "getput", 1, "percpu"))
		if fmt.Sprintf("%.3f %v %v", ratio, differs, ok) != fmt.Sprintf("%.3f %v %v", tt.ratio, tt.differs, tt.ok) {
			t.Errorf("%s: ratio %v, differs %v, ok %v; want %v, %v, %v", tt.name, ratio, differs, ok, tt.ratio, tt.differs, tt.ok)
		}
	}
}

// A zero is never shown as a bare tick, and a violation never as a small number
// among others.
func TestTableShowsBoundsAndViolations(t *testing.T) {
	s := readBytes(t, []byte(header+line("atomic", 1_200_000_000, "12 ns/op 0 violations")+line("percpu", 1000, "4 ns/op 2 violations 2 leak")))
	var b strings.Builder
	if err := Text(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"0 in 1.2e9", "< 2.5 per 10^9", "!! 2 VIOLATIONS", "in 1000, not ranked",
		"! violations: getput, 1 CPU, percpu: 2 VIOLATIONS in 1000 (leak 2)",
		"no violation by atomic in 1.2e9 checked operations: fewer than 2.5 per 10^9, with 95 % confidence if operations are independent",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, b.String())
		}
	}
}

func TestThroughputOfLinesWithTimesOnly(t *testing.T) {
	s := readBytes(t, []byte(line("atomic", 1, "10 ns/op")+line("percpu", 1, "10 ns/op 2e8 ops/s")))
	if o := s.Throughput(cellOf(t, s, "getput", 1, "atomic")); o == nil || math.Abs(o.Center/1e8-1) > 1e-9 || !math.IsInf(o.Lo, -1) || !math.IsInf(o.Hi, 1) {
		t.Errorf("throughput of 10 ns/op is %+v, want 1e8 without bounds", o)
	}
	if o := s.Throughput(cellOf(t, s, "getput", 1, "percpu")); o.Center != 2e8 {
		t.Errorf("throughput is %v, want what the line says, 2e8", o.Center)
	}
}
