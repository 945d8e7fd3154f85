// Package strategytest checks a reference-counting strategy against the contract
// of package strategies and against the strategy's own promise. Its three
// functions are the whole test file of a strategy:
//
//	func Test(t *testing.T)         { strategytest.Run(t, mine.Strategy) }
//	func Fuzz(f *testing.F)         { strategytest.Fuzz(f, mine.Strategy) }
//	func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, mine.Strategy) }
//
// A rule fails only for a strategy that breaks it. The reverse doesn't hold: some
// rules race goroutines against each other and may miss a mistake, and
// missing order between goroutines is seen only under the race detector. So run
// them with -race as well.
//
// Rules about an optional power are checked only where the counter has it.
package strategytest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// SeedVariable is the environment variable that sets the seed of the random
// cases, to replay a failure. Without it each run has a seed of its own.
const SeedVariable = "REFBENCH_SEED"

// Run checks every rule that applies to the strategy, each in a subtest: see package
// rules. With -short random programs and races are shorter. It counts allocations, so no
// test may run in parallel with it.
func Run(t *testing.T, s *strategies.Strategy) {
	t.Helper()
	validate(t, s)
	cfg := rules.Config{Seed: rand.Uint64(), Short: testing.Short()}
	if v := os.Getenv(SeedVariable); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q: want a number from 0 to 2^64-1", SeedVariable, v)
		}
		cfg.Seed = seed
	}
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
