package workloads_test

import (
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/owned"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/arena"
)

// told is a count that notes as which actors it was called.
type told struct {
	owned.Count
	actors [3]atomic.Int64
}

func (c *told) TakeAs(actor int) bool { c.actors[actor].Add(1); return c.Count.TakeAs(actor) }
func (c *told) DropAs(actor int) bool { c.actors[actor].Add(1); return c.Count.DropAs(actor) }

// Each worker is an actor of counts that have words for such, the first of them actor 1, in the
// checked form as in native loops. Others aren't.
func TestWorkersAreActors(t *testing.T) {
	for _, tryget := range []int{0, 100} {
		var c *told
		in, err := workloads.GetPut.Start(workloads.GetPut.New, workloads.Config{
			Workers: 2, Checked: true, Knobs: workloads.Settings{"tryget": tryget},
			NewCounter: func() strategies.Counter { c = new(told); return c },
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Work(0, 10)
		in.Work(1, 5)
		if err := in.Close().Err(); err != nil {
			t.Error(err)
		}
		for actor, want := range []int64{0, 20, 10} {
			if got := c.actors[actor].Load(); got != want {
				t.Errorf("checked, %d%% TryGet: %d calls as actor %d, want %d", tryget, got, actor, want)
			}
		}
	}

	type holder = workloads.TimedActing[told, *told]
	k := workloads.Kit[told, holder]{Holder: func(string) (h holder) { return h }}
	o := &arena.New[told, struct{}](arena.Options[told]{}).Cache().Alloc().Object
	owner, worker := k.Holder("owner"), k.Worker(1)
	held := owner.Init(o)
	worker.Put(o, worker.Get(o))
	if h, ok := worker.TryGet(o); !ok || worker.Put(o, h) {
		t.Error("TryGet fails, or the Put after it is the last")
	}
	h := worker.GetRest(o, worker.Take(o))
	if worker.PutRest(o, h, worker.Drop(o)) {
		t.Error("a Put in two parts is the last")
	}
	if h, ok := owner.TryGet(o); !ok || owner.Put(o, h) || !owner.Kill(o, held) {
		t.Error("nobody's operations go wrong")
	}
	for actor, want := range []int64{2, 0, 6} {
		if got := o.Ref.actors[actor].Load(); got != want {
			t.Errorf("timed: %d calls as actor %d, want %d", got, actor, want)
		}
	}
}
