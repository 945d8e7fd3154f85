package check

import (
	"context"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/strategies"
)

// An undoer takes a reference and gives it back if it was dead: two that try at once take
// what is dead.
type undoer struct{ n atomic.Int64 }

func (c *undoer) Init()      { c.n.Store(1) }
func (c *undoer) Get()       { c.n.Add(1) }
func (c *undoer) Put() bool  { return c.n.Add(-1) == 0 }
func (c *undoer) Kill() bool { return c.Put() }
func (c *undoer) TryGet() bool {
	if c.n.Add(1) == 1 {
		c.n.Add(-1)
		return false
	}
	return true
}

// Drawn programs find what takes two threads that only ever try, and what they find
// replays.
func TestDrawnProgramsFindTriers(t *testing.T) {
	s := subject("undoer", nil)
	x := *s.Explored.Strategies[0]
	x.New = func() strategies.Counter { return new(undoer) }
	d := newDrawing(&x, Budget{Seed: 1})
	found := false
	n := d.run(context.Background(), time.Now().Add(20*time.Second), func(sc *explore.Scenario, o explore.Options) bool {
		o.Version = "v"
		r, err := explore.Explore(sc, o)
		if err != nil {
			t.Fatalf("program %s: %v", sc.Program, err)
		}
		if r.Failure == nil {
			return true
		}
		found = true
		f, err := explore.Replay(r.Failure.Token, recordable(&x), explore.Options{Version: "v"})
		if err != nil || f.Message != r.Failure.Message {
			t.Errorf("program %s: %v and error %v, want %s", sc.Program, f, err, r.Failure.Message)
		}
		return false
	})
	if !found {
		t.Errorf("seed 1: nothing found in %d drawn programs", n)
	}
}
