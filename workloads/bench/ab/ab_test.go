package ab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/report/gate"
	"github.com/refbench/refbench/workloads/bench"
)

// The tests' own program stands for a refbench: what it measures is drawn. The commit of
// its side says how: words of "slow" (atomic takes 1.2 times as long), "shared" (cells of
// 2 CPUs are spoiled), "fails" (percpu can't be measured), "other" (it has other
// strategies), "old" (it doesn't know the command), "dies".
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "alien" {
		fmt.Println("Hello, world.")
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "fake" {
		os.Exit(fake(os.Getenv("REFBENCH_COMMIT"), os.Stdin, os.Stdout))
	}
	// With the race detector each process would wait a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

func fake(how string, in io.Reader, out io.Writer) int {
	has := func(word string) bool { return strings.Contains(how, word) }
	if has("old") {
		fmt.Fprintln(os.Stderr, `refbench: unknown command "measure" for "refbench"`)
		return 2
	}
	fmt.Fprintf(out, "config commit %s\n", how)
	names := []string{"atomic", "saturating", "percpu"}
	if has("other") {
		names = []string{"mine"}
	}
	for _, name := range names {
		for _, cpus := range []int{1, 2} {
			fmt.Fprintf(out, "cell workload=getput/cpus=%d/strategy=%s\n", cpus, name)
		}
	}
	fmt.Fprintln(out, "ready")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(os.Getpid())))
	process := math.Exp(0.02 * r.NormFloat64()) // all of it is faster or slower
	for asks := bufio.NewScanner(in); asks.Scan(); {
		key := strings.Fields(asks.Text())[2]
		if has("dies") {
			fmt.Fprintln(os.Stderr, "refbench: it died")
			return 3
		}
		if has("fails") && strings.Contains(key, "percpu") {
			fmt.Fprintln(out, "error the count is at its end")
			continue
		}
		ns := 10 * process * math.Exp(0.01*r.NormFloat64())
		if has("slow") && strings.Contains(key, "atomic") {
			ns *= 1.2
		}
		shared := 0
		if has("shared") && strings.Contains(key, "cpus=2") {
			shared = 1
		}
		fmt.Fprintf(out, "BenchmarkRef/%s-2 100 %.4f ns/op %d shared 0 violations\n", key, ns, shared)
	}
	return 0
}

type watcher struct{ t *testing.T }

func (w watcher) Begin(rows, rounds int)  {}
func (w watcher) Round(done, decided int) {}
func (w watcher) Warn(text string)        { w.t.Log(text) }

// options compare two fakes.
func options(t *testing.T, older, newer string) Options {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Old:  &Side{Name: "old", Spec: older, Commit: "was " + older, Programs: []string{exe}},
		New:  &Side{Name: "new", Spec: newer, Commit: "is " + newer, Programs: []string{exe}},
		Args: []string{"fake"}, Rounds: 24, Seed: 1, Alpha: 0.01, MinEffect: 0.03,
		Sample: func(string, []bench.Config, *benchfmt.Result) error { return nil },
		Watch:  watcher{t},
	}
}

func verdicts(r *Result) map[string]Verdict {
	m := make(map[string]Verdict)
	for _, row := range r.Rows {
		m[row.Cell] = row.Verdict
	}
	return m
}

func TestWhatIsSlowerIsFound(t *testing.T) {
	o := options(t, "it", "slow")
	samples := make(map[string]int)
	o.Sample = func(role string, config []bench.Config, r *benchfmt.Result) error {
		samples[role]++
		if len(config) != 1 || config[0].Key != "commit" {
			t.Errorf("a sample of the %s side has the config %v, want its commit", role, config)
		}
		return nil
	}
	r, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for cell, v := range verdicts(r) {
		if slow := strings.Contains(cell, "atomic"); slow != (v == Slower) || v == Faster {
			t.Errorf("%s is said to be %q", cell, v)
		}
	}
	if row := r.row("workload=getput/cpus=1/strategy=atomic"); row == nil || row.Ratio < 1.1 || row.Ratio > 1.3 || row.Lo > row.Ratio || row.Hi < row.Ratio {
		t.Errorf("atomic on one CPU: %+v, want about 1.2 within its interval", row)
	}
	if samples["old"] != samples["new"] || samples["control"] == 0 || samples["control"] >= samples["old"] {
		t.Errorf("samples by role are %v: want as many of both sides, and some controls", samples)
	}
	if r.Rounds > 24 {
		t.Errorf("%d rounds, want at most 24", r.Rounds)
	}
	if floor := r.NoiseFloor(); !(floor >= 0 && floor < 0.1) {
		t.Errorf("the noise floor is %v, want a few percent at most", floor)
	}
	for _, want := range []string{"slower: atomic", "nothing faster", "could have seen"} {
		if !strings.Contains(r.Conclusion(), want) {
			t.Errorf("the conclusion %q doesn't say %q", r.Conclusion(), want)
		}
	}
	var text, md, js bytes.Buffer
	if err := errors.Join(r.Text(&text, false), r.Markdown(&md), r.JSON(&js)); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(text.String()), "\n"); lines[len(lines)-1] != r.Conclusion() {
		t.Errorf("the last line is not the conclusion:\n%s", text.String())
	}
	if strings.Contains(text.String(), "strategy=saturating") {
		t.Errorf("rows that didn't change are shown:\n%s", text.String())
	}
	var any map[string]any
	if err := json.Unmarshal(js.Bytes(), &any); err != nil || any["schema"] != Schema {
		t.Errorf("JSON: %v, schema %v", err, any["schema"])
	}
	if !strings.Contains(md.String(), "| workload=getput/cpus=1/strategy=atomic |") {
		t.Errorf("Markdown has no row for what is slower:\n%s", md.String())
	}
}

func TestItEndsWhenAllIsDecided(t *testing.T) {
	o := options(t, "it", "it")
	o.MinEffect, o.Rounds = 0.2, 128
	r, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rounds != looks[0] || r.Count(Unchanged) != len(r.Rows) {
		t.Errorf("%d rounds, %d of %d rows unchanged: want all after the first look, with a minimum effect of 20 %%", r.Rounds, r.Count(Unchanged), len(r.Rows))
	}
}

func TestSpoiledPairsAreSetAside(t *testing.T) {
	o := options(t, "it", "shared")
	o.Rounds = 12
	r, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if two := strings.Contains(row.Cell, "cpus=2"); two != (row.Verdict == NoData) || two && row.Aside != 12 {
			t.Errorf("%s: %q with %d rounds excluded; want those on 2 CPUs to have no data", row.Cell, row.Verdict, row.Aside)
		}
	}
	if why := r.Unusable(); why != "" {
		t.Error("half of the rows have data, and the result isn't usable:", why)
	}
	// Three cells, which are measured three times in the first round and once in each after it.
	if want := 3 * (3 + 11); r.Spoiled != want {
		t.Errorf("%d pairs are said to be spoiled, want %d: what is always spoiled isn't repeated", r.Spoiled, want)
	}
}

// A row is called different if and only if it had enough rounds that it could be, when all of them say
// the same; and where none had, the result isn't usable and doesn't say what it could have seen.
func TestARowThatCouldNotHaveBeenDifferentIsNotSaidToBeTheSame(t *testing.T) {
	g, err := gate.Parse("ns/op > 5%")
	if err != nil {
		t.Fatal(err)
	}
	some := map[bool]int{}
	for rounds := 1; rounds <= 32; rounds++ {
		c := draw(rand.New(rand.NewPCG(9, uint64(rounds))), 24, rounds, 20)
		c.Gates, c.result.Rounds = []gate.Gate{g}, rounds
		// One row can be called different after fewer rounds if there are fewer: those without data don't count.
		for _, s := range c.cells[12:] {
			s.pairs = nil
		}
		c.judge()
		r := c.result
		enough := 12*math.Exp2(1-float64(rounds)) <= 0.01/5
		some[enough]++
		for _, row := range r.Rows {
			if could := !math.IsInf(row.Sees, 1); could != (enough && row.Pairs > 0) {
				t.Errorf("%d rounds, 12 rows: %s could have shown %v, but that a row can be called different is %v", rounds, row.Cell, row.Sees, enough)
			}
			if slow := strings.HasSuffix(row.Cell, "=s0"); slow && row.Pairs > 0 && (row.Verdict == Slower) != enough {
				t.Errorf("%d rounds: %s is %q (p=%g), but that a row can be called different is %v", rounds, row.Cell, row.Verdict, row.P, enough)
			}
		}
		var text bytes.Buffer
		if err := r.Text(&text, false); err != nil {
			t.Fatal(err)
		}
		if (r.Unusable() == "") != enough || strings.Contains(r.Conclusion(), "seen no difference") == enough {
			t.Errorf("%d rounds: not usable for %q; that it is usable is %v:\n%s", rounds, r.Unusable(), enough, text.String())
		}
		// Three rows are twenty times as slow, and twelve have no data.
		few, worse := r.Gates[0].Few, len(r.Gates[0].Worse)
		if enough && (few != 12 || worse != 3) || !enough && (few < 15 || worse != 0) || !strings.Contains(text.String(), plural(few, "row")+" had too few rounds to tell") {
			t.Errorf("%d rounds: %d rows are beyond the gate, and %d had too few rounds; that they can be is %v:\n%s", rounds, worse, few, enough, text.String())
		}
		if !enough && !strings.Contains(r.Unusable(), "no row could have been called different: give --rounds") {
			t.Errorf("%d rounds: %q doesn't say that it takes more of them", rounds, r.Unusable())
		}
	}
	// Rounds that are all the same have an interval without width, which isn't none.
	c := draw(rand.New(rand.NewPCG(9, 0)), 1, 16, 1)
	for i := range c.cells[0].pairs {
		for r := range c.cells[0].pairs[i].logs {
			c.cells[0].pairs[i].logs[r] = map[string]float64{bench.UnitTime: 1}
		}
	}
	c.judge()
	var js bytes.Buffer
	if err := c.result.JSON(&js); err != nil || !strings.Contains(js.String(), `"could_have_seen": 0,`) {
		t.Errorf("of rounds that are all the same JSON says\n%s\n(%v), want that a difference of 0 could have been seen", js.String(), err)
	}
	if some[true] == 0 || some[false] == 0 {
		t.Errorf("rounds that are enough: %v; want some of either kind", some)
	}
}

// The difference that a row could have shown is that at which it is called different in about half of the
// comparisons.
func TestWhatCouldHaveBeenSeenIsSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	const cell = "workload=w0/cpus=1/strategy=s0"
	var sees []float64
	for range 200 {
		c := draw(r, 24, 24, 1)
		c.judge()
		sees = append(sees, c.result.row(cell).Sees)
	}
	slices.Sort(sees)
	for _, test := range []struct{ times, least, most float64 }{{1, 0.3, 0.7}, {0.5, 0, 0.15}, {1.7, 0.85, 1}} {
		found := 0.0
		for range 200 {
			c := draw(r, 24, 24, 1+test.times*sees[100])
			c.judge()
			if c.result.row(cell).Verdict == Slower {
				found += 1. / 200
			}
		}
		t.Logf("slower by %.1f times the %.2f %% that could be seen: found in %.2f", test.times, 100*sees[100], found)
		if found < test.least || found > test.most {
			t.Errorf("a difference of %.1f times what could be seen (%.2f %%) is found in %.2f of comparisons, want %.2f to %.2f",
				test.times, 100*sees[100], found, test.least, test.most)
		}
	}
}

func TestACellThatFailsIsLeftOut(t *testing.T) {
	o := options(t, "it", "fails")
	o.Rounds = 8
	r, err := Compare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if row := r.row("workload=getput/cpus=1/strategy=percpu"); row.Verdict != NoData || !strings.Contains(row.Failed, "at its end") {
		t.Errorf("percpu: %+v, want what its process said", row)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	for _, c := range []struct{ older, newer, want string }{
		{"it", "other", "no cell in common"},
		{"old", "it", "before refbench ab"},
		{"it", "dies", "it died"},
	} {
		_, err := Compare(context.Background(), options(t, c.older, c.newer))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s and %s: %v; want one line with %q", c.older, c.newer, err, c.want)
		}
	}
	o := options(t, "it", "it")
	o.New.Programs = []string{filepath.Join(t.TempDir(), "nothing")}
	if _, err := Compare(context.Background(), o); err == nil || !strings.Contains(err.Error(), "new side, it") {
		t.Errorf("a program that isn't there: %v; want the side named", err)
	}
	// A program that isn't refbench.
	o = options(t, "it", "it")
	o.Args = []string{"alien"}
	if _, err := Compare(context.Background(), o); err == nil || !strings.Contains(err.Error(), "no refbench") {
		t.Errorf("a program that isn't refbench: %v; want that it is none", err)
	}
}

func TestTheRoundsThereWereAreJudged(t *testing.T) {
	o := options(t, "it", "slow")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Watch = cancelAfter{watcher{t}, 2, cancel}
	r, err := Compare(ctx, o)
	if err == nil || r == nil || !r.Interrupted || r.Rounds != 2 || len(r.Rows) != 6 {
		t.Errorf("%+v, %v; want two rounds judged and the context's error", r, err)
	}
}

type cancelAfter struct {
	watcher
	rounds int
	cancel func()
}

func (c cancelAfter) Round(done, _ int) {
	if done == c.rounds {
		c.cancel()
	}
}

// draw makes a comparison of drawn pairs: each process has a speed of its own.
func draw(r *rand.Rand, cells, rounds int, slow float64) *comparison {
	c := &comparison{Options: Options{Alpha: 0.01, MinEffect: 0.02}, planned: 5, result: &Result{}}
	for i := range cells {
		s := &series{key: fmt.Sprintf("workload=w%d/cpus=1/strategy=s%d", i/4, i%4)}
		for round := range rounds {
			noise := func() map[string]float64 {
				v := 0.03*r.NormFloat64() + 0.01*r.NormFloat64()
				if i%4 == 1 && r.IntN(2) == 0 {
					v += 0.6 // a strategy with two speeds
				}
				return map[string]float64{bench.UnitTime: v}
			}
			p := pair{round: round}
			p.logs[roleOld], p.logs[roleNew] = noise(), noise()
			if i%4 == 0 {
				p.logs[roleNew][bench.UnitTime] += math.Log(slow)
			}
			s.pairs = append(s.pairs, p)
		}
		c.cells = append(c.cells, s)
	}
	return c
}

// alarms is how many of so many comparisons of what has the same speed call a row different,
// if each side's binaries come in so many layouts, which make a row faster or slower; 0: if
// layouts make no difference.
func alarms(r *rand.Rand, runs, layouts int) (n int) {
	for range runs {
		c := draw(r, 24, 32, 1)
		for _, s := range c.cells {
			for _, side := range []role{roleOld, roleNew} {
				effects := make([]float64, max(layouts, 1))
				for i := range layouts {
					effects[i] = 0.03 * r.NormFloat64()
				}
				for i := range s.pairs {
					s.pairs[i].logs[side][bench.UnitTime] += effects[i%len(effects)]
				}
			}
		}
		for _, look := range []int{8, 12, 16, 24, 32} {
			whole := c.cells
			c.cells = nil
			for _, s := range whole {
				c.cells = append(c.cells, &series{key: s.key, pairs: s.pairs[:look]})
			}
			c.judge()
			c.cells = whole
		}
		if c.result.Count(Slower)+c.result.Count(Faster) > 0 {
			n++
		}
	}
	return n
}

// One run in a hundred may be wrong: of 400, more than seven with a probability of 0.05. It
// takes a layout of its own for every round: with few that come again their luck is taken for
// a difference.
func TestNothingIsCalledDifferentWhereNothingIs(t *testing.T) {
	if testing.Short() {
		t.Skip("judges 900 comparisons")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ runs, layouts, least, most int }{
		{400, 0, 0, 7},
		{400, 32, 0, 7},
		{100, 4, 25, 100}, // or this test couldn't tell
	} {
		n := alarms(r, c.runs, c.layouts)
		t.Logf("%d layouts: %d of %d runs call a row different", c.layouts, n, c.runs)
		if n < c.least || n > c.most {
			t.Errorf("%d layouts: %d of %d runs call a row different, want %d to %d", c.layouts, n, c.runs, c.least, c.most)
		}
	}
}

func TestASlowdownOfFivePercentIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("judges 100 comparisons")
	}
	r := rand.New(rand.NewPCG(5, 6))
	found, wrong := 0, 0
	for range 100 {
		c := draw(r, 24, 32, 1.05)
		c.judge()
		row := c.result.row("workload=w0/cpus=1/strategy=s0")
		if row.Verdict == Slower {
			found++
		}
		for _, row := range c.result.Rows {
			if !strings.HasSuffix(row.Cell, "=s0") && (row.Verdict == Slower || row.Verdict == Faster) {
				wrong++
			}
		}
	}
	if found < 90 || wrong > 3 {
		t.Errorf("found in %d of 100, others called different in %d", found, wrong)
	}
}

func TestGates(t *testing.T) {
	c := draw(rand.New(rand.NewPCG(7, 8)), 24, 32, 1.2)
	for _, test := range []struct {
		text        string
		rows, worse int
	}{
		{"ns/op > 5%", 24, 6},
		{"ns/op > 30%", 24, 0},
		{"ns/op < -5%", 24, 0},
		{"ns/op{/strategy:s0} > 5%", 6, 6},
		{"ns/op{/strategy:s2} > 5%", 6, 0},
		{"ns/op{/strategy:s0} / ns/op{/strategy:s2} > 5%", 6, 6},
		{"ns/op{/strategy:s2} / ns/op{/strategy:s0} > 5%", 6, 0},
		{"ns/op{/strategy:s2} / ns/op{/strategy:s0} < -5%", 6, 6},
		{"ns/op{/strategy:s0 /workload:w0} / ns/op{/strategy:s2 /workload:w1} > 5%", 1, 1},
	} {
		g, err := gate.Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, _ := judgeGate(&g, c.cells, 0.01); got.Rows != test.rows || len(got.Worse) != test.worse {
			t.Errorf("%s: %d of %d rows beyond it, want %d of %d", test.text, len(got.Worse), got.Rows, test.worse, test.rows)
		}
	}
}

// Rows that are decided are measured further as long as a gate isn't settled: here all are
// within the minimum effect, and the interval of one is beyond the gate's bound, which at
// this level can't be called worse.
func TestAGateGoesOnUntilItIsSettled(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts 72 processes, which takes a minute with the race detector: run without -short")
	}
	o := options(t, "it", "slow")
	o.Rounds = 16
	for _, c := range []struct {
		gate   string
		rounds func(int) bool
	}{
		{"ns/op > 50%", func(n int) bool { return n < 16 }},
		{"ns/op{/strategy:atomic} > 15%", func(n int) bool { return n == 16 }},
	} {
		g, err := gate.Parse(c.gate)
		if err != nil {
			t.Fatal(err)
		}
		o.MinEffect, o.Alpha, o.Gates = 0.5, 1e-9, []gate.Gate{g}
		r, err := Compare(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !c.rounds(r.Rounds) {
			t.Errorf("with the gate %q it ended after %d of 16 rounds", c.gate, r.Rounds)
		}
	}
}

// Layouts that come again make rounds depend on one another, and that is said.
func TestLayoutsThatComeAgainAreSaid(t *testing.T) {
	for _, c := range []struct {
		rounds, layouts int
		said            string
		again           bool
	}{
		{32, 1, "in one binary", false},
		{32, 8, "in 8 layouts", true},
		{8, 8, "in 8 layouts", false},
		{9, 8, "in 8 layouts", true},
	} {
		got := (&Result{Rounds: c.rounds, Layouts: c.layouts}).method()
		if !strings.Contains(got, c.said) || strings.Contains(got, "come again") != c.again {
			t.Errorf("%d rounds in %d layouts: %q; want %q, and that they come again: %v", c.rounds, c.layouts, got, c.said, c.again)
		}
	}
}

func TestSpecsOfSides(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	write("go.mod", "module example.org/m\n")
	write("main.go", "package main\n\nfunc main() {}\n")
	git("add", ".")
	git("commit", "-q", "-m", "it builds")
	write("main.go", "package main\n\nfunc main() { undefined() }\n")
	git("commit", "-q", "-a", "-m", "it doesn't")
	write("main.go", "package main\n")
	write("notes", "can't be run\n")

	var said []string
	b := Builder{Repository: dir, Dir: t.TempDir(), Layouts: 2, Package: ".", Say: func(format string, args ...any) {
		said = append(said, fmt.Sprintf(format, args...))
	}}
	o, n, err := b.Sides(context.Background(), "HEAD~1", "HEAD~1")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Programs) != 2 || n.Programs[1] != o.Programs[1] || len(o.Commit) != 40 {
		t.Errorf("sides are %+v and %+v: want one commit built once, in two layouts", o, n)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "both sides are the same") {
		t.Errorf("it said\n%s\nwant that both are the same", text)
	}
	said = nil
	for _, c := range []struct{ spec, want string }{
		{"HEAD", "doesn't build: ./main.go:3:15: undefined: undefined"},
		{"nosuch", "neither a commit of this repository nor a program"},
		{"--all", "neither a commit"},
		{filepath.Join(dir, "notes"), "can't be run"},
	} {
		_, _, err := b.Sides(context.Background(), "HEAD~1", c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", c.spec, err, c.want)
		}
	}
	b.Dir = t.TempDir()
	git("checkout", "-q", "-f", "HEAD~1")
	write("main.go", "package main\n\nfunc main() { println() }\n")
	if _, _, err := b.Sides(context.Background(), "HEAD", "HEAD"); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "changes that are in no commit") {
		t.Errorf("it said\n%s\nwant that the work tree is dirty", text)
	}
	cmd := exec.Command("git", "worktree", "list")
	cmd.Dir = dir
	if out, err := cmd.Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("work trees left behind (%v):\n%s", err, out)
	}
}

// However many rounds there may be, up to the most that the command takes, the next look is never
// more than half as many rounds away as there were: a row that is decided ends the comparison soon.
func TestLooksAreNeverFarApart(t *testing.T) {
	const most = 1000
	last := looks[0]
	for _, at := range append(looks[1:len(looks):len(looks)], most) {
		if at <= last || 2*at > 3*last {
			t.Errorf("after %d rounds the next look is after %d", last, at)
		}
		last = at
	}
}
