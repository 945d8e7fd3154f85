package scenarios

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	exploresync "github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/strategies"
)

// A toucher reads its count after the drop, or has its mutex inside, if that is its flaw.
type toucher struct {
	flawed
	mu    *exploresync.Mutex
	own   exploresync.Mutex
	again bool
}

func (c *toucher) Put() bool {
	if c.mu != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	last := c.flawed.Put()
	if c.again {
		c.n.Load()
	}
	return last
}

// What touches the count after its release is found, and what doesn't isn't.
func TestLateTouchesAreFound(t *testing.T) {
	apart := new(exploresync.Mutex)
	for _, c := range []struct {
		what string
		made func() strategies.Counter
		want string
	}{
		{"nothing", func() strategies.Counter { return new(toucher) }, ""},
		{"a look after the drop", func() strategies.Counter { return &toucher{again: true} }, "the count is freed, and T"},
		{"its own mutex", func() strategies.Counter { c := new(toucher); c.mu = &c.own; return c }, "while an Unlock by T"},
		{"a mutex elsewhere", func() strategies.Counter { return &toucher{mu: apart} }, ""},
	} {
		s := planted("toucher", strategies.Exact, c.made)
		r := run(t, Released(s)[0], explore.Options{Seed: 1, Executions: 3000})
		got := ""
		if r.Failure != nil {
			got = r.Failure.Message
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, seed 1: %q, want %q", c.what, got, c.want)
		}
	}
	s := planted("grace", strategies.Exact, func() strategies.Counter { return &toucher{again: true} })
	s.Promise.GracePeriod = true
	if list := Released(s); len(list) != 0 {
		t.Errorf("%d scenarios of a strategy that promises less", len(list))
	}
}
