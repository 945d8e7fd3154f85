package lockstep

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/biased"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/refcountfull"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

// like returns a strategy that promises what the other does, and counts with
// something else.
func like(s *strategies.Strategy, name string, make func() strategies.Counter) *strategies.Strategy {
	t := *s
	t.Name, t.New = name, make
	return &t
}

type (
	atomicCount     = atomic.Count
	saturatingCount = saturating.Count
	percpuCount     = percpu.Count
)

// The planted flaws. Each counter is right but for one operation.
type (
	// reportsOld looks at the number before the drop and not after it.
	reportsOld struct{ atomicCount }
	// revives takes a reference of a dead count.
	revives struct{ atomicCount }
	// dropsTwo is PutIfOne that drops one of two as well.
	dropsTwo struct{ atomicCount }
	// forgetsOne is GetN that takes one less of many.
	forgetsOne struct{ atomicCount }
	// wraps has the promise of a saturating count and isn't one.
	wraps struct{ saturatingCount }
	// wrongKind tells its monitor of another misuse.
	wrongKind struct {
		saturatingCount
		monitor *strategies.Monitor
	}
	// losesOne loses a reference when its mode changes.
	losesOne struct{ percpuCount }
	// startsTwice begins its second life with two references.
	startsTwice struct {
		atomicCount
		lives int
	}
	// panicky panics on a dead count.
	panicky struct{ atomicCount }
)

func (c *reportsOld) Put() bool { n := c.Count(); c.atomicCount.Put(); return n == 0 }
func (c *revives) TryGet() bool { c.Get(); return true }
func (c *dropsTwo) PutIfOne() bool {
	return c.Count() == 2 && !c.Put() || c.atomicCount.PutIfOne()
}
func (c *forgetsOne) GetN(n int) {
	if n > 60 {
		n--
	}
	c.atomicCount.GetN(n)
}
func (c *wraps) Get() {
	if n := c.Count(); n == saturating.Max {
		c.InitAt(-1 << 31)
		return
	}
	c.saturatingCount.Get()
}
func (c *wrongKind) Monitor(m *strategies.Monitor) { c.monitor = m; c.saturatingCount.Monitor(nil) }
func (c *wrongKind) Get() {
	if c.Count() == 0 {
		c.monitor.Report(strategies.PutAfterFree)
	}
	c.saturatingCount.Get()
}
func (c *losesOne) SwitchToPerCPU() {
	c.percpuCount.SwitchToPerCPU()
	if c.Count() > 2 {
		c.Put()
	}
}
func (c *startsTwice) Init() {
	if c.lives++; c.lives > 1 {
		c.InitAt(2)
		return
	}
	c.atomicCount.Init()
}
func (c *panicky) Get() {
	if c.Count() == 0 {
		panic("dead")
	}
	c.atomicCount.Get()
}

func planted() []*strategies.Strategy {
	return []*strategies.Strategy{
		like(atomic.Strategy, "reportsold", func() strategies.Counter { return new(reportsOld) }),
		like(atomic.Strategy, "revives", func() strategies.Counter { return new(revives) }),
		like(atomic.Strategy, "dropstwo", func() strategies.Counter { return new(dropsTwo) }),
		like(atomic.Strategy, "forgetsone", func() strategies.Counter { return new(forgetsOne) }),
		like(saturating.Strategy, "wraps", func() strategies.Counter { return new(wraps) }),
		like(saturating.Strategy, "wrongkind", func() strategies.Counter { return new(wrongKind) }),
		like(percpu.Strategy, "losesone", func() strategies.Counter { return new(losesOne) }),
		like(atomic.Strategy, "startstwice", func() strategies.Counter { return new(startsTwice) }),
		like(atomic.Strategy, "panicky", func() strategies.Counter { return new(panicky) }),
	}
}

// enough is within how many random inputs every planted flaw must be found.
const enough = 5000

// Each planted flaw is found by the body of FuzzSequential, by either oracle alone,
// among the right strategies; and what is found is found again from its input.
func TestPlantedFlawsAreFound(t *testing.T) {
	seed := rand.Uint64()
	for _, oracle := range []Oracles{Specification, Differential} {
		for _, s := range planted() {
			rng := rand.New(rand.NewPCG(seed, 0))
			list := append(builtin.All(), s)
			r := New(list, oracle)
			var d *Divergence
			n := 0
			for ; n < enough && d == nil; n++ {
				d = r.RunBytes(random(rng, 4+rng.IntN(60)))
			}
			if d == nil {
				t.Errorf("seed %d: %s alone doesn't find %s in %d inputs", seed, oracle, s, enough)
				continue
			}
			t.Logf("%-14s %-12s after %4d inputs: %s", oracle, s, n, d.Message)
			text := d.Error()
			if d.Oracle != oracle || !strings.Contains(strings.Join(d.Strategies, " "), s.Name) || !strings.Contains(text, s.Name) ||
				!strings.Contains(text, "go test fuzz v1\n") || strings.Count(d.Message, "in state \"") != len(d.Strategies) {
				t.Errorf("it doesn't say what was found: %v", text)
			}
			if d.Used {
				continue // the program alone doesn't show it
			}
			again := New(list, oracle).RunBytes(d.Input)
			if again == nil || again.Error() != text {
				t.Errorf("its input finds\n%v\nand not\n%v", again, text)
			}
			p, err := program.Parse(d.Program)
			if err != nil {
				t.Fatal(err)
			}
			if again := New(list, oracle).Run(&p); again == nil || again.Error() != text {
				t.Errorf("its program finds\n%v\nand not\n%v", again, text)
			}
		}
	}
}

// What is wrong is told of the call that did it, though nothing shows until later.
func TestTheCallThatIsWrongIsNamed(t *testing.T) {
	s := like(atomic.Strategy, "silent", func() strategies.Counter { return new(silent) })
	p, err := program.Parse("a.Get a.Get a.Get a.Drop a.TryGet a.Get a.Put")
	if err != nil {
		t.Fatal(err)
	}
	d := New([]*strategies.Strategy{s}, Specification).Run(&p)
	if d == nil || !strings.Contains(d.Message, "a.Count read at step 4:") {
		t.Errorf("found %v, want what Drop did in step 4", d)
	}
}

// A silent count drops one reference too many where nothing is reported.
type silent struct{ atomicCount }

func (c *silent) Drop() { c.atomicCount.Drop(); c.atomicCount.Drop() }

// A program of more threads than the byte form has is to be replayed from its text.
func TestManyThreadsAreSeenAgainFromText(t *testing.T) {
	p, err := program.Parse("a.Kill|||||||a.TryGet")
	if err != nil {
		t.Fatal(err)
	}
	d := New([]*strategies.Strategy{like(atomic.Strategy, "revives", func() strategies.Counter { return new(revives) })}, Specification).Run(&p)
	if d == nil || d.Input != nil || !strings.Contains(d.Error(), "program:\n\ta.Kill|||||||a.TryGet\nto see it again, put the program into a file and give that to refbench replay\n") {
		t.Error(d)
	}
}

// A flaw that shows only on a count that was used before is told from others.
func TestUsedCountsAreNamed(t *testing.T) {
	list := append(builtin.All(), like(atomic.Strategy, "startstwice", func() strategies.Counter { return new(startsTwice) }))
	p, err := program.Parse("a.Kill")
	if err != nil {
		t.Fatal(err)
	}
	r := New(list, Both)
	if d := r.Run(&p); d != nil {
		t.Fatalf("in its first life: %v", d)
	}
	d := r.Run(&p)
	if d == nil || !d.Used || !strings.Contains(d.Error(), "New counts don't do it.") {
		t.Fatalf("in its second life: %v", d)
	}
	if d := r.Run(&p); d != nil {
		t.Errorf("after that, on new counts: %v", d)
	}
}

// Where promises differ, counts part for the reason that is theirs; where they don't,
// the same is a finding.
func TestReasons(t *testing.T) {
	lazy := like(atomic.Strategy, "lazy", func() strategies.Counter { return new(neverTries) })
	lazy.Promise.TryGet = strategies.Spurious
	for _, c := range []struct {
		program string
		a, b    *strategies.Strategy
		want    Reason
		finds   string // what it finds if both promise what the first does
	}{
		{"a:InitAt(limit) a.Get a.Put a.Get", atomic.Strategy, saturating.Strategy, Overflow, "have met overflow policy"},
		{"a.Kill a.Get", atomic.Strategy, saturating.Strategy, DeadGet, "have met get on a dead count"},
		{"a.Kill a.Put", atomic.Strategy, saturating.Strategy, Underflow, "have met underflow policy"},
		{"a:InitAt(limit) a.PutN(8388607) a.TryGet", atomic.Strategy, builtin.All()[3], Distance, ""},
		{"a:InitAt(limit) a.PutN(2147483647) a.PutUnlessOne", biased.Strategy, refcountfull.Strategy, Distance, ""},
		{"a.TryGet", atomic.Strategy, lazy, Spurious, "no misuse, so no promise"},
		{"a.Put a.Get", atomic.Strategy, percpu.Strategy, Unpromised, ""},
		{"a.Resurrect a.Put", atomic.Strategy, saturating.Strategy, Lacking, ""},
	} {
		p, err := program.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		r := New([]*strategies.Strategy{c.a, c.b}, Both)
		if d := r.Run(&p); d != nil {
			t.Errorf("%s and %s: %v", c.a, c.b, d)
			continue
		}
		for reason, n := range r.Stats().Explained {
			if Reason(reason) == c.want && n == 0 || Reason(reason) != c.want && n != 0 {
				t.Errorf("%s and %s, %s: parted %d times for %s, want it for %s alone", c.a, c.b, c.program, n, Reason(reason), c.want)
			}
		}
		if c.finds == "" {
			continue
		}
		twin := like(c.a, c.b.Name, c.b.New)
		d := New([]*strategies.Strategy{c.a, twin}, Differential).Run(&p)
		if d == nil || !strings.Contains(d.Message, c.finds) {
			t.Errorf("%s and a twin that counts as %s: %v, want a finding with %q", c.a, c.b, d, c.finds)
		}
	}
}

// neverTries has a TryGet that always fails.
type neverTries struct{ atomicCount }

func (c *neverTries) TryGet() bool { return false }

// A strategy that promises to panic must, and may then hold anything.
func TestPromisedPanics(t *testing.T) {
	s := like(atomic.Strategy, "panicky", func() strategies.Counter { return new(panicky) })
	s.Promise.GetOnZero = strategies.Panics
	calm := *atomic.Strategy
	calm.Promise.GetOnZero = strategies.Panics
	p, err := program.Parse("a.Kill a.Get a.Put a.TryGet")
	if err != nil {
		t.Fatal(err)
	}
	if d := New([]*strategies.Strategy{s, atomic.Strategy}, Both).Run(&p); d != nil {
		t.Errorf("it panics as promised: %v", d)
	}
	if d := New([]*strategies.Strategy{&calm}, Both).Run(&p); d == nil || !strings.Contains(d.Message, "didn't panic") {
		t.Errorf("it doesn't panic: %v", d)
	}
}

// secondLife panics when its second life begins to be used.
type secondLife struct {
	atomicCount
	lives int
}

func (c *secondLife) Init() { c.lives++; c.atomicCount.Init() }

func (c *secondLife) Get() {
	if c.lives > 1 {
		panic("again?")
	}
	c.atomicCount.Get()
}

// unborn panics when a life begins.
type unborn struct{ atomicCount }

func (c *unborn) Init() { panic("not me") }

// A panic that isn't promised is found wherever it comes, also by a strategy that
// promises others.
func TestPanicsThatAreNotPromised(t *testing.T) {
	p, err := program.Parse("a.Get a.Put a.Kill")
	if err != nil {
		t.Fatal(err)
	}
	again := like(atomic.Strategy, "secondlife", func() strategies.Counter { return new(secondLife) })
	again.Promise.GetOnZero = strategies.Panics
	r := New([]*strategies.Strategy{atomic.Strategy, again}, Both)
	if d := r.Run(&p); d != nil {
		t.Fatalf("in its first life: %v", d)
	}
	if d := r.Run(&p); d == nil || !d.Used || !strings.Contains(d.Message, "again?") {
		t.Errorf("in its second life: %v, want a finding on a used count", d)
	}
	never := like(atomic.Strategy, "unborn", func() strategies.Counter { return new(unborn) })
	if d := New([]*strategies.Strategy{never}, Both).Run(&p); d == nil || d.Used || !strings.Contains(d.Message, "not me") {
		t.Errorf("at its birth: %v, want a finding on a new count", d)
	}
}

// What is kept of the specification is what it says.
func TestKnownIsTheSpecification(t *testing.T) {
	for i := range New(builtin.All(), Both).lanes {
		r := New(builtin.All(), Both)
		l := &r.lanes[i]
		rows, all := 0, 0
		for _, row := range l.sp.Table() {
			if row.Call.Op == spec.InitAt {
				continue // programs don't have it
			}
			all++
			k := l.knows(l.id(row.State), row.Call)
			if k.sees.did == uncertain {
				continue
			}
			rows++
			if k.sees.did.made() != (len(row.Outcomes) > 0) {
				t.Errorf("%s in state %q: %v is made: %v", l.s, row.State, row.Call, k.sees.did.made())
			}
			if k.sees.did.made() {
				if o := row.Outcomes[0]; l.states[k.next] != o.Next || k.sees.did != returned(o.Result) || k.sees.value != o.Value || (k.sees.misuse > 0) != (o.Warns && l.monitor != nil) {
					t.Errorf("%s in state %q: %v is kept as %+v, want %+v", l.s, row.State, row.Call, *k, o)
				}
			}
		}
		if rows < all/2 {
			t.Errorf("%s: only %d of %d rows are certain", l.s, rows, all)
		}
	}
}

// little is a count of three bits that saturates past 3. It has no InitAt.
type little struct{ n int }

func (c *little) stuck() bool { return c.n < 0 }

func (c *little) Init() { c.n = 1 }

func (c *little) Get() {
	if c.n == 0 || c.n == littleLimit {
		c.n = -1
	}
	if !c.stuck() {
		c.n++
	}
}

func (c *little) TryGet() bool {
	if c.n == 0 {
		return false
	}
	c.Get()
	return true
}

func (c *little) Put() bool {
	if !c.stuck() {
		c.n--
	}
	return c.n == 0
}

func (c *little) Kill() bool { return c.Put() }

const littleLimit = 3

// A strategy with the lowest limit of all is not made to begin past it.
func TestLowLimits(t *testing.T) {
	s := like(saturating.Strategy, "little", func() strategies.Counter { return new(little) })
	s.Promise.Limit, s.Promise.Width, s.Promise.Count = littleLimit, 3, strategies.None
	p, err := program.Parse("a:InitAt(9) a.Put a.Put a.TryGet")
	if err != nil {
		t.Fatal(err)
	}
	if d := New(append(builtin.All(), s), Both).Run(&p); d != nil {
		t.Error(d)
	}
}
