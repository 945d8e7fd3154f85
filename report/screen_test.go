package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

func screen(t *testing.T, file []byte, around ...string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Screen(&b, readBytes(t, file), around...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// However much was measured, and whatever it is called, what was found stands on one
// screen, and what has no room there is counted.
func TestScreenIsOne(t *testing.T) {
	for _, cpus := range [][]int{{1}, {1, 2}, {1, 2, 4, 8, 16, 48, 96, 192}} {
		for _, ns := range []int{1, 4, 20, 40} {
			for _, nw := range []int{1, 14, 40} {
				g := synthetic{seed: 1, cpus: cpus, samples: 7}
				for i := range ns {
					g.strategies = append(g.strategies, fmt.Sprintf("strategy%d", i))
				}
				for i := range nw {
					g.workloads = append(g.workloads, fmt.Sprintf("load%d/objects=%d/hold=100", i, 1<<i))
				}
				around := []string{"Left out: 3 CPU counts.", "results: somewhere/results.txt", "report:  somewhere/index.html"}
				got := screen(t, g.bytes(), around...)
				lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
				if len(lines) > ScreenLines {
					t.Errorf("%d CPU counts, %d strategies, %d workloads: %d lines, want at most %d:\n%s", len(cpus), ns, nw, len(lines), ScreenLines, got)
				}
				for _, l := range lines {
					if n := text.StringWidthWithoutEscSequences(l); n > ScreenColumns {
						t.Errorf("%d CPU counts, %d strategies, %d workloads: %d columns, want at most %d: %q", len(cpus), ns, nw, n, ScreenColumns, l)
					}
				}
				shown := strings.Count(got, "\nload")
				if more := fmt.Sprintf("and %d more", nw-shown); shown < nw && !strings.Contains(got, more) || shown == 0 {
					t.Errorf("%d CPU counts, %d strategies, %d workloads: %d are shown, and not %q:\n%s", len(cpus), ns, nw, shown, more, got)
				}
				if !strings.HasSuffix(got, strings.Join(around, "\n")+"\n") {
					t.Errorf("it doesn't end with what stands around it:\n%s", got)
				}
			}
		}
	}
}

// A row says what is fastest and by how much, a tie as a tie, and what is wrong.
func TestScreenSaysWhatWasFound(t *testing.T) {
	var b strings.Builder
	b.WriteString(header)
	line := func(workload string, cpus int, strategy string, round int, ns float64, rest string) {
		fmt.Fprintf(&b, "BenchmarkRef/workload=%s/cpus=%d/strategy=%s-2 1000 %g ns/op %d round %s\n", workload, cpus, strategy, ns, round, rest)
	}
	for i := range 8 {
		d := float64(i) / 100
		ok := "0 shared 0 violations 500 ops-checked"
		line("clear", 1, "atomic", i+1, 10+d, ok)
		line("clear", 1, "percpu", i+1, 20+d, ok)
		line("clear", 1, "slow", i+1, 30+d, ok)
		line("tie", 1, "atomic", i+1, 10+d, ok)
		line("tie", 1, "percpu", i+1, 10.001+d, ok)
		line("tie", 1, "slow", i+1, 30+d, ok)
		line("wrong", 1, "atomic", i+1, 10+d, "0 shared 1 violations 500 ops-checked")
		line("wrong", 1, "percpu", i+1, 20+d, ok)
		line("shared", 1, "atomic", i+1, 10+d, "1 shared 0 violations")
		line("shared", 1, "percpu", i+1, 10+d, "1 shared 0 violations")
		if i == 0 {
			line("few", 1, "atomic", 1, 10, ok)
			line("few", 1, "percpu", 1, 20, ok)
		}
		line("clear", 2, "atomic", i+1, 20+d, ok)
		line("clear", 2, "percpu", i+1, 10+d, ok)
	}
	got := screen(t, []byte(b.String()))
	for _, want := range []string{
		"workload 1 CPU ", "2 CPUs ", "violations\nwrong ",
		"clear    atomic 2.0..3.0×", "percpu 2.0× ", "tie      atomic=percpu 3.0×",
		"wrong    only percpu", " 8 !\n", "shared   all excluded", "few      too few samples",
		"16 of 98 samples are excluded: something else used their CPUs.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the screen has no %q", want)
		}
	}
	if t.Failed() {
		t.Log("\n" + got)
	}
}

// What is said around the table fits whole: of cells measured twice, of pairs that can't run.
func TestNotesOfAScreenAreWhole(t *testing.T) {
	file := strings.Replace(twice(0), header, header+"unsupported-handoff-percpu: no power\n", 1)
	got := screen(t, []byte(file))
	if strings.Contains(got, "…") || !strings.Contains(got, "Noise floor: 2 cells measured twice differed by up to 25 %.\n") || !strings.Contains(got, "Not run: 1 pair that can't be: --verbose says why.\n") {
		t.Errorf("a note is cut or missing:\n%s", got)
	}
}

// As many warnings as there is room for are shown, or one and how many more there are.
func TestScreenOfManyWarnings(t *testing.T) {
	for n := range 5 {
		s := &Set{}
		for i := range n {
			s.Warnings = append(s.Warnings, fmt.Sprintf("warning %d", i+1))
		}
		want := []string{"! Warning 1.", "! Warning 2."}[:min(n, 2)]
		if n > 2 {
			want = []string{"! Warning 1.", fmt.Sprintf("! %d warnings more: --verbose has them.", n-1)}
		}
		var got []string
		for _, l := range s.screenNotes() {
			if strings.HasPrefix(l, "! ") {
				got = append(got, l)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d warnings: %q, want %q", n, got, want)
		}
	}
}

// Machines and commits that are mixed are counted, not named.
func TestScreenNamesTheMachine(t *testing.T) {
	for commits, want := range map[string]string{
		"commit: 0123456789abcdef0123456789abcdef01234567+dirty\n": "commit 0123456789ab+dirty",
		"commit: v1.2.3\n": "commit v1.2.3",
	} {
		got := screen(t, []byte("format: refbench/1\ncpu: EPYC\ncpus: 2\nkernel: Linux 6.18.44-cloud\ngo: go1.26.8\n"+commits+"BenchmarkRef/workload=a/cpus=1/strategy=b-2 10 5 ns/op\n"))
		if line := "On EPYC, 2 CPUs, Linux 6.18.44, go1.26.8, " + want + "\n"; !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	got := screen(t, []byte("format: refbench/1\ncpu: EPYC\nBenchmarkRef/workload=a/cpus=1/strategy=b-2 10 5 ns/op\ncpu: Xeon\nBenchmarkRef/workload=a/cpus=1/strategy=b-2 10 5 ns/op\n"))
	if !strings.Contains(got, "On machine 1: EPYC\nOn machine 2: Xeon\n") {
		t.Errorf("two machines aren't named:\n%s", got)
	}
}

// Machines with other numbers of CPUs have their own in the columns: each shows its first, a middle
// and its last.
func TestEachMachineHasItsCounts(t *testing.T) {
	var b strings.Builder
	for _, m := range []struct {
		cpu  string
		cpus []int
	}{{"EPYC", []int{1, 2}}, {"Xeon", []int{1, 4, 8, 16}}, {"Neoverse", []int{64}}} {
		fmt.Fprintf(&b, "cpu: %s\n", m.cpu)
		for _, n := range m.cpus {
			b.WriteString(samples("a", n, "0 violations", near(10)...) + samples("b", n, "0 violations", near(5)...))
		}
	}
	got := strings.Join(strings.Fields(screen(t, []byte(b.String()))), " ")
	for _, want := range []string{
		"workload fewest CPUs some most CPUs violations ",
		" getput on machine 1 1: b 2.0× - 2: b 2.0× 0 ",
		" getput on machine 2 1: b 2.0× 8: b 2.0× 16: b 2.0× 0 ",
		" getput on machine 3 64: b 2.0× - - 0 ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the screen has no %q:\n%s", want, got)
		}
	}
}
