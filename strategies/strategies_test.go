package strategies_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/saturating"
)

// plain is a counter with no power but those of a Ref.
type plain struct{ n int }

func (c *plain) Init()        { c.n = 1 }
func (c *plain) Get()         { c.n++ }
func (c *plain) TryGet() bool { c.n++; return true }
func (c *plain) Put() bool    { c.n--; return c.n == 0 }
func (c *plain) Kill() bool   { c.n--; return c.n == 0 }

// good returns a strategy with nothing wrong.
func good() *strategies.Strategy {
	return &strategies.Strategy{
		Name: "plain2",
		Doc:  "a plain number",
		Promise: strategies.Promise{
			Limit:     100,
			Width:     8,
			Overflow:  strategies.Wraps,
			Underflow: strategies.Wraps,
			GetOnZero: strategies.Revives,
			Zero:      strategies.Immediate,
			TryGet:    strategies.Exact,
			Count:     strategies.None,
			Progress:  strategies.WaitFree,
			Bytes:     8,
		},
		New: func() strategies.Counter { return new(plain) },
	}
}

func TestValidateAcceptsGoodLists(t *testing.T) {
	for _, list := range [][]*strategies.Strategy{nil, {good()}, {good(), atomic.Strategy, saturating.Strategy}} {
		if err := strategies.Validate(list); err != nil {
			t.Errorf("Validate(%v) = %v", list, err)
		}
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		what  string
		spoil func(s *strategies.Strategy)
		want  string
	}{
		{"empty name", func(s *strategies.Strategy) { s.Name = "" }, `strategy name "": must be`},
		{"upper case", func(s *strategies.Strategy) { s.Name = "Plain" }, `strategy name "Plain": must be`},
		{"digit first", func(s *strategies.Strategy) { s.Name = "2plain" }, `strategy name "2plain": must be`},
		{"dash, which would be GOMAXPROCS", func(s *strategies.Strategy) { s.Name = "plain-2" }, `strategy name "plain-2": must be`},
		{"slash", func(s *strategies.Strategy) { s.Name = "a/b" }, `strategy name "a/b": must be`},
		{"line end", func(s *strategies.Strategy) { s.Name = "plain\n" }, `strategy name "plain\n": must be`},
		{"no doc", func(s *strategies.Strategy) { s.Doc = "" }, "strategy plain2: no doc"},
		{"no constructor", func(s *strategies.Strategy) { s.New = nil }, "strategy plain2: no constructor"},
		{"constructor of nil", func(s *strategies.Strategy) { s.New = func() strategies.Counter { return nil } }, "strategy plain2: constructor returns nil"},
		{"actors", func(s *strategies.Strategy) { s.Promise.Actors = true }, "the promise has Actors: true, and that the counter has the power actorcounter is false"},
		{"limit", func(s *strategies.Strategy) { s.Promise.Limit = 0 }, "promise: limit is 0, want at least 1"},
		{"no bits", func(s *strategies.Strategy) { s.Promise.Width = -1 }, "promise: width is -1, want 0 to 64 bits"},
		{"too many bits", func(s *strategies.Strategy) { s.Promise.Width = 65 }, "promise: width is 65, want 0 to 64 bits"},
		{"too few bits", func(s *strategies.Strategy) { s.Promise.Width = 6 }, "promise: limit 100 doesn't fit the width of 6 bits"},
		{"put unless one", func(s *strategies.Strategy) { s.Promise.PutUnlessOne = strategies.Revives }, `promise: putunlessone is "revives", want one of wraps,`},
		{"bytes", func(s *strategies.Strategy) { s.Promise.Bytes = 0 }, "promise: bytes is 0, want at least 1"},
		{"overflow", func(s *strategies.Strategy) { s.Promise.Overflow = strategies.Revives }, `promise: overflow is "revives", want one of wraps, saturates, refuses, panics`},
		{"underflow", func(s *strategies.Strategy) { s.Promise.Underflow = "" }, `promise: underflow is "", want one of`},
		{"stray", func(s *strategies.Strategy) { s.Promise.Stray = "everything" }, `promise: stray is "everything", want one of , lastlost`},
		{"get on zero", func(s *strategies.Strategy) { s.Promise.GetOnZero = strategies.Wraps }, `promise: getonzero is "wraps", want one of revives,`},
		{"zero", func(s *strategies.Strategy) { s.Promise.Zero = "later" }, `promise: zero is "later", want one of immediate, afterkill`},
		{"tryget", func(s *strategies.Strategy) { s.Promise.TryGet = strategies.None }, `promise: tryget is "none", want one of exact, spurious`},
		{"tryget refuses", func(s *strategies.Strategy) { s.Promise.TryGetRefuses = "never" }, `promise: trygetrefuses is "never", want one of , atlimit, pastlimit, oncekilled, duringkill`},
		{"never past the limit", func(s *strategies.Strategy) {
			s.Promise.TryGetRefuses, s.Promise.Overflow = strategies.PastLimit, strategies.Refuses
		}, `promise: trygetrefuses is "pastlimit" and overflow "refuses"`},
		{"for few goroutines", func(s *strategies.Strategy) { s.MaxWorkers = 1 }, "strategy plain2: a count is for any number of goroutines"},
		{"count", func(s *strategies.Strategy) { s.Promise.Count = strategies.Spurious }, `promise: count is "spurious", want one of`},
		{"progress", func(s *strategies.Strategy) { s.Promise.Progress = "fast" }, `promise: progress is "fast", want one of`},
	} {
		s := good()
		tt.spoil(s)
		err := strategies.Validate([]*strategies.Strategy{s})
		if err == nil {
			t.Errorf("%s: Validate found nothing wrong", tt.what)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate says %q, want it to contain %q", tt.what, err, tt.want)
		}
	}
}

func TestValidateFindsEveryFault(t *testing.T) {
	first, second, third := good(), good(), good()
	second.Doc = ""
	third.Name = "third"
	third.Promise.Limit = -1
	third.Promise.Zero = ""
	err := strategies.Validate([]*strategies.Strategy{first, nil, second, third})
	if err == nil {
		t.Fatal("Validate found nothing wrong")
	}
	for _, want := range []string{
		"strategy 2 of the list is nil",
		`strategy name "plain2": used twice`,
		"strategy plain2: no doc",
		"strategy third: promise: limit is -1",
		`promise: zero is ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Validate says\n%v\nwant it to contain %q", err, want)
		}
	}
}

func TestPromiseText(t *testing.T) {
	p := good().Promise
	p.Resurrection = true
	const want = "limit=100 width=8 overflow=wraps underflow=wraps stray=no getonzero=revives putunlessone=wraps zero=immediate tryget=exact trygetrefuses=no count=none resurrection=yes progress=waitfree bytes=8 graceperiod=no typestable=no actors=no"
	if got := p.String(); got != want {
		t.Errorf("promise is\n%s, want\n%s", got, want)
	}
}

func TestPromiseFieldsFitAResultLine(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range saturating.Strategy.Promise.Fields() {
		if seen[f[0]] || f[0] == "" || f[1] == "" || strings.ContainsAny(f[0]+f[1], " =") {
			t.Errorf("field %q with value %q: a result line couldn't carry it", f[0], f[1])
		}
		seen[f[0]] = true
	}
}

func TestPowers(t *testing.T) {
	for _, tt := range []struct {
		s    *strategies.Strategy
		want []strategies.Power
	}{
		{good(), nil},
		{atomic.Strategy, []strategies.Power{
			strategies.PowerMultiGetter, strategies.PowerMulti, strategies.PowerReader, strategies.PowerResurrecter, strategies.PowerDropper, strategies.PowerOnePutter, strategies.PowerPresetter,
		}},
		{saturating.Strategy, []strategies.Power{
			strategies.PowerMultiGetter, strategies.PowerMulti, strategies.PowerReader, strategies.PowerDropper, strategies.PowerOnePutter, strategies.PowerLockPutter, strategies.PowerPresetter, strategies.PowerMonitored,
		}},
	} {
		if got := tt.s.Powers(); !slices.Equal(got, tt.want) {
			t.Errorf("%s has the powers %q, want %q", tt.s, got, tt.want)
		}
	}
}

func TestMonitorCountsEachKind(t *testing.T) {
	var m strategies.Monitor
	var mu sync.Mutex
	heard := make(map[strategies.Misuse]int)
	m.Hook = func(k strategies.Misuse) {
		mu.Lock()
		defer mu.Unlock()
		heard[k]++
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, k := range strategies.MisuseKinds() {
				for range i + 1 {
					m.Report(k)
				}
			}
		})
	}
	wg.Wait()
	total, texts := 0, make(map[string]bool)
	for i, k := range strategies.MisuseKinds() {
		want := 4 * (i + 1)
		total += want
		if m.Count(k) != uint64(want) || heard[k] != want {
			t.Errorf("%q was reported %d times: counted %d, hook heard %d", k, want, m.Count(k), heard[k])
		}
		if texts[k.String()] || k.String() == strategies.Misuse(-1).String() {
			t.Errorf("kind %d has no text of its own: %q", k, k)
		}
		texts[k.String()] = true
	}
	if m.Total() != uint64(total) {
		t.Errorf("total is %d, want %d", m.Total(), total)
	}
	(*strategies.Monitor)(nil).Report(strategies.GetOverflow) // must do nothing
}
