// Package strategytest checks a reference-counting strategy against the contract
// of package strategies and against the strategy's own promise. Its four
// functions are the whole test file of a strategy:
//
//	func Test(t *testing.T)          { strategytest.Run(t, mine.Strategy) }
//	func TestSchedules(t *testing.T) { strategytest.Explore(t, mine.Strategy) }
//	func Fuzz(f *testing.F)          { strategytest.Fuzz(f, mine.Strategy) }
//	func BenchmarkRef(b *testing.B)  { strategytest.Benchmark(b, mine.Strategy) }
//
// None of them fails for a strategy that keeps its promise. The reverse doesn't hold, and
// what each can miss is another thing:
//
//   - Run sees what one goroutine shows, in every state at a boundary. Where goroutines
//     meet, it is up to Go's scheduler and to the machine whether they meet where it matters: a
//     TryGet that looks first and adds then fails nearly each time where two CPUs are free, and
//     passes now and then where they aren't. Missing order between
//     goroutines is seen only under the race detector, so run it with -race as well.
//   - Explore decides itself who goes on, at every access to shared memory, and finds
//     that TryGet each time. It knows programs of a few threads and steps, tries as many
//     schedules as its time allows, and takes atomics to be sequentially consistent, as Go's
//     are. What is in cgo or assembly it can't see, and refuses.
//   - Fuzz sees what one goroutine shows, in programs longer than Run's.
//   - Benchmark judges nothing.
//
// Rules about an optional power are checked only where the counter has it.
package strategytest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/outside"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// SeedVariable is the environment variable that sets the seed of the random
// cases, to replay a failure. Without it each run has a seed of its own.
const SeedVariable = "REFBENCH_SEED"

// Run checks every rule that applies to the strategy, each in a subtest: see package
// rules. It takes some four seconds where the machine is free, and with -short one. It counts
// allocations, so no test may run in parallel with it.
func Run(t *testing.T, s *strategies.Strategy) {
	t.Helper()
	validate(t, s)
	cfg := rules.Config{Seed: seed(t), Short: testing.Short(), Rounds: 60, Time: 150 * time.Millisecond}
	t.Logf("strategy %s, seed %d", s.Name, cfg.Seed)
	for _, r := range rules.All() {
		if why := r.Unsupported(s); why != "" {
			t.Logf("%s doesn't apply: %s", r.Name, why)
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			if err := r.Run(t.Context(), s, cfg).Err(); err != nil {
				t.Fatalf("%v\nreplay: %s=%d go test -run '%s'", err, SeedVariable, cfg.Seed, pattern(t.Name()))
			}
		})
	}
}

// seed returns the seed that is asked for, or a new one.
func seed(t *testing.T) uint64 {
	t.Helper()
	v := os.Getenv(SeedVariable)
	if v == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: want a number from 0 to 2^64-1", SeedVariable, v)
	}
	return seed
}

func validate(t testing.TB, s *strategies.Strategy) {
	t.Helper()
	if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
		t.Fatal(err)
	}
}

// pattern returns what makes go test -run choose the named test alone.
func pattern(name string) string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(name), "/", "$/^") + "$"
}

// seeds are programs to fuzz from. A strategy leaves out what it has no power for.
var seeds = []string{
	// A life and what comes after.
	"a.Get a.TryGet a.Put a.Put a.Kill a.TryGet a.Put",
	// Past the limit.
	"a:InitAt(limit) a.Get a.Get a.TryGet a.Put a.Put a.Put",
	// Below zero, and a next life.
	"a.Kill a.Put a.Put a.Get a.Get a.Init a.Get a.Kill",
	// The optional powers.
	"a.GetN(8) a.PutN(2) a.Kill a.PutIfOne a.PutUnlessOne a.Resurrect",
	"a.SwitchToAtomic a.Get a.SwitchToPerCPU a.KillAndConfirm a.TryGetLive a.Put a.Reinit",
}

// exploring is how long Explore searches, and with -short.
const (
	exploring      = 10 * time.Second
	exploringShort = 2 * time.Second
)

// Explore tries schedules of the strategy: it makes the explored form of the package in
// which the test runs, in a temporary module, and searches for an order of its threads'
// accesses in which it breaks its promise, under op programs and refbench's workloads.
// An exported variable of the package, or else of that of the counter's type, must be the
// strategy. It takes 10 seconds, with -short 2, and some for the go command, which it
// calls.
//
// To see a failure again, run the test with the environment variable REFBENCH_REPLAY set
// to the token.
func Explore(t *testing.T, s *strategies.Strategy) {
	t.Helper()
	validate(t, s)
	args := []string{"-strategy", s.Name, "-seed", strconv.FormatUint(seed(t), 10), "-time", exploring.String()}
	if testing.Short() {
		args[len(args)-1] = exploringShort.String()
	}
	if token := os.Getenv(explore.ReplayVariable); token != "" {
		args = append(args, "-replay", token)
	}
	w := workspace(t, s)
	exe, err := w.Explorer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x, err := outside.Explore(t.Context(), exe, args...)
	if err != nil {
		t.Fatal(err)
	}
	if x.Broken {
		f := x.Found[0]
		t.Fatalf("%s\n%s\nto see it again: %s=%s go test -run '%s'", f.What, f.Detail, explore.ReplayVariable, f.Token, pattern(t.Name()))
	}
	if x.Reason != "" {
		t.Logf("not found out: %s", x.Reason)
	}
	t.Logf("%s", x.Tried)
}

// workspace returns a temporary module that takes the test's package along.
func workspace(t *testing.T, s *strategies.Strategy) *outside.Workspace {
	t.Helper()
	source, err := outside.Source("")
	if err != nil {
		t.Fatal(err)
	}
	with, err := outside.ParseWith(".")
	if err != nil {
		t.Fatal(err)
	}
	with.Only = append(with.Only, strings.TrimSuffix(with.Pattern, "/..."))
	if typ := reflect.TypeOf(s.New()); typ.Kind() == reflect.Pointer {
		with.Only = append(with.Only, typ.Elem().PkgPath())
	}
	w, err := outside.Open(t.Context(), outside.Options{Source: source, With: []outside.With{with}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Fuzz runs programs of calls on one goroutine, made from fuzzed bytes, and
// compares what they do with the specification that the strategy's promise makes
// (package spec).
func Fuzz(f *testing.F, s *strategies.Strategy) {
	f.Helper()
	validate(f, s)
	for _, text := range seeds {
		p, err := program.Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := rules.CheckProgram(s, data); err != nil {
			t.Fatalf("%v\nprogram %q", err, data)
		}
	})
}

// Benchmark measures pairs of Get or TryGet and Put as sub-benchmarks: on one
// count shared by all goroutines, and on a count for each. It calls through an
// interface, which costs some nanoseconds a pair, and says so in the names; it
// is there to compare a strategy with itself. For one that is fast enough for
// that cost to matter, generate its own loops.
func Benchmark(b *testing.B, s *strategies.Strategy) {
	b.Helper()
	validate(b, s)
	pairs := []struct {
		name string
		run  func(c strategies.Counter)
	}{
		{"getput", func(c strategies.Counter) { c.Get(); c.Put() }},
		{"trygetput", func(c strategies.Counter) {
			if c.TryGet() {
				c.Put()
			}
		}},
	}
	for _, pair := range pairs {
		for _, objects := range []string{"shared", "private"} {
			b.Run(fmt.Sprintf("pair=%s/objects=%s/strategy=%s/dispatch=generic", pair.name, objects, s.Name), func(b *testing.B) {
				b.ReportAllocs()
				shared := newPadded(s)
				b.RunParallel(func(pb *testing.PB) {
					c := shared
					if objects == "private" {
						c = newPadded(s)
					}
					for pb.Next() {
						pair.run(c)
					}
				})
			})
		}
	}
}

// newPadded returns a live count that shares no cache line with another one of
// its kind: what New allocates lies side by side with what it allocated before.
func newPadded(s *strategies.Strategy) strategies.Counter {
	const line = 128
	n := 1 + line/s.Promise.Bytes
	between := make([]strategies.Counter, 2*n)
	for i := range between {
		between[i] = s.New()
	}
	c := between[n]
	c.Init()
	return c
}
