package workloads_test

import (
	"testing"

	"github.com/refbench/refbench/workloads"
)

// Two workers race for the root: the slower one puts its node back and uses the
// other's.
func TestRootIsMadeOnce(t *testing.T) {
	var s seen
	var inst workloads.Instance
	nested := 0
	// The second worker makes the root while the first is making it.
	s.onInit = func() {
		if nested++; nested == 1 {
			inst.Work(1, 1)
		}
	}
	inst = start(t, workloads.PNode, "files=1,polls=0", 2, &s)
	inst.Work(0, 1)
	if n := s.inits.Load(); n != 2 {
		t.Errorf("%d nodes made, want one by each worker", n)
	}
	inst.Work(0, 10)
	inst.Work(1, 10)
	if n := s.inits.Load(); n != 2 {
		t.Errorf("%d nodes made, want no more than 2", n)
	}
	if b := inst.Close(); b.Err() != nil || b.Released != 2 {
		t.Errorf("%d released, want 2: %v", b.Released, b.Err())
	}
}

// The same for other files, of which the mount's hash may have one node each.
func TestNodeIsMadeOnce(t *testing.T) {
	var s seen
	var inst workloads.Instance
	nested := 0
	s.onInit = func() {
		if nested++; nested == 1 {
			inst.Work(1, 100)
		}
	}
	inst = start(t, workloads.PNode, "files=2,skew=0,polls=0", 2, &s)
	inst.Work(0, 100)
	if n := s.inits.Load(); n != 3 {
		t.Errorf("%d nodes made, want 2 and one that was put back", n)
	}
	if b := inst.Close(); b.Err() != nil || b.Released != 3 {
		t.Errorf("%d released, want 3: %v", b.Released, b.Err())
	}
}

// A poll keeps its node after the vnode is gone, and its answer releases it.
func TestPollKeepsItsNode(t *testing.T) {
	var s seen
	inst := start(t, workloads.PNode, "files=1,polls=100", 1, &s)
	inst.Work(0, 1)
	server, reclaimer := inst.Roles()[0], inst.Roles()[1]
	reclaimer.Step()
	if n := s.lasts.Load(); n != 0 {
		t.Error("the node was released while its poll had no answer")
	}
	server.Step()
	if n := s.lasts.Load(); n != 1 {
		t.Error("the answer to the poll didn't release the node")
	}
	inst.Work(0, 1)
	if n := s.inits.Load(); n != 2 {
		t.Errorf("%d nodes made, want another after the first was reclaimed", n)
	}
	if err := inst.Close().Err(); err != nil {
		t.Error(err)
	}
}

// A poll that finds no room in the queue gives its reference back.
func TestRefusedPollHoldsNothing(t *testing.T) {
	var s seen
	inst := start(t, workloads.PNode, "files=1,polls=100,queue=1", 1, &s)
	inst.Work(0, 10)
	if gets := s.gets.Load(); gets != 20 {
		t.Errorf("%d references for 10 calls with polls, want 20", gets)
	}
	if err := inst.Close().Err(); err != nil {
		t.Error(err)
	}
}
