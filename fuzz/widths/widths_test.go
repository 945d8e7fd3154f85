package widths_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	explored "github.com/refbench/refbench/fuzz/explored/fuzz/widths"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/fuzz/widths"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// of8 returns the counts of 8 bits.
func of8(list []*strategies.Strategy) []*strategies.Strategy {
	return slices.DeleteFunc(list, func(s *strategies.Strategy) bool { return !strings.HasSuffix(s.Name, "8") })
}

func TestListIsValid(t *testing.T) {
	if err := strategies.Validate(append(widths.All(), builtin.All()...)); err != nil {
		t.Error(err)
	}
	// Two of them have limits that int64 doesn't hold in 64 bits: biased, by one, and
	// refcountfull.
	const all, without64 = 7, 2
	if n, want := len(widths.All()), 3*all-without64; n < want {
		t.Errorf("%d counts, want %d at least", n, want)
	}
	if n := len(of8(widths.All())); n < all {
		t.Errorf("%d counts of 8 bits, want %d at least", n, all)
	}
}

// numbers are how many references are taken and dropped at once: small ones, and all that
// a word of 8 bits ends at.
var numbers = []int64{1, 2, 3, 4, 31, 32, 62, 63, 64, 65, 126, 127, 128, 129, 130, 254, 255, 256, 257}

// A place is what a count holds: what it reads as, and the state that it must be in.
type place struct {
	word  int64
	state spec.State
}

// From the beginning of a life on, every call of which the promise says something is
// made in every state that such calls lead to: the count answers as the specification
// says, and reads as it says. After that nothing is left to try with one thread, but for
// what the word has besides.
func TestEveryOperationInEveryStateThatThereIs(t *testing.T) {
	for _, s := range of8(widths.All()) {
		sp := spec.Of(s)
		var calls []spec.Call
		for _, op := range sp.Ops() {
			for _, n := range numbers {
				if c := (spec.Call{Op: op, N: n}); op.TakesNumber() {
					calls = append(calls, c)
				}
			}
			if !op.TakesNumber() {
				calls = append(calls, spec.Call{Op: op})
			}
		}
		seen := make(map[place]bool)
		var queue []place
		add := func(p place) {
			if !seen[p] && !p.state.Lost {
				seen[p] = true
				queue = append(queue, p)
			}
		}
		for n := int64(1); n <= s.Promise.Limit; n++ {
			add(place{n, sp.Start(n)})
		}
		x, tried, failed := spec.New(s), 0, 0
		for i := 0; i < len(queue) && failed < 10; i++ {
			from := queue[i]
			for _, c := range calls {
				if sp.Unpromised(from.state, c) != "" {
					continue
				}
				x.Do(spec.Call{Op: spec.InitAt, N: from.word})
				tried++
				next, err := sp.Check(from.state, c, x.Do(c))
				if err == nil && !next.Lost {
					read := spec.Call{Op: spec.Count}
					a := x.Do(read)
					if _, err = sp.Check(next, read, a); err == nil {
						add(place{a.Value, next})
					} else {
						err = fmt.Errorf("after %v: %w", c, err)
					}
				}
				if err != nil {
					t.Errorf("%s, brought to %d: %v", s.Name, from.word, err)
					failed++
				}
			}
		}
		words := make(map[int64]bool)
		for p := range seen {
			words[p.word] = true
		}
		// Wrapping counts come to every word. Others have those that aren't numbers.
		least := int(s.Promise.Limit) + 1
		if s.Promise.Width > 0 && s.Promise.Overflow == strategies.Wraps {
			least = 256
		}
		if len(words) < least {
			t.Errorf("%s: %d words were reached, want %d at least", s.Name, len(words), least)
		}
		t.Logf("%s: %d calls in %d states, %d words", s.Name, tried, len(seen), len(words))
	}
}

// A leak that goes round the word frees a live object if the count wraps, and doesn't if
// it promises something else (CVE-2016-0728): with 32 bits that takes 2^32 calls.
func TestALeakRoundTheWord(t *testing.T) {
	for _, s := range of8(widths.All()) {
		if s.Promise.Overflow == strategies.Wraps && s.Promise.Width == 0 {
			continue // nothing is promised
		}
		c, taken := s.New(), 1
		c.Init()
		for range 256 {
			func() {
				defer func() { _ = recover() }() // it may be promised
				c.Get()
				taken++
			}()
		}
		drops := 1
		for !c.Put() && drops < taken {
			drops++
		}
		early := drops < taken
		if wraps := s.Promise.Overflow == strategies.Wraps; early != wraps {
			t.Errorf("%s: %d references were taken, and Put %d reports the last: it promises that it %s", s.Name, taken, drops, s.Promise.Overflow)
		}
	}
}

// What one goroutine shows of the contract, in all widths.
func TestRules(t *testing.T) {
	for _, s := range widths.All() {
		for _, r := range rules.All() {
			if r.Kind == rules.Crossing || r.Unsupported(s) != "" {
				continue
			}
			if err := r.Run(t.Context(), s, rules.Config{Seed: 1, Short: true}).Err(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Threads that cross the limit, and zero, under the scheduler: every schedule with at
// most three preemptions has a history that the specification explains.
func TestSchedulesAcrossTheBoundaries(t *testing.T) {
	for _, s := range of8(explored.All()) {
		for _, text := range []string{
			"a:InitAt(limit-1) a.Get a.Put|a.TryGet a.Count",
			"a.Put a.TryGet|a.Put a.Count|a.Kill",
		} {
			r, err := explore.Explore(linear.Scenario(s.Name, s, text), explore.Options{Search: explore.DFS, Bound: 3, Executions: 20_000})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil {
				t.Errorf("%s, %s: %s", s.Name, text, r.Failure.Text())
			} else if r.Complete == "" {
				t.Errorf("%s, %s: not all schedules with 3 preemptions were tried in %d executions", s.Name, text, r.Executions)
			}
			t.Logf("%s, %s: %d executions", s.Name, text, r.Executions)
		}
	}
}
