package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// lives are rules about what operations do together. Each line is calls on a new count:
// the specification says what each of them returns and what Count reads after it.
// Calls of which a promise says nothing are left out. "Get*20" is 20 calls.
var lives = []struct{ name, doc, lines string }{
	{
		"StartsAtOne", "Init starts a life with one reference, so that dropping it at once is the last drop.",
		`Init Kill
		 Init Get Put Kill`,
	},
	{
		"LastExactlyOnce", "Of the drops of one life the one that leaves no reference reports the last, and no other.",
		`Init Get TryGet Put Get Put TryGet TryGet Put Put Put Kill
		 Init Get TryGet Kill TryGet Get Put TryGet Put*4
		 Init TryGet*9 Kill Put*8 Get Put*2`,
	},
	{
		"KillReportsLast", "Kill reports the last reference if the owner's is the last, and leaves the report to Put if it isn't.",
		`Init Get Put Kill
		 Init Get Get Kill Put Put`,
	},
	{
		"NoLastBeforeKill", "While the owner's reference is held no Put reports the last.",
		`Init Get Put Get*2 Put*2 Get*3 Put*3 Get*40 Put*40 Get Put Get*5 Put*5`,
	},
	{
		"TryGetWhileAlive", "TryGet takes a reference of a live count, even after Kill while references are left.",
		`Init TryGet Put Get Kill TryGet Put`,
	},
	{
		"TryGetAfterDeath", "TryGet on a dead count reports false and doesn't bring it back, however often it is called.",
		`Init Kill TryGet*10`,
	},
	{
		"NextLife", "Init on a dead count starts a life like the first.",
		`Init TryGet Put Kill TryGet Init Get TryGet Put*2 Kill TryGet Init Get*2 TryGet Put*3 Kill TryGet
		 Init Get Kill Put Init Get Put Kill`,
	},
	{
		"SeveralTakenEqualSingles", "Taking n references at once gives what n single calls give.",
		`Init GetN(5) Put*5 Get Kill Put
		 Init GetN(3) TryGetN(4) Put*5 Get Put*3 TryGetN(6) TryGet*3 Put*8 Kill Put TryGetN(2) TryGet
		 Init GetN(1) Kill TryGetN(2) Put*3 TryGetN(2)`,
	},
	{
		"SeveralEqualsSingles", "Taking or dropping n references at once gives what n single calls give.",
		`Init GetN(5) Put*5 Get*6 PutN(6) Get Kill Put
		 Init GetN(3) TryGetN(4) PutN(2) Get PutN(6) TryGetN(6) TryGet*3 PutN(3) Kill Put*2 PutN(4) TryGetN(2) TryGet
		 Init GetN(1) Kill TryGetN(2) PutN(3) TryGetN(2)`,
	},
	{
		"CountAtRest", "While nobody takes or drops references Count returns their number.",
		`Init Count Get*120 Count Kill Put*120 Count`,
	},
	{
		"Modes", "Switching modes, confirming Kill, undoing it and starting again change how references are counted but not how many there are.",
		`Init Get KillAndConfirm TryGetLive TryGet Put Put TryGetLive TryGet
		 Init Kill Reinit TryGetLive Put Kill
		 Init Get Kill ResurrectLive TryGetLive Put Put Kill
		 Init Get SwitchToAtomic Get TryGet Put SwitchToPerCPU Put TryGetLive Put SwitchToAtomic Get TryGet Put SwitchToPerCPU Put TryGetLive Put Kill Put`,
	},
}

// contract returns the rules of the contract.
func contract() []Rule {
	var list []Rule
	for _, l := range lives {
		list = append(list, Rule{l.name, Contract, l.doc, func(e *env) func() error { return e.lives(l.lines) }})
	}
	return append(list,
		Rule{"NearLimit", Contract, "Up to the promised limit references are counted right, and past it happens what the promise says of overflow.", nearLimit},
		Rule{"Carries", Contract, "References are counted right where a number carries from one bit into the next, far from the limit.", (*env).carries},
		Rule{"Underflow", Contract, "Put on a dead count never reports the last, and does what the promise says of underflow.", rows(true, dropsTooMany)},
		Rule{"GetOnZero", Contract, "Get on a dead count does what the promise says.", rows(true, getsOnZero)},
		Rule{"Programs", Contract, "Random programs on one goroutine do what the specification says that the strategy's promise makes.", func(e *env) func() error { return e.programs }},
		Rule{"ZeroAllocs", Contract, "Get, TryGet and Put allocate nothing.", func(e *env) func() error {
			e.room(2)
			return e.zeroAllocs
		}},
		Rule{"BytesPromise", Contract, "A count takes no more memory than promised, and as much if it allocates nothing.", func(e *env) func() error { return e.bytesPromise }},
	)
}

// parse reads a line of lives.
func parse(line string) []spec.Call {
	var calls []spec.Call
	for _, word := range strings.Fields(line) {
		text, times, _ := strings.Cut(word, "*")
		c, err := spec.ParseCall(text)
		if err != nil {
			panic(err) // the lines are constants
		}
		n, _ := strconv.Atoi(times)
		for range max(n, 1) {
			calls = append(calls, c)
		}
	}
	return calls
}

// lives plans the check of a rule by lines of calls.
func (e *env) lives(lines string) func() error {
	var all [][]spec.Call
	for line := range strings.Lines(lines) {
		calls := parse(line)
		for _, c := range calls {
			e.need(c.Op)
			if c.Op == spec.Count && e.p.Count == strategies.None {
				e.skip("the promise says that the count can't be read")
			}
		}
		all = append(all, calls)
	}
	return func() error {
		var errs []error
		for _, calls := range all {
			r := e.sp.NewRunner()
			r.Deaf = true // the rules of the operations listen
			for _, c := range calls {
				if err := e.insist(r, c); err != nil {
					errs = append(errs, err)
					break
				}
			}
			e.res.Checks += r.Checks
		}
		return errors.Join(errs...)
	}
}

// insist makes a call, and makes it again while it fails spuriously.
func (e *env) insist(r *spec.Runner, c spec.Call) error {
	if r.Unpromised(c) != "" {
		return nil
	}
	want := e.sp.Step(r.State(), c)[0]
	for range 1000 {
		a, err := r.Do(c)
		if err != nil || e.p.TryGet == strategies.Exact || a.Result == want.Result {
			return err
		}
	}
	return fmt.Errorf("%s failed 1000 times on a live count that nobody else uses, after %v", c, r.Done()[:1])
}

// CheckProgram runs the sequential reading of the program that data is, in the byte
// form of package program, and returns the first thing that it does otherwise than
// specified, or nil. Calls of which the promise says nothing are left out.
func CheckProgram(s *strategies.Strategy, data []byte) error {
	p, _ := program.Decode(data)
	sp := spec.Of(s)
	counts := make([]*spec.Runner, len(p.Objects))
	for i, o := range p.Objects {
		counts[i] = sp.NewRunner()
		counts[i].Deaf = true // the rules of the operations listen
		// Init begins a life if First can't.
		begin := []spec.Call{o.First(&s.Promise), {Op: spec.Init}}
		if o.Atomic {
			begin = append(begin, spec.Call{Op: spec.SwitchToAtomic})
		}
		if err := counts[i].Try(begin...); err != nil {
			return err
		}
	}
	for _, step := range p.Sequential() {
		if err := counts[step.Object].Try(step.Call); err != nil {
			return err
		}
	}
	for _, r := range counts {
		if err := r.Finish(); err != nil {
			return err
		}
	}
	return nil
}

func (e *env) programs() error {
	rng := rand.New(rand.NewPCG(e.cfg.Seed, 0))
	for range e.cfg.times(2000) {
		data := make([]byte, 1+rng.IntN(120))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if err := CheckProgram(e.s, data); err != nil {
			return fmt.Errorf("%w\nprogram %q", err, data)
		}
		e.res.Checks++
	}
	return nil
}

// allocsPerRun returns how many allocations a call of f makes on average, rounded
// down, so that a few by the rest of the process don't matter. Nothing else that
// allocates may run meanwhile.
func allocsPerRun(runs int, f func()) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f() // what is allocated once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / uint64(runs))
}

func (e *env) zeroAllocs() error {
	c := e.s.New()
	c.Init()
	for name, run := range map[string]func(){
		"Get and Put": func() { c.Get(); c.Put() },
		"TryGet and Put": func() {
			if c.TryGet() {
				c.Put()
			}
		},
	} {
		if n := allocsPerRun(1000, run); n != 0 {
			return fmt.Errorf("%s allocate %v times a call, want 0", name, n)
		}
		e.res.Checks++
	}
	return nil
}

// sink makes what is assigned to it live on the heap, as counts in objects do.
type sink struct{ c strategies.Counter }

func (e *env) bytesPromise() error {
	t := reflect.TypeOf(e.s.New())
	if t.Kind() != reflect.Pointer {
		return fmt.Errorf("the counter's type is %v, want a pointer type *T", t)
	}
	size, promised := int(t.Elem().Size()), e.p.Bytes
	if size > promised {
		return fmt.Errorf("%v is %d bytes, promised are %d (promise: bytes %d)", t.Elem(), size, promised, promised)
	}
	var keep sink
	allocs := allocsPerRun(100, func() { keep.c = e.s.New(); keep.c.Init() })
	if allocs <= 1 && size != promised {
		return fmt.Errorf("%v is %d bytes and allocates nothing besides, promised are %d (promise: bytes %d)", t.Elem(), size, promised, promised)
	}
	e.res.Checks++
	return nil
}
