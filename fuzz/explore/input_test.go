package explore_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

func failing(t *testing.T, version string) (*explore.Scenario, string) {
	t.Helper()
	s := bank()[0].bug
	r, err := explore.Explore(s, explore.Options{Version: version})
	if err != nil || r.Failure == nil {
		t.Fatal(err, r)
	}
	return s, r.Failure.Token
}

// TestBadTokens: a token that is cut, altered or of another version is refused with
// one line that says what to do.
func TestBadTokens(t *testing.T) {
	s, tok := failing(t, "v1.2.3")
	all := []*explore.Scenario{s}
	o := explore.Options{Version: "v1.2.3"}
	if _, err := explore.Replay(" "+tok+"\n", all, o); err != nil {
		t.Errorf("with white space around it: %v", err)
	}
	refuse := func(name, tok string, all []*explore.Scenario, o explore.Options, says string) {
		t.Helper()
		f, err := explore.Replay(tok, all, o)
		if err == nil {
			t.Errorf("%s: accepted: %v", name, f)
		} else if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q, want one line with %q", name, err, says)
		}
	}
	for n := range len(tok) {
		refuse("cut", tok[:n], all, o, "cut or altered")
	}
	for i := 4; i < len(tok); i++ {
		for _, c := range []byte("A_z") {
			if c != tok[i] {
				refuse("altered", tok[:i]+string(c)+tok[i+1:], all, o, "cut or altered")
			}
		}
	}
	refuse("longer", tok+"A", all, o, "cut or altered")
	refuse("something else", "hello", all, o, "cut or altered")
	refuse("another format", "rx9."+tok[4:len(tok)-1], all, o, "format rx9, this version reads rx3; use the version that made it")
	refuse("an older format", "rx2."+tok[4:], all, o, `format rx2, this version reads rx3; use the version that made it, "v1.2.3"`)
	refuse("another version", tok, all, explore.Options{Version: "v2"}, `made by version "v1.2.3" and this is "v2"`)
	refuse("no such scenario", tok, nil, o, "doesn't exist here")
	var ve *explore.VersionError
	if _, err := explore.Replay(tok, all, explore.Options{}); !errors.As(err, &ve) {
		t.Errorf("another version: %v is no VersionError", err)
	}
	fixed := *bank()[0].fixed
	fixed.Name = s.Name
	refuse("changed code", tok, []*explore.Scenario{&fixed}, o, "doesn't fit scenario "+s.Name+" here: ")
}

// TestBadOptions: wrong options and scenarios are refused with one line.
func TestBadOptions(t *testing.T) {
	good := bank()[0].bug
	for _, c := range []struct {
		s    explore.Scenario
		o    explore.Options
		says string
	}{
		{*good, explore.Options{Search: "magic"}, `search "magic"`},
		{*good, explore.Options{Depth: 9}, "depth 9"},
		{*good, explore.Options{Bound: -2}, "bound of -2"},
		{explore.Scenario{Make: good.Make}, explore.Options{}, "without a name"},
		{explore.Scenario{Name: "x"}, explore.Options{}, "no Make"},
		{explore.Scenario{Name: "x", Make: good.Make, CPUs: 99}, explore.Options{}, "99 CPUs"},
		{explore.Scenario{Name: "x", Make: good.Make, Program: make(explore.Program, 65)}, explore.Options{}, "65 threads"},
		{explore.Scenario{Name: "x", Make: good.Make, Program: explore.Program{"t p", "t  p"}}, explore.Options{}, `thread 1 of its program is "t  p": want words`},
		{explore.Scenario{Name: "x", Make: good.Make, Program: explore.Program{"t|p"}}, explore.Options{}, `thread 0 of its program is "t|p": want words`},
		{explore.Scenario{Name: "x", Make: func(explore.Program) explore.Case { return explore.Case{} }}, explore.Options{}, "no threads"},
		{explore.Scenario{Name: "x", Make: good.Make, Program: explore.Program{"t", "fly"}}, explore.Options{}, `scenario x: program "t|fly": no operation is called "fly"`},
	} {
		if _, err := explore.Explore(&c.s, c.o); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, c.says)
		}
	}
}

// TestNondeterminism: a case that isn't a function of its schedule is found out.
func TestNondeterminism(t *testing.T) {
	turn := 0
	s := &explore.Scenario{Name: "moody", Make: func(explore.Program) explore.Case {
		var n, m atomic.Int64
		body := func() {
			n.Add(1)
			if turn++; turn%3 == 0 {
				return
			}
			m.Add(1)
			n.Add(1)
		}
		return explore.Case{Threads: []func(){body, body}}
	}}
	r, err := explore.Explore(s, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure == nil || r.Failure.Kind != explore.Nondeterministic {
		t.Errorf("verdict %s, want %s", r.Verdict, explore.Nondeterministic)
	}
}

// TestHang: a thread that never reaches a scheduling point is an error within
// seconds, and says where it is. It needs a process of its own because the
// goroutine can't be stopped.
func TestHang(t *testing.T) {
	if os.Getenv("EXPLORE_HANG") != "" {
		s := &explore.Scenario{Name: "endless", Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){endlessLoop}}
		}}
		_, err := explore.Explore(s, explore.Options{Timeout: 200 * time.Millisecond})
		var hang *explore.HangError
		if !errors.As(err, &hang) {
			t.Fatalf("%v, want a HangError", err)
		}
		if !strings.Contains(err.Error(), "endlessLoop") || !strings.Contains(err.Error(), "without reaching a scheduling point") {
			t.Errorf("%v doesn't say where", err)
		}
		if _, err := explore.Explore(bank()[0].bug, explore.Options{Timeout: 200 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "start a new process") {
			t.Errorf("the next exploration: %v", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestHang$", "-test.v")
	cmd.Env = append(os.Environ(), "EXPLORE_HANG=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func endlessLoop() {
	for i := 0; ; i++ {
		_ = i
	}
}

// TestEndlessIsQuick: an execution that goes on for ever is stopped within seconds.
func TestEndlessIsQuick(t *testing.T) {
	start := time.Now()
	var n atomic.Int64
	s := &explore.Scenario{Name: "for ever", Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){func() {
			for {
				n.Add(1)
			}
		}}}
	}}
	r, err := explore.Explore(s, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure == nil || r.Failure.Kind != explore.Livelock {
		t.Errorf("verdict %s, want %s", r.Verdict, explore.Livelock)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// TestRunIsALibrary: Run fails the test and prints a token; the variable replays
// it.
func TestRunIsALibrary(t *testing.T) {
	body := func() {
		var n atomic.Int64
		explore.Go(func() { n.Store(n.Load() + 1) })
		n.Store(n.Load() + 1)
		if n.Load() == 3 {
			explore.Failf("impossible")
		}
	}
	if r := explore.Run(t, explore.Options{Search: explore.DFS, Bound: explore.Unbounded}, body); !r.Exhaustive {
		t.Errorf("not exhaustive: %+v", r)
	}
	rec := &recorder{TB: t}
	lost := func() {
		var n atomic.Int64
		for range 2 {
			explore.Go(func() { n.Store(n.Load() + 1) })
		}
		if v := n.Load(); v == 1 {
			explore.Failf("seen in between")
		}
	}
	rec.run(func() { explore.Run(rec, explore.Options{}, lost) })
	_, after, ok := strings.Cut(rec.msg, "REFBENCH_REPLAY=")
	if !ok || !strings.Contains(rec.msg, "seen in between") {
		t.Fatalf("no token in %q", rec.msg)
	}
	tok, _, _ := strings.Cut(after, " ")
	t.Setenv(explore.ReplayVariable, tok)
	rec.run(func() { explore.Run(rec, explore.Options{}, lost) })
	if !strings.HasPrefix(rec.msg, "replayed:") || !strings.Contains(rec.msg, "seen in between") {
		t.Errorf("replay: %s", rec.msg)
	}
}

// TestRunNamesTheTest: the command that a failure prints runs that test alone,
// whatever it is called.
func TestRunNamesTheTest(t *testing.T) {
	t.Run("it's a+(b)", func(t *testing.T) {
		rec := &recorder{TB: t}
		rec.run(func() { explore.Run(rec, explore.Options{}, func() { explore.Failf("wrong") }) })
		if want := ` go test -run '^TestRunNamesTheTest$/^it'\''s_a\+\(b\)$'`; !strings.HasSuffix(rec.msg, want) {
			t.Errorf("want the command%s in:\n%s", want, rec.msg)
		}
	})
}

// recorder is a testing.TB whose Fatal is recorded.
type recorder struct {
	testing.TB
	msg string
}

type stop struct{}

func (r *recorder) run(f func()) {
	defer func() {
		if x := recover(); x != nil && x != any(stop{}) {
			panic(x)
		}
	}()
	f()
}
func (r *recorder) Helper() {}
func (r *recorder) Fatal(args ...any) {
	r.Fatalf("%v", args...)
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.msg = fmt.Sprintf(format, args...)
	panic(stop{})
}

// TestSetupMustReset: a Setup that keeps what threads did is found out before it
// makes states that are the same look different.
func TestSetupMustReset(t *testing.T) {
	s := &explore.Scenario{Name: "kept", Make: func(explore.Program) explore.Case {
		var n atomic.Int64
		body := func() { n.Add(1) }
		return explore.Case{Values: true, Setup: func() { n.Load() }, Threads: []func(){body, body}}
	}}
	r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure == nil || r.Failure.Kind != explore.Nondeterministic {
		t.Errorf("verdict %s, want %s", r.Verdict, explore.Nondeterministic)
	}
}

// TestParallel: explorations on several goroutines take turns.
func TestParallel(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for _, p := range bank()[:4] {
				r, err := explore.Explore(p.bug, explore.Options{Seed: uint64(i)})
				if err != nil || r.Failure == nil {
					t.Errorf("%s: %v, %v", p.bug.Name, r, err)
				}
			}
		})
	}
}
