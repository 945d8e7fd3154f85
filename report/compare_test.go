package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/perf/benchmath"
)

// benchstat runs the benchstat command that go.mod pins.
func benchstat(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"tool", "benchstat"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("go tool benchstat %s: %v\n%s", strings.Join(args, " "), err, errOut.String())
	}
	return out.String(), errOut.String()
}

// pairs returns old and new files that have everything a comparison can meet: equal,
// better and worse cells, different numbers of samples, too few of them, cells on
// one side only, exact units that change, and zeros.
func pairs() (older, newer []byte) {
	a := synthetic{seed: 11, workloads: []string{"getput", "handoff"}, cpus: []int{1, 2}, strategies: fourStrategies(), samples: 10}
	b := a
	b.seed, b.samples, b.speed, b.commit = 12, 12, 1.01, "5678"
	b.cpus = []int{1, 2, 4}
	older, newer = a.bytes(), b.bytes()
	older = append(older, strings.Repeat("BenchmarkRef/workload=gone/cpus=1/strategy=atomic-2 10 5 ns/op 0 violations\n", 6)...)
	for i := range 3 { // too few for an interval or a verdict
		older = append(older, fmt.Sprintf("BenchmarkRef/workload=few/cpus=1/strategy=atomic-2 10 %d ns/op 0 violations\n", 5+i)...)
		newer = append(newer, fmt.Sprintf("BenchmarkRef/workload=few/cpus=1/strategy=atomic-2 10 %d ns/op 2 violations\n", 8+i)...)
	}
	older = append(older, "BenchmarkRef/workload=leaky/cpus=1/strategy=atomic-2 10 5 ns/op 4 violations\n"...)
	newer = append(newer, "BenchmarkRef/workload=leaky/cpus=1/strategy=atomic-2 10 5 ns/op 1 violations\n"...)
	return older, newer
}

func writeTemp(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompareAgreesWithBenchstat(t *testing.T) {
	older, newer := pairs()
	oldPath, newPath := writeTemp(t, "old.txt", older), writeTemp(t, "new.txt", newer)
	a, err := Read([]string{oldPath}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read([]string{newPath}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, alpha := range []float64{0.05, 0.5} {
		c := Compare(a, b, CompareOptions{Alpha: alpha, AllUnits: true})
		ours := make(map[string]Change)
		means := make(map[string]Geomean)
		for _, u := range c.Units {
			means[u.Unit.Tidied] = u.Geomean
			for _, r := range u.Rows {
				ours[fmt.Sprintf("%s: %s %s %s", u.Unit.Tidied, r.Table, r.labels[1].Short, r.Column)] = r
			}
		}
		out, _ := benchstat(t, "-alpha", fmt.Sprint(alpha), "-table", "", "-row", "/workload,/cpus,/strategy", "-col", ".file", "-format", "csv", oldPath, newPath)
		r := csv.NewReader(strings.NewReader(out))
		r.FieldsPerRecord = -1
		lines, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		unit, compared, significant := "", 0, 0
		for _, l := range lines {
			for len(l) < 7 {
				l = append(l, "")
			}
			switch {
			case l[0] == "" && l[2] == "CI":
				unit = l[1]
			case l[0] == "":
			case l[0] == "geomean":
				checkNumber(t, unit+" geomean old", means[unit].Old, l[1])
				checkNumber(t, unit+" geomean new", means[unit].New, l[3])
				ratio := ""
				if !math.IsNaN(means[unit].Ratio) {
					ratio = fmt.Sprintf("%+.2f%%", 100*(means[unit].Ratio-1))
				}
				if l[5] != ratio && l[5] != "?" {
					t.Errorf("%s geomean ratio: benchstat has %q, we have %q", unit, l[5], ratio)
				}
			default:
				key := unit + ": " + l[0]
				row, ok := ours[key]
				if !ok {
					t.Errorf("benchstat has a row %q that we don't have", key)
					continue
				}
				delete(ours, key)
				compared++
				old, now, oldCI, newCI := math.NaN(), math.NaN(), "", ""
				if row.Old != nil {
					old, oldCI = row.Old.Center, row.Old.PctRangeString()
				}
				if row.New != nil {
					now, newCI = row.New.Center, row.New.PctRangeString()
				}
				checkNumber(t, key+" old", old, l[1])
				checkNumber(t, key+" new", now, l[3])
				p := ""
				if row.Delta != "" {
					if p = fmt.Sprintf("n=%d", row.NOld); row.NOld != row.NNew {
						p = fmt.Sprintf("n=%d+%d", row.NOld, row.NNew)
					}
					if row.P != 0 {
						p = fmt.Sprintf("p=%0.3f %s", row.P, p)
					}
				}
				if oldCI != l[2] || newCI != l[4] || row.Delta != l[5] || p != l[6] {
					t.Errorf("%s: benchstat has %q, we have CI %s and %s, delta %s, %s", key, l, oldCI, newCI, row.Delta, p)
				}
				if row.Delta != "" && row.Delta != "~" {
					significant++
				}
			}
		}
		for key := range ours {
			t.Errorf("we have a row %q that benchstat doesn't have", key)
		}
		if compared < 100 || significant < 20 {
			t.Errorf("only %d rows compared, %d of them with a difference: the files have too little in them", compared, significant)
		}
	}
}

func checkNumber(t *testing.T, what string, ours float64, theirs string) {
	t.Helper()
	v, err := strconv.ParseFloat(theirs, 64)
	if theirs == "" {
		v, err = math.NaN(), nil
	}
	if err != nil || v != ours && !(math.IsNaN(v) && math.IsNaN(ours)) && math.Abs(v/ours-1) > 1e-12 {
		t.Errorf("%s: benchstat has %q, we have %v", what, theirs, ours)
	}
}

func TestBenchstatReadsOurFilesWithoutWarning(t *testing.T) {
	path := writeTemp(t, "results.txt", machine(5, 1, 2, 4).bytes())
	out, errOut := benchstat(t, "-col", "/strategy", "-row", "/workload,/cpus", "-filter", ".unit:(ns/op OR ops/s)", path)
	if errOut != "" || strings.ContainsAny(out, "¹²³") {
		t.Errorf("benchstat warns:\n%s%s", errOut, out)
	}
	if !strings.Contains(out, "lockperatomic") || !strings.Contains(out, "getput 4") {
		t.Errorf("benchstat doesn't see strategies as columns and CPU counts as rows:\n%s", out)
	}
}

func TestCompareVerdicts(t *testing.T) {
	cell := func(values string) string { return strings.Repeat(line("atomic", 10, values), 6) }
	spread := func(base int, unit string) string {
		var b strings.Builder
		for i := range 6 {
			b.WriteString(line("atomic", 10, fmt.Sprintf("%d %s", base+i, unit)))
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, older, newer string
		want               Verdict
	}{
		{"faster", spread(100, "ns/op"), spread(50, "ns/op"), Better},
		{"slower", spread(50, "ns/op"), spread(100, "ns/op"), Worse},
		{"more throughput", spread(50, "ops/s"), spread(100, "ops/s"), Better},
		{"noise", spread(100, "ns/op"), spread(101, "ns/op"), Unclear},
		{"equal times", cell("1 ns/op"), cell("1 ns/op"), Unclear},
		{"more violations", cell("0 violations"), cell("1 violations"), Worse},
		{"fewer violations", cell("2 violations"), cell("1 violations"), Better},
		{"no violations", cell("0 violations"), cell("0 violations"), Same},
		{"a violation in one sample of six", cell("0 violations"), strings.Repeat(line("atomic", 10, "0 violations"), 5) + line("atomic", 10, "1 violations"), Worse},
		{"unit without better", spread(50, "widgets"), spread(100, "widgets"), Differs},
		{"violation in a shared sample", cell("0 violations"), cell("1 violations 1 shared"), Worse},
	} {
		c := Compare(readBytes(t, []byte(header+tt.older)), readBytes(t, []byte(header+tt.newer)), CompareOptions{})
		if len(c.Units) == 0 || len(c.Units[0].Rows) != 1 || c.Units[0].Rows[0].Verdict != tt.want {
			t.Errorf("%s: got %+v, want one row %q", tt.name, c.Units, tt.want)
		}
	}
}

func TestCompareTellsMachinesAndLoneCells(t *testing.T) {
	a := readBytes(t, []byte("cpu: A\ngoos: linux\nkernel: 6.1\n"+line("atomic", 1, "1 ns/op")+line("gone", 1, "1 ns/op")))
	b := readBytes(t, []byte("cpu: B\ngoos: linux\nkernel: 6.2\n"+line("atomic", 1, "1 ns/op")+line("fresh", 1, "1 ns/op")+"junk\n"))
	c := Compare(a, b, CompareOptions{})
	for name, write := range map[string]func() string{
		"text":     func() string { var w bytes.Buffer; c.Text(&w, true); return w.String() },
		"markdown": func() string { var w bytes.Buffer; c.Markdown(&w, true); return w.String() },
		"json":     func() string { var w bytes.Buffer; c.JSON(&w); return w.String() },
	} {
		out := write()
		for _, want := range []string{"differ in cpu: A, then B", "differ in kernel: 6.1, then 6.2", "gone", "fresh", "junk"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s says nothing of %q:\n%s", name, want, out)
			}
		}
		if strings.Contains(out, "differ in goos") {
			t.Errorf("%s: goos is the same in both", name)
		}
	}
	if len(c.OnlyOld) != 1 || len(c.OnlyNew) != 1 || fmt.Sprint(c.OnlyOld[0].Key(), c.OnlyNew[0].Key()) != "getput, 1 CPU, gone getput, 1 CPU, fresh" {
		t.Errorf("only in old %v, only in new %v", c.OnlyOld, c.OnlyNew)
	}
}

func TestMarkdownKeepsUntrustedTextFromBeingMarkup(t *testing.T) {
	s := readBytes(t, []byte(line("<img/src=x>`|*b*", 1, "1 ns/op")))
	var w bytes.Buffer
	if err := Compare(s, s, CompareOptions{}).Markdown(&w, true); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<img", "`", "*b*"} {
		if strings.Contains(w.String(), bad) {
			t.Errorf("Markdown has %q:\n%s", bad, w.String())
		}
	}
}

func TestCompareJSONParses(t *testing.T) {
	older, newer := pairs()
	c := Compare(readBytes(t, older), readBytes(t, newer), CompareOptions{})
	var w bytes.Buffer
	if err := c.JSON(&w); err != nil {
		t.Fatal(err)
	}
	var back jsonComparison
	if err := json.Unmarshal(w.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Schema != CompareSchema || len(back.Units) != len(c.Units) || back.NewViolations != 7 {
		t.Errorf("schema %q, %d units, %v violations; want %q, %d, 7", back.Schema, len(back.Units), back.NewViolations, CompareSchema, len(c.Units))
	}
}

// TestCompareWarnsOfOtherContents: samples of the workload that reads files say
// little about each other if the files differ.
func TestCompareWarnsOfOtherCPUs(t *testing.T) {
	file := func(order string) *Set {
		if order != "" {
			order = "cpu-order: " + order + "\n"
		}
		s, err := ReadFrom("f", strings.NewReader("format: refbench/1\ncpu: x\n"+order+"BenchmarkRef/workload=a/cpus=1/strategy=b-2\t100\t11.4 ns/op\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, tt := range []struct {
		old, now string
		warns    bool
	}{
		{"0-3", "0-3", false}, {"0-3", "0,2,1,3", true}, {"", "0-3", false}, {"0-3", "", false}, {"", "", false},
	} {
		ws := compareWarnings(file(tt.old), file(tt.now), 0)
		want := "the workers had other CPUs, in this order: " + tt.old + ", then " + tt.now
		if warns := len(ws) > 0; warns != tt.warns || warns && !strings.HasPrefix(ws[0], want) {
			t.Errorf("CPUs %q, then %q: warnings %q, want one: %v", tt.old, tt.now, ws, tt.warns)
		}
	}
}

func TestCompareWarnsOfOtherContents(t *testing.T) {
	const unit = "Unit ns/op better=lower\n"
	key := "contents-buffers: "
	file := func(workload, contents string) *Set {
		t.Helper()
		if contents != "" {
			contents = key + contents + "\n"
		}
		set, err := Read([]string{writeTemp(t, "r.txt", fmt.Appendf(nil,
			"format: refbench/1\ncpu: x\n%s%sBenchmarkRef/workload=%s/cpus=1/strategy=atomic-2\t100\t11.4 ns/op\n", contents, unit, workload))}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	for _, tt := range []struct{ workload, old, now, want string }{
		{"buffers", "2 files", "3 files", "the files that workload buffers read differ: 2 files, then 3 files: "},
		{"buffers", "2 files", "", "the files that workload buffers read differ: 2 files, then built-in ones: "},
		{"buffers/hold=7", "", "2 files", "the files that workload buffers read differ: built-in ones, then 2 files: "},
		{"buffers", "2 files", "2 files", ""},
		{"buffers", "", "", ""},
		{"getput", "2 files", "3 files", ""}, // nothing in them read any
	} {
		got := ""
		for _, w := range Compare(file(tt.workload, tt.old), file(tt.workload, tt.now), CompareOptions{}).Warnings {
			if strings.Contains(w, "files") {
				got = w
			}
		}
		if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s, contents %q and then %q: warning %q, want %q...", tt.workload, tt.old, tt.now, got, tt.want)
		}
	}
	// Files of earlier versions don't say which workload it was.
	key = "contents: "
	const want = "the files that workloads read differ: 2 files, then built-in ones: so may what reading them takes"
	if ws := Compare(file("buffers", "2 files"), file("buffers", ""), CompareOptions{}).Warnings; !slices.Contains(ws, want) {
		t.Errorf("with a line \"contents\" the warnings are %q, want %q among them", ws, want)
	}
}

// compareTexts compares two files of lines.
func compareTexts(t *testing.T, older, newer string, opts CompareOptions) *Comparison {
	t.Helper()
	return Compare(readBytes(t, []byte(header+older)), readBytes(t, []byte(header+newer)), opts)
}

// The more rows are compared, the more of them differ by chance: a comparison in which
// nothing changed calls no row better or worse, though tests of single rows do.
func TestVerdictsAreCorrectedForTheNumberOfRows(t *testing.T) {
	a := synthetic{seed: 21, workloads: []string{"getput", "handoff", "dstcache", "churn"}, cpus: upTo(16), strategies: fourStrategies(), samples: 12}
	b := a
	b.seed = 22
	c := Compare(readBytes(t, a.bytes()), readBytes(t, b.bytes()), CompareOptions{})
	alone, called, tested := 0, 0, 0
	for _, u := range c.Units {
		for _, r := range u.Rows {
			if r.tested {
				tested++
			}
			if r.P <= c.Alpha && r.tested {
				alone++
			}
			if r.Corrected < r.P {
				t.Errorf("%s %s: corrected p %v is below p %v", u.Unit.Name, r.Key, r.Corrected, r.P)
			}
			if r.changed() {
				called++
			}
		}
	}
	if called != 0 {
		t.Errorf("%d of %d rows are called different where nothing changed", called, tested)
	}
	if alone < 5 || tested != c.Tests || tested < 500 {
		t.Errorf("by themselves %d of %d rows (%d counted) differ: the test shows nothing", alone, tested, c.Tests)
	}
}

func TestDifferencesBelowTheMinimumEffectAreNotCalledAny(t *testing.T) {
	older := samples("atomic", 1, "", near(100)...)
	newer := samples("atomic", 1, "", near(105)...)
	for _, tt := range []struct {
		effect float64
		want   Verdict
	}{{0, Worse}, {0.04, Worse}, {0.06, Small}} {
		for _, swapped := range []bool{false, true} {
			from, to, want := older, newer, tt.want
			if swapped {
				from, to = to, from
				if want == Worse {
					want = Better
				}
			}
			c := compareTexts(t, from, to, CompareOptions{MinEffect: tt.effect})
			if got := c.Units[0].Rows[0].Verdict; got != want {
				t.Errorf("5 %% with a minimum effect of %g, swapped %v: %s, want %s", tt.effect, swapped, got, want)
			}
		}
	}
	leaky := func(n int) string { return strings.Repeat(line("atomic", 10, fmt.Sprintf("%d violations", n)), 6) }
	c := compareTexts(t, leaky(100), leaky(101), CompareOptions{MinEffect: 0.5})
	if got := c.Units[0].Rows[0].Verdict; got != Worse {
		t.Errorf("one violation more in 100: %s, want %s: an exact unit has no minimum effect", got, Worse)
	}
}

func TestConclusionIsTheLastLine(t *testing.T) {
	older := samples("a", 1, "", near(10)...) + samples("b", 1, "", near(10)...) + samples("c", 1, "", near(10)...) + samples("d", 1, "", near(10)...) +
		samples("gone", 1, "", near(10)...) + samples("e", 1, "", near(10)...)
	newer := samples("a", 1, "", near(20)...) + samples("b", 1, "", near(5)...) + samples("c", 1, "", near(10)...) + samples("d", 1, "", near(10.5)...) +
		samples("e", 1, "1 shared", near(10)...)
	c := compareTexts(t, older, newer, CompareOptions{MinEffect: 0.1})
	const want = "slower: a (1 row); faster: b (1 row); 1 row below the minimum effect; 1 row inconclusive; " +
		"1 row without usable samples in one of the files; 1 cell in one of the files only"
	var w bytes.Buffer
	if err := c.Text(&w, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(w.String(), "\n"), "\n")
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("the last line is\n%s, want\n%s", got, want)
	}
	for row, shown := range map[string]bool{" a ": true, " b ": true, " c ": false, " d ": false, " e ": false} {
		if got := strings.Contains(w.String(), "│"+row); got != shown {
			t.Errorf("row %q is shown: %v, want %v:\n%s", row, got, shown, w.String())
		}
	}
	var all bytes.Buffer
	if err := c.Text(&all, true); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{" a ", " b ", " c ", " d ", " e "} {
		if !strings.Contains(all.String(), "│"+row) {
			t.Errorf("with all there is no row %q:\n%s", row, all.String())
		}
	}
	for _, want := range []string{"corrected for 4 rows (Holm), level 0.05, minimum effect 10 %", "measured one after the other"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("the text says nothing of %q:\n%s", want, w.String())
		}
	}
}

// Beside the differences stands how far the same cell, measured twice, lies apart: in the
// file in which that is more.
func TestConclusionHasTheNoiseFloor(t *testing.T) {
	older := samples("a", 1, "", near(10)...) + samples("a+control", 1, "", near(10.4)...)
	newer := samples("a", 1, "", near(20)...) + samples("a+control", 1, "", near(20.2)...)
	for _, tt := range []struct{ older, newer, want string }{
		{older, newer, "slower: a (1 row); nothing faster; noise floor 4.0 %"},
		{samples("a", 1, "", near(10)...), newer, "slower: a (1 row); nothing faster; noise floor 1.0 %"},
		{samples("a", 1, "", near(10)...), samples("a", 1, "", near(20)...), "slower: a (1 row); nothing faster"},
	} {
		if got := compareTexts(t, tt.older, tt.newer, CompareOptions{}).Conclusion(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestNothingToCompareIsSaid(t *testing.T) {
	for _, tt := range []struct{ name, older, newer, want string }{
		{"no common cell", samples("a", 1, "", 1, 2), samples("b", 1, "", 1, 2), "no cell is in both files"},
		{"all excluded", samples("a", 1, "1 shared 0 violations", 1, 2), samples("a", 1, "0 violations", 1, 2),
			"of 1 cell in both files none has a usable sample in both: the CPUs were shared with something else"},
		{"no common unit", line("a", 1, "3 widgets"), line("a", 1, "3 gadgets"), "1 cell in both files, but no unit that can be compared in both"},
		{"one usable", samples("a", 1, "1 shared", 1) + samples("b", 1, "", 1), samples("a", 1, "1 shared", 1) + samples("b", 1, "", 1), ""},
		{"violations alone", line("a", 1, "0 violations"), line("a", 1, "0 violations"), ""},
	} {
		c := compareTexts(t, tt.older, tt.newer, CompareOptions{})
		if got := c.Nothing(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if tt.want != "" && c.Conclusion() != "nothing to compare: "+tt.want {
			t.Errorf("%s: the conclusion is %q", tt.name, c.Conclusion())
		}
	}
}

// Where so many rows have so few samples that nothing could count, that is said.
func TestTooFewSamplesForSoManyRowsAreSaid(t *testing.T) {
	five := func(factor float64, names ...string) string {
		text := ""
		for _, name := range names {
			text += samples(name, 1, "", factor*1, factor*2, factor*3, factor*4, factor*5)
		}
		return text
	}
	for _, tt := range []struct {
		names []string
		want  bool
	}{
		{[]string{"a"}, false},
		{[]string{"a", "b", "c", "d", "e", "f"}, false}, // 6 × 2/252 = 0.048
		{[]string{"a", "b", "c", "d", "e", "f", "g"}, true},
	} {
		c := compareTexts(t, five(1, tt.names...), five(10, tt.names...), CompareOptions{})
		got := slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "no difference can count") })
		if got != tt.want || (c.Units[0].Rows[0].Verdict == Unclear) != tt.want {
			t.Errorf("%d rows: warned %v, verdict %s, want warned %v", len(tt.names), got, c.Units[0].Rows[0].Verdict, tt.want)
		}
	}
}

// However much changed, what a comparison comes to is one screen that ends with it.
func TestComparisonIsOneScreen(t *testing.T) {
	g := machine(1, 1, 2, 4, 8)
	g.strategies, g.workloads = strategyNames(), workloadNames()[:4]
	slower := g
	slower.seed, slower.speed = 2, 1.3
	for name, c := range map[string]*Comparison{
		"everything is slower": Compare(readBytes(t, g.bytes()), readBytes(t, slower.bytes()), CompareOptions{Alpha: 0.05}),
		"the same":             Compare(readBytes(t, g.bytes()), readBytes(t, g.bytes()), CompareOptions{Alpha: 0.05}),
		"violations": Compare(readBytes(t, g.bytes()),
			readBytes(t, bytes.ReplaceAll(g.bytes(), []byte("\t0 violations"), []byte("\t2 violations"))), CompareOptions{Alpha: 0.05}),
	} {
		var b bytes.Buffer
		if err := c.Screen(&b); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) > ScreenLines {
			t.Errorf("%s: %d lines, want at most %d:\n%s", name, len(lines), ScreenLines, got)
		}
		for _, l := range lines {
			if n := text.StringWidthWithoutEscSequences(l); n > ScreenColumns {
				t.Errorf("%s: %d columns, want at most %d: %q", name, n, ScreenColumns, l)
			}
		}
		if words := strings.Join(strings.Fields(got), " "); !strings.Contains(words, c.Conclusion()[:min(50, len(c.Conclusion()))]) {
			t.Errorf("%s: it doesn't say what it comes to, %q:\n%s", name, c.Conclusion(), got)
		}
		if (c.Violations > 0) != strings.Contains(got, "VIOLATIONS") {
			t.Errorf("%s: %v violations:\n%s", name, c.Violations, got)
		}
	}
}

// Each unit in which nothing differs is named, whichever units stand before it.
func TestUnitsThatAreTheSameAreNamed(t *testing.T) {
	unit := func(name string, v Verdict) UnitComparison {
		return UnitComparison{Unit: Unit{Name: name}, Rows: []Change{{Verdict: v, Old: new(benchmath.Summary), New: new(benchmath.Summary)}}}
	}
	c := &Comparison{Units: []UnitComparison{unit("first", Same), unit("differs", Worse), unit("last", Same), {Unit: Unit{Name: "alone"}, Rows: []Change{{Verdict: OnlyInOld}}}}}
	if got := c.same(false); !slices.Equal(got, []string{"first", "last"}) {
		t.Errorf("the same are %q, want first and last", got)
	}
	if got := c.same(true); len(got) > 0 {
		t.Errorf("all rows are shown, and %q are said to be the same", got)
	}
}
