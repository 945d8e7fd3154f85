package workloads_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
)

// Each connection is an object of its own.
func TestChurnLivesAreShort(t *testing.T) {
	var s seen
	inst := start(t, workloads.Churn, "routes=3", 1, &s)
	inst.Work(0, 1000)
	b := inst.Close()
	if err := b.Err(); err != nil {
		t.Error(err)
	}
	if b.Lives != 1003 || b.Released != 1003 {
		t.Errorf("%d lives, %d released, want 1000 connections and 3 routes", b.Lives, b.Released)
	}
}

// A right error path drops what was taken until the failure, wherever that is.
func TestChurnErrorPathBalances(t *testing.T) {
	for _, settings := range []string{"errors=100,gets=0", "errors=100,gets=8", "errors=100,gets=1,routes=0"} {
		var s seen
		inst := start(t, workloads.Churn, settings, 1, &s)
		inst.Work(0, 1000)
		if err := inst.Close().Err(); err != nil {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

// The wrong error path leaks an object for each failure: the socket, or the route
// if no reference to the socket was taken.
func TestChurnWrongErrorPathLeaks(t *testing.T) {
	for _, settings := range []string{"errors=100,gets=0,routes=1", "errors=100,gets=1,routes=0"} {
		knobs, err := workloads.Churn.ParseSettings(settings)
		if err != nil {
			t.Fatal(err)
		}
		inst, err := workloads.Churn.Start(workloads.Churn.New, workloads.Config{
			Workers: 1, Seed: 1, Knobs: knobs, Checked: true, Wrong: true, NewCounter: newAtomic,
		})
		if err != nil {
			t.Fatal(err)
		}
		inst.Work(0, 100)
		if b := inst.Close(); b.Kinds[judge.Leak] == 0 {
			t.Errorf("%s: no leak: %+v", settings, b)
		}
	}
}
