package driver

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	exploredbuiltin "github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// A count has all powers. It is right but for its flaw, as long as threads take turns:
// what it does wrong one thread meets, whatever the schedule.
type count struct {
	n      atomic.Int64
	killed atomic.Bool
	flaw   string
	m      *strategies.Monitor
}

func (c *count) Monitor(m *strategies.Monitor) { c.m = m }

// is reports whether the count has the flaw.
func (c *count) is(flaw string) bool { return c.flaw == flaw }

func (c *count) Init()          { c.InitAt(1) }
func (c *count) InitAt(n int64) { c.n.Store(n); c.killed.Store(false) }
func (c *count) Get()           { c.GetN(1) }
func (c *count) GetN(n int) {
	if !c.is("Get does nothing") {
		c.n.Add(int64(n))
	}
}
func (c *count) TryGet() bool { return c.TryGetN(1) }
func (c *count) TryGetN(n int) bool {
	if c.n.Load() == 0 && !c.is("TryGet takes dead") || c.is("TryGet fails") {
		return false
	}
	c.n.Add(int64(n))
	return true
}
func (c *count) Put() bool { return c.PutN(1) }
func (c *count) PutN(n int) bool {
	if c.is("panics") {
		panic("flaw")
	}
	left := c.n.Add(-int64(n))
	switch c.flaw {
	case "false alarm":
		c.m.Report(strategies.PutAfterFree)
	case "last too early":
		return left <= 1
	case "last never":
		return false
	case "last below zero":
		return left <= 0
	}
	return left == 0
}
func (c *count) Drop()      { c.Put() }
func (c *count) Kill() bool { c.killed.Store(true); return c.Put() }
func (c *count) Count() int64 {
	switch n := c.n.Load(); {
	case c.is("Count is low"):
		return n - 1
	case c.is("Count is high"):
		return n + 1
	default:
		return n
	}
}
func (c *count) Resurrect() {
	if c.n.Add(1) == 1 && c.is("Resurrect takes two") {
		c.n.Add(1)
	}
}
func (c *count) PutIfOne() bool {
	return (c.n.Load() == 1 || c.is("not the only one")) && (c.Put() || c.is("not the only one"))
}
func (c *count) PutUnlessOne() bool {
	if c.n.Load() == 1 || c.is("always one") {
		return false
	}
	c.Put()
	return true
}
func (c *count) PutAndLock(l sync.Locker) bool {
	last := c.Put()
	if last && !c.is("no lock") {
		l.Lock()
	}
	return last
}
func (c *count) SwitchToAtomic() {}
func (c *count) SwitchToPerCPU() {}
func (c *count) TryGetLive() bool {
	return (!c.killed.Load() || c.is("lives on")) && !c.is("never lives") && c.TryGet()
}
func (c *count) KillAndConfirm(confirm func()) bool {
	c.killed.Store(true)
	switch c.flaw {
	case "confirms never":
	case "confirms twice":
		confirm()
		fallthrough
	default:
		confirm()
	}
	return c.Put()
}
func (c *count) ResurrectLive() { c.killed.Store(false); c.n.Add(1) }
func (c *count) Reinit()        { c.Init() }

// with returns a strategy whose counts have the flaw.
func with(flaw string) *strategies.Strategy {
	return &strategies.Strategy{
		Name: "planted", Doc: "a count for tests", New: func() strategies.Counter { return &count{flaw: flaw} },
		Promise: strategies.Promise{
			Limit: 1 << 62, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Resurrection: true,
			Progress: strategies.LockFree, Bytes: 8, TypeStable: true,
		},
	}
}

func parse(t *testing.T, text string) *program.Program {
	t.Helper()
	p, err := program.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// alone carries out the program on one goroutine, its threads one after the other.
func alone(x *Execution, p *program.Program) error {
	x.Load(p)
	if err := x.Begin(); err != nil {
		return err
	}
	for i := range p.Threads {
		if err := x.Thread(i); err != nil {
			return err
		}
	}
	return x.End()
}

// explored tries every schedule of the program.
func explored(t *testing.T, s *strategies.Strategy, o Options, p *program.Program) *explore.Result {
	t.Helper()
	o.Explored, o.Boundaries = true, true
	r, err := explore.Explore(&explore.Scenario{
		Name: "test", Program: p.Words(), CPUs: 2,
		Make: func(words explore.Program) explore.Case {
			p, err := program.ParseWords(words)
			if err != nil {
				return explore.Case{}
			}
			x := New(s, o)
			x.Load(&p)
			c := explore.Case{Values: true, Retries: s.Retries, Setup: func() { x.Begin() }, Finish: func() { x.End() }}
			for i := range p.Threads {
				c.Threads = append(c.Threads, func() { x.Thread(i) })
			}
			return c
		},
	}, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 20_000, NoShrink: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every rule is broken by a flaw that one thread can meet, and found on goroutines and
// on explored threads, in the same words.
func TestFlawsAreFound(t *testing.T) {
	const everything = "a.Get a.GetN(3) a.PutN(2) a.TryGet a.TryGetN(2) a.Count a.Put a.Drop a.PutIfOne a.PutUnlessOne a.PutAndLock a.SwitchToAtomic a.SwitchToPerCPU a.TryGetLive a.KillAndConfirm a.ResurrectLive a.Kill a.TryGetLive a.Put a.Put a.Put a.Put a.Resurrect a.Put a.Reinit a.Kill a.Init a.Kill a.Resurrect"
	for _, c := range []struct {
		flaw, program string
		want          string // "": nothing is wrong
		explored      string // want there, if it is something else; "-": nothing
	}{
		{"", everything, "", ""},
		{"", "a:cached " + everything, "", ""},
		{"", "a.Kill|" + everything + "|b.Put", "", ""},
		{"Get does nothing", "a.Get a.Put a.Put", "thread 0, step 2: Put reported the last reference while 2 others were held", ""},
		{"last too early", "a.GetN(3) a.PutN(3)", "thread 0, step 3: Put reported the last reference while another was held", ""},
		{"last too early", "a.Get a.Kill a.Put", "thread 0, step 2: Kill reported the last reference while another was held", ""},
		{"last too early", "a.Get|a.Put", "reported the last reference while", ""},
		{"last never", "a.Put", "when no thread ran, object a: every reference was dropped, and no drop reported the last", ""},
		{"last never", "b.Put", "when no thread ran, object a: every reference was dropped, and no drop reported the last", ""},
		{"last never", "a.Kill|b.Kill", "every reference was dropped, and no drop reported the last", ""},
		{"last below zero", "a.Kill a.Resurrect a.Put a.Put!", "thread 0, step 4: Put reported the last reference, as another drop had before", ""},
		{"", "a.Kill a.Put!", "", ""}, // All that is asked of it is not to report the last.
		{"last below zero", "a.Kill a.Put!", "thread 0, step 2: Put reported the last reference, as another drop had before", ""},
		{"TryGet fails", "a.TryGet", "thread 0, step 1: TryGet failed while its caller held a reference", ""},
		{"TryGet fails", "b.Get a.TryGet a.Kill|a.TryGetN(2) a.Put", "failed while its caller held a reference", ""},
		{"TryGet fails", "a.Kill a.TryGet", "", ""},
		{"TryGet takes dead", "a.Kill a.TryGet", "thread 0, step 2: TryGet took a reference after the last had been dropped", ""},
		{"TryGet takes dead", "a.Kill", "when no thread ran, object a: every reference is dropped, but TryGet takes one", "-"},
		{"never lives", "a.TryGetLive a.Kill", "thread 0, step 1: TryGetLive failed while its caller held the owner's reference", ""},
		{"lives on", "a.Get a.Kill a.TryGetLive", "thread 0, step 3: TryGetLive took a reference after Kill was confirmed", ""},
		{"lives on", "a.Get a.KillAndConfirm a.TryGetLive", "thread 0, step 3: TryGetLive took a reference after Kill was confirmed", ""},
		{"lives on", "a.Get a.Kill a.ResurrectLive a.TryGetLive", "", ""},
		{"confirms never", "a.KillAndConfirm", "thread 0, step 1: KillAndConfirm called confirm 0 times before it returned, want 1", ""},
		{"confirms twice", "a.Get a.KillAndConfirm", "thread 0, step 2: KillAndConfirm called confirm 2 times before it returned, want 1", ""},
		{"not the only one", "a.Get a.PutIfOne", "thread 0, step 2: PutIfOne took the reference for the only one, but its caller held 2", ""},
		{"always one", "a.Get a.PutUnlessOne", "thread 0, step 2: PutUnlessOne took the reference for the only one, but its caller held 2", ""},
		{"no lock", "a.Get a.Kill a.PutAndLock", "thread 0, step 3: PutAndLock returned true without the lock", "unlock"},
		{"Count is low", "a.Count", "when no thread ran, object a: 1 references are left, but Count returns 0", "-"},
		{"Count is low", "a.Get a.Kill a.Count", "thread 0, step 3: Count returned 0 while its caller held 1", ""},
		{"Count is high", "a.Count", "when no thread ran, object a: 1 references are left, but Count returns 2", "-"},
		{"Count is high", "a.Kill|b.Get", "when no thread ran, object a: 0 references are left, but Count returns 1", "-"},
		{"Count is high", "a:cached a.Kill", "when no thread ran, object a: 0 references are left, but Count returns 1", ""},
		{"Count is high", "a:immortal a.Kill", "", ""},
		{"Resurrect takes two", "a.Kill a.Resurrect", "every reference was dropped, and no drop reported the last", ""},
		{"Resurrect takes two", "a:cached a.Kill|a.Put a.Resurrect", "every reference was dropped, and no drop reported the last", ""},
		{"Resurrect takes two", "a:immortal a.Kill a.Resurrect", "", ""},
		{"false alarm", "a.Get a.Put", "when no thread ran, object a: the monitor was told of misuse (Put on a dead count), and nothing was misused", ""},
		{"false alarm", "a.Get a.Put a.Put!", "", ""},
		{"false alarm", "a:immortal a.Get a.Put", "", ""},
		{"panics", "b.Get a.Put", "thread 0, step 2: a.Put panicked: flaw\n", "panic"},
		{"panics", "a.Get a.Kill", "a.Kill panicked: flaw\n", "panic"},
	} {
		p, s := parse(t, c.program), with(c.flaw)
		err := alone(New(s, Options{}), p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q, %s: %v, want %q", c.flaw, p, err, c.want)
		}
		f := explored(t, s, Options{Unordered: true}, p).Failure
		want := c.explored
		if _, rule, ok := strings.Cut(c.want, ": "); want == "" && ok {
			want = rule
		} else if want == "" {
			want = c.want
		}
		if f == nil && want != "" && want != "-" || f != nil && (want == "" || want == "-" || !strings.Contains(f.Error(), want)) {
			t.Errorf("%q, %s explored: %v, want %q", c.flaw, p, f, want)
		}
		if f != nil && (f.Kind == explore.Leak) != strings.Contains(c.want, "no drop reported") {
			t.Errorf("%q, %s explored: kind %s", c.flaw, p, f.Kind)
		}
	}
}

// A TryGet that may fail for no reason may not do so for ever.
func TestSpuriousFailuresEnd(t *testing.T) {
	s := with("TryGet fails")
	s.Promise.TryGet = strategies.Spurious
	if err := alone(New(s, Options{}), parse(t, "a.TryGet")); err == nil || !strings.Contains(err.Error(), "TryGet failed while its caller held a reference") {
		t.Error(err)
	}
}

// A TryGet that is refused past the limit is right there, and nowhere else.
func TestRefusalsPastTheLimit(t *testing.T) {
	s := with("TryGet fails")
	s.Promise.Width, s.Promise.TryGetRefuses = 64, strategies.PastLimit
	for text, right := range map[string]bool{"a:immortal a.TryGet": true, "a.TryGet": false} {
		if err := alone(New(s, Options{}), parse(t, text)); (err == nil) != right {
			t.Errorf("%s: %v, want right: %v", text, err, right)
		}
	}
	if err := alone(New(with("TryGet fails"), Options{}), parse(t, "a:immortal a.TryGet")); err == nil {
		t.Error("a count that promises no refusal fails on an immortal object, and nobody minds")
	}
}

// An object that is cached has no end until all threads have ended. Whatever the
// schedule, its users raise no false alarm.
func TestCachedObjectsAreJudgedAtTheEnd(t *testing.T) {
	for _, text := range []string{
		"a:cached a.Kill|a.Resurrect|a.Resurrect",
		"a:cached a.Kill a.Resurrect|a.Put a.Resurrect",
		"a:cached a.Kill a.Resurrect a.Put a.Resurrect|a.Put a.Resurrect a.Put",
	} {
		tried := 0
		for _, s := range exploredbuiltin.All() {
			if !s.Promise.Resurrection {
				continue
			}
			tried++
			r := explored(t, s, Options{}, parse(t, text))
			if r.Failure != nil {
				t.Errorf("%s, %s: false alarm:\n%s", s, text, r.Failure.Text())
			}
			t.Logf("%-13s %-70s %6d executions %s", s, text, r.Executions, r.Complete)
		}
		if tried == 0 {
			t.Fatal("no strategy promises resurrection")
		}
	}
}

// A recorder writes calls down.
type recorder struct {
	begun int
	calls []string
}

func (r *recorder) Begin(int) { r.begun++ }
func (r *recorder) End(thread, object int, call spec.Call, a Answer) {
	r.calls = append(r.calls, fmt.Sprintf("%d %s.%v %v %d %v", thread, program.ObjectName(object), call, a.Result, a.Value, a.Panicked))
}

// A recorder is told of every call that the guard allows, in its thread, and then
// nobody judges.
func TestRecorderIsToldOfEveryCall(t *testing.T) {
	r := new(recorder)
	x := New(with("last never"), Options{Record: r})
	if err := alone(x, parse(t, "a.Get a.Put a.PutAndLock|a.Kill a.TryGet a.Kill")); err != nil {
		t.Fatal(err)
	}
	if n := x.Started(0); n != 1 {
		t.Errorf("the history begins with %d references, want the owner's alone", n)
	}
	want := strings.Join([]string{
		"8 a.Get false 0 false", // thread 0 is given its reference
		"0 a.Get false 0 false", "0 a.Put false 0 false", "0 a.PutAndLock false 0 false",
		"1 a.Kill false 0 false", "1 a.TryGet false 0 false",
		"8 a.Count false 0 false", "8 a.TryGet false 0 false", "8 a.Count false 0 false",
	}, "\n")
	if got := strings.Join(r.calls, "\n"); got != want || r.begun != len(r.calls) {
		t.Errorf("%d calls began, and these ended:\n%s\nwant\n%s", r.begun, got, want)
	}
	r.calls = nil
	if err := alone(New(with("panics"), Options{Record: r}), parse(t, "a.Put")); err == nil || r.calls[len(r.calls)-1] != "0 a.Put false 0 true" {
		t.Errorf("a panic: %v, and the last call is %s", err, r.calls[len(r.calls)-1])
	}
}

// Whoever is told with the lock unlocks it, also where nobody judges: a life later it is
// free again.
func TestLocksAreUnlocked(t *testing.T) {
	p := parse(t, "a.Get a.Kill a.PutAndLock a.Init a.Get a.Kill a.PutAndLock")
	for _, o := range []Options{{}, {Bare: true}, {Record: new(recorder)}} {
		x := New(with(""), o)
		if err := alone(x, p); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		if !x.objects[0].lock.TryLock() {
			t.Errorf("%+v: it is left locked", o)
		}
	}
}

// Where nobody judges, what is wrong is not said, unless a count panics. And holders
// read the object and the releaser writes it, in programs with one life.
func TestBareExecutionsJudgeNothing(t *testing.T) {
	for _, c := range []struct {
		flaw, program, want string
		written             int
	}{
		{"", "a.Get|a.Put a.Kill", "", 1},
		{"", "a.Kill|a.Resurrect", "", 0},
		{"last never", "a.Get|a.Put a.Kill", "", 0},
		{"panics", "a.Put", "a.Put panicked: flaw", 0},
	} {
		x := New(with(c.flaw), Options{Bare: true})
		err := alone(x, parse(t, c.program))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q, %s: %v, want %q", c.flaw, c.program, err, c.want)
		}
		if x.objects[0].body != c.written {
			t.Errorf("%q, %s: the object was written %d times, want %d", c.flaw, c.program, x.objects[0].body, c.written)
		}
	}
}

// An execution allocates nothing but its counts.
func TestExecutionsAllocateOnlyCounts(t *testing.T) {
	for _, s := range builtin.All() {
		p := parse(t, "a.Get a.Put a.Kill|a.TryGet b.Get a.Put b.PutN(2) a.PutAndLock a.KillAndConfirm")
		x := New(s, Options{})
		x.Load(p)
		counts := testing.AllocsPerRun(100, func() { s.New().Init(); s.New().Init() })
		if n := testing.AllocsPerRun(100, func() {
			x.Load(p)
			if err := x.Begin(); err != nil {
				t.Fatal(err)
			}
			for i := range slices.Backward(p.Threads) { // the owner comes last: its Kill may wait
				if err := x.Thread(i); err != nil {
					t.Fatal(err)
				}
			}
			if err := x.End(); err != nil {
				t.Fatal(err)
			}
		}); n > counts {
			t.Errorf("%s: %v allocations, and %v for two counts", s, n, counts)
		}
	}
}
