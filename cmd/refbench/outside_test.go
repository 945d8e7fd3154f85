package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/cmd/refbench/cli"
	"github.com/refbench/refbench/cmd/refbench/skeleton"
	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	refbenchexplored "github.com/refbench/refbench/fuzz/explored"
	"github.com/refbench/refbench/fuzz/outside"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies/atomic"
)

// outsideModule writes a module that nobody prepared for refbench: a strategy whose TryGet
// looks and then adds, one whose counter has no name for others, a right workload and a
// wrong one, and what refbench new writes: of its kinds the simplest and the two that do
// most, or, if the environment variable REFBENCH_OUTSIDE is "all", each.
func outsideModule(t *testing.T) (dir string, kinds []string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", []byte("module example.com/outside\n\ngo 1.26.0\n"))
	for _, name := range []string{"mine", "hidden", "load"} {
		data, err := os.ReadFile(filepath.Join("testdata", "outside", name+".go.txt"))
		if err != nil {
			t.Fatal(err)
		}
		write(name+"/"+name+".go", data)
	}
	for _, k := range skeleton.Kinds() {
		if os.Getenv("REFBENCH_OUTSIDE") != "all" && !slices.Contains([]string{"own", "destructor", "notryget"}, k.Name) {
			continue
		}
		kinds = append(kinds, k.Name)
		files, err := skeleton.Files(k, "example.com/outside/"+k.Name, k.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name, ".go") && !strings.HasSuffix(f.Name, "_test.go") {
				write(k.Name+"/"+filepath.ToSlash(f.Name), f.Data)
			}
		}
	}
	return dir, kinds
}

// TestOutside builds a refbench with a module's strategies and workloads, which have then
// what built-in ones have.
func TestOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a refbench of its own, half a minute: run without -short")
	}
	dir, kinds := outsideModule(t)
	exe := filepath.Join(t.TempDir(), "mybench")
	var built, said bytes.Buffer
	if status := cli.Run(t.Context(), cli.Builtin(), []string{"build", "--with", filepath.Join(dir, "mine", ".."), "-o", exe}, &built, &said); status != 0 {
		t.Fatalf("refbench build: exit status %d\n%s", status, said.String())
	}
	if !strings.Contains(said.String(), "strategy hidden has no native loops") || !strings.Contains(said.String(), "export the type") {
		t.Errorf("what has no native loops isn't said: %s", said.String())
	}
	run := func(status int, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), exe, args...)
		c.Dir = t.TempDir()
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatalf("%v: %v", args, err)
		}
		if got := c.ProcessState.ExitCode(); got != status {
			t.Fatalf("%v: exit status %d, want %d\n%s", args, got, status, out)
		}
		return string(out)
	}
	expect := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("want %q in:\n%s", want, out)
			}
		}
	}
	expect(run(0, "list"), "Built with\n\n  example.com/outside from "+dir+", sources ", "\n  mine (default): ", "\n  session: ")

	// A schedule is found and replays, and its lines are those of the source.
	out := run(1, "explore", "--strategy", "mine", "--workload", "count", "--executions", "2000")
	expect(out, "mine/count: violation: TryGet took a reference after the last had been dropped", "mine.go:20", "\nsee it again: "+exe+" replay rx3.")
	_, token, _ := strings.Cut(out, "\nsee it again: "+exe+" replay ")
	if token == "" {
		t.Fatal("no token")
	}
	expect(run(1, "replay", strings.Fields(token)[0]), "mine/count: violation: ")

	// So does a token of refbench's own.
	own, err := explore.Explore(wrongHandoff(t), explore.Options{Version: refbenchexplored.Version})
	if err != nil || own.Failure == nil {
		t.Fatalf("%+v, %v", own, err)
	}
	expect(run(1, "replay", own.Failure.Token), own.Failure.Message)

	// The workload is to blame, and the right one isn't.
	out = run(1, "explore", "--strategy", "own", "--workload", "session,leaky", "--executions", "50")
	expect(out, "own/leaky violation", "own/session passed", "WORKLOAD leaky IS WRONG ITSELF, also with atomic, which is right", "refbench: 1 of 2 pairs go wrong; wrong are the workloads themselves: leaky")
	// What refbench new writes keeps its promises under it too.
	out = run(1, append([]string{"check", "--checks", "kernel,operations,rules,programs,schedules", "--time", "3s"}, kinds...)...)
	expect(out, "WORKLOAD leaky IS WRONG ITSELF, also with atomic, which is right: ", "see it again: "+exe+" replay rx3.", "refbench: wrong are the workloads themselves: leaky")
	if strings.Contains(out, "BREAKS ITS PROMISE") || strings.Contains(out, "WORKLOAD session") {
		t.Errorf("more than the workload leaky is blamed:\n%s", out)
	}

	// Loops are native where they can be.
	results := filepath.Join(t.TempDir(), "results.txt")
	run(0, "run", "--strategy", "atomic,mine,hidden", "--workload", "session:sessions=2,getput", "--cpus", "1", "--rounds", "1", "--time", "1ms", "--checked", "0", "-o", results)
	data, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := os.ReadFile(strings.TrimSuffix(results, ".txt") + ".shared.txt")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := string(data) + string(shared)
	expect(text, "workload=session/sessions=2/cpus=1/strategy=mine-", "workload=getput/cpus=1/strategy=mine-", "workload=session/sessions=2/cpus=1/strategy=atomic-",
		"workload=session/sessions=2/cpus=1/strategy=hidden/dispatch=generic-", "workload=getput/cpus=1/strategy=hidden/dispatch=generic-")
}

// The generated loop of a strategy of another module is as fast as one written by hand: both
// are measured in each round, and what counts is the ratio within a round. It takes a minute.
func TestOutsideLoopOverHand(t *testing.T) {
	if os.Getenv("REFBENCH_OUTSIDE") != "all" {
		t.Skip("it measures for a minute: set REFBENCH_OUTSIDE=all, as BENCHMARKS.md does")
	}
	const bound = 1.03
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join("testdata", "outside", "hand.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"go.mod": []byte("module example.com/hand\n\ngo 1.26.0\n"), "hand.go": data} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exe, results := filepath.Join(dir, "bench.exe"), filepath.Join(dir, "results.txt")
	var said bytes.Buffer
	if status := cli.Run(t.Context(), cli.Builtin(), []string{"build", "--with", dir, "--explored=false", "-o", exe}, &said, &said); status != 0 {
		t.Fatalf("refbench build: exit status %d\n%s", status, said.String())
	}
	c := exec.CommandContext(t.Context(), exe, "run", "--strategy", "hand", "--workload", "getput,byhand", "--cpus", "1",
		"--rounds", "200", "--time", "10ms", "--checked", "0", "--control=false", "-o", results)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Samples that something else disturbed are taken too: that hits both sides alike.
	times := make(map[string]map[float64]float64) // by workload and round
	for _, name := range []string{results, strings.TrimSuffix(results, ".txt") + ".shared.txt"} {
		f, err := os.Open(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for r := benchfmt.NewReader(f, name); r.Scan(); {
			x, ok := r.Result().(*benchfmt.Result)
			if !ok {
				continue
			}
			round, _ := x.Value("round")
			ns, ok := x.Value("sec/op")
			if !ok {
				t.Fatalf("no time in %v", x)
			}
			for _, workload := range []string{"getput", "byhand"} {
				if !strings.Contains(string(x.Name), "workload="+workload+"/") {
					continue
				}
				if times[workload] == nil {
					times[workload] = make(map[float64]float64)
				}
				times[workload][round] = ns
			}
		}
	}
	var ratios []float64
	for round, generated := range times["getput"] {
		if hand := times["byhand"][round]; hand > 0 {
			ratios = append(ratios, generated/hand)
		}
	}
	slices.Sort(ratios)
	if len(ratios) < 20 {
		t.Fatalf("%d rounds with both sides, want at least 20", len(ratios))
	}
	n := len(ratios)
	t.Logf("generated ÷ by hand: median %.4f of %d rounds, quartiles %.4f and %.4f", ratios[n/2], n, ratios[n/4], ratios[n*3/4])
	if ratios[n/2] > bound {
		t.Errorf("the generated loop takes %.3f of the time of one written by hand, want at most %v", ratios[n/2], bound)
	}
}

// wrongHandoff is a scenario that goes wrong.
func wrongHandoff(t *testing.T) *explore.Scenario {
	t.Helper()
	for _, p := range scenarios.Builtin().Pairs(true) {
		if p.Strategy == "atomic" && p.Workload == "handoff" {
			return p.Scenario
		}
	}
	t.Fatal("atomic isn't explored under handoff")
	return nil
}

// The same count in three lines of a test: what races may miss, Explore finds with any seed.
func TestExploreFindsCheckThenIncrement(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a program of its own, ten seconds: run without -short")
	}
	dir, _ := outsideModule(t)
	source, err := outside.Source("")
	if err != nil {
		t.Fatal(err)
	}
	with, err := outside.ParseWith(filepath.Join(dir, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := outside.Open(t.Context(), outside.Options{Source: source, With: []outside.With{with}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	exe, err := w.Explorer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20") {
		x, err := outside.Explore(t.Context(), exe, "-strategy", "mine", "-seed", seed, "-time", "10s")
		if err != nil {
			t.Fatal(err)
		}
		if !x.Broken || !strings.Contains(x.Found[0].What, "mine/") {
			t.Errorf("seed %s: not found in %s", seed, x.Tried)
			continue
		}
		if seed != "1" {
			continue
		}
		again, err := outside.Explore(t.Context(), exe, "-strategy", "mine", "-replay", x.Found[0].Token)
		if err != nil || !again.Broken || again.Found[0].What != x.Found[0].What {
			t.Errorf("the token of %q shows %+v (%v)", x.Found[0].What, again, err)
		}
	}
}

// buildPlanted builds a refbench with the planted bugs as another module has them: the wrong counts
// as strategies, without the op programs that show them, and the wrong uses as workloads.
func buildPlanted(t *testing.T) (exe string, counts, uses []string) {
	t.Helper()
	if os.Getenv("REFBENCH_OUTSIDE") != "all" {
		t.Skip("it takes minutes: set REFBENCH_OUTSIDE=all, as BENCHMARKS.md does")
	}
	var text strings.Builder
	text.WriteString(`package planted

import (
	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

func find(name string) *bugs.Bug {
	for _, b := range bugs.All {
		if b.Name == name {
			return b
		}
	}
	panic(name)
}

func count(name string) *strategies.Strategy { s := *find(name).Wrong; return &s }

func use(name string) *workloads.Workload {
	w := *find(name).Workload
	right := w.New
	w.Name, w.Wrong = name, ""
	w.New = func(c workloads.Config) (workloads.Instance, error) { c.Wrong = true; return right(c) }
	return &w
}

`)
	for _, b := range bugs.All {
		kind := "count"
		switch {
		case b.Workload == nil:
			counts = append(counts, b.Name)
		case b.Wrong != atomic.Strategy:
			continue // it is right with other counts
		default:
			kind = "use"
			uses = append(uses, b.Name)
		}
		fmt.Fprintf(&text, "var %s%s = %s(%q)\n", strings.ToUpper(b.Name[:1]), b.Name[1:], kind, b.Name)
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"go.mod": "module example.com/planted\n\ngo 1.26.0\n", "planted.go": text.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exe = filepath.Join(dir, "planted.exe")
	var said bytes.Buffer
	if status := cli.Run(t.Context(), cli.Builtin(), []string{"build", "--with", dir, "-o", exe}, &said, &said); status != 0 {
		t.Fatalf("refbench build: exit status %d\n%s", status, said.String())
	}
	return exe, counts, uses
}

// The planted bugs as another module has them: wrong counts are found without the op programs
// that show them, by the same checks that find them inside whatever the seed, and wrong uses
// as wrong workloads. It takes minutes.
func TestOutsidePlanted(t *testing.T) {
	exe, counts, uses := buildPlanted(t)
	const checks = "operations,rules,programs,schedules"
	c := exec.CommandContext(t.Context(), exe, append([]string{"check", "atomic", "--checks", checks, "--time", "8m", "--json"}, counts...)...)
	c.Dir = t.TempDir()
	out, err := c.Output()
	var checked struct{ Results []check.Result }
	if jerr := json.Unmarshal(out, &checked); jerr != nil {
		t.Fatalf("%v (%v)", jerr, err)
	}
	broken, wrong := make(map[string]bool), make(map[string]bool)
	by := make(map[[2]string]bool) // strategy and check
	for _, r := range checked.Results {
		broken[r.Strategy] = broken[r.Strategy] || r.Verdict == check.Broken
		by[[2]string{r.Strategy, r.Check}] = r.Verdict == check.Broken
		for _, m := range r.Misuses {
			wrong[m.Workload] = true
		}
	}
	if broken["atomic"] {
		t.Error("atomic is said to break its promise")
	}
	found := 0
	for _, name := range counts {
		if broken[name] {
			found++
		} else {
			t.Errorf("%s isn't found", name)
		}
	}
	same, all := 0, 0
	for _, b := range bugs.All {
		for _, c := range strings.Split(checks, ",") {
			if b.Workload != nil || !b.Expected[c].Sure {
				continue
			}
			if all++; by[[2]string{b.Name, c}] {
				same++
			} else {
				t.Errorf("%s: %s doesn't find it, and does inside", b.Name, c)
			}
		}
	}
	for _, name := range uses {
		if !wrong[name] {
			t.Errorf("the workload %s isn't found", name)
		}
	}
	t.Logf("%d of %d wrong counts and %d of %d wrong uses are found", found, len(counts), len(wrong), len(uses))
	t.Logf("of %d pairs of a wrong count and a check that finds it inside whatever the seed, %d are found", all, same)
}

// Each planted wrong count is found by a check of a minute, and each wrong use by one of atomic,
// which is right.
func TestAMinuteFindsPlanted(t *testing.T) {
	exe, counts, uses := buildPlanted(t)
	cell := regexp.MustCompile(`^\d+ of \d+: \S+ (\S+): `)
	check := func(name string) (said *bufio.Scanner, end func()) {
		c := exec.Command(exe, "check", name, "--time", "60s", "--seed", "1")
		c.Dir = t.TempDir()
		out, err := c.StderrPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewScanner(out), func() {
			_ = c.Process.Kill() // it may have ended
			_ = c.Wait()         // with the status of a finding, or killed
		}
	}
	found := 0
	for _, name := range counts {
		begin := time.Now()
		said, end := check(name)
		by, is := "", false
		for !is && said.Scan() {
			if m := cell.FindStringSubmatch(said.Text()); m != nil {
				by = m[1]
			}
			is = strings.Contains(said.Text(), name+" breaks its promise: ")
		}
		end()
		if !is {
			t.Errorf("%s isn't found", name)
			continue
		}
		found++
		t.Logf("%s: by %s after %.1f s", name, by, time.Since(begin).Seconds())
	}
	said, end := check(atomic.Strategy.Name)
	wrong := make(map[string]bool)
	for said.Scan() {
		for _, name := range uses {
			if strings.Contains(said.Text(), "workload "+name+" is wrong itself: ") {
				wrong[name] = true
			}
		}
		if strings.Contains(said.Text(), "atomic breaks its promise") {
			t.Error(said.Text())
		}
	}
	end()
	for _, name := range uses {
		if !wrong[name] {
			t.Errorf("the workload %s isn't found", name)
		}
	}
	t.Logf("%d of %d wrong counts and %d of %d wrong uses are found", found, len(counts), len(wrong), len(uses))
}
