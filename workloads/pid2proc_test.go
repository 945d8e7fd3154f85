package workloads_test

import (
	"testing"

	"github.com/refbench/refbench/workloads"
)

// The hash is weak: a process that was destroyed is gone, though it stood in the
// hash, and its place has another under a new id.
func TestDestroyedProcessesAreReplaced(t *testing.T) {
	var s seen
	inst := start(t, workloads.PID2Proc, "processes=3,destroy=1000,wake=0,teardown=0", 1, &s)
	inst.Work(0, 300)
	b := inst.Close()
	if err := b.Err(); err != nil {
		t.Error(err)
	}
	// Every call destroys the process that it finds, whose last reference is
	// then the caller's.
	if b.Lives != 303 || b.Released != 303 || s.lasts.Load() != 300 {
		t.Errorf("%d lives, %d released, %d by a Put, want 303, 303, 300", b.Lives, b.Released, s.lasts.Load())
	}
}

// One reference keeps a process alive while nobody destroys it, however often it
// is found and put.
func TestOneReferenceKeepsAProcessAlive(t *testing.T) {
	var s seen
	inst := start(t, workloads.PID2Proc, "processes=3,destroy=0", 1, &s)
	inst.Work(0, 1000)
	if n := s.lasts.Load(); n != 0 {
		t.Errorf("%d Puts were the last", n)
	}
	if b := inst.Close(); b.Lives != 3 || b.Err() != nil {
		t.Errorf("%d lives, want 3: %v", b.Lives, b.Err())
	}
}

// The runnable list's references are counted: a woken process has one more, and
// the scheduler drops it. A process is on the list once.
func TestRunnableListHoldsExternalReferences(t *testing.T) {
	var s seen
	inst := start(t, workloads.PID2Proc, "processes=2,destroy=0,wake=100", 1, &s)
	inst.Work(0, 100)
	if n := s.gets.Load(); n != 2 {
		t.Errorf("%d references by the runnable list of 2 processes", n)
	}
	inst.Roles()[0].Step()
	inst.Work(0, 100)
	if n := s.gets.Load(); n != 4 {
		t.Errorf("%d references by the runnable list after the scheduler ran both, want 4", n)
	}
	if err := inst.Close().Err(); err != nil {
		t.Error(err)
	}
}

// A process that is destroyed while it is runnable leaves the list at once, without
// the scheduler.
func TestDestructionTakesProcessesOffTheRunnableList(t *testing.T) {
	var s seen
	inst := start(t, workloads.PID2Proc, "processes=1,destroy=1000,wake=100,teardown=0", 1, &s)
	inst.Work(0, 100)
	if gets, lasts := s.gets.Load(), s.lasts.Load(); gets != 100 || lasts != 100 {
		t.Errorf("%d processes woken, %d released by their caller, want 100 each", gets, lasts)
	}
	if err := inst.Close().Err(); err != nil {
		t.Error(err)
	}
}
