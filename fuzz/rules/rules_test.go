package rules_test

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	syncatomic "sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/owned"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

// scorecards are what the kernel's tests say, in the kernel's order: good, tolerated,
// Fail. They follow from what is promised of overflow, underflow, Get on zero and TryGet.
var scorecards = map[policy]string{
	// As refcount_t: LKDTM on a kernel says the same.
	{strategies.Saturates, strategies.Saturates, strategies.Saturates, ""}: "ggggggggggggggggg",
	// From 2 to 0 by dec is "still at zero".
	{strategies.Wraps, strategies.Wraps, strategies.Revives, ""}: "FFFFtFFFFFFFFFFFF",
	// A TryGet that is refused past the limit is weird, and leaves the number.
	{strategies.Wraps, strategies.Wraps, strategies.Revives, strategies.PastLimit}: "FFFFtFFFFFFFFttFF",
}

// A policy is what the kernel's tests depend on.
type policy struct {
	overflow, underflow, getOnZero strategies.Response
	tryGetRefuses                  strategies.Refusal
}

// sticksLater has the counts that are past the limit before they come to the value at which
// they stick: any number with bit 31 is saturated to FreeBSD. The kernel's tests want that
// value at once, and so fail where they end with a reference past the limit.
var sticksLater = map[string]string{"freebsd": "_OVERFLOW"}

func TestBuiltinStrategiesKeepTheirPromises(t *testing.T) {
	for _, s := range builtin.All() {
		var card strings.Builder
		for _, rule := range rules.All() {
			// Few rounds: the tests of each strategy run the same rules for long.
			r := rule.Run(t.Context(), s, rules.Config{Seed: 1, Rounds: 10, Short: true})
			later := sticksLater[s.Name] != "" && strings.HasSuffix(r.Rule.Name, sticksLater[s.Name]) && r.Score == rules.Fail
			if r.Verdict == rules.Fail || r.Score != r.Expected && !later {
				t.Error(r)
			}
			if r.Verdict != rules.NotApplicable && r.Checks == 0 {
				t.Errorf("%v: nothing was compared", r)
			}
			// What doesn't apply is about a power, about what is promised of misuse, or
			// about a number that the count can't be brought to.
			reasoned := strings.Contains(r.Reason, "power") || strings.Contains(r.Reason, "promise") || strings.Contains(r.Reason, "no calls that") || strings.Contains(r.Reason, "can't be brought")
			if r.Verdict == rules.NotApplicable && !reasoned {
				t.Errorf("%v: without a power or a promise that is the reason", r)
			}
			if unsupported := rule.Unsupported(s); (unsupported != "") != (r.Verdict == rules.NotApplicable) {
				t.Errorf("%v: but Unsupported says %q", r, unsupported)
			}
			if rule.Kind == rules.Kernel {
				v := r.Score
				if v == "" { // it doesn't apply, or the count can't be read
					v = rules.NotApplicable
				}
				card.WriteByte(v[0])
			}
		}
		p := s.Promise
		want, known := scorecards[policy{p.Overflow, p.Underflow, p.GetOnZero, p.TryGetRefuses}]
		if unsigned := p.Width > 0 && uint64(p.Limit) == ^uint64(0)>>(64-p.Width); unsigned && p.Underflow == strategies.Wraps {
			want = "FFFFtttFFFFFFFFtF" // one below zero is the limit, which the kernel tolerates
		}
		for i, got := range card.String() {
			if known && got != 'n' && got != rune(want[i]) {
				t.Errorf("the kernel's tests say %s of %s, want %s where they apply", card.String(), s, want)
				break
			}
		}
	}
}

// rounds is few, so that all tests here take seconds. The wrong strategies give way
// in the middle of what they do wrong.
func rounds() int {
	if testing.Short() {
		return 30
	}
	return 100
}

// wrong returns a strategy that promises what like does and isn't it.
func wrong(name string, like *strategies.Strategy, fresh func() strategies.Counter) *strategies.Strategy {
	return &strategies.Strategy{Name: name, Doc: "a wrong count", Promise: like.Promise, New: fresh}
}

// The right counts, by names other than that of their method Count.
type (
	sat   = saturating.Count
	cpus  = percpu.Count
	words = owned.Count
	plain = atomic.Count
)

// The wrong counts. Each is right but for the methods below it.
type (
	getWraps         struct{ sat }
	getNWraps        struct{ sat }
	tryGetWraps      struct{ sat }
	tryGetNWraps     struct{ sat }
	dropWraps        struct{ sat }
	dropGoesCrazy    struct{ sat }
	putWraps         struct{ sat }
	putNWraps        struct{ sat }
	tryGetRevives    struct{ sat }
	tryGetNRevives   struct{ sat }
	putReportsTwice  struct{ sat }
	tryGetGivesUp    struct{ sat }
	getResets        struct{ sat }
	initAtTwo        struct{ sat }
	initAtOne        struct{ sat }
	silentKill       struct{ sat }
	countLags        struct{ sat }
	putIfAny         struct{ sat }
	putUnlessTwo     struct{ sat }
	lockAlways       struct{ sat }
	deaf             struct{ sat }
	getsInSteps      struct{ plain }
	putsNInSteps     struct{ plain }
	resurrectsTwice  struct{ plain }
	beginsAnew       struct{ plain }
	actsTwice        struct{ words }
	actsOnDead       struct{ words }
	actsWithout      struct{ words }
	staysPerCPU      struct{ cpus }
	staysAtomic      struct{ cpus }
	liveAfterKill    struct{ cpus }
	neverConfirms    struct{ cpus }
	ownerless        struct{ cpus }
	reinitAtTwo      struct{ cpus }
	looksThenGets    struct{ sat }
	looksThenGetsN   struct{ sat }
	looksThenTries   struct{ sat }
	looksThenTriesN  struct{ sat }
	looksThenPuts    struct{ sat }
	looksThenPutsN   struct{ sat }
	looksThenDrops   struct{ sat }
	triesByUndoing   struct{ sat }
	leavesSaturation struct{ sat }
	looksDead        struct{ sat }
	takesUnseen      struct{ sat }
	takesNUnseen     struct{ sat }
	looksThenIfOne   struct{ sat }
	looksThenUnless  struct{ sat }
	diesUnlocked     struct{ sat }
	confirmsEarly    struct{ cpus }
	forgetsOnSwitch  struct {
		cpus
		switching sync.Mutex
	}
)

// dropsAtHome knows what was taken on each CPU. A drop elsewhere is lost while there is some.
type dropsAtHome struct {
	plain
	taken [8]syncatomic.Int64
}

func (c *dropsAtHome) TryGet() bool {
	if !c.plain.TryGet() {
		return false
	}
	c.taken[pin.CPU()%len(c.taken)].Add(1)
	return true
}

func (c *dropsAtHome) Put() bool {
	here, elsewhere := &c.taken[pin.CPU()%len(c.taken)], int64(0)
	for i := range c.taken {
		elsewhere += c.taken[i].Load()
	}
	if n := here.Load(); n > 0 && here.CompareAndSwap(n, n-1) || elsewhere == 0 {
		return c.plain.Put()
	}
	return false
}

// A word is a count that can be read and set.
type word interface {
	Count() int64
	InitAt(n int64)
}

// add changes the count by n in two steps, whatever it holds.
func add(c word, n int) int64 {
	old := c.Count()
	runtime.Gosched()
	c.InitAt(old + int64(n))
	return old + int64(n)
}

func (c *getWraps) Get()        { add(&c.sat, 1) }
func (c *getNWraps) GetN(n int) { add(&c.sat, n) }

func (c *tryGetWraps) TryGet() bool {
	if c.sat.Count() == 0 {
		return false
	}
	add(&c.sat, 1)
	return true
}

func (c *tryGetNWraps) TryGetN(n int) bool {
	if c.sat.Count() == 0 {
		return false
	}
	add(&c.sat, n)
	return true
}

func (c *dropWraps) Drop() { add(&c.sat, -1) }

func (c *dropGoesCrazy) Drop() {
	if n := c.sat.Count(); n == 1 {
		c.InitAt(77)
		return
	}
	c.sat.Drop()
}

func (c *putWraps) Put() bool        { return add(&c.sat, -1) == 0 }
func (c *putNWraps) PutN(n int) bool { return add(&c.sat, -n) == 0 }

func (c *tryGetRevives) TryGet() bool {
	if c.sat.Count() == 0 {
		c.InitAt(1)
		return true
	}
	return c.sat.TryGet()
}

func (c *tryGetNRevives) TryGetN(n int) bool {
	if c.sat.Count() == 0 {
		c.InitAt(int64(n))
		return true
	}
	return c.sat.TryGetN(n)
}

func (c *putReportsTwice) Put() bool  { return c.sat.Put() || c.sat.Count() < 0 }
func (c *tryGetGivesUp) TryGet() bool { return c.sat.TryGetAcquire() }

// getResets is what some architectures did: the count goes back to the maximum.
func (c *getResets) Get() {
	if n := c.sat.Count(); n < 0 || n == saturating.Max {
		c.InitAt(saturating.Max)
		return
	}
	c.sat.Get()
}

func (c *initAtTwo) Init()          { c.sat.InitAt(2) }
func (c *initAtOne) InitAt(n int64) { c.sat.InitAt(max(n-1, 1)) }
func (c *silentKill) Kill() bool    { c.sat.Kill(); return false }
func (c *countLags) Count() int64   { return c.sat.Count() - 1 }

func (c *putIfAny) PutIfOne() bool {
	return c.sat.PutIfOne() || c.sat.Count() == 2 && c.PutUnlessOne()
}

func (c *putUnlessTwo) PutUnlessOne() bool {
	return c.sat.Count() != 2 && c.sat.PutUnlessOne()
}

func (c *lockAlways) PutAndLock(l sync.Locker) bool {
	l.Lock()
	if c.PutUnlessOne() {
		l.Unlock()
		return false
	}
	return c.Put()
}

func (c *deaf) Monitor(*strategies.Monitor) {}

func (c *getsInSteps) Get()             { add(&c.plain, 1) }
func (c *putsNInSteps) PutN(n int) bool { return add(&c.plain, -n) == 0 }
func (c *resurrectsTwice) Resurrect()   { c.GetN(2) }

func (c *beginsAnew) Resurrect() {
	if look(c) == 0 {
		c.InitAt(1)
		return
	}
	c.plain.Resurrect()
}

func (c *staysPerCPU) SwitchToAtomic()              {}
func (c *staysAtomic) SwitchToPerCPU()              { c.Get(); c.cpus.SwitchToPerCPU() }
func (c *liveAfterKill) TryGetLive() bool           { return c.TryGet() }
func (c *neverConfirms) KillAndConfirm(func()) bool { return c.Kill() }
func (c *ownerless) ResurrectLive()                 { c.cpus.ResurrectLive(); c.Put() }
func (c *reinitAtTwo) Reinit()                      { c.cpus.Reinit(); c.Get() }

func (c *actsTwice) TakeAs(actor int) bool {
	once := c.words.TakeAs(actor)
	return once && c.words.TakeAs(actor)
}
func (c *actsOnDead) TakeAs(actor int) bool  { return c.words.TakeAs(actor) || c.Count() == 0 }
func (c *actsWithout) DropAs(actor int) bool { return true }

// look returns the count, and lets others on before the caller acts on it.
func look(c word) int64 {
	n := c.Count()
	runtime.Gosched()
	return n
}

func (c *looksThenGets) Get() {
	if n := look(&c.sat); n <= 0 || n >= saturating.Max {
		c.sat.Get()
		return
	}
	add(&c.sat, 1)
}

func (c *looksThenGetsN) GetN(n int) {
	if old := look(&c.sat); old <= 0 || old > saturating.Max-int64(n) {
		c.sat.GetN(n)
		return
	}
	add(&c.sat, n)
}

func (c *looksThenTries) TryGet() bool {
	if n := look(&c.sat); n <= 0 || n >= saturating.Max {
		return c.sat.TryGet()
	}
	add(&c.sat, 1)
	return true
}

func (c *looksThenTriesN) TryGetN(n int) bool {
	if old := look(&c.sat); old <= 0 || old > saturating.Max-int64(n) {
		return c.sat.TryGetN(n)
	}
	add(&c.sat, n)
	return true
}

func (c *looksThenPuts) Put() bool {
	last := look(&c.sat) == 1
	return c.sat.Put() && last
}

func (c *looksThenPutsN) PutN(n int) bool {
	last := look(&c.sat) == int64(n)
	c.sat.PutN(n)
	return last
}

func (c *looksThenDrops) Drop() {
	if look(&c.sat) <= 1 {
		c.sat.Drop()
		return
	}
	add(&c.sat, -1)
}

// triesByUndoing takes first and looks then: for a moment a dead count is alive.
func (c *triesByUndoing) TryGet() bool {
	old := c.sat.Count()
	if old < 0 {
		return c.sat.TryGet()
	}
	c.InitAt(old + 1)
	runtime.Gosched()
	if old == 0 {
		c.InitAt(0)
		return false
	}
	return true
}

func (c *leavesSaturation) Put() bool {
	if c.sat.Count() < 0 {
		c.InitAt(1)
		runtime.Gosched()
		c.InitAt(saturating.Saturated)
	}
	return c.sat.Put()
}

func (c *looksDead) Put() bool {
	if c.sat.Count() < 0 {
		c.InitAt(0)
		runtime.Gosched()
		c.InitAt(saturating.Saturated)
	}
	return c.sat.Put()
}

func (c *takesUnseen) TryGet() bool {
	if look(&c.sat) == 0 {
		return false
	}
	c.Get()
	return true
}

func (c *takesNUnseen) TryGetN(n int) bool {
	if look(&c.sat) == 0 {
		return false
	}
	c.GetN(n)
	return true
}

func (c *looksThenIfOne) PutIfOne() bool {
	if look(&c.sat) != 1 {
		return false
	}
	c.InitAt(0)
	return true
}

func (c *looksThenUnless) PutUnlessOne() bool {
	if n := look(&c.sat); n <= 1 {
		return c.sat.PutUnlessOne()
	}
	c.Put()
	return true
}

func (c *diesUnlocked) PutAndLock(l sync.Locker) bool {
	if c.sat.Count() != 1 {
		return c.sat.PutAndLock(l)
	}
	if !c.Put() {
		return false
	}
	runtime.Gosched()
	l.Lock()
	return true
}

func (c *confirmsEarly) KillAndConfirm(confirm func()) bool {
	confirm()
	runtime.Gosched()
	return c.Kill()
}

func (c *forgetsOnSwitch) SwitchToAtomic() {
	c.switching.Lock()
	runtime.Gosched()
	c.cpus.SwitchToAtomic()
	c.switching.Unlock()
}

func (c *forgetsOnSwitch) Get() {
	if c.switching.TryLock() {
		c.switching.Unlock()
		c.cpus.Get()
	}
}

// A planted count fails the tests that it must, and no others of that kind except
// those it may fail, which depend on how goroutines meet.
type planted struct {
	name  string
	rule  string // what is wrong
	like  *strategies.Strategy
	fresh func() strategies.Counter
	must  []string
	may   []string
}

func plantedKernel() []planted {
	s := saturating.Strategy
	return []planted{
		{"getwraps", "Get wraps", s, func() strategies.Counter { return new(getWraps) },
			[]string{"INC_OVERFLOW", "INC_ZERO", "INC_SATURATED"}, nil},
		{"getnwraps", "GetN wraps", s, func() strategies.Counter { return new(getNWraps) },
			[]string{"ADD_OVERFLOW", "ADD_ZERO", "ADD_SATURATED"}, nil},
		{"trygetwraps", "TryGet wraps", s, func() strategies.Counter { return new(tryGetWraps) },
			[]string{"INC_NOT_ZERO_OVERFLOW", "INC_NOT_ZERO_SATURATED"}, nil},
		{"trygetnwraps", "TryGetN wraps", s, func() strategies.Counter { return new(tryGetNWraps) },
			[]string{"ADD_NOT_ZERO_OVERFLOW", "ADD_NOT_ZERO_SATURATED"}, nil},
		{"dropwraps", "Drop wraps", s, func() strategies.Counter { return new(dropWraps) },
			[]string{"DEC_ZERO", "DEC_NEGATIVE", "DEC_SATURATED"}, nil},
		{"dropgoescrazy", "Drop of the last reference makes 77 of it", s, func() strategies.Counter { return new(dropGoesCrazy) },
			[]string{"DEC_ZERO"}, nil},
		{"putwraps", "Put wraps", s, func() strategies.Counter { return new(putWraps) },
			[]string{"DEC_AND_TEST_NEGATIVE", "DEC_AND_TEST_SATURATED"}, nil},
		{"putnwraps", "PutN wraps", s, func() strategies.Counter { return new(putNWraps) },
			[]string{"SUB_AND_TEST_NEGATIVE", "SUB_AND_TEST_SATURATED"}, nil},
		{"trygetrevives", "TryGet revives", s, func() strategies.Counter { return new(tryGetRevives) },
			[]string{"INC_ZERO"}, nil},
		{"trygetnrevives", "TryGetN revives", s, func() strategies.Counter { return new(tryGetNRevives) },
			[]string{"ADD_ZERO"}, nil},
		{"deaf", "the monitor hears nothing", s, func() strategies.Counter { return new(deaf) },
			[]string{"INC_OVERFLOW", "ADD_OVERFLOW", "INC_NOT_ZERO_OVERFLOW", "ADD_NOT_ZERO_OVERFLOW", "DEC_ZERO", "DEC_NEGATIVE",
				"DEC_AND_TEST_NEGATIVE", "SUB_AND_TEST_NEGATIVE", "INC_ZERO", "ADD_ZERO", "INC_SATURATED", "DEC_SATURATED",
				"ADD_SATURATED", "INC_NOT_ZERO_SATURATED", "ADD_NOT_ZERO_SATURATED", "DEC_AND_TEST_SATURATED", "SUB_AND_TEST_SATURATED"}, nil},
	}
}

func TestEveryKernelTestCanFail(t *testing.T) {
	failed := make(map[string]bool)
	for _, p := range plantedKernel() {
		for _, r := range results(t, p, rules.Kernel) {
			short := strings.TrimPrefix(r.Rule.Name, "REFCOUNT_")
			want := slices.Contains(p.must, short)
			if got := r.Verdict == rules.Fail; got != want {
				t.Errorf("%s: %v, want it to fail: %v", p.rule, r, want)
			}
			// To the kernel a count that dies at the last dec is only odd, and
			// it has no monitor to listen to.
			if kernel := want && p.name != "deaf" && !(p.name == "dropwraps" && short == "DEC_ZERO"); (r.Score == rules.Fail) != kernel {
				t.Errorf("%s: %v, want the kernel's test to fail: %v", p.rule, r, kernel)
			}
			if r.Verdict == rules.Fail && r.Score == rules.Fail {
				failed[r.Rule.Name] = true
			}
		}
	}
	for _, test := range rules.All() {
		if test.Kind == rules.Kernel && !failed[test.Name] {
			t.Errorf("no planted count fails %s", test.Name)
		}
	}
	if len(failed) != 17 {
		t.Errorf("%d of the kernel's tests fail with some planted count, want all 17", len(failed))
	}
}

// What the kernel tolerates is still a broken promise.
func TestToleratedByTheKernel(t *testing.T) {
	for _, p := range []planted{
		{"putreportstwice", "Put on a saturated count reports the last", saturating.Strategy, func() strategies.Counter { return new(putReportsTwice) },
			[]string{"DEC_AND_TEST_NEGATIVE", "DEC_AND_TEST_SATURATED"}, nil},
		{"trygetgivesup", "TryGet fails at the limit (refcount_inc_not_zero_acquire)", saturating.Strategy, func() strategies.Counter { return new(tryGetGivesUp) },
			[]string{"INC_NOT_ZERO_OVERFLOW", "INC_NOT_ZERO_SATURATED"}, nil},
		{"getresets", "Get goes back to the maximum", saturating.Strategy, func() strategies.Counter { return new(getResets) },
			[]string{"INC_OVERFLOW", "INC_SATURATED"}, nil},
	} {
		for _, r := range results(t, p, rules.Kernel) {
			if !slices.Contains(p.must, strings.TrimPrefix(r.Rule.Name, "REFCOUNT_")) {
				continue
			}
			if r.Score != rules.Tolerated || r.Expected != rules.Good || r.Verdict != rules.Fail {
				t.Errorf("%s: %v, want the kernel to tolerate it and the promise to be broken", p.rule, r)
			}
		}
	}
}

func plantedOperations() []planted {
	s, cpu := saturating.Strategy, percpu.Strategy
	return []planted{
		{"initattwo", "Init starts with two", s, func() strategies.Counter { return new(initAtTwo) }, []string{"Init"}, nil},
		{"initatone", "InitAt starts one too low", s, func() strategies.Counter { return new(initAtOne) }, []string{"InitAt"}, nil},
		{"getwraps", "Get wraps", s, func() strategies.Counter { return new(getWraps) }, []string{"Get"}, nil},
		{"trygetwraps", "TryGet wraps", s, func() strategies.Counter { return new(tryGetWraps) }, []string{"TryGet"}, nil},
		{"putwraps", "Put wraps", s, func() strategies.Counter { return new(putWraps) }, []string{"Put"}, nil},
		{"silentkill", "Kill doesn't report the last", s, func() strategies.Counter { return new(silentKill) }, []string{"Kill"}, nil},
		{"getnwraps", "GetN wraps", s, func() strategies.Counter { return new(getNWraps) }, []string{"GetN"}, nil},
		{"trygetnwraps", "TryGetN wraps", s, func() strategies.Counter { return new(tryGetNWraps) }, []string{"TryGetN"}, nil},
		{"putnwraps", "PutN wraps", s, func() strategies.Counter { return new(putNWraps) }, []string{"PutN"}, nil},
		{"countlags", "Count leaves one out", s, func() strategies.Counter { return new(countLags) }, []string{"Count"}, nil},
		{"resurrectstwice", "Resurrect takes two", atomic.Strategy, func() strategies.Counter { return new(resurrectsTwice) }, []string{"Resurrect"}, nil},
		{"dropwraps", "Drop wraps", s, func() strategies.Counter { return new(dropWraps) }, []string{"Drop"}, nil},
		{"putifany", "PutIfOne drops one of two", s, func() strategies.Counter { return new(putIfAny) }, []string{"PutIfOne"}, nil},
		{"putunlesstwo", "PutUnlessOne leaves two", s, func() strategies.Counter { return new(putUnlessTwo) }, []string{"PutUnlessOne"}, nil},
		{"lockalways", "PutAndLock locks for every drop", s, func() strategies.Counter { return new(lockAlways) }, []string{"PutAndLock"}, nil},
		{"actstwice", "TakeAs takes two", owned.Strategy, func() strategies.Counter { return new(actsTwice) }, []string{"GetAs"}, nil},
		{"actsondead", "TakeAs takes a reference of a dead count", owned.Strategy, func() strategies.Counter { return new(actsOnDead) }, []string{"TryGetAs"}, nil},
		{"actswithout", "DropAs drops nothing", owned.Strategy, func() strategies.Counter { return new(actsWithout) }, []string{"PutAs"}, nil},
		{"stayspercpu", "SwitchToAtomic does nothing", cpu, func() strategies.Counter { return new(staysPerCPU) }, []string{"SwitchToAtomic"}, nil},
		{"staysatomic", "SwitchToPerCPU takes a reference", cpu, func() strategies.Counter { return new(staysAtomic) }, []string{"SwitchToPerCPU"}, nil},
		{"liveafterkill", "TryGetLive succeeds after Kill", cpu, func() strategies.Counter { return new(liveAfterKill) }, []string{"TryGetLive"}, nil},
		{"neverconfirms", "KillAndConfirm doesn't confirm", cpu, func() strategies.Counter { return new(neverConfirms) }, []string{"KillAndConfirm"}, nil},
		{"ownerless", "ResurrectLive gives the owner nothing", cpu, func() strategies.Counter { return new(ownerless) }, []string{"ResurrectLive"}, nil},
		{"reinitattwo", "Reinit starts with two", cpu, func() strategies.Counter { return new(reinitAtTwo) }, []string{"Reinit"}, nil},
	}
}

func plantedConcurrent() []planted {
	s, cpu := saturating.Strategy, percpu.Strategy
	return []planted{
		{"looksthengets", "Get looks, and then takes", s, func() strategies.Counter { return new(looksThenGets) }, []string{"many Get past the limit", "many Get and Put"}, nil},
		{"looksthengetsn", "GetN looks, and then takes", s, func() strategies.Counter { return new(looksThenGetsN) }, []string{"many GetN(3) past the limit"}, nil},
		{"looksthentries", "TryGet looks, and then takes", s, func() strategies.Counter { return new(looksThenTries) }, []string{"many TryGet past the limit", "TryGet and Put at the limit"}, nil},
		{"looksthentriesn", "TryGetN looks, and then takes", s, func() strategies.Counter { return new(looksThenTriesN) }, []string{"many TryGetN(3) past the limit"}, nil},
		{"looksthenputs", "Put looks whether it is the last, and then drops", s, func() strategies.Counter { return new(looksThenPuts) }, []string{"many Put below zero", "many last drops", "order before the last Put"}, nil},
		{"looksthenputsn", "PutN looks whether it is the last, and then drops", s, func() strategies.Counter { return new(looksThenPutsN) }, []string{"TryGetN against the last PutN"}, nil},
		{"looksthendrops", "Drop looks, and then drops", s, func() strategies.Counter { return new(looksThenDrops) }, []string{"many Drop down to one"}, nil},
		{"getsinsteps", "Get adds in two steps", atomic.Strategy, func() strategies.Counter { return new(getsInSteps) }, []string{"many Get on zero"}, nil},
		{"putsninsteps", "PutN subtracts in two steps", atomic.Strategy, func() strategies.Counter { return new(putsNInSteps) }, []string{"many PutN(3) below zero"}, nil},
		{"triesbyundoing", "TryGet takes, and then looks", s, func() strategies.Counter { return new(triesByUndoing) }, []string{"everything on a dead count", "lookups across lives"}, nil},
		{"leavessaturation", "Put leaves saturation for a moment", s, func() strategies.Counter { return new(leavesSaturation) }, []string{"everything on a saturated count"}, nil},
		{"looksdead", "a saturated count looks dead for a moment", s, func() strategies.Counter { return new(looksDead) }, []string{"everything on a saturated count"}, nil},
		{"takesunseen", "TryGet looks, and then takes", s, func() strategies.Counter { return new(takesUnseen) }, []string{"TryGet against the last Put", "last drops before readers"}, nil},
		{"takesnunseen", "TryGetN looks, and then takes", s, func() strategies.Counter { return new(takesNUnseen) }, []string{"TryGetN against the last PutN"}, nil},
		{"beginsanew", "Resurrect looks, and then begins the life anew", atomic.Strategy, func() strategies.Counter { return new(beginsAnew) }, []string{"hits of a cached object"}, nil},
		{"looksthenifone", "PutIfOne looks, and then drops", s, func() strategies.Counter { return new(looksThenIfOne) }, []string{"many PutIfOne"}, nil},
		{"looksthenunless", "PutUnlessOne looks, and then drops", s, func() strategies.Counter { return new(looksThenUnless) }, []string{"many PutUnlessOne"}, nil},
		{"diesunlocked", "PutAndLock drops the last reference before it locks", s, func() strategies.Counter { return new(diesUnlocked) }, []string{"many PutAndLock"}, nil},
		{"deadinpart", "TryGet takes a number for zero of which a part is", s, func() strategies.Counter { return new(deadInPart) }, []string{"TryGet and Put across powers of two", "Carries"}, nil},
		{"dropslate", "Put looks at the count once more after it has dropped", s, func() strategies.Counter { return new(dropsLate) }, []string{"the next life at once"}, nil},
		{"dropsathome", "Put forgets what was taken on another CPU", atomic.Strategy, func() strategies.Counter { return new(dropsAtHome) }, []string{"references handed on"}, nil},
		{"forgetsonswitch", "Get loses a reference during a switch", cpu, func() strategies.Counter { return new(forgetsOnSwitch) }, []string{"switching modes"}, nil},
		{"confirmsearly", "KillAndConfirm confirms before it kills", cpu, func() strategies.Counter { return new(confirmsEarly) }, []string{"TryGetLive against KillAndConfirm"}, nil},
	}
}

// needTwoCPUs are those of the planted that go wrong between two instructions or on two CPUs: where there is
// one, a goroutine would have to be stopped just there.
var needTwoCPUs = []string{"dropslate", "dropsathome"}

// results runs the tests of one kind.
func results(t *testing.T, p planted, kind rules.Kind) []rules.Result {
	var rs []rules.Result
	for _, test := range rules.All() {
		if test.Kind == kind {
			rs = append(rs, test.Run(t.Context(), wrong(p.name, p.like, p.fresh), rules.Config{Seed: 1, Rounds: rounds()}))
		}
	}
	return rs
}

// Each test fails with a count that does wrong what the test is about.
func TestEveryOtherTestCanFail(t *testing.T) {
	failed := make(map[string]bool)
	for _, list := range [][]planted{plantedOperations(), plantedConcurrent()} {
		for _, p := range list {
			for _, test := range rules.All() {
				if !slices.Contains(p.must, test.Name) {
					continue
				}
				if slices.Contains(needTwoCPUs, p.name) && runtime.NumCPU() < 2 {
					t.Logf("%s: not shown to fail on one CPU: %s", test.Name, p.rule)
					failed[test.Name] = true
					continue
				}
				r := test.Run(t.Context(), wrong(p.name, p.like, p.fresh), rules.Config{Seed: 1, Rounds: 20 * rounds()})
				if r.Verdict != rules.Fail || !strings.Contains(r.Reason, p.name+" in state") && test.Kind == rules.Operation {
					t.Errorf("%s: %v, want it to fail", p.rule, r)
				}
				failed[test.Name] = true
			}
		}
	}
	for _, test := range rules.All() {
		// Package strategytest has the mutants that break the contract.
		if test.Kind != rules.Kernel && test.Kind != rules.Contract && !failed[test.Name] {
			t.Errorf("no planted count must fail %q", test.Name)
		}
	}
}

// Each rule of what operations do together sees some count that does one of them wrong.
func TestEveryRuleOfLivesCanFail(t *testing.T) {
	failed := make(map[string]bool)
	for _, p := range append(plantedOperations(), planted{"deadisalive", "TryGet takes a reference of a dead count", saturating.Strategy, func() strategies.Counter { return new(deadIsAlive) }, nil, nil}) {
		for _, test := range rules.All() {
			if test.Kind != rules.Contract || failed[test.Name] || slices.Contains(others, test.Name) {
				continue
			}
			r := test.Run(t.Context(), wrong(p.name, p.like, p.fresh), rules.Config{Seed: 1, Rounds: 1})
			failed[test.Name] = r.Verdict == rules.Fail
		}
	}
	for _, test := range rules.All() {
		if test.Kind == rules.Contract && !failed[test.Name] && !slices.Contains(others, test.Name) {
			t.Errorf("no planted count fails %q", test.Name)
		}
	}
}

// A count that is wrong only where the last reference is gone, and nowhere below, breaks the
// rule of drops too many.
func TestDropsOnADeadCountAreTried(t *testing.T) {
	for _, test := range rules.All() {
		if test.Name != "Underflow" {
			continue
		}
		r := test.Run(t.Context(), wrong("deadreports", saturating.Strategy, func() strategies.Counter { return new(deadReports) }), rules.Config{Seed: 1, Rounds: 1})
		if r.Verdict != rules.Fail || !strings.Contains(r.Reason, `"0 references`) {
			t.Errorf("%v, want it to fail at 0 references", r)
		}
	}
}

// deadReports reports the last drop once more where it was the last.
type deadReports struct{ sat }

func (c *deadReports) Put() bool {
	dead := c.sat.Count() == 0
	return c.sat.Put() || dead
}

// others are the rules of the contract that don't go by lines of calls.
var others = []string{"NearLimit", "Underflow", "GetOnZero", "Programs", "ZeroAllocs", "BytesPromise"}

// deadInPart takes 256 references for none.
type deadInPart struct{ sat }

func (c *deadInPart) TryGet() bool {
	return c.sat.TryGet() && (c.sat.Count()&0xff != 1 || c.sat.Count() == 1 || c.sat.Put())
}

// dropsLate takes whatever it finds after its drop for what it has left.
type dropsLate struct{ sat }

func (c *dropsLate) Put() bool {
	if c.sat.Put() {
		return true
	}
	if n := c.sat.Count(); n == 1 {
		runtime.Gosched()
		return c.sat.Count() == 0
	}
	return false
}

// deadIsAlive brings a dead count back.
type deadIsAlive struct{ sat }

func (c *deadIsAlive) TryGet() bool {
	if c.sat.Count() == 0 {
		c.sat.InitAt(1)
		return true
	}
	return c.sat.TryGet()
}

// A count that goes wrong only in what one line of a crossing looks at.
type (
	// Its TryGet says of a dead count that it takes a reference, and leaves it dead.
	takesNothing struct{ sat }
	// Its Kill says that the owner's reference was the last, and then nobody says it.
	killsEarly struct{ sat }
	// The third Put below zero reports the last, if nobody has called TryGet.
	thirdReports struct {
		sat
		below syncatomic.Int64
	}
)

func (c *thirdReports) TryGet() bool { c.below.Store(100); return c.sat.TryGet() }
func (c *thirdReports) Put() bool {
	below := c.sat.Count() < 0 && c.below.Add(1) == 3
	return c.sat.Put() || below
}

func (c *takesNothing) TryGet() bool { return c.sat.TryGet() || c.sat.Count() == 0 }
func (c *takesNothing) Put() bool    { return c.sat.Count() > 0 && c.sat.Put() }

func (c *killsEarly) Kill() bool { c.sat.Kill(); return true }
func (c *killsEarly) Put() bool  { c.sat.Put(); return false }

// Crossings see a wrong count by what is wrong with it, and from each of their starts.
func TestCrossingsSayWhatIsWrong(t *testing.T) {
	s := saturating.Strategy
	for _, p := range []struct {
		rule, want string
		fresh      func() strategies.Counter
	}{
		{"TryGet against the last Put", "TryGet took a reference after the last had been dropped", func() strategies.Counter { return new(takesNothing) }},
		{"TryGet against the last Put", "Kill reported the last reference while", func() strategies.Counter { return new(killsEarly) }},
		// Only from the start that is farthest past the boundary.
		{"many Put below zero", "2 of 32 calls of Put returned true, want 1", func() strategies.Counter { return new(thirdReports) }},
	} {
		for _, rule := range rules.All() {
			if rule.Name != p.rule {
				continue
			}
			r := rule.Run(t.Context(), wrong("planted", s, p.fresh), rules.Config{Seed: 1, Workers: 4, Rounds: 20 * rounds()})
			if r.Verdict != rules.Fail || !strings.Contains(r.Reason, p.want) {
				t.Errorf("%v, want it to fail with %q", r, p.want)
			}
		}
	}
}

// A hanging count waits in Put until the test ends.
type hanging struct {
	sat
	end chan struct{}
}

func (c *hanging) Put() bool { <-c.end; return false }

// A bomb panics.
type bomb struct{ sat }

func (c *bomb) Put() bool { panic("boom") }

func TestHangingAndPanickingCountsFail(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	for p, timeout := range map[*planted]time.Duration{
		{"hanging", "not finished after 300ms: a call of Put doesn't return", saturating.Strategy, func() strategies.Counter { return &hanging{end: end} }, nil, nil}: 300 * time.Millisecond,
		{"bomb", "Put panicked: boom", saturating.Strategy, func() strategies.Counter { return new(bomb) }, nil, nil}:                                                 0,
	} {
		for _, test := range rules.All() {
			switch test.Name {
			case "REFCOUNT_DEC_AND_TEST_NEGATIVE", "Put", "many Put below zero":
				r := test.Run(t.Context(), wrong(p.name, p.like, p.fresh), rules.Config{Timeout: timeout, Rounds: 2})
				if r.Verdict != rules.Fail || !strings.Contains(r.Reason, p.rule) || (r.Hang != nil) != (p.name == "hanging") {
					t.Errorf("%v, want it to fail with %q", r, p.rule)
				}
			}
		}
	}
}

// Bombs that go off in calls which tests don't make like others.
type (
	modeBomb struct{ cpus }
	liveBomb struct{ cpus }
	lockBomb struct{ sat }
)

func (c *modeBomb) SwitchToPerCPU()               { panic("boom") }
func (c *liveBomb) TryGetLive() bool              { panic("boom") }
func (c *lockBomb) PutAndLock(l sync.Locker) bool { l.Lock(); panic("boom") }

func TestPanicsOfGoroutinesAreJudged(t *testing.T) {
	for _, p := range []planted{
		{"modebomb", "", percpu.Strategy, func() strategies.Counter { return new(modeBomb) }, []string{"switching modes"}, nil},
		{"livebomb", "", percpu.Strategy, func() strategies.Counter { return new(liveBomb) }, []string{"TryGetLive against KillAndConfirm"}, nil},
		{"lockbomb", "", saturating.Strategy, func() strategies.Counter { return new(lockBomb) }, []string{"many PutAndLock"}, nil},
	} {
		for _, test := range rules.All() {
			if !slices.Contains(p.must, test.Name) {
				continue
			}
			r := test.Run(t.Context(), wrong(p.name, p.like, p.fresh), rules.Config{Seed: 1, Rounds: rounds()})
			if r.Verdict != rules.Fail || !strings.Contains(r.Reason, "panicked: boom; seed 1") && !strings.Contains(r.Reason, "panicked: boom\n") {
				t.Errorf("%v, want it to fail because it panicked", r)
			}
		}
	}
}

// A TryGet that may fail may fail whenever the count is at its limit.
func TestFailingAtTheLimitMayBePromised(t *testing.T) {
	s := wrong("trygetgivesup", saturating.Strategy, func() strategies.Counter { return new(tryGetGivesUp) })
	s.Promise.TryGet = strategies.Spurious
	for _, test := range rules.All() {
		if test.Kind != rules.Crossing {
			continue
		}
		if r := test.Run(t.Context(), s, rules.Config{Seed: 1, Rounds: rounds()}); r.Verdict == rules.Fail {
			t.Error(r)
		}
	}
}

// oneHangs blocks one caller of Put.
type oneHangs struct {
	sat
	end   chan struct{}
	first *syncatomic.Bool
}

func (c *oneHangs) Put() bool {
	if !c.first.Swap(true) {
		<-c.end
	}
	return c.sat.Put()
}

// Who waits for one that hangs gives up when the test does.
func TestNobodyWaitsForTheHanging(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	var first syncatomic.Bool
	s := wrong("onehangs", saturating.Strategy, func() strategies.Counter { return &oneHangs{end: end, first: &first} })
	for _, test := range rules.All() {
		if test.Name != "many Put below zero" {
			continue
		}
		r := test.Run(t.Context(), s, rules.Config{Workers: 6, Timeout: 50 * time.Millisecond})
		if r.Verdict != rules.Fail {
			t.Errorf("%v, want it to fail", r)
		}
	}
	// One is blocked in Put. None of the others is left.
	waiting := func() int {
		stacks := make([]byte, 1<<20)
		n := 0
		for _, one := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(one, "rendezvous.(*Group)") && !strings.Contains(one, "oneHangs") {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(20 * time.Second); waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines still wait", waiting())
		}
	}
}

// A slow count sleeps in Put, as one seems to whose thread has no CPU.
type slow struct{ sat }

func (c *slow) Put() bool {
	time.Sleep(2 * time.Millisecond)
	return c.sat.Put()
}

// What is slow doesn't hang: the test takes two seconds at least.
func TestSlowCountDoesNotFail(t *testing.T) {
	s := wrong("slow", saturating.Strategy, func() strategies.Counter { return new(slow) })
	for _, test := range rules.All() {
		if test.Name != "many Put below zero" {
			continue
		}
		if r := test.Run(t.Context(), s, rules.Config{Timeout: time.Second, Rounds: 5}); r.Verdict != rules.Good {
			t.Errorf("%v", r)
		}
	}
}

// An 8-bit count that can't be read and panics at its limit: what can't be tested
// says so.
func TestWhatDoesNotApplySaysWhy(t *testing.T) {
	bare := &strategies.Strategy{
		Name: "bare", Doc: "no powers",
		Promise: strategies.Promise{
			Limit: 127, Overflow: strategies.Panics, Underflow: strategies.Panics, GetOnZero: strategies.Panics,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.Blocking, Bytes: 16,
		},
		New: func() strategies.Counter { return new(bareCount) },
	}
	for _, r := range runAll(t, bare, rules.Config{Rounds: 20}) {
		want := map[string]string{
			"REFCOUNT_INC_OVERFLOW":          "no calls that bare has lead to MAX-1 references",
			"REFCOUNT_ADD_OVERFLOW":          "bare has no GetN",
			"REFCOUNT_INC_SATURATED":         "bare can't be brought past its limit",
			"REFCOUNT_DEC_AND_TEST_NEGATIVE": "the count can't be read",
			"Count":                          "bare has no Count",
			"many Get on zero":               "Get panics at",
		}[r.Rule.Name]
		if r.Verdict == rules.Fail || !strings.Contains(r.Reason, want) {
			t.Errorf("%v, want the reason to say %q", r, want)
		}
		if r.Score != "" || r.Expected != "" {
			t.Errorf("%v: the kernel's test of a count that can't be read", r)
		}
	}
}

// bareCount counts to 127 and panics when misused.
type bareCount struct {
	mu sync.Mutex
	n  int
}

func (c *bareCount) Init() { c.n = 1 }

func (c *bareCount) change(by int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 || c.n+by > 127 {
		panic("misuse")
	}
	c.n += by
	return c.n == 0
}

func (c *bareCount) Get()       { c.change(1) }
func (c *bareCount) Put() bool  { return c.change(-1) }
func (c *bareCount) Kill() bool { return c.change(-1) }

func (c *bareCount) TryGet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 || c.n == 127 {
		return false
	}
	c.n++
	return true
}

func TestResultIsOneLine(t *testing.T) {
	r := rules.Result{Rule: rules.Rule{Name: "REFCOUNT_INC_OVERFLOW"}, Strategy: "atomic", Verdict: rules.Good, Score: rules.Fail, Expected: rules.Fail, Reason: "as promised: overflow wraps"}
	if got, want := r.String(), "atomic REFCOUNT_INC_OVERFLOW: good (kernel: FAIL, expected: FAIL): as promised: overflow wraps"; got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
}

// The list is the kernel's in full, has every operation, names are unique, and rules are
// sentences.
func TestListIsComplete(t *testing.T) {
	names := make(map[string]bool)
	kinds := make(map[rules.Kind]int)
	for _, r := range rules.All() {
		if names[r.Name] || !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("rule %q: used twice, or its doc is no sentence: %q", r.Name, r.Doc)
		}
		names[r.Name] = true
		kinds[r.Kind]++
	}
	if kinds[rules.Kernel] != 17 || kinds[rules.Operation] != len(spec.Ops()) {
		t.Errorf("there are %v rules, want 17 of the kernel and one for each operation", kinds)
	}
}

// runAll checks every rule.
func runAll(t *testing.T, s *strategies.Strategy, cfg rules.Config) []rules.Result {
	var rs []rules.Result
	for _, r := range rules.All() {
		rs = append(rs, r.Run(t.Context(), s, cfg))
	}
	return rs
}
