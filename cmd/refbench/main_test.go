package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/refbench/refbench/cmd/refbench/cli"
	xatomic "github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/outside"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/cpulist"
)

// The scripts run programs with lists of their own. "planted" has small strategies and workloads,
// some of them wrong on purpose; "nice" has only the right ones; "misnamed" has
// a name that would break the result format; "empty" has nothing; "faulty" has a
// right strategy and two wrong ones; "hanging" has a right one and some whose calls never
// return; "slower" is nice with a strategy that takes longer; "badtwin" has a planted bug whose twin has it
// too, "unfound" one that no program shows.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"refbench": main,
		"planted":  func() { cli.Main(plantedParts()) },
		"nice":     func() { cli.Main(niceParts()) },
		"slower":   func() { cli.Main(slowerParts()) },
		"empty":    func() { cli.Main(cli.Parts{}) },
		"misnamed": func() {
			parts := niceParts()
			parts.Strategies = append(parts.Strategies, strategy("per-8"))
			cli.Main(parts)
		},
		"faulty":  func() { cli.Main(faultyParts()) },
		"hanging": func() { cli.Main(hangingParts()) },
		"otherversion": func() {
			parts := cli.Builtin()
			parts.Explored.Version = "other"
			cli.Main(parts)
		},
		"fewer": func() {
			parts := cli.Builtin()
			parts.Explored.Strategies = parts.Explored.Strategies[:1]
			cli.Main(parts)
		},
		"badtwin": func() { cli.Main(badTwinParts()) },
		"unfound": func() { cli.Main(unfoundParts()) },
	})
}

const commitVariable = "REFBENCH_COMMIT"

// setCommit has programs that the tests run not ask git for the commit, which takes time, and
// what it says changes when somebody edits a file meanwhile.
func setCommit(t *testing.T) { t.Setenv(commitVariable, "tests") }

func TestScripts(t *testing.T) {
	// The benchstat command that go.mod pins.
	benchstat, err := exec.Command("go", "tool", "-n", "benchstat").Output()
	if err != nil {
		t.Fatalf("go tool -n benchstat: %v", err)
	}
	setCommit(t)
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"exits":     exits,
		"interrupt": interrupt,
		"stopat":    stopAt,
		"count":     count,
		"mount":     mount,
		"large":     large,

		"finding":     finding,
		"samefound":   sameFound,
		"checktoken":  checkToken,
		"quick":       quick,
		"stuck":       stuckIn,
		"tokenof":     tokenOf,
		"replayof":    replayOf,
		"sametoken":   sameToken,
		"samefailure": sameFailure,
		"parses":      parses,
		"link":        link,
		"detects":     detects,

		"sameschedules": sameSchedules,
	}
	maps.Copy(cmds, processCommands)
	gocache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatalf("go env GOCACHE: %v", err)
	}
	takeHangups()
	cpus, err := cpu.Detect()
	if err != nil {
		t.Fatal(err)
	}
	source, err := outside.Source("")
	if err != nil {
		t.Fatal(err)
	}
	ids := cpus.Topology.IDs()
	slices.Reverse(ids)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv(commitVariable, os.Getenv(commitVariable))
			e.Setenv(outside.SourceVariable, source)
			e.Setenv("TOOMANY", strconv.Itoa(2*runtime.NumCPU()))
			e.Setenv("CPUS", cpulist.Format(ids[:min(len(ids), 2)])) // in no order of the machine's
			e.Setenv("GOCACHE_OUTSIDE", strings.TrimSpace(string(gocache)))
			e.Setenv("BENCHSTAT", strings.TrimSpace(string(benchstat)))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "devfull":
				_, err := os.Stat("/dev/full")
				return err == nil, nil
			case "bindable":
				return cpus.Bindable, nil
			case "tmpfs":
				return canMount(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: cmds,
	})
}

// replayOf sets TOKEN to the token of what refbench test printed.
func replayOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: replayof FILE")
	}
	m := regexp.MustCompile(`--replay (rx\S+)`).FindStringSubmatch(ts.ReadFile(args[0]))
	if m == nil {
		ts.Fatalf("no command with a token in %s", args[0])
	}
	ts.Setenv("TOKEN", m[1])
}

// exits STATUS COMMAND ... runs a command that must end with the status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits STATUS COMMAND ...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v: status %d, want %d\nstderr:\n%s", args[1:], got, want, ts.ReadFile("stderr"))
	}
}

// link FILE COMMAND makes a file that is one of the scripts' programs.
func link(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: link FILE COMMAND")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	file := filepath.Join(ts.MkAbs(args[0]), filepath.Base(path))
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o777))
	ts.Check(os.Symlink(path, file))
}

// interrupt SIGNAL FILE COMMAND ... starts a command, waits until the file has
// three samples, sends the signal, and expects status 3. What the command
// printed is in the files stdout.txt and stderr.txt.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: interrupt SIGNAL FILE COMMAND ...")
	}
	file := ts.MkAbs(args[1])
	stopWhen(ts, signals[args[0]], "three samples in "+file, func(int) bool { return hasSamples(file, 3) }, args[2:])
}

// stopat REGEXP COMMAND ... starts a command, waits until what it has printed
// matches and until it has worked on for a moment, interrupts it, and expects status 3. What it
// printed is then in the files stdout.txt and stderr.txt.
func stopAt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: stopat REGEXP COMMAND ...")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	printed, until := false, time.Duration(0)
	stopWhen(ts, os.Interrupt, args[0]+" printed", func(pid int) bool {
		if !printed {
			out, _ := os.ReadFile(ts.MkAbs("stdout.txt"))
			errOut, _ := os.ReadFile(ts.MkAbs("stderr.txt"))
			printed, until = want.Match(out) || want.Match(errOut), worked(pid)+200*time.Millisecond
		}
		return printed && worked(pid) >= until
	}, args[1:])
}

// worked is the CPU time of the process and its children until now; on a system that doesn't say
// so, the time.
func worked(pid int) (sum time.Duration) {
	const tick = 10 * time.Millisecond // of Linux's /proc, see proc(5)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return time.Duration(time.Now().UnixNano())
	}
	for _, name := range stats {
		data, _ := os.ReadFile(name) // of one that has ended there is nothing
		of, rest, _ := bytes.Cut(data, []byte(" ("))
		fields := bytes.Fields(rest[bytes.LastIndexByte(rest, ')')+1:])
		if len(fields) < 13 || string(of) != strconv.Itoa(pid) && string(fields[1]) != strconv.Itoa(pid) {
			continue
		}
		for _, f := range fields[11:13] { // in the process, and in the kernel for it
			n, _ := strconv.Atoi(string(f))
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// longest is how long something may take that takes moments: the machine may be busy.
const longest = 3 * time.Minute

// stopWhen runs a command, sends it the signal when it is ready, and expects it to
// end soon with status 3.
func stopWhen(ts *testscript.TestScript, signal os.Signal, what string, ready func(pid int) bool, args []string) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		// The commands of TestMain are on the script's PATH only.
		path = filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[0])
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	stdout, err := os.Create(ts.MkAbs("stdout.txt"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	for begin := time.Now(); !ready(cmd.Process.Pid); time.Sleep(10 * time.Millisecond) {
		if waited := time.Since(begin); waited > longest {
			ts.Check(cmd.Process.Kill())
			ts.Fatalf("not %s after %v:\n%s", what, waited, ts.ReadFile("stderr.txt"))
		}
	}
	ts.Check(cmd.Process.Signal(signal))
	late := time.AfterFunc(longest, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	var ee *exec.ExitError
	switch {
	case !late.Stop():
		ts.Fatalf("still running %v after %v:\n%s", longest, signal, ts.ReadFile("stderr.txt"))
	case !errors.As(err, &ee) || ee.ExitCode() != 3:
		ts.Fatalf("after %v: %v, want exit status 3\n%s", signal, err, ts.ReadFile("stderr.txt"))
	}
}

var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark.*\n`)

// hasSamples reports whether a result file has samples, excluded or not.
func hasSamples(name string, n int) bool {
	for _, path := range []string{name, asideOf(name)} {
		b, _ := os.ReadFile(path)
		n -= len(benchmarkLine.FindAll(b, -1))
	}
	return n <= 0
}

// asideOf returns the name of the file for samples excluded beside a result file.
func asideOf(name string) string { return strings.TrimSuffix(name, ".txt") + ".shared.txt" }

// count N REGEXP FILE expects the expression to match so often. Of a result file the samples
// that are excluded count too, on a busy machine, but not those that were repeated.
func count(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	text := withAside(ts, args[2])
	got := len(regexp.MustCompile("(?m)"+args[1]).FindAllString(text, -1))
	if (got == want) == neg {
		ts.Fatalf("%d matches of %s, want %d:\n%s", got, args[1], want, text)
	}
}

// sampleRound matches the name, the round and the probe of a sample, and asideInStream samples that are
// excluded in a stream.
var (
	sampleRound   = regexp.MustCompile(`(?m)^(Benchmark\S+) .* (\d+ round) .*? [^ ]+?( latencies)?\n`)
	asideInStream = regexp.MustCompile(`(?m)^set-aside: shared\n(Benchmark.*\n)set-aside:\n`)
)

// withAside returns the text of a file. If it is a result file, it is without samples that
// were repeated: each run has one of a cell in each round. Of those excluded that are left
// are the lines.
func withAside(ts *testscript.TestScript, file string) string {
	text := ts.ReadFile(file)
	var aside string
	for _, m := range asideInStream.FindAllStringSubmatch(text, -1) {
		aside += m[1]
	}
	text = asideInStream.ReplaceAllString(text, "")
	if b, err := os.ReadFile(ts.MkAbs(asideOf(file))); err == nil {
		aside += string(b)
	}
	if aside == "" {
		return text
	}
	runs, err := bench.ReadFacts(ts.MkAbs(strings.TrimSuffix(file, ".txt") + ".json"))
	ts.Check(err)
	seen := make(map[string]int)
	for _, m := range sampleRound.FindAllStringSubmatch(text, -1) {
		seen[m[1]+m[2]+m[3]]++
	}
	for _, m := range sampleRound.FindAllStringSubmatch(aside, -1) {
		if seen[m[1]+m[2]+m[3]]++; seen[m[1]+m[2]+m[3]] <= max(len(runs), 1) {
			text += m[0]
		}
	}
	return text
}

// large NAME BYTES N makes N files of so many bytes, each with other contents. If
// there are several, their numbers follow the name.
func large(ts *testscript.TestScript, neg bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	if neg || n < 1 {
		ts.Fatalf("usage: large NAME BYTES N")
	}
	for i := range n {
		name := args[0]
		if n > 1 {
			name += strconv.Itoa(10 + i)
		}
		name = ts.MkAbs(name)
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o777))
		ts.Check(os.WriteFile(name, bytes.Repeat([]byte{byte(i)}, size), 0o666))
	}
}

// strategy returns a right one: an atomic count.
func strategy(name string) *strategies.Strategy {
	return &strategies.Strategy{
		Name: name,
		Doc:  "an atomic count for tests",
		Promise: strategies.Promise{
			Limit: 1<<63 - 1, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 8,
		},
		New: func() strategies.Counter { return new(atomicCount) },
	}
}

type atomicCount struct{ n atomic.Int64 }

func (c *atomicCount) Init() { c.n.Store(1) }
func (c *atomicCount) Get()  { c.n.Add(1) }
func (c *atomicCount) TryGet() bool {
	for n := c.n.Load(); n != 0; n = c.n.Load() {
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}
func (c *atomicCount) Put() bool  { return c.n.Add(-1) == 0 }
func (c *atomicCount) Kill() bool { return c.Put() }

// load is a workload on one shared object. fault, if not nil, is done in the
// middle of every batch; books are added to those at the end.
type load struct {
	ref   strategies.Counter
	fault func()
	books workloads.Books
}

func (l *load) Work(_, n int) int {
	for range n {
		l.ref.Get()
		l.ref.Put()
	}
	if l.fault != nil {
		l.fault()
	}
	return n
}
func (l *load) Roles() []workloads.Role { return nil }
func (l *load) Close() workloads.Books {
	b := l.books
	b.Lives++
	if l.ref.Kill() {
		b.Released++
	} else {
		b.Kinds[judge.Leak]++
	}
	return b
}

func workload(name string, fault func(), books workloads.Books) *workloads.Workload {
	return &workloads.Workload{
		Name: name, Doc: "a load for tests", Source: "tests", Operation: "Get and Put",
		Knobs: []workloads.Knob{
			{Name: "objects", Doc: "how many objects there are", Default: 1, Min: 1, Max: 64},
			{Name: "hold", Doc: "ns for which a reference is held", Default: 0, Min: 0, Max: 1000},
		},
		New: func(c workloads.Config) (workloads.Instance, error) {
			if c.Knobs["objects"] == 13 {
				return nil, errors.New("13 objects bring bad luck")
			}
			l := &load{c.NewCounter(), fault, books}
			l.ref.Init()
			return l, nil
		},
	}
}

func niceParts() cli.Parts {
	needy := workload("needy", nil, workloads.Books{})
	needy.Needs = []strategies.Power{strategies.PowerResurrecter}
	loop := workload("getput", nil, workloads.Books{})
	return cli.Parts{
		Strategies: []*strategies.Strategy{strategy("plain"), strategy("other")},
		Workloads:  []*workloads.Workload{workload("getput", nil, workloads.Books{}), workload("handoff", nil, workloads.Books{}), needy},
		Loops: []workloads.Loop{{Workload: "getput", Strategy: "plain", New: func(c workloads.Config) (workloads.Instance, error) {
			c.NewCounter = strategy("plain").New
			return loop.New(c)
		}}},
		Table: func(w io.Writer, files []string, verbose bool, around []string) error {
			_, err := fmt.Fprintf(w, "table of %v, verbose %v\n%s\n", files, verbose, strings.Join(around, "\n"))
			return err
		},
		Report: func(dir string, _ []string) (string, error) {
			page := filepath.Join(dir, "index.html")
			return page, os.WriteFile(page, []byte("<!doctype html>\n"), 0o666)
		},
	}
}

// slowerParts are niceParts whose strategy other takes longer to Get.
func slowerParts() cli.Parts {
	parts := niceParts()
	inner := parts.Strategies[1].New
	parts.Strategies[1].New = func() strategies.Counter { return slowCount{inner()} }
	return parts
}

type slowCount struct{ strategies.Counter }

func (c slowCount) Get() {
	for range 200 {
		runtime.KeepAlive(c)
	}
	c.Counter.Get()
}

// racyCount is wrong: a Get or Put that another one meets may be lost. One
// goroutine alone doesn't see it.
type racyCount struct {
	n interface {
		Load() int64
		Store(int64)
	}
	yield func() // between load and store, so that they do meet
}

func (c *racyCount) add(d int64) int64 {
	n := c.n.Load() + d
	c.yield()
	c.n.Store(n)
	return n
}
func (c *racyCount) Init()        { c.n.Store(1) }
func (c *racyCount) Get()         { c.add(1) }
func (c *racyCount) TryGet() bool { return c.n.Load() != 0 && c.add(1) != 0 }
func (c *racyCount) Put() bool    { return c.add(-1) == 0 }
func (c *racyCount) Kill() bool   { return c.Put() }

// blindCount is wrong: TryGet takes a reference to what is dead.
type blindCount struct{ atomicCount }

func (c *blindCount) TryGet() bool { c.n.Add(1); return true }

// faultyParts has a right strategy, one that is wrong when goroutines meet, in both
// forms, and one that is always wrong.
func faultyParts() cli.Parts {
	parts := niceParts()
	racy := strategy("racy")
	racy.Promise.Bytes = 64 // at most
	racy.New = func() strategies.Counter { return &racyCount{new(atomic.Int64), runtime.Gosched} }
	explored := strategy("racy")
	explored.New = func() strategies.Counter { return &racyCount{new(xatomic.Int64), func() {}} }
	blind := strategy("blind")
	blind.New = func() strategies.Counter { return new(blindCount) }
	parts.Strategies = []*strategies.Strategy{strategy("plain"), racy, blind}
	parts.Explored = scenarios.Forms{Version: "test", Strategies: []*strategies.Strategy{explored}}
	return parts
}

// hangingCount is wrong: calls of one operation never return.
type hangingCount struct {
	atomicCount
	in string
	on func() // never returns
}

func (c *hangingCount) at(op string) {
	if op == c.in {
		c.on()
	}
}
func (c *hangingCount) Get()         { c.at("Get"); c.atomicCount.Get() }
func (c *hangingCount) TryGet() bool { c.at("TryGet"); return c.atomicCount.TryGet() }
func (c *hangingCount) Put() bool    { c.at("Put"); return c.atomicCount.Put() }

// hangingParts has a right strategy and four of which calls of one operation never return:
// three that wait, and one that spins.
func hangingParts() cli.Parts {
	parts := niceParts()
	parts.Strategies = []*strategies.Strategy{strategy("plain")}
	add := func(name, in string, on func()) {
		s := strategy(name)
		s.Promise.Bytes = 64 // at most
		s.New = func() strategies.Counter { return &hangingCount{in: in, on: on} }
		parts.Strategies = append(parts.Strategies, s)
		parts.Explored.Strategies = append(parts.Explored.Strategies, s)
	}
	add("get", "Get", lostWakeup)
	add("tryget", "TryGet", lostWakeup)
	add("put", "Put", lostWakeup)
	var unlocked atomic.Bool
	add("spin", "TryGet", func() {
		for !unlocked.Load() { // It was forgotten.
		}
	})
	parts.Explored.Version = "test"
	return parts
}

func plantedParts() cli.Parts {
	parts := niceParts()
	parts.Workloads = append(parts.Workloads,
		workload("leaky", nil, workloads.Books{Lives: 2, Kinds: [judge.Kinds]uint64{judge.Leak: 2}, Notes: []string{"object 7 was never released"}}),
		workload("panicky", func() { panic("planted panic") }, workloads.Books{}),
		workload("hang", func() { lostWakeup() }, workloads.Books{}),
		dry(),
	)
	return parts
}

// dry returns a workload that runs dry: after 15 ms no worker does anything any more.
func dry() *workloads.Workload {
	w := workload("dry", nil, workloads.Books{})
	fresh := w.New
	w.New = func(c workloads.Config) (workloads.Instance, error) {
		inst, err := fresh(c)
		return drying{inst, time.Now()}, err
	}
	return w
}

type drying struct {
	workloads.Instance
	begin time.Time
}

func (d drying) Work(worker, n int) int {
	if time.Since(d.begin) > 15*time.Millisecond {
		time.Sleep(10 * time.Microsecond)
		return 0
	}
	return d.Instance.Work(worker, n)
}

// lostWakeup never returns: select without cases would be found out by the
// runtime.
func lostWakeup() {
	for {
		time.Sleep(time.Hour)
	}
}
