package linear

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

func seedOf(t testing.TB) uint64 {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}

// recorded records a history.
func recorded(t testing.TB, s *strategies.Strategy, cfg Config) *History {
	t.Helper()
	cfg, err := cfg.check(s)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := record(t.Context(), s, cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func stress(t *testing.T, s *strategies.Strategy, cfg Config) Report {
	t.Helper()
	r, err := Stress(context.Background(), s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFaultsAreIllegalOnThreads(t *testing.T) {
	seed := seedOf(t)
	for _, fault := range slices.Concat(faults, special) {
		s := native(fault)
		r := stress(t, s, Config{Seed: seed, Time: 20 * time.Second})
		if r.Class != Illegal || r.History == nil || r.Segment == nil {
			t.Errorf("%s: %s after %d calls in %d lives, %d of which met another, want %s", fault, r.Class, r.Ops, r.Lives, r.Met, Illegal)
			continue
		}
		t.Logf("%s: found by %s within %d calls: %s", fault, r.Found, r.Ops, r.Reason)
		// What is written down is read and judged the same.
		var b bytes.Buffer
		if err := r.History.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		h, err := Parse(b.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", fault, err)
		}
		again, err := (&Judge{Spec: spec.Of(s)}).Check(context.Background(), h)
		if err != nil || again.Class != Illegal || again.Reason != r.Reason {
			t.Errorf("%s: judged again: %s (%s), %v, want %s (%s)", fault, again.Class, again.Reason, err, r.Class, r.Reason)
		}
	}
}

func TestRightCountsAreLinearizableOnThreads(t *testing.T) {
	seed := seedOf(t)
	list := builtin.All()
	for _, name := range right {
		list = append(list, native(name))
	}
	for _, clock := range []*Clock{NewClock(), counterClock()} {
		for _, s := range list {
			r := stress(t, s, Config{Seed: seed, Ops: 10_000, Clock: clock})
			if r.Class != Linearizable {
				t.Errorf("%s by clock %s: %s: %s (seed %d)\n%v", s.Name, r.Clock, r.Class, r.Reason, seed, r.History)
			}
			if r.Ops < 10_000 || r.Judged+r.Unjudged != r.Ops || r.Unknown != 0 || r.Lives < 200 {
				t.Errorf("%s by clock %s: %d calls in %d lives, %d judged, %d reads left out, %d unknown: want all of 10,000", s.Name, r.Clock, r.Ops, r.Lives, r.Judged, r.Unjudged, r.Unknown)
			}
			t.Logf("%s by clock %s: %d calls in %d lives, %d met another", s.Name, r.Clock, r.Ops, r.Lives, r.Met)
		}
	}
}

// Every operation that is right for several threads at once is called, deaths are
// told by each way to drop, and TryGet meets the last drop.
func TestDriverCallsEverything(t *testing.T) {
	seed := seedOf(t)
	calls := make(map[string]map[spec.Op]int)
	for _, s := range builtin.All() {
		h := recorded(t, s, Config{Seed: seed, Ops: 30_000})
		calls[s.Name] = make(map[spec.Op]int)
		lasts, fails, past := make(map[spec.Op]int), 0, 0
		for _, l := range h.Lives {
			if n := l.Start; n > 1 {
				for _, o := range l.Ops {
					change := o.Call.Moved(o.Result)
					n += change
					if n > s.Promise.Limit {
						past++
						break
					}
				}
			}
			for _, o := range l.Ops {
				calls[s.Name][o.Call.Op]++
				if o.Call.Last(o.Result) {
					lasts[o.Call.Op]++
				}
				if o.Call.Op == spec.TryGet && !o.Result && o.Client < 4 {
					fails++
				}
			}
		}
		for _, op := range spec.Of(s).Ops() {
			least := 50
			switch op {
			case spec.InitAt:
				continue // where a life begins isn't a call
			case spec.Init, spec.Reinit:
				least = 5 // few clients that have killed are told of the last drop
			}
			if op == spec.Init && !s.Promise.TypeStable || op == spec.Resurrect && !s.Promise.Resurrection {
				continue
			}
			if s.Promise.Zero == strategies.AfterKill && (op == spec.PutIfOne || op == spec.PutUnlessOne || op == spec.PutAndLock) {
				continue
			}
			if calls[s.Name][op] < least {
				t.Errorf("%s: %d calls of %s among %d", s.Name, calls[s.Name][op], op, h.Ops())
			}
			if op.Last() && lasts[op] < 5 {
				t.Errorf("%s: %s told of %d deaths in %d lives", s.Name, op, lasts[op], len(h.Lives))
			}
		}
		if past < 20 && program.Near(spec.Of(s), 4) && spec.Of(s).PastLimit() != spec.Untold {
			t.Errorf("%s: %d of %d lives came past the limit", s.Name, past, len(h.Lives))
		}
		if fails < 50 {
			t.Errorf("%s: %d failures of TryGet in %d lives: it hardly meets the last drop", s.Name, fails, len(h.Lives))
		}
	}
}

// Every round is a program, however many clients there are.
func TestRoundsArePrograms(t *testing.T) {
	seed := seedOf(t)
	for _, s := range builtin.All() {
		for clients := 1; clients <= program.MaxThreads; clients++ {
			r := newRounds(spec.Of(s), clients, rand.New(rand.NewPCG(seed, 0)))
			for range 1000 {
				if p := r.next(); p.Check() != nil || len(p.Threads) != clients {
					t.Fatalf("%s, %d clients, seed %d: %v", s.Name, clients, seed, p.Check())
				}
			}
		}
	}
}

func TestPromiseDecidesOverSpuriousFailure(t *testing.T) {
	seed := seedOf(t)
	s := native("TryGet fails")
	s.Promise.TryGet = strategies.Spurious
	if r := stress(t, s, Config{Seed: seed, Ops: 10_000}); r.Class != Linearizable {
		t.Errorf("promised: %s: %s", r.Class, r.Reason)
	}
	s = native("read")
	s.Promise.Count = strategies.None
	if r := stress(t, s, Config{Seed: seed, Ops: 10_000}); r.Class != Linearizable {
		t.Errorf("no read promised: %s: %s", r.Class, r.Reason)
	}
}

// hooked is a right count with something to do in its operations.
type hooked struct {
	count
	hook func(op spec.Op)
}

func (h *hooked) Get()         { h.hook(spec.Get); h.count.Get() }
func (h *hooked) TryGet() bool { h.hook(spec.TryGet); return h.count.TryGet() }
func (h *hooked) Put() bool    { h.hook(spec.Put); return h.count.Put() }

func TestCallsThatDontReturn(t *testing.T) {
	with := func(hook func(op spec.Op)) *strategies.Strategy {
		s := native("")
		plain := s.New
		s.New = func() strategies.Counter { return &hooked{*plain().(*count), hook} }
		return s
	}
	for _, c := range []struct {
		in    spec.Op
		after int64 // so many calls
		want  string
	}{
		{spec.Put, 0, "of clients that haven't finished their round: "},
		{spec.Put, 1000, "of clients that haven't finished their round: "},
		{spec.Get, 0, ""},    // before the first round, or in it
		{spec.TryGet, 0, ""}, // after it, or in it
		{spec.TryGet, 1000, ""},
	} {
		var calls atomic.Int64
		stop := make(chan struct{})
		r := stress(t, with(func(op spec.Op) {
			if op == c.in && calls.Add(1) > c.after {
				<-stop
			}
		}), Config{Ops: 100_000, Timeout: 200 * time.Millisecond})
		close(stop)
		want := "not finished after 200ms: a call of " + c.in.String() + " doesn't return; "
		if r.Class != Illegal || !strings.HasPrefix(r.Reason, want+c.want) || r.Hang == nil {
			t.Errorf("%v that hangs after %d calls: %s: %s, want %s%s", c.in, c.after, r.Class, r.Reason, want, c.want)
		}
	}
	r := stress(t, with(func(op spec.Op) {
		if op == spec.Put {
			panic("planted")
		}
	}), Config{Ops: 1000})
	if r.Class != Illegal || r.History == nil || r.Hang != nil {
		t.Errorf("a call that panics: %s: %s", r.Class, r.Reason)
	}
	// One client doesn't wait for ever either.
	stop := make(chan struct{})
	defer close(stop)
	first := with(func(op spec.Op) {
		if op == spec.TryGet {
			<-stop
		}
	})
	r = stress(t, first, Config{Ops: 100_000, Clients: 1, Timeout: 200 * time.Millisecond})
	if r.Class != Illegal || !strings.HasPrefix(r.Reason, "not finished after 200ms: a call of TryGet doesn't return") || r.Hang == nil || r.History != nil {
		t.Errorf("one client: %s: %s, want a TryGet that doesn't return", r.Class, r.Reason)
	}
}

// A locker is a right count with a wrong use of its lock.
type locker struct {
	count
	wrong string
}

func (c *locker) PutAndLock(l sync.Locker) bool {
	switch c.wrong {
	case "unlocks what isn't locked":
		l.Unlock()
	case "panics with the lock":
		l.Lock()
		panic("planted")
	case "leaves the lock":
		l.Lock()
	}
	return c.Put()
}

// Wrong uses of a lock neither end the process nor stop the other clients.
func TestWrongUsesOfLocks(t *testing.T) {
	for wrong, want := range map[string]Class{
		"never locks": Linearizable, "leaves the lock": Linearizable, // the counts are right
		"unlocks what isn't locked": Illegal, "panics with the lock": Illegal,
	} {
		s := native("")
		plain := s.New
		s.New = func() strategies.Counter { return &locker{*plain().(*count), wrong} }
		r := stress(t, s, Config{Ops: 5000})
		if r.Class != want || r.Found == "timeout" {
			t.Errorf("%s: %s by %q: %s, want %s", wrong, r.Class, r.Found, r.Reason, want)
		}
	}
}

func TestConfigs(t *testing.T) {
	few := native("")
	few.Promise.Limit, few.Promise.Width = 4, 0
	for name, c := range map[string]struct {
		s   *strategies.Strategy
		cfg Config
		ok  bool
	}{
		"no limit":           {native(""), Config{}, false},
		"a negative limit":   {native(""), Config{Ops: -1, Time: 1}, false},
		"too many clients":   {native(""), Config{Ops: 1, Clients: MaxClients}, false},
		"too few references": {few, Config{Ops: 1}, false},
		"just enough":        {few, Config{Ops: 1, Clients: 3}, true},
		"one client":         {native(""), Config{Ops: 100, Clients: 1}, true},
	} {
		r, err := Stress(context.Background(), c.s, c.cfg)
		if (err == nil) != c.ok || c.ok && r.Class != Linearizable {
			t.Errorf("%s: %s %s, %v, want accepted %v", name, r.Class, r.Reason, err, c.ok)
		}
	}
}

func TestTimeAndInterruptEndIt(t *testing.T) {
	// How late it may be is left to the machine: otherwise it would never end.
	const late = time.Minute
	begin := time.Now()
	r := stress(t, native(""), Config{Time: 300 * time.Millisecond})
	if took := time.Since(begin); r.Class != Linearizable || r.Ops == 0 || took > late {
		t.Errorf("%s after %v and %d calls, want %s after 300 ms", r.Class, took, r.Ops, Linearizable)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("enough")) })
	begin = time.Now()
	r, err := Stress(ctx, native(""), Config{Time: time.Hour})
	if took := time.Since(begin); err != nil || took > late || r.Class != Linearizable {
		t.Errorf("interrupted after 50 ms: %s, %v after %v", r.Class, err, took)
	}
}

// An interrupt ends the judging of what was recorded too.
func TestInterruptEndsJudging(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := native("")
	plain := s.New
	var puts atomic.Int64
	s.New = func() strategies.Counter {
		return &hooked{*plain().(*count), func(op spec.Op) {
			if op != spec.Put {
				return
			}
			// So that calls meet, and judging is more than a look.
			time.Sleep(10 * time.Microsecond)
			if puts.Add(1) == 300 {
				cancel()
			}
		}}
	}
	r, err := Stress(ctx, s, Config{Ops: 100_000})
	if err != nil || r.Class != Linearizable || r.Ops != 0 {
		t.Errorf("interrupted while the first batch was recorded: %s, %s, %d calls judged, %v, want none", r.Class, r.Reason, r.Judged, err)
	}
}

// roundTrip is a history with every kind of answer.
func roundTrip(t *testing.T) *History {
	return &History{Strategy: "planted", Clock: ClockTSC, Seed: 1<<64 - 1, Lives: []Life{
		ops(t, "0 -5 2 Get -", "1 1 9 TryGet true", "63 2 3 Count -7", "0 4 5 GetN(3) -", "0 6 7 Put panic"),
		{Start: 12},
		ops(t, "0 1 2 Kill true"),
	}}
}

func text(t *testing.T, h *History) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := h.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTextIsReadBack(t *testing.T) {
	h := roundTrip(t)
	got, err := Parse(text(t, h))
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%v\n%+v, want\n%+v", err, got, h)
	}
}

// Whatever byte is missing or changed, it is said in which line.
func TestDamagedText(t *testing.T) {
	whole := text(t, roundTrip(t))
	expect := func(what string, data []byte) {
		t.Helper()
		_, err := Parse(data)
		var pe *ParseError
		if !errors.As(err, &pe) || pe.Line < 1 || pe.Line > bytes.Count(data, []byte("\n"))+1 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a one-line error with a line of %q", what, err, data)
		}
	}
	for n := range whole {
		expect("cut", whole[:n])
		for _, c := range []byte{'0', '1', ' ', '\n', '-', 0, 0xff} {
			if whole[n] != c {
				altered := bytes.Clone(whole)
				altered[n] = c
				expect("altered", altered)
			}
		}
	}
	expect("something after the end", append(bytes.Clone(whole), '\n'))
	for what, line := range map[string]string{
		"no operation":      "0 1 2 Steal true",
		"a wrong answer":    "0 1 2 Put -",
		"a wrong number":    "0 +1 2 Put true",
		"a wrong client":    "64 1 2 Put true",
		"an end before":     "0 2 1 Put true",
		"too few fields":    "0 1 2 Put",
		"a number too much": "0 1 2 Get(2) -",
	} {
		_, err := Parse([]byte(magic + "\nstrategy x\nclock tsc\nseed 1\nlife 1\n" + line + "\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "history: line 6: ") || strings.Contains(err.Error(), "cut") {
			t.Errorf("%s: %v, want what is wrong with line 6", what, err)
		}
	}
}
