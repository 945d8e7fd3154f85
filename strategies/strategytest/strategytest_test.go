package strategytest

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
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
	rounds := 100
	if testing.Short() {
		rounds = 10 // under the race detector 100 take minutes
	}
	newSound := func() counter { return new(sound) }
	spurious := saturates()
	spurious.TryGet = strategies.Spurious
	unread := saturates()
	unread.Count = strategies.None
	atLimit, pastLimit, stuck := saturates(), all(strategies.Wraps), saturates()
	atLimit.TryGetRefuses, pastLimit.TryGetRefuses, stuck.TryGetRefuses = strategies.AtLimit, strategies.PastLimit, strategies.PastLimit
	onceKilled := all(strategies.Panics)
	onceKilled.TryGetRefuses = strategies.OnceKilled
	// A limit that nearly everything comes to.
	tiny, few := all(strategies.Panics), saturates()
	tiny.Limit, tiny.Width, few.Limit, few.Width = 1, 0, 3, 0
	late := saturates()
	late.Zero = strategies.AfterKill
	closes, closing := saturates(), waits()
	closes.TryGetRefuses, closing.TryGetRefuses = strategies.OnceKilled, strategies.OnceKilled
	for name, s := range map[string]*strategies.Strategy{
		"saturates": strategy("sound", saturates(), newSound),
		"wraps":     strategy("sound", all(strategies.Wraps), newSound),
		"refuses":   strategy("sound", all(strategies.Refuses), newSound),
		"panics":    strategy("sound", all(strategies.Panics), newSound),
		"afterkill": strategy("sound", afterKill(), newSound),
		"waits":     strategy("sound", waits(), newSound),
		"closes":    strategy("sound", closes, newSound),
		"closing":   strategy("sound", closing, newSound),
		"modes":     strategy("modal", afterKill(), func() counter { return new(modal) }),
		"spurious":  strategy("flaky", spurious, func() counter { return new(flaky) }),
		"unread":    strategy("sound", unread, newSound),
		"tiny":      strategy("sound", tiny, newSound),
		"few":       strategy("sound", few, newSound),
		"lastlost":  strategy("loses", lastLost(), func() counter { return new(losesBesideStray) }),
		"killed":    strategy("sound", onceKilled, newSound),
		"atlimit":   strategy("sound", atLimit, newSound),
		"pastlimit": strategy("sound", pastLimit, newSound),
		"stuck":     strategy("sound", stuck, newSound),
		// One that detects zero at once also does so after Kill.
		"immediate": strategy("sound", late, func() counter { return &fixed{sound{p: saturates()}} }),
	} {
		t.Run(name, func(t *testing.T) {
			if names, errs := failures(t, s, rules.Config{Seed: 1, Short: true, Rounds: rounds}); len(names) > 0 {
				t.Errorf("a sound count fails %q:\n%v", names, errors.Join(errs...))
			}
		})
	}
}

// That nobody is told of the last drop is excused by drops too many, and by nothing else.
func TestNobodyToldWithoutADropTooMany(t *testing.T) {
	s := strategy("tellsnobody", lastLost(), func() counter { return new(tellsNobody) })
	for _, r := range rules.All() {
		if r.Name != "many Put below zero" {
			continue
		}
		// The first life has as many references as are dropped.
		err := r.Run(t.Context(), s, rules.Config{Seed: 1, Workers: 4}).Err()
		if err == nil || !strings.Contains(err.Error(), `from "32 references": 0 of 32 calls of Put returned true, want 1`) {
			t.Errorf("a count that tells nobody: %v", err)
		}
		return
	}
	t.Error("the rule has another name")
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
	beginsAnew       struct{ sound }
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
	earlyKill        struct{ sound }
	toldTwice        struct{ sound }
	losesBesideStray struct{ sound }
	tellsNobody      struct{ sound }
)

// wait gives others time to begin and end a drop, if this one is the last.
func wait(last bool) {
	for range 20 {
		if !last {
			return
		}
		runtime.Gosched()
	}
}

func (c *losesBesideStray) Put() bool {
	runtime.Gosched()
	stray := c.peek() == 0
	last := c.sound.Put()
	strays := func(n int) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.flips += n
		return c.flips
	}
	if stray {
		strays(1)
	}
	before := strays(0)
	wait(last)
	return last && strays(0) == before
}

func (c *tellsNobody) Put() bool { c.sound.Put(); return false }

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

// Kill doesn't wait. The rest goes on as if it had.
func (c *earlyKill) Kill() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs--
	c.killed = true
	return true
}

// Put tells of the last reference while Kill waits to tell of it.
func (c *toldTwice) Put() bool {
	c.sound.Put()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killing && c.refs == 1
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

// Who finds the object between the two loses its reference.
func (c *beginsAnew) Resurrect() {
	if c.peek() != 0 {
		c.sound.Resurrect()
		return
	}
	runtime.Gosched()
	c.InitAt(1)
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

// races are rules that crossings may see broken, whatever they are about.
func races(and ...string) []string { return append(and, "crossings") }

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
			name: "earlykill", rule: "Kill doesn't wait for the other references",
			promise: waits(), fresh: func() counter { return new(earlyKill) },
			must: []string{"many last drops"},
			may:  races("order before the last Put", "many Get and Put"),
		},
		{
			name: "toldtwice", rule: "Put reports the last reference to whoever Kill reports it too",
			promise: waits(), fresh: func() counter { return new(toldTwice) },
			must: []string{"many last drops"},
			may:  races("order before the last Put", "many Get and Put"),
		},
		{
			name: "lostupdate", rule: "Get overwrites what others did meanwhile",
			promise: saturates(), fresh: func() counter { return new(lostUpdate) },
			must: []string{"many Get and Put"},
			may:  races("CountAtRest"),
		},
		{
			name: "readsagain", rule: "Put decides by a second look whether it was the last",
			promise: saturates(), fresh: func() counter { return new(readsAgain) },
			must: []string{"many last drops"},
			may:  races(),
		},
		{
			name: "checksthentakes", rule: "TryGet looks, and then takes a reference without looking",
			promise: all(strategies.Wraps), fresh: func() counter { return new(checksThenTakes) },
			must: []string{"TryGet against the last Put", "last drops before readers", "lookups across lives"},
		},
		{
			name: "beginsanew", rule: "Resurrect looks, and then begins the life anew",
			promise: all(strategies.Wraps), fresh: func() counter { return new(beginsAnew) },
			must: []string{"hits of a cached object"},
		},
		{
			name: "transientlyfound", rule: "the count looks dead in the middle of Put",
			promise: saturates(), fresh: func() counter { return new(transientlyFound) },
			must: []string{"many Get and Put"},
			may:  races("CountAtRest", "PutIfOne", "PutUnlessOne", "PutAndLock"),
		},
		{
			name: "putifonetwice", rule: "PutIfOne looks, and then drops",
			promise: saturates(), fresh: func() counter { return new(putIfOneTwice) },
			must: []string{"many PutIfOne"},
		},
		{
			name: "putunlesstwice", rule: "PutUnlessOne looks, and then drops",
			promise: saturates(), fresh: func() counter { return new(putUnlessTwice) },
			must: []string{"many PutUnlessOne"},
		},
		{
			name: "diesunlocked", rule: "PutAndLock drops the last reference before it locks",
			promise: saturates(), fresh: func() counter { return new(diesUnlocked) },
			must: []string{"many PutAndLock"},
		},

		// What goes wrong on one goroutine.
		{
			name: "earlylast", rule: "Put reports the last when one is left",
			promise: saturates(), fresh: func() counter { return new(earlyLast) },
			must: []string{
				"Carries", "StartsAtOne", "LastExactlyOnce", "KillReportsLast", "NoLastBeforeKill", "TryGetWhileAlive", "NextLife", "operations",
				"Programs", "SeveralEqualsSingles", "SeveralTakenEqualSingles", "CountAtRest", "Resurrect", "PutIfOne", "many Get and Put",
			},
			may: races(),
		},
		{
			name: "lastagain", rule: "Put on a dead count reports the last once more",
			promise: saturates(), fresh: func() counter { return new(lastAgain) },
			must: []string{"Underflow", "GetOnZero", "operations", "Programs"},
			may:  races(),
		},
		{
			name: "silentkill", rule: "Kill doesn't report the last",
			promise: saturates(), fresh: func() counter { return new(silentKill) },
			must: []string{
				"StartsAtOne", "LastExactlyOnce", "KillReportsLast", "TryGetAfterDeath", "NextLife", "Underflow", "GetOnZero", "operations", "Programs", "Resurrect",
				"many Get and Put",
			},
			may: races(),
		},
		{
			name: "revivingtryget", rule: "TryGet brings a dead count back",
			promise: saturates(), fresh: func() counter { return new(revivingTryGet) },
			must: []string{
				"TryGetAfterDeath", "NextLife", "operations", "Programs", "SeveralEqualsSingles", "SeveralTakenEqualSingles", "many last drops",
			},
			may: races(),
		},
		{
			name: "flaky", rule: "TryGet, promised exact, fails on a live count now and then",
			promise: saturates(), fresh: func() counter { return new(flaky) },
			must: []string{
				"LastExactlyOnce", "NextLife", "NearLimit", "Underflow", "GetOnZero", "operations", "Programs", "SeveralEqualsSingles", "SeveralTakenEqualSingles",
				"many Get and Put",
			},
			may: races("Carries", "PutAndLock"),
		},
		{
			name: "dirtyinit", rule: "Init starts the next life with what the last one left",
			promise: saturates(), fresh: func() counter { return new(dirtyInit) },
			must: []string{"NextLife", "operations", "Programs", "TryGet against the last Put"},
			may:  races(),
		},
		{
			name: "panicsinput", rule: "Put panics when it should report the last",
			promise: saturates(), fresh: func() counter { return new(panicsInPut) },
			must: []string{
				"LastExactlyOnce", "KillReportsLast", "NextLife", "SeveralEqualsSingles", "SeveralTakenEqualSingles", "Underflow", "GetOnZero", "operations", "Programs", "CountAtRest", "Resurrect",
				"PutUnlessOne",
			},
			may: races("Carries", "PutAndLock"),
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
			must: []string{"NearLimit", "Underflow", "GetOnZero", "operations", "Programs"},
			may:  races(),
		},
		{
			name: "sticksearly", rule: "it saturates below its limit",
			promise: saturates(), fresh: holds(small),
			must: []string{"Carries", "NearLimit", "operations", "Programs", "CountAtRest"},
			may:  races(),
		},
		{
			name: "revives", rule: "Get revives a dead count where it promises to refuse",
			promise: all(strategies.Refuses), fresh: holds(reviving(strategies.Refuses)),
			must: []string{"Underflow", "GetOnZero", "operations", "Programs"},
			may:  races(),
		},
		{
			name: "silent", rule: "it refuses where it promises to panic",
			promise: all(strategies.Panics), fresh: holds(all(strategies.Refuses)),
			must: []string{"NearLimit", "Underflow", "GetOnZero", "operations", "Programs"},
			may:  races(),
		},

		// What goes wrong in an optional power.
		{
			name: "onlyone", rule: "GetN takes one reference",
			promise: saturates(), fresh: func() counter { return new(onlyOne) },
			must: []string{"NearLimit", "operations", "Programs", "SeveralEqualsSingles", "SeveralTakenEqualSingles"},
			may:  races("Carries"),
		},
		{
			name: "withoutowner", rule: "Count leaves the owner's reference out",
			promise: saturates(), fresh: func() counter { return new(withoutOwner) },
			must: []string{
				"StartsAtOne", "LastExactlyOnce", "KillReportsLast", "NoLastBeforeKill", "TryGetWhileAlive", "TryGetAfterDeath", "NextLife", "NearLimit", "Underflow", "GetOnZero", "operations",
				"Programs", "SeveralEqualsSingles", "SeveralTakenEqualSingles", "CountAtRest", "Resurrect", "PutIfOne", "PutUnlessOne", "PutAndLock", "many Get and Put",
			},
			may: races("Carries"),
		},
		{
			name: "staysdead", rule: "Resurrect does nothing to a dead count",
			promise: saturates(), fresh: func() counter { return new(staysDead) },
			must: []string{"operations", "Programs", "Resurrect"},
			may:  races(),
		},
		{
			name: "silentdrop", rule: "Drop kills the count without a word where it promises to saturate",
			promise: saturates(), fresh: func() counter { return new(silentDrop) },
			must: []string{"operations", "Programs"},
			may:  races(),
		},
		{
			name: "putsifany", rule: "PutIfOne drops one of several",
			promise: saturates(), fresh: func() counter { return new(putsIfAny) },
			must: []string{"operations", "Programs", "PutIfOne"},
			may:  races("Carries"),
		},
		{
			name: "keepslock", rule: "PutAndLock keeps the lock after a drop that wasn't the last",
			promise: saturates(), fresh: func() counter { return new(keepsLock) },
			must: []string{"operations", "Programs", "PutAndLock"},
			may:  races(),
		},
		{
			name: "freeslock", rule: "PutAndLock returns true with the lock free",
			promise: saturates(), fresh: func() counter { return new(freesLock) },
			must: []string{"operations", "Programs", "PutAndLock"},
			may:  races(),
		},
		{
			name: "alwayslocks", rule: "PutAndLock locks for every drop",
			promise: saturates(), fresh: func() counter { return new(alwaysLocks) },
			must: []string{"operations", "Programs", "PutAndLock"},
			may:  races(),
		},
		{
			name: "deafmonitor", rule: "the monitor hears nothing",
			promise: saturates(), fresh: func() counter { return new(deafMonitor) },
			must: []string{"operations"},
		},
		{
			name: "wrongkind", rule: "the monitor hears of another kind of misuse",
			promise: saturates(), fresh: func() counter { return new(wrongKind) },
			must: []string{"operations"},
		},
		{
			name: "falsealarm", rule: "the monitor hears of right use",
			promise: saturates(), fresh: func() counter { return new(falseAlarm) },
			must: []string{"operations"},
			may:  []string{"crossings"},
		},
		{
			name: "neverconfirms", rule: "KillAndConfirm doesn't confirm",
			promise: afterKill(), fresh: func() counter { return new(neverConfirms) },
			must: []string{"Underflow", "operations", "Programs", "Modes"},
			may:  races(),
		},
		{
			name: "liveafterkill", rule: "TryGetLive succeeds after the confirmation",
			promise: afterKill(), fresh: func() counter { return new(liveAfterKill) },
			must: []string{"operations", "Programs", "Modes"},
			may:  races(),
		},
		{
			name: "losesonswitch", rule: "a mode switch loses a reference",
			promise: afterKill(), fresh: func() counter { return new(losesOnSwitch) },
			must: []string{"operations", "Programs", "Modes"},
			may:  races(),
		},
		{
			name: "reinitsattwo", rule: "Reinit starts a life with two references",
			promise: afterKill(), fresh: func() counter { return new(reinitsAtTwo) },
			must: []string{"operations", "Programs", "Modes"},
			may:  races(),
		},
		{
			name: "ownerless", rule: "ResurrectLive doesn't give the owner a reference",
			promise: afterKill(), fresh: func() counter { return new(ownerless) },
			must: []string{"operations", "Programs", "Modes"},
			may:  races(),
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

func TestEveryRuleHasAMutant(t *testing.T) {
	// The race detector's own rule has race_test.go, the kernel's, the operations and
	// the other crossings have their planted counts in package rules.
	seen := map[string]bool{"order before the last Put": true, "operations": true}
	for _, m := range mutants() {
		for _, name := range m.must {
			seen[name] = true
		}
	}
	names := map[string]bool{"operations": true}
	for _, r := range rules.All() {
		names[r.Name] = true
		if r.Kind == rules.Contract && !seen[r.Name] {
			t.Errorf("no mutant must fail %s", r.Name)
		}
	}
	for name := range seen {
		if !names[name] {
			t.Errorf("a mutant must fail %s, which is no rule", name)
		}
	}
}

// check checks one rule by its name.
func check(t *testing.T, name string, s *strategies.Strategy, cfg rules.Config) error {
	t.Helper()
	for _, r := range rules.All() {
		if r.Name == name {
			return r.Run(t.Context(), s, cfg).Err()
		}
	}
	t.Fatalf("no rule is called %q", name)
	return nil
}

// A hanging count waits in Put until the test ends.
type hanging struct {
	sound
	end chan struct{}
}

func (c *hanging) Put() bool { <-c.end; return false }

func TestHangingCountIsGivenUp(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	s := strategy("hanging", saturates(), func() counter { return &hanging{end: end} })
	for _, name := range []string{"KillReportsLast", "many last drops"} {
		err := check(t, name, s, rules.Config{Timeout: 100 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), "not finished after 100ms") || !strings.Contains(err.Error(), "(*hanging).Put") {
			t.Errorf("%s of a count that hangs in Put: got %v, want a timeout with the stack of Put", name, err)
		}
	}
}

// A slow count sleeps in Kill, as one seems to whose thread has no CPU.
type slow struct{ sound }

func (c *slow) Kill() bool {
	time.Sleep(10 * time.Millisecond)
	return c.sound.Kill()
}

// What is slow doesn't hang: the check takes two seconds at least.
func TestSlowCountIsNotGivenUp(t *testing.T) {
	s := strategy("slow", saturates(), func() counter { return new(slow) })
	if err := check(t, "order before the last Put", s, rules.Config{Timeout: time.Second, Rounds: 25}); err != nil {
		t.Error(err)
	}
}

func TestFailureSaysWhatAndWhere(t *testing.T) {
	s := strategy("silentkill", saturates(), func() counter { return new(silentKill) })
	err := check(t, "StartsAtOne", s, rules.Config{Seed: 17})
	const want = `strategy silentkill breaks the rule StartsAtOne: Init starts a life with one reference, so that dropping it at once is the last drop.
silentkill in state "1 reference": Kill returned false, want true, after Init
silentkill in state "1 reference": Kill returned false, want true, after Init, Get, Put
seed 17`
	if err == nil || err.Error() != want {
		t.Errorf("the failure reads\n%v\nwant\n%s", err, want)
	}
}

func TestSameSeedSameFailure(t *testing.T) {
	s := strategy("lastagain", saturates(), func() counter { return new(lastAgain) })
	texts := make(map[string]bool)
	for range 3 {
		texts[check(t, "Programs", s, rules.Config{Seed: 99}).Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("three runs with one seed failed in %d ways: %v", len(texts), texts)
	}
}

func TestReplayPatternNamesOneTest(t *testing.T) {
	const want = `^Test$/^many_GetN\(3\)_past_the_limit$`
	if got := pattern("Test/many_GetN(3)_past_the_limit"); got != want {
		t.Errorf("pattern is %q, want %q", got, want)
	}
}

// What the fuzz target adds reaches what it is there for.
func TestFuzzProgramsFindMutants(t *testing.T) {
	for text, fresh := range map[string]func() counter{
		"a.Kill a.Put":                func() counter { return new(lastAgain) },
		"a.Kill a.TryGet":             func() counter { return new(revivingTryGet) },
		"a:InitAt(limit) a.Get a.Put": func() counter { return &fixed{sound{p: all(strategies.Wraps)}} },
		"a.GetN(4)":                   func() counter { return new(onlyOne) },
	} {
		p, err := program.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if rules.CheckProgram(strategy("mutant", saturates(), fresh), p.Encode()) == nil {
			t.Errorf("program %s of %T: nothing found", text, fresh())
		}
	}
}
