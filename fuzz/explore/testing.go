package explore

import (
	"os"
	"regexp"
	"strings"
)

// ReplayVariable is the environment variable with which a test that calls [Run]
// replays a token instead of exploring.
const ReplayVariable = "REFBENCH_REPLAY"

// TB is what [Run] needs of a testing.TB. It is spelled out so that programs which
// explore don't carry package testing.
type TB interface {
	Helper()
	Name() string
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Run explores body in a test: body is the first thread, and starts others with
// [Go]. It is run many times, so everything that it shares is made in it. If an
// execution fails, so does the test, with a picture of the schedule and a token.
//
// To see the failure again, run the test with the environment variable
// REFBENCH_REPLAY set to the token.
func Run(t TB, o Options, body func()) *Result {
	t.Helper()
	return RunScenario(t, o, &Scenario{
		Name: t.Name(), CPUs: 4,
		Make: func(Program) Case { return Case{Threads: []func(){body}} },
	})
}

// RunScenario is [Run] for a scenario.
func RunScenario(t TB, o Options, s *Scenario) *Result {
	t.Helper()
	if tok := os.Getenv(ReplayVariable); tok != "" {
		info, err := InspectToken(tok)
		if err != nil {
			t.Fatal(err)
		}
		if info.Scenario == s.Name {
			f, err := Replay(tok, []*Scenario{s}, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Fatalf("replayed:\n%s%s", f.Text(), f.Stack)
		}
	}
	r, err := Explore(s, o)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Failure; f != nil {
		t.Fatalf("%v\nfound in execution %d with seed %d by %s\n%s%s\nto see it again: %s=%s go test -run '%s'",
			f, f.Executions, o.Seed, r.Search, f.Text(), f.Stack, ReplayVariable, f.Token, runPattern(t.Name()))
	}
	return r
}

// runPattern returns what makes go test -run choose the named test alone.
func runPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), "'", `'\''`)
}
