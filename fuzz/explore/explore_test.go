package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

func TestLostUpdate(t *testing.T) {
	s := &explore.Scenario{
		Name: "lost update", Program: explore.Program{"++", "++", "++"},
		Make: func(p explore.Program) explore.Case {
			var n atomic.Int64
			var c explore.Case
			want := 0
			for _, ops := range p {
				want += len(ops)
				c.Threads = append(c.Threads, func() {
					for range ops {
						n.Store(n.Load() + 1)
					}
				})
			}
			c.Setup = func() { n.Store(0); explore.Name(&n, "n") }
			c.Finish = func() {
				if got := n.Load(); got != int64(want) {
					explore.Failf("n is %d, want %d", got, want)
				}
			}
			return c
		},
	}
	r, err := explore.Explore(s, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	t.Logf("%+v", r.Failure.Program)
	t.Log("\n" + r.Failure.Text())
	for range 100 {
		f, err := explore.Replay(r.Failure.Token, []*explore.Scenario{s}, explore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Message != r.Failure.Message {
			t.Fatal(f)
		}
	}
}
