package workloads_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/native"
)

// roleSteps is how many actions every role takes at least in run.
const roleSteps = 40

// patience is how long run waits: a hundred times what a run takes on a busy machine.
const patience = 2 * time.Minute

// run lets every worker do at least ops operations, and every role at least
// roleSteps actions beside them, and returns the books.
func run(t *testing.T, inst workloads.Instance, workers, ops int) workloads.Books {
	t.Helper()
	var stop atomic.Bool
	var roles, wg sync.WaitGroup
	var finished, acted atomic.Int64
	want := int64(workers + len(inst.Roles()))
	for _, r := range inst.Roles() {
		roles.Go(func() {
			for steps := 1; !stop.Load(); steps++ {
				// Hurry: tests want many actions in little time.
				time.Sleep(min(r.Step(), 50*time.Microsecond))
				if steps == roleSteps {
					acted.Add(1)
				}
			}
		})
	}
	for w := range workers {
		wg.Go(func() {
			done, idle := 0, 0
			// Go on until everybody is through: a worker may depend
			// on its neighbours.
			for !stop.Load() && (done < ops || finished.Load()+acted.Load() < want) {
				before := done
				done += inst.Work(w, 256)
				if before < ops && done >= ops {
					finished.Add(1)
				}
				if idle++; done > before {
					idle = 0
				}
				if idle == 100 {
					// The neighbour may need this thread's CPU.
					idle = 0
					time.Sleep(10 * time.Microsecond)
				}
				runtime.Gosched() // the roles need a P too
			}
		})
	}
	through := make(chan bool)
	go func() {
		wg.Wait()
		stop.Store(true)
		roles.Wait()
		close(through)
	}()
	select {
	case <-through:
	case <-time.After(patience):
		stop.Store(true)
		t.Fatalf("stuck: after %v only %d of %d workers did %d operations, and %d of %d roles %d steps",
			patience, finished.Load(), workers, ops, acted.Load(), len(inst.Roles()), roleSteps)
	}
	return inst.Close()
}

// variants are settings that lead through every branch of a workload. One that has none
// here is tested with its defaults and with the settings of its plan.
var variants = map[string][]string{
	"getput":     {"", "private=1", "objects=8,tryget=50", "hold=100"},
	"handoff":    {"", "lifetime=1,hops=1", "hops=5,extra=1", "hops=5,depth=2", "lifetime=3"},
	"listmutex":  {"", "form=1,first=0,lifetime=4", "entries=3,first=0,skew=0,hold=50,release=0"},
	"listtryget": {"", "first=0,lifetime=4", "entries=1,lifetime=3,release=500"},
	"listrcu":    {"", "first=0,lifetime=1", "entries=1,lifetime=3,hold=50"},
	"dstcache":   {"pause=1", "tunnels=1,pause=1", "tunnels=64,hold=100"},
	"pid2proc":   {"", "processes=1,destroy=500,wake=50,teardown=0", "processes=5,skew=0,wake=100,pause=1,hold=50", "destroy=200"},
	"pnode":      {"", "files=1,polls=100,queue=3", "files=300,skew=0,polls=0,hold=50,pause=1", "files=2,polls=50,answer=1,pause=1"},
	"unmount":    {"pause=1", "locked=1,pause=1,hold=100", "mounts=5,pause=1,hold=100"},
	"buffers":    {"", "files=1,verify=1", "files=40,skew=0,capacity=10,shards=2,verify=1,hold=50", "files=3,skew=300,shards=1024,verify=0"},
	"churn":      {"", "routes=0,errors=50", "routes=1,errors=0,gets=0", "errors=100,gets=5,hold=50"},
	"inetpeer":   {"pause=1", "addresses=3,pause=1,ttl=0", "addresses=200,hot=0,create=10,hold=100,pause=1,ttl=0"},
	"dentry":     {"pause=1,keep=0", "names=2,hot=0,open=1,keep=0,pause=1", "names=100,open=30,keep=10,hold=100,pause=1"},
	"ipvsdest":   {"pause=1", "destinations=1,away=0,connections=1,pause=1,period=0", "destinations=5,away=100,pause=1,period=1"},
}

// forEach calls f for every workload, variant, strategy and form.
func forEach(t *testing.T, f func(t *testing.T, w *workloads.Workload, s *strategies.Strategy, variant string, construct func(workloads.Config) (workloads.Instance, error))) {
	for _, w := range workloads.All {
		settings := variants[w.Name]
		if len(settings) == 0 {
			settings = []string{"", w.Plan.Settings}
		}
		for _, variant := range settings {
			for _, s := range builtin.All() {
				if w.Unsupported(s) != "" {
					continue // TestUnsupportedIsRefused
				}
				for _, l := range native.Loops {
					if l.Workload == w.Name && l.Strategy == s.Name {
						t.Run(fmt.Sprintf("%s/%s/%s", w, variant, s), func(t *testing.T) { f(t, w, s, variant, l.New) })
					}
				}
				t.Run(fmt.Sprintf("%s/%s/%s/generic", w, variant, s), func(t *testing.T) { f(t, w, s, variant, w.New) })
				t.Run(fmt.Sprintf("%s/%s/%s/checked", w, variant, s), func(t *testing.T) {
					f(t, w, s, variant, func(c workloads.Config) (workloads.Instance, error) {
						c.Checked = true
						return w.New(c)
					})
				})
			}
		}
	}
}

// With a right count the books of every workload balance, with more workers than
// CPUs as well. The numbers of workers take turns over the variants, strategies
// and forms.
func TestBooksBalance(t *testing.T) {
	ops := 3_000
	if testing.Short() {
		ops = 500
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	turn := 0
	forEach(t, func(t *testing.T, w *workloads.Workload, s *strategies.Strategy, variant string, construct func(workloads.Config) (workloads.Instance, error)) {
		workers := []int{1, 2, 5}[turn%3]
		turn++
		if raceDetector && turn%4 != 0 {
			return // a quarter of the combinations takes long enough
		}
		knobs, err := w.ParseSettings(variant)
		if err != nil {
			t.Fatal(err)
		}
		inst, err := w.Start(construct, workloads.Config{Workers: workers, Seed: seed, Knobs: knobs, NewCounter: s.New})
		if err != nil {
			t.Fatal(err)
		}
		b := run(t, inst, workers, ops)
		if err := b.Err(); err != nil {
			t.Errorf("%d workers, seed %d: %v", workers, seed, err)
		}
		if b.Lives == 0 || b.Released != b.Lives {
			t.Errorf("%d workers, seed %d: %d lives, %d released", workers, seed, b.Lives, b.Released)
		}
	})
}

// A broken count: each flaw is one that a workload's books must show.
type broken struct {
	n    atomic.Int64
	flaw string
	puts atomic.Int64
}

func (c *broken) Init() { c.n.Store(1) }
func (c *broken) Get() {
	if c.flaw == "lost get" && c.puts.Add(1)%2 == 1 {
		return
	}
	c.n.Add(1)
}
func (c *broken) TryGet() bool {
	if c.flaw == "dead on arrival" && c.puts.Add(1) > 512 {
		return false
	}
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
func (c *broken) Put() bool {
	switch c.flaw {
	case "lost put":
		if c.puts.Add(1)%512 == 0 {
			return false
		}
	case "always last":
		c.n.Add(-1)
		return true
	case "never last":
		c.n.Add(-1)
		return false
	}
	return c.n.Add(-1) == 0
}
func (c *broken) Kill() bool {
	if c.flaw == "silent kill" {
		c.n.Add(-1)
		return false
	}
	return c.n.Add(-1) == 0
}

// The books of each workload show each flaw that can show in it.
func TestBooksShowBrokenCounts(t *testing.T) {
	if raceDetector {
		t.Skip("what the books show doesn't depend on the race detector, and takes ten times as long under it")
	}
	type flawed struct {
		flaw      string
		workloads string
		settings  string
	}
	for _, c := range []flawed{
		{"lost get", "getput handoff listmutex dstcache", ""},
		{"lost put", "getput handoff dstcache", ""},
		{"lost put", "listmutex listtryget listrcu", "lifetime=2000"},
		{"always last", "getput handoff listmutex listtryget listrcu dstcache", ""},
		{"silent kill", "getput listmutex listtryget listrcu", ""},
		{"never last", "handoff dstcache", ""},
		{"lost get", "buffers churn pid2proc pnode", ""},
		{"lost put", "churn", "routes=1"},
		{"lost put", "buffers", "files=1"},
		{"lost put", "pid2proc", "processes=1"},
		{"lost put", "pnode unmount", ""},
		{"silent kill", "unmount", ""},
		{"never last", "unmount", "hold=100000"}, // long enough to be preempted in it where there is one CPU
		{"dead on arrival", "unmount", ""},
		{"always last", "buffers churn pid2proc pnode unmount", ""},
		{"silent kill", "buffers churn pid2proc pnode", ""},
		{"never last", "pid2proc", ""},
		{"dead on arrival", "churn", "routes=1"},
		{"dead on arrival", "pid2proc", "processes=1,destroy=0"},
		{"dead on arrival", "getput", "tryget=50"},
		{"dead on arrival", "dstcache", ""},
		{"dead on arrival", "listtryget listrcu", "lifetime=2000"},
	} {
		for _, w := range workloads.All {
			if !strings.Contains(c.workloads, w.Name) {
				continue
			}
			for _, checked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/checked=%v", c.flaw, w, checked), func(t *testing.T) {
					knobs, err := w.ParseSettings(c.settings)
					if err != nil {
						t.Fatal(err)
					}
					// Whether a flaw does harm can be a matter of luck.
					var b workloads.Books
					for round := uint64(0); round < 20 && b.Violations() == 0; round++ {
						inst, err := w.Start(w.New, workloads.Config{
							Workers: 1, Seed: round, Knobs: knobs, Checked: checked,
							NewCounter: func() strategies.Counter { return &broken{flaw: c.flaw} },
						})
						if err != nil {
							t.Fatal(err)
						}
						b = run(t, inst, 1, 20_000)
					}
					if b.Violations() == 0 || b.Err() == nil {
						t.Errorf("the books balance: %+v", b)
					}
					if checked && b.Judged == 0 {
						t.Error("no operation was judged")
					}
				})
			}
		}
	}
}

// The checked form catches each workload's known-wrong variant on real threads.
// Every race is a matter of luck, so a seed may take several instances, but the
// median seed takes less than two seconds.
func TestWrongVariantsAreCaught(t *testing.T) {
	if raceDetector {
		t.Skip("some known-wrong variants are data races, which the race detector reports itself and fails the test for")
	}
	const seeds, limit = 5, 2 * time.Second
	for _, w := range workloads.All {
		if w.Wrong == "" {
			t.Errorf("%s: no known-wrong variant", w)
		}
		t.Run(w.Name, func(t *testing.T) {
			var s *strategies.Strategy
			for _, s = range builtin.All() {
				if w.Unsupported(s) == "" {
					break
				}
			}
			var times []time.Duration
			for seed := range uint64(seeds) {
				start := time.Now()
				caught := false
				for round := uint64(0); !caught && time.Since(start) < 4*limit; round++ {
					inst, err := w.Start(w.New, workloads.Config{Workers: 2, Seed: seed + round*seeds, NewCounter: s.New, Checked: true, Wrong: true})
					if err != nil {
						t.Fatal(err)
					}
					b := run(t, inst, 2, 20_000)
					if caught = b.Violations() > 0; caught && seed == 0 {
						t.Logf("%s: %v", w.Wrong, b.Notes[0])
					}
				}
				if !caught {
					t.Errorf("%s, strategy %s, seed %d: not caught in %v: %s", w, s, seed, time.Since(start), w.Wrong)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			t.Logf("strategy %s: caught after %v (median of %d seeds, slowest %v)", s, times[len(times)/2], seeds, times[len(times)-1])
			if m := times[len(times)/2]; m > limit {
				t.Errorf("%s: median %v until it is caught, want less than %v", w, m, limit)
			}
		})
	}
}

// A strategy without a power that a workload needs is refused, not run in some
// other way.
func TestUnsupportedIsRefused(t *testing.T) {
	refused := 0
	for _, w := range workloads.All {
		for _, s := range builtin.All() {
			if w.Unsupported(s) == "" {
				continue
			}
			refused++
			if s.Promise.Zero == strategies.Waits && w.NoWait != "" {
				continue // That is of the promise, which a counter doesn't tell.
			}
			for _, checked := range []bool{false, true} {
				if _, err := w.Start(w.New, workloads.Config{Workers: 1, NewCounter: s.New, Checked: checked}); err == nil {
					t.Errorf("%s ran with %s: %s", w, s, w.Unsupported(s))
				}
			}
		}
	}
	if refused == 0 {
		t.Error("every strategy can run under every workload: nothing was tested")
	}
}

func TestStartRefusesBadSettings(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"objects=0", "outside 1 .. 65536"},
		{"objects=65537", "outside 1 .. 65536"},
		{"objekts=3", "workload getput has objects, private, tryget, hold"},
		{"objects", "want name=value"},
		{"objects=many", "not a whole number"},
		{"objects=3,objects=4", "set twice"},
		{"objects=99999999999999999999", "not a whole number"},
	} {
		knobs, err := workloads.GetPut.ParseSettings(c.settings)
		if err == nil {
			_, err = workloads.GetPut.Start(workloads.GetPut.New, workloads.Config{Workers: 1, Knobs: knobs, NewCounter: builtin.All()[0].New})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.settings, err, c.want)
		}
	}
	if _, err := workloads.GetPut.Start(workloads.GetPut.New, workloads.Config{Workers: 0}); err == nil {
		t.Error("no workers: no error")
	}
	if _, err := workloads.GetPut.Start(workloads.GetPut.New, workloads.Config{Workers: 1}); err == nil {
		t.Error("no counter: no error")
	}
}

func TestKeysNameWhatIsNotDefault(t *testing.T) {
	knobs, err := workloads.GetPut.ParseSettings("hold=0,tryget=50,objects=8")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := workloads.GetPut.Keys(knobs), "/objects=8/tryget=50"; got != want {
		t.Errorf("keys %q, want %q", got, want)
	}
}

// A workload that needs a power says which strategies don't have it.
func TestUnsupportedSaysWhichPowerIsMissing(t *testing.T) {
	w := &workloads.Workload{Name: "w", Needs: []strategies.Power{strategies.PowerSwitcher}}
	without := 0
	for _, s := range builtin.All() {
		reason := w.Unsupported(s)
		if has := slices.Contains(s.Powers(), strategies.PowerSwitcher); has != (reason == "") {
			t.Errorf("%s: reason %q, and that it has the power is %v", s, reason, has)
		}
		if reason != "" {
			without++
		}
		if reason != "" && !strings.Contains(reason, "switcher") {
			t.Errorf("%s: reason %q doesn't name the power", s, reason)
		}
	}
	if without == 0 || without == len(builtin.All()) {
		t.Errorf("%d of %d strategies lack the power: nothing was compared", without, len(builtin.All()))
	}
}

func TestValidateFindsWhatIsWrong(t *testing.T) {
	good := *workloads.GetPut
	for _, c := range []struct {
		change func(*workloads.Workload)
		want   string
	}{
		{func(w *workloads.Workload) { w.Name = "get-put" }, `name "get-put"`},
		{func(w *workloads.Workload) { w.Doc = "" }, "doc, source or operation is missing"},
		{func(w *workloads.Workload) { w.New = nil }, "no constructor"},
		{func(w *workloads.Workload) { w.Knobs = []workloads.Knob{{Name: "cpus"}} }, `knob name "cpus" is taken`},
		{func(w *workloads.Workload) { w.Knobs = []workloads.Knob{{Name: "a=b"}} }, `knob name "a=b"`},
		{func(w *workloads.Workload) { w.Knobs = []workloads.Knob{{Name: "a", Min: 1, Max: 2}} }, "default 0 is outside 1 .. 2"},
	} {
		w := good
		c.change(&w)
		if err := workloads.Validate([]*workloads.Workload{&w}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	if err := workloads.Validate([]*workloads.Workload{&good, &good, nil}); err == nil ||
		!strings.Contains(err.Error(), "used twice") || !strings.Contains(err.Error(), "workload 3 of the list is nil") {
		t.Errorf("repeated and nil workloads: %v", err)
	}
}

// No workload needs much memory at its defaults, whatever the strategy: the heap
// after a run, with everything that it holds, is far below 256 MB.
func TestMemoryAtDefaults(t *testing.T) {
	const limitBytes = 256 << 20
	for _, w := range workloads.All {
		for _, s := range builtin.All() {
			if w.Unsupported(s) != "" {
				continue
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			inst, err := w.Start(w.New, workloads.Config{Workers: 4, NewCounter: s.New, Checked: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := run(t, inst, 4, 2000).Err(); err != nil {
				t.Errorf("%s/%s: %v", w, s, err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(inst)
			if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > limitBytes {
				t.Errorf("%s/%s: %d MB, want less than %d", w, s, used>>20, limitBytes>>20)
			}
		}
	}
}
