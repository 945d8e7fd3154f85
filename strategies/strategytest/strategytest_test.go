package strategytest

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rules"
	"github.com/refbench/refbench/strategies/spec"
)

// counter is what the mutants' constructor sets up.
type counter interface {
	strategies.Counter
	promise(p strategies.Promise)
}

func (c *sound) promise(p strategies.Promise) { c.p = p }

// strategy returns a strategy with counts that fresh returns.
func strategy(name string, p strategies.Promise, fresh func() counter) *strategies.Strategy {
	return &strategies.Strategy{
		Name:    name,
		Doc:     "a count of the kit's own tests",
		Promise: p,
		New: func() strategies.Counter {
			c := fresh()
			c.promise(p)
			return c
		},
	}
}

// A sound count must pass under every promise that it could make.
func TestSoundCountsPass(t *testing.T) {
	newSound := func() counter { return new(sound) }
	spurious := saturates()
	spurious.TryGet = strategies.Spurious
	unread := saturates()
	unread.Count = strategies.None
	for name, s := range map[string]*strategies.Strategy{
		"saturates": strategy("sound", saturates(), newSound),
		"wraps":     strategy("sound", all(strategies.Wraps), newSound),
		"refuses":   strategy("sound", all(strategies.Refuses), newSound),
		"panics":    strategy("sound", all(strategies.Panics), newSound),
		"afterkill": strategy("sound", afterKill(), newSound),
		"modes":     strategy("modal", afterKill(), func() counter { return new(modal) }),
		"spurious":  strategy("flaky", spurious, func() counter { return new(flaky) }),
		"unread":    strategy("sound", unread, newSound),
		// One that detects zero at once also does so after Kill.
		"immediate": strategy("sound", afterKill(), func() counter { return &fixed{sound{p: all(strategies.Wraps)}} }),
	} {
		t.Run(name, func(t *testing.T) {
			if names, errs := failures(s, Config{Seed: 1, Short: true}); len(names) > 0 {
				t.Errorf("a sound count fails %q:\n%v", names, errors.Join(errs...))
			}
		})
	}
}

func Test(t *testing.T) {
	Run(t, strategy("sound", saturates(), func() counter { return new(sound) }))
}

func FuzzSound(f *testing.F) {
	Fuzz(f, strategy("sound", saturates(), func() counter { return new(sound) }))
}

func BenchmarkRef(b *testing.B) {
	Benchmark(b, strategy("sound", saturates(), func() counter { return new(sound) }))
}

// The mutants. Each is sound but for the methods below it.
type (
	lostUpdate       struct{ sound }
	readsAgain       struct{ sound }
	earlyLast        struct{ sound }
	revivingTryGet   struct{ sound }
	checksThenTakes  struct{ sound }
	silentKill       struct{ sound }
	allocates        struct{ sound }
	lastAgain        struct{ sound }
	flaky            struct{ sound }
	dirtyInit        struct{ sound }
	withoutOwner     struct{ sound }
	onlyOne          struct{ sound }
	putsIfAny        struct{ sound }
	putIfOneTwice    struct{ sound }
	putUnlessTwice   struct{ sound }
	keepsLock        struct{ sound }
	freesLock        struct{ sound }
	diesUnlocked     struct{ sound }
	alwaysLocks      struct{ sound }
	deafMonitor      struct{ sound }
	wrongKind        struct{ sound }
	falseAlarm       struct{ sound }
	staysDead        struct{ sound }
	silentDrop       struct{ sound }
	panicsInPut      struct{ sound }
	neverConfirms    struct{ modal }
	liveAfterKill    struct{ modal }
	ownerless        struct{ modal }
	losesOnSwitch    struct{ modal }
	reinitsAtTwo     struct{ modal }
	transientlyFound struct{ sound }
)

func (c *sound) peek() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refs
}

func (c *sound) poke(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs = n
}

func (c *lostUpdate) Get() {
	n := c.peek()
	runtime.Gosched()
	if c.peek() != n {
		c.poke(n + 1)
		return
	}
	c.sound.Get()
}

func (c *readsAgain) Put() bool {
	alive := c.peek() > 0
	c.sound.Put()
	runtime.Gosched()
	return alive && c.peek() == 0
}

func (c *earlyLast) Put() bool { last := c.sound.Put(); return last || c.peek() == 1 }

func (c *revivingTryGet) TryGet() bool {
	if c.peek() == 0 {
		c.poke(1)
		return true
	}
	return c.sound.TryGet()
}

func (c *checksThenTakes) TryGet() bool {
	if c.peek() == 0 {
		return false
	}
	runtime.Gosched()
	c.Get()
	return true
}

func (c *silentKill) Kill() bool { c.sound.Kill(); return false }

func (c *allocates) Get() {
	c.sound.Get()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.garbage = new(int)
}

func (c *lastAgain) Put() bool { return c.peek() == 0 || c.sound.Put() }

func (c *flaky) TryGet() bool {
	c.mu.Lock()
	c.flips++
	fail := c.flips%3 == 0
	c.mu.Unlock()
	return !fail && c.sound.TryGet()
}

func (c *dirtyInit) Init() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		c.refs++
	}
	c.refs++
	c.stuck = false
}

func (c *withoutOwner) Count() int64 { return c.sound.Count() - 1 }

func (c *onlyOne) GetN(int) { c.sound.GetN(1) }

func (c *putsIfAny) PutIfOne() bool {
	if c.Count() <= 0 {
		return false
	}
	c.Put()
	return true
}

func (c *putIfOneTwice) PutIfOne() bool {
	if c.Count() != 1 {
		return false
	}
	runtime.Gosched()
	c.poke(0)
	return true
}

func (c *putUnlessTwice) PutUnlessOne() bool {
	if n := c.Count(); n <= 1 {
		return c.sound.PutUnlessOne()
	}
	runtime.Gosched()
	c.sound.Put()
	return true
}

func (c *keepsLock) PutAndLock(l sync.Locker) bool { l.Lock(); return c.Put() }

func (c *freesLock) PutAndLock(l sync.Locker) bool {
	last := c.sound.PutAndLock(l)
	if last {
		l.Unlock()
	}
	return last
}

func (c *diesUnlocked) PutAndLock(l sync.Locker) bool {
	if c.Count() <= 0 {
		return c.sound.PutAndLock(l)
	}
	if !c.Put() {
		return false
	}
	runtime.Gosched()
	l.Lock()
	return true
}

func (c *alwaysLocks) PutAndLock(l sync.Locker) bool {
	l.Lock()
	if c.Put() {
		return true
	}
	l.Unlock()
	return false
}

func (c *deafMonitor) Monitor(*strategies.Monitor) {}

func (c *wrongKind) Put() bool {
	if c.peek() == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.misuse(c.p.Underflow, -1, strategies.DropToZero)
		return false
	}
	return c.sound.Put()
}

func (c *falseAlarm) Kill() bool {
	c.monitor.Report(strategies.DropToZero)
	return c.sound.Kill()
}

func (c *staysDead) Resurrect() {
	if c.peek() != 0 {
		c.sound.Resurrect()
	}
}

func (c *silentDrop) Drop() {
	if c.peek() == 1 {
		c.poke(0)
		return
	}
	c.sound.Drop()
}

func (c *panicsInPut) Put() bool {
	if c.peek() == 1 {
		panic("last reference")
	}
	return c.sound.Put()
}

func (c *neverConfirms) KillAndConfirm(func()) bool { return c.Kill() }
func (c *liveAfterKill) TryGetLive() bool           { return c.TryGet() }
func (c *losesOnSwitch) SwitchToPerCPU()            { c.poke(c.peek() - 1) }
func (c *reinitsAtTwo) Reinit()                     { c.InitAt(2) }

func (c *ownerless) ResurrectLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = false
}

// transientlyFound looks dead for an instant in the middle of Put, as a count
// does that folds its parts together one after the other.
func (c *transientlyFound) Put() bool {
	n := c.peek()
	if n > 1 {
		c.poke(0)
		runtime.Gosched()
		c.poke(n)
	}
	return c.sound.Put()
}

// A mutant fails all cases in must, and none but those in must and may: may has
// what depends on how goroutines meet.
type mutant struct {
	name    string
	rule    string // what is wrong
	promise strategies.Promise
	fresh   func() counter
	must    []string
	may     []string
}

// races are the cases that race goroutines against each other.
func races(and ...string) []string {
	return append(and, "OrderedBeforeLast", "StressPairs", "StressChurn", "StressTryGetVsLastPut")
}

func mutants() []mutant {
	tooFew, tooMany, small := saturates(), saturates(), saturates()
	tooFew.Bytes--
	tooMany.Bytes++
	small.Limit = 100
	newSound := func() counter { return new(sound) }
	// holds is a sound count that keeps p instead of what it promises.
	holds := func(p strategies.Promise) func() counter {
		return func() counter { return &fixed{sound: sound{p: p}} }
	}
	return []mutant{
		// What goes wrong only between goroutines.
		{
			name: "lostupdate", rule: "Get overwrites what others did meanwhile",
			promise: saturates(), fresh: func() counter { return new(lostUpdate) },
			must: []string{"StressPairs"},
			may:  races("CountAtRest"),
		},
		{
			name: "readsagain", rule: "Put decides by a second look whether it was the last",
			promise: saturates(), fresh: func() counter { return new(readsAgain) },
			must: []string{"StressChurn"},
			may:  races(),
		},
		{
			name: "checksthentakes", rule: "TryGet looks, and then takes a reference without looking",
			promise: all(strategies.Wraps), fresh: func() counter { return new(checksThenTakes) },
			must: []string{"StressTryGetVsLastPut"},
		},
		{
			name: "transientlyfound", rule: "the count looks dead in the middle of Put",
			promise: saturates(), fresh: func() counter { return new(transientlyFound) },
			must: []string{"StressPairs"},
			may:  races("CountAtRest", "PutIfOne", "PutUnlessOne", "PutAndLock"),
		},
		{
			name: "putifonetwice", rule: "PutIfOne looks, and then drops",
			promise: saturates(), fresh: func() counter { return new(putIfOneTwice) },
			must: []string{"PutIfOne"},
		},
		{
			name: "putunlesstwice", rule: "PutUnlessOne looks, and then drops",
			promise: saturates(), fresh: func() counter { return new(putUnlessTwice) },
			must: []string{"PutUnlessOne"},
		},
		{
			name: "diesunlocked", rule: "PutAndLock drops the last reference before it locks",
			promise: saturates(), fresh: func() counter { return new(diesUnlocked) },
			must: []string{"PutAndLock"},
		},

		// What goes wrong on one goroutine.
		{
			name: "earlylast", rule: "Put reports the last when one is left",
			promise: saturates(), fresh: func() counter { return new(earlyLast) },
			must: []string{
				"StartsAtOne", "LastExactlyOnce", "KillReportsLast", "NoLastBeforeKill", "TryGetWhileAlive", "NextLife", "Boundaries",
				"Programs", "SeveralEqualsSingles", "CountAtRest", "Resurrect", "PutIfOne", "StressPairs",
			},
			may: races(),
		},
		{
			name: "lastagain", rule: "Put on a dead count reports the last once more",
			promise: saturates(), fresh: func() counter { return new(lastAgain) },
			must: []string{"Underflow", "GetOnZero", "Boundaries", "Programs"},
		},
		{
			name: "silentkill", rule: "Kill doesn't report the last",
			promise: saturates(), fresh: func() counter { return new(silentKill) },
			must: []string{
				"StartsAtOne", "LastExactlyOnce", "KillReportsLast", "TryGetAfterDeath", "NextLife", "Underflow", "GetOnZero", "Boundaries", "Programs", "Resurrect",
				"StressPairs",
			},
			may: races(),
		},
		{
			name: "revivingtryget", rule: "TryGet brings a dead count back",
			promise: saturates(), fresh: func() counter { return new(revivingTryGet) },
			must: []string{
				"TryGetAfterDeath", "NextLife", "Boundaries", "Programs", "SeveralEqualsSingles", "Resurrect", "PutIfOne", "PutAndLock",
				"MonitorReports", "StressChurn",
			},
			may: races(),
		},
		{
			name: "flaky", rule: "TryGet, promised exact, fails on a live count now and then",
			promise: saturates(), fresh: func() counter { return new(flaky) },
			must: []string{
				"LastExactlyOnce", "NextLife", "NearLimit", "Underflow", "GetOnZero", "Boundaries", "Programs", "SeveralEqualsSingles",
				"StressPairs",
			},
			may: races("PutAndLock"),
		},
		{
			name: "dirtyinit", rule: "Init starts the next life with what the last one left",
			promise: saturates(), fresh: func() counter { return new(dirtyInit) },
			must: []string{"NextLife", "Boundaries", "Programs", "StressChurn"},
			may:  races(),
		},
		{
			name: "panicsinput", rule: "Put panics when it should report the last",
			promise: saturates(), fresh: func() counter { return new(panicsInPut) },
			must: []string{
				"LastExactlyOnce", "KillReportsLast", "Underflow", "GetOnZero", "Boundaries", "Programs", "CountAtRest", "Resurrect",
				"PutUnlessOne",
			},
			may: races("PutAndLock"),
		},
		{
			name: "allocates", rule: "Get allocates",
			promise: saturates(), fresh: func() counter { return new(allocates) },
			must: []string{"ZeroAllocs"},
		},
		{
			name: "toofewbytes", rule: "the count is larger than promised",
			promise: tooFew, fresh: newSound,
			must: []string{"BytesPromise"},
		},
		{
			name: "toomanybytes", rule: "the count is smaller than promised",
			promise: tooMany, fresh: newSound,
			must: []string{"BytesPromise"},
		},

		// What breaks only the promise.
		{
			name: "wraps", rule: "it wraps where it promises to saturate",
			promise: saturates(), fresh: holds(all(strategies.Wraps)),
			must: []string{"NearLimit", "Underflow", "GetOnZero", "Boundaries", "Programs"},
		},
		{
			name: "sticksearly", rule: "it saturates below its limit",
			promise: saturates(), fresh: holds(small),
			must: []string{"NearLimit", "Boundaries", "Programs", "CountAtRest"},
		},
		{
			name: "revives", rule: "Get revives a dead count where it promises to refuse",
			promise: all(strategies.Refuses), fresh: holds(reviving(strategies.Refuses)),
			must: []string{"Underflow", "GetOnZero", "Boundaries", "Programs"},
		},
		{
			name: "silent", rule: "it refuses where it promises to panic",
			promise: all(strategies.Panics), fresh: holds(all(strategies.Refuses)),
			must: []string{"NearLimit", "Underflow", "GetOnZero", "Boundaries", "Programs"},
		},

		// What goes wrong in an optional power.
		{
			name: "onlyone", rule: "GetN takes one reference",
			promise: saturates(), fresh: func() counter { return new(onlyOne) },
			must: []string{"NearLimit", "Boundaries", "Programs", "SeveralEqualsSingles"},
		},
		{
			name: "withoutowner", rule: "Count leaves the owner's reference out",
			promise: saturates(), fresh: func() counter { return new(withoutOwner) },
			must: []string{
				"StartsAtOne", "TryGetWhileAlive", "TryGetAfterDeath", "NextLife", "NearLimit", "Underflow", "GetOnZero", "Boundaries",
				"Programs", "SeveralEqualsSingles", "CountAtRest", "Resurrect", "PutIfOne", "PutUnlessOne", "PutAndLock", "StressPairs",
			},
		},
		{
			name: "staysdead", rule: "Resurrect does nothing to a dead count",
			promise: saturates(), fresh: func() counter { return new(staysDead) },
			must: []string{"Boundaries", "Programs", "Resurrect"},
		},
		{
			name: "silentdrop", rule: "Drop kills the count without a word where it promises to saturate",
			promise: saturates(), fresh: func() counter { return new(silentDrop) },
			must: []string{"Boundaries", "Programs"},
		},
		{
			name: "putsifany", rule: "PutIfOne drops one of several",
			promise: saturates(), fresh: func() counter { return new(putsIfAny) },
			must: []string{"Boundaries", "Programs", "PutIfOne"},
		},
		{
			name: "keepslock", rule: "PutAndLock keeps the lock after a drop that wasn't the last",
			promise: saturates(), fresh: func() counter { return new(keepsLock) },
			must: []string{"Boundaries", "Programs", "PutAndLock"},
		},
		{
			name: "freeslock", rule: "PutAndLock returns true with the lock free",
			promise: saturates(), fresh: func() counter { return new(freesLock) },
			must: []string{"Boundaries", "Programs", "PutAndLock"},
		},
		{
			name: "alwayslocks", rule: "PutAndLock locks for every drop",
			promise: saturates(), fresh: func() counter { return new(alwaysLocks) },
			must: []string{"Boundaries", "Programs", "PutAndLock"},
		},
		{
			name: "deafmonitor", rule: "the monitor hears nothing",
			promise: saturates(), fresh: func() counter { return new(deafMonitor) },
			must: []string{"MonitorReports"},
		},
		{
			name: "wrongkind", rule: "the monitor hears of another kind of misuse",
			promise: saturates(), fresh: func() counter { return new(wrongKind) },
			must: []string{"MonitorReports"},
		},
		{
			name: "falsealarm", rule: "the monitor hears of right use",
			promise: saturates(), fresh: func() counter { return new(falseAlarm) },
			must: []string{"MonitorReports"},
		},
		{
			name: "neverconfirms", rule: "KillAndConfirm doesn't confirm",
			promise: afterKill(), fresh: func() counter { return new(neverConfirms) },
			must: []string{"Boundaries", "Programs", "Modes"},
		},
		{
			name: "liveafterkill", rule: "TryGetLive succeeds after the confirmation",
			promise: afterKill(), fresh: func() counter { return new(liveAfterKill) },
			must: []string{"Boundaries", "Programs", "Modes"},
		},
		{
			name: "losesonswitch", rule: "a mode switch loses a reference",
			promise: afterKill(), fresh: func() counter { return new(losesOnSwitch) },
			must: []string{"Boundaries", "Programs", "Modes"},
		},
		{
			name: "reinitsattwo", rule: "Reinit starts a life with two references",
			promise: afterKill(), fresh: func() counter { return new(reinitsAtTwo) },
			must: []string{"Boundaries", "Programs", "Modes"},
		},
		{
			name: "ownerless", rule: "ResurrectLive doesn't give the owner a reference",
			promise: afterKill(), fresh: func() counter { return new(ownerless) },
			must: []string{"Boundaries", "Programs", "Modes"},
		},
	}
}

// reviving is all but for Get on zero.
func reviving(r strategies.Response) strategies.Promise {
	p := all(r)
	p.GetOnZero = strategies.Revives
	return p
}

// A fixed count does what its own promise says, whatever the strategy's says.
type fixed struct{ sound }

func (c *fixed) promise(strategies.Promise) {}

// failures returns the names of the cases that the strategy fails.
func failures(s *strategies.Strategy, cfg Config) (names []string, errs []error) {
	for _, c := range Cases() {
		if c.Unsupported(s) != "" {
			continue
		}
		if err := c.Check(s, cfg); err != nil {
			names = append(names, c.Name)
			errs = append(errs, err)
		}
	}
	return names, errs
}

func TestEveryCaseHasAMutant(t *testing.T) {
	// The race detector's own case is OrderedBeforeLast: see race_test.go.
	seen := map[string]bool{"OrderedBeforeLast": true}
	for _, m := range mutants() {
		for _, name := range m.must {
			seen[name] = true
		}
	}
	names := make(map[string]bool)
	for _, c := range Cases() {
		if names[c.Name] {
			t.Errorf("two cases have the name %s", c.Name)
		}
		names[c.Name] = true
		if !seen[c.Name] {
			t.Errorf("no mutant must fail %s", c.Name)
		}
		if !strings.HasSuffix(c.Rule, ".") {
			t.Errorf("the rule of %s is no sentence: %q", c.Name, c.Rule)
		}
	}
	for name := range seen {
		if !names[name] {
			t.Errorf("a mutant must fail %s, which is no case", name)
		}
	}
}

// A stuck count waits in Put until the test ends.
type stuck struct {
	sound
	end chan struct{}
}

func (c *stuck) Put() bool { <-c.end; return false }

func TestStuckCountIsGivenUp(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	s := strategy("stuck", saturates(), func() counter { return &stuck{end: end} })
	for _, name := range []string{"KillReportsLast", "StressChurn"} {
		i := slices.IndexFunc(Cases(), func(c Case) bool { return c.Name == name })
		err := Cases()[i].Check(s, Config{Timeout: 100 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), "not finished after 100ms") || !strings.Contains(err.Error(), "(*stuck).Put") {
			t.Errorf("%s of a count that is stuck in Put: got %v, want a timeout with the stack of Put", name, err)
		}
	}
}

// A slow count sleeps in Kill, as one seems to whose thread has no CPU.
type slow struct{ sound }

func (c *slow) Kill() bool {
	time.Sleep(10 * time.Millisecond)
	return c.sound.Kill()
}

// What is slow isn't stuck: the case takes two seconds at least.
func TestSlowCountIsNotGivenUp(t *testing.T) {
	s := strategy("slow", saturates(), func() counter { return new(slow) })
	i := slices.IndexFunc(Cases(), func(c Case) bool { return c.Name == "OrderedBeforeLast" })
	if err := Cases()[i].Check(s, Config{Timeout: time.Second, Short: true}); err != nil {
		t.Error(err)
	}
}

func TestFailureSaysWhatAndWhere(t *testing.T) {
	s := strategy("silentkill", saturates(), func() counter { return new(silentKill) })
	err := Cases()[0].Check(s, Config{Seed: 17})
	const want = `strategy silentkill breaks the rule StartsAtOne: Init starts a life with one reference, so that dropping it at once is the last drop.
operation 3: Kill returned false, want true, after Init, Count
operation 5: Kill returned false, want true, after Init, Get, Count, Put
seed 17`
	if err == nil || err.Error() != want {
		t.Errorf("the failure reads\n%v\nwant\n%s", err, want)
	}
}

func TestSameSeedSameFailure(t *testing.T) {
	s := strategy("lastagain", saturates(), func() counter { return new(lastAgain) })
	i := slices.IndexFunc(Cases(), func(c Case) bool { return c.Name == "Programs" })
	texts := make(map[string]bool)
	for range 3 {
		texts[Cases()[i].Check(s, Config{Seed: 99}).Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("three runs with one seed failed in %d ways: %v", len(texts), texts)
	}
}

func TestReplayPatternNamesOneTest(t *testing.T) {
	const want = "^Test$/^StressPairs$"
	if got := pattern("Test/StressPairs"); got != want {
		t.Errorf("pattern is %q, want %q", got, want)
	}
}

// What the fuzz target adds reaches what it is there for.
func TestFuzzProgramsFindMutants(t *testing.T) {
	for _, tt := range []struct {
		fresh func() counter
		calls []spec.Call
	}{
		{func() counter { return new(lastAgain) }, []spec.Call{{Op: spec.Init}, {Op: spec.Kill}, {Op: spec.Put}}},
		{func() counter { return new(revivingTryGet) }, []spec.Call{{Op: spec.Init}, {Op: spec.Kill}, {Op: spec.TryGet}}},
		{func() counter { return &fixed{sound{p: all(strategies.Wraps)}} }, []spec.Call{{Op: spec.InitAt, N: 127}, {Op: spec.Get}, {Op: spec.Put}}},
		{func() counter { return new(onlyOne) }, []spec.Call{{Op: spec.Init}, {Op: spec.GetN, N: 4}}},
	} {
		s := strategy("mutant", saturates(), tt.fresh)
		if err := rules.CheckProgram(s, rules.EncodeProgram(s, tt.calls)); err == nil {
			t.Errorf("program %v of %T: nothing found", tt.calls, tt.fresh())
		}
	}
}
