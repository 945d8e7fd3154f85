package advice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

const header = `format: refbench/1
goos: linux
cpu: Test CPU
cpus: 4
kernel: 6.18
go: go1.26.8
commit: 1234abcd
unsupported-getput-cannot: why not
Unit ns/op better=lower
Unit violations better=lower assume=exact
`

// promised returns the line of a promise: of a plain atomic but for some fields.
func promised(strategy, but string) string {
	fields := map[string]string{}
	var order []string
	for _, text := range []string{"limit=2147483647 overflow=wraps underflow=wraps zero=immediate tryget=exact trygetrefuses=no count=exact resurrection=no progress=lockfree bytes=4 graceperiod=no typestable=no actors=no", but} {
		for f := range strings.FieldsSeq(text) {
			k, v, _ := strings.Cut(f, "=")
			if _, ok := fields[k]; !ok {
				order = append(order, k)
			}
			fields[k] = v
		}
	}
	var b strings.Builder
	b.WriteString("promise-" + strategy + ":")
	for _, k := range order {
		b.WriteString(" " + k + "=" + fields[k])
	}
	return b.String() + "\n"
}

// cell returns samples of a cell near a time.
func cell(workload, strategy string, cpus int, ns float64, more string) string {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "BenchmarkRef/workload=%s/cpus=%d/strategy=%s-4\t1000\t%g ns/op\t%s\n", workload, cpus, strategy, ns*(1+0.002*float64(i-4)), more)
	}
	return b.String()
}

const right = "0 violations 1000 ops-checked"

func read(t *testing.T, text string) *report.Set {
	t.Helper()
	s, err := report.ReadFrom("test.txt", strings.NewReader(header+text), report.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, texts ...string) *Needs {
	t.Helper()
	n, err := Parse(texts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// names returns the candidates, those that may be the cheapest with a star, and then the others
// with their reasons.
func names(a *Advice) string {
	var parts []string
	for _, c := range a.Candidates {
		name := c.Strategy
		if c.Cheapest {
			name += "*"
		}
		parts = append(parts, name)
	}
	for _, o := range a.Others {
		parts = append(parts, o.Strategy+": "+o.Reason)
	}
	return strings.Join(parts, "; ")
}

func TestCheapestThatQualifies(t *testing.T) {
	all := promised("wild", "") + promised("tame", "overflow=saturates underflow=saturates bytes=16") + promised("twin", "overflow=saturates underflow=saturates bytes=16") +
		promised("huge", "limit=4611686018427387904 bytes=304 zero=afterkill") + promised("wrong", "overflow=saturates") + promised("absent", "overflow=refuses") +
		promised("cannot", "overflow=saturates") + promised("back", "resurrection=yes") +
		cell("getput", "wild", 2, 10, right) + cell("getput", "tame", 2, 12, right) + cell("getput", "twin", 2, 12.01, right) + cell("getput", "huge", 2, 2, right) +
		cell("getput", "wrong", 2, 1, "1 violations 1000 ops-checked") + cell("getput", "back", 2, 40, "") +
		cell("getput", "tame", 1, 5, right) + cell("getput", "twin", 1, 6, right) + cell("churn", "huge", 2, 30, right) + cell("churn", "tame", 2, 20, right)
	s := read(t, all)
	for _, tt := range []struct{ needs, want, conclusion string }{
		{"", "huge*; wild; tame; twin; back; wrong: have violations in these files; absent: weren't measured under getput; cannot: can't run getput", "The cheapest of those measured under getput on 2 CPUs is huge."},
		{"zeroatonce,overflow", "tame*; twin*; wild: don't survive overflow; huge: don't see zero at once; wrong: have violations in these files; absent: weren't measured under getput; cannot: can't run getput; back: don't survive overflow", "A tie of those measured under getput on 2 CPUs: tame, twin."},
		{"overflow", "huge*; tame; twin; wild: don't survive overflow; wrong: have violations in these files; absent: weren't measured under getput; cannot: can't run getput; back: don't survive overflow", "The cheapest of those measured under getput on 2 CPUs is huge."},
		{"underflow,cpus=1", "tame*; twin; wild: don't survive a Put too many; huge: don't survive a Put too many; wrong: don't survive a Put too many; absent: don't survive a Put too many; cannot: don't survive a Put too many; back: don't survive a Put too many", "The cheapest under getput on 1 CPU is tame."},
		{"resurrects", "back*; wild: can't resurrect; tame: can't resurrect; twin: can't resurrect; huge: can't resurrect; wrong: can't resurrect; absent: can't resurrect; cannot: can't resurrect", "Only back qualifies under getput on 2 CPUs."},
		{"bytes=200,underflow,churn", "tame*; wild: don't survive a Put too many; twin: weren't measured under churn; huge: take more than 200 bytes; wrong: don't survive a Put too many; absent: don't survive a Put too many; cannot: don't survive a Put too many; back: don't survive a Put too many", "Of those measured, only tame qualifies under churn on 2 CPUs."},
		{"waitfree", "wild: aren't wait-free; tame: aren't wait-free; twin: aren't wait-free; huge: aren't wait-free; wrong: aren't wait-free; absent: aren't wait-free; cannot: aren't wait-free; back: aren't wait-free", "No strategy has all of it."},
	} {
		a, err := Of(s, parse(t, tt.needs), nil)
		if err != nil || names(a) != tt.want || a.Conclusion != tt.conclusion {
			t.Errorf("%q:\n got %s, %q, %v\nwant %s, %q", tt.needs, names(a), a.Conclusion, err, tt.want, tt.conclusion)
		}
	}
	// A check that finds a strategy broken takes it out, and the next is the cheapest.
	a, err := Of(s, parse(t, "zeroatonce,overflow"), map[string]string{"tame": "found by contract"})
	if err != nil || !strings.HasPrefix(names(a), "twin*; ") || !strings.Contains(names(a), "tame: break their promise (found by contract)") {
		t.Errorf("with tame broken: %s, %v", names(a), err)
	}
	if c := a.Candidates[0]; c.Median < 11.9 || c.Median > 12.1 || c.Low == nil || *c.Low > c.Median || *c.High < c.Median || c.Samples != 8 || c.Bytes != "16" || c.Checked != 16000 || c.Ratio != 1 {
		t.Errorf("the evidence is %+v", c)
	}
}

// Who is a tie is said by the criterion of reports.
func TestTiesAreThoseOfTheReport(t *testing.T) {
	var text strings.Builder
	for i, ns := range []float64{10, 10.01, 10.05, 10.3, 11} {
		text.WriteString(promised(fmt.Sprintf("s%d", i), "") + cell("getput", fmt.Sprintf("s%d", i), 1, ns, right))
	}
	s := read(t, text.String())
	a, err := Of(s, parse(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, c := range s.Rank(s.Tables[0].Rows[0]).Leaders {
		want = append(want, c.Column().Text)
	}
	for _, c := range a.Candidates {
		if c.Cheapest {
			got = append(got, c.Strategy)
		}
	}
	if !slices.Equal(got, want) || len(got) < 2 || len(got) == 5 {
		t.Errorf("cheapest are %v, the report's leaders %v", got, want)
	}
	one := promised("a", "") + promised("b", "") + "BenchmarkRef/workload=getput/cpus=1/strategy=a-4 10 1 ns/op\nBenchmarkRef/workload=getput/cpus=1/strategy=b-4 10 9 ns/op\n"
	if a, err := Of(read(t, one), parse(t), nil); err != nil || names(a) != "a; b" || !strings.Contains(a.Conclusion, "too few samples") {
		t.Errorf("one sample each: %s, %q, %v", names(a), a.Conclusion, err)
	}
}

// What can't be told, and files that don't fit, are said apart.
func TestFilesThatDontFit(t *testing.T) {
	file := promised("a", "") + promised("b", "") + cell("getput", "a", 1, 10, right) + cell("churn", "b", 2, 10, right)
	cant := new(CantTell)
	a, err := Of(read(t, promised("a", "overflow=saturates")+promised("b", "")+cell("getput", "b", 1, 10, right)), parse(t, "overflow"), nil)
	if !errors.As(err, &cant) || a == nil || len(a.Others) != 2 {
		t.Errorf("not measured: %v, want that it can't be told", err)
	}
	busy := promised("a", "") + cell("getput/private=1/hold=5", "a", 1, 10, right+" 1 shared")
	_, err = Of(read(t, busy), parse(t, "workload=getput:hold=5,private=1"), nil)
	if want := "something else used the CPUs while they were measured: measure again a"; !errors.As(err, &cant) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("all samples excluded: %v, want %s", err, want)
	}
	for _, tt := range []struct{ text, needs, want string }{
		{file, "cpus=3", "getput wasn't measured on 3 CPUs: there are 1"},
		{file, "workload=getput:hold=5", "getput hold=5 isn't in the files: there are churn, getput"},
		{file, "reads", "listrcu isn't in the files: there are churn, getput"},
		{file + "cpu: another\n" + cell("getput", "a", 1, 10, right), "", "the files have results of 2 machines: give those of one"},
		{cell("getput", "a", 1, 10, right), "", "the files have no promises, which needs are compared with: give files that \"refbench run\" wrote"},
	} {
		if _, err := Of(read(t, tt.text), parse(t, tt.needs), nil); err == nil || errors.As(err, &cant) || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.needs, err, tt.want)
		}
	}
}

// What a count costs those who say who they are isn't what it costs all: it is said, and can be left out.
func TestActorsAreSaid(t *testing.T) {
	text := promised("atomic", "") + promised("owned", "actors=yes") + cell("getput", "atomic", 2, 10, right) + cell("getput", "owned", 2, 2, right)
	const said = "owned is measured of callers that say who they are: see --needs anonymous."
	for need, want := range map[string]string{"": "owned", "anonymous": "atomic"} {
		var needs []string
		if need != "" {
			needs = []string{need}
		}
		a, err := Of(read(t, text), parse(t, needs...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Candidates[0].Strategy != want || a.Candidates[0].Actors != (need == "") || slices.Contains(a.Lines(0), said) != (need == "") {
			t.Errorf("needs %q: the cheapest is %s, actors %v, want %s, in\n%s", need, a.Candidates[0].Strategy, a.Candidates[0].Actors, want, strings.Join(a.Lines(0), "\n"))
		}
	}
}

func TestNeedsThatCantBe(t *testing.T) {
	for _, tt := range []struct{ needs, want string }{
		{"overflw", `unknown need "overflw": there are overflow, `},
		{"bytes", "bytes wants a value, as in bytes=2"},
		{"overflow=yes", "overflow=yes takes no value: want just overflow"},
		{"bytes=0", "bytes=0: want a number from 1 on, as in bytes=16"},
		{"limit=many", "limit=many: want a number from 1 on, as in limit=16"},
		{"cpus=-1", "cpus=-1: want a number from 1 on"},
		{"workload=", "workload= names no workload"},
		{"bytes=4,bytes=8", "bytes=4 and bytes=8 contradict each other"},
		{"reads,churn", "reads and churn contradict each other"},
		{"churn,workload=getput", "churn and workload=getput contradict each other"},
	} {
		if _, err := Parse([]string{tt.needs}); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.needs, err, tt.want)
		}
	}
	n := parse(t, "overflow, overflow", "workload=getput:hold=100,private=1,bytes=16")
	if n.String() != "overflow, workload=getput:hold=100,private=1, bytes=16" || n.table() != "getput hold=100 private=1" {
		t.Errorf("needs are %s, of %s", n, n.table())
	}
}

// Each need tells strategies apart that there are: some have it, some don't. So it reads a field
// that promises have, and values that they have there.
func TestNeedsReadPromises(t *testing.T) {
	for _, need := range All() {
		if need.lacks == nil {
			continue
		}
		text := need.Name
		if strings.HasSuffix(text, "=") {
			text += map[string]string{"bytes=": "16", "limit=": "4294967296"}[text]
		}
		var has, lacks []string
		for _, s := range builtin.All() {
			if parse(t, text).Lacks(s.Promise.Fields()) == "" {
				has = append(has, s.Name)
			} else {
				lacks = append(lacks, s.Name)
			}
		}
		if len(has) == 0 || len(lacks) == 0 {
			t.Errorf("%s: %d strategies have it and %d don't", text, len(has), len(lacks))
		}
		// What a file doesn't say nobody has.
		if parse(t, text).Lacks(nil) == "" {
			t.Errorf("%s: a strategy without a promise has it", text)
		}
	}
	for text, want := range map[string][]string{
		"zeroatonce": {"atomic", "saturating"}, "overflow": {"saturating", "percpu", "refusing"}, "resurrects": {"akaros"}, "closes": {"fdmutex", "rundown"},
	} {
		for _, s := range builtin.All() {
			if lacks := parse(t, text).Lacks(s.Promise.Fields()); slices.Contains(want, s.Name) && lacks != "" && !(s.Name == "refusing" && s.Promise.Overflow == strategies.Wraps) {
				t.Errorf("%s: %s %s", text, s.Name, lacks)
			}
		}
	}
	known := func(name string) bool {
		return slices.ContainsFunc(workloads.All, func(w *workloads.Workload) bool { return w.Name == name })
	}
	for _, text := range []string{"", "reads", "churn"} {
		if n := parse(t, text); !known(n.Workload) {
			t.Errorf("%q is measured by %s, which is no workload", text, n.Workload)
		}
	}
}

// The advice is one screen, however much there is to say.
func TestAdviceIsOneScreen(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		but := []string{"overflow=saturates", "", "overflow=refuses bytes=900000", "zero=waits", "progress=blocking"}[i%5]
		name := fmt.Sprintf("averylongnamethatnobodychooses%d", i)
		text.WriteString(promised(name, but) + cell("getput", name, 128, 1000+float64(i), right))
	}
	s := read(t, text.String())
	for _, needs := range []string{"", "overflow,nowait,lockfree,zeroatonce,bytes=800", "waitfree", "overflow,underflow,zeroatonce,exactcount,nograceperiod,nowait,lockfree,bytes=16,limit=1000,cpus=128,workload=getput"} {
		a, err := Of(s, parse(t, needs), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Candidates {
			a.Candidates[i].Checks = []Check{{"a", "kept"}, {"b", "unknown"}}
		}
		lines := a.Lines(2)
		if len(lines) > report.ScreenLines-2 {
			t.Errorf("%s: %d lines", needs, len(lines))
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > report.ScreenColumns {
				t.Errorf("%s: %d columns: %s", needs, utf8.RuneCountInString(l), l)
			}
		}
		if all := strings.Join(lines, "\n"); !strings.Contains(all, "On Test CPU, 4 CPUs, 6.18, go1.26.8, commit 1234abcd") || len(a.Candidates) > 0 && !strings.Contains(all, " ns ") {
			t.Errorf("%s: machine or times are missing:\n%s", needs, all)
		}
	}
}

// A strategy that is called through an interface isn't compared with native loops, however fast:
// reports don't, either. Among its like it is.
func TestNoRatioComparesInterfacesWithNativeLoops(t *testing.T) {
	const why = "were called through an interface, and candidates weren't"
	both := promised("native", "") + promised("mine", "") + promised("other", "zero=afterkill") +
		cell("getput", "native", 1, 10, right) + cell("getput", "mine/dispatch=generic", 1, 5, right) + cell("getput", "other/dispatch=generic", 1, 9, right)
	a, err := Of(read(t, both), parse(t, "zeroatonce"), nil)
	if err != nil || names(a) != "native*; other: don't see zero at once; mine: "+why || a.Conclusion != "Of those with native loops, only native qualifies under getput on 1 CPU." {
		t.Errorf("beside native loops: %s, %q, %v", names(a), a.Conclusion, err)
	}
	alone := strings.Replace(both, promised("native", ""), promised("native", "zero=afterkill"), 1)
	a, err = Of(read(t, alone), parse(t, "zeroatonce"), nil)
	if err != nil || names(a) != "mine*; native: don't see zero at once; other: don't see zero at once" {
		t.Errorf("among its like: %s, %v", names(a), err)
	}
}

// A screen that has no room says so: for the conclusion, and for what a warning of the files is
// about.
func TestAdviceSaysWhatItCuts(t *testing.T) {
	var text strings.Builder
	for i := range 12 {
		name := fmt.Sprintf("averylongname%d", i)
		text.WriteString(promised(name, "") + cell("getput", name, 1, 10, right))
	}
	text.WriteString("commit: another\n" + cell("getput", "averylongname0", 1, 10, right))
	a, err := Of(read(t, text.String()), parse(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := a.Lines(0)
	if !strings.HasPrefix(lines[0], "A tie under getput on 1 CPU: averylongname0,") || !strings.HasSuffix(lines[1], "…") {
		t.Errorf("the conclusion is cut without a mark:\n%s\n%s", lines[0], lines[1])
	}
	const want = "! the files mix results that vary in commit: read them one by one"
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
		t.Errorf("no line is %s:\n%s", want, strings.Join(lines, "\n"))
	}
}
