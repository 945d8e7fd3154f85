// Package strategytest checks a reference-counting strategy against the contract
// of package strategies and against the strategy's own promise. Its three
// functions are the whole test file of a strategy:
//
//	func Test(t *testing.T)         { strategytest.Run(t, mine.Strategy) }
//	func Fuzz(f *testing.F)         { strategytest.Fuzz(f, mine.Strategy) }
//	func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, mine.Strategy) }
//
// A case fails only for a strategy that breaks a rule. The reverse doesn't hold:
// some cases race goroutines against each other and may miss a mistake, and
// missing order between goroutines is seen only under the race detector. So run
// them with -race as well.
//
// Rules about an optional power are checked only where the counter has it.
package strategytest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rules"
)

// SeedVariable is the environment variable that sets the seed of the random
// cases, to replay a failure. Without it each run has a seed of its own.
const SeedVariable = "REFBENCH_SEED"

// Run runs every case that applies to the strategy as a subtest. With -short the
// cases that race goroutines are shorter. It counts allocations, so no test may
// run in parallel with it.
func Run(t *testing.T, s *strategies.Strategy) {
	t.Helper()
	if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Seed: rand.Uint64(), Short: testing.Short()}
	if v := os.Getenv(SeedVariable); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q: want a number from 0 to 2^64-1", SeedVariable, v)
		}
		cfg.Seed = seed
	}
	t.Logf("strategy %s, seed %d", s.Name, cfg.Seed)
	for _, c := range Cases() {
		if why := c.Unsupported(s); why != "" {
			t.Logf("%s doesn't apply: %s", c.Name, why)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Check(s, cfg); err != nil {
				t.Fatalf("%v\nreplay: %s=%d go test -run '%s'", err, SeedVariable, cfg.Seed, pattern(t.Name()))
			}
		})
	}
}

// pattern returns what makes go test -run choose the named test alone.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return strings.Join(parts, "/")
}

// Config is how cases run.
type Config = rules.Config

// A Case is one rule and the check of it.
type Case = rules.Case

// Cases returns every case, in the order in which they run: the simple ones
// first, because the others fail too when those do.
func Cases() []Case { return rules.Cases() }
