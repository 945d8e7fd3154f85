package workloads_test

import (
	"testing"
	"time"

	"github.com/refbench/refbench/workloads"
)

// Unmounting waits for the operation that is in the mount, and for nothing else.
func TestUnmountWaitsForTheLastOperation(t *testing.T) {
	var s seen
	inside, leave := make(chan struct{}), make(chan struct{})
	s.onTake = func() {
		close(inside)
		<-leave
	}
	inst := start(t, workloads.Unmount, "", 1, &s)
	left, unmounted := make(chan struct{}), make(chan struct{})
	go func() {
		inst.Work(0, 1)
		close(left)
	}()
	<-inside
	go func() {
		inst.Roles()[0].Step()
		close(unmounted)
	}()
	select {
	case <-unmounted:
		t.Error("the mount was unmounted with an operation in it")
	case <-time.After(50 * time.Millisecond):
	}
	s.onTake = nil
	close(leave)
	<-left
	select {
	case <-unmounted:
	case <-time.After(patience):
		t.Fatal("the administrator waits for ever")
	}
	if n := s.lasts.Load(); n != 1 {
		t.Errorf("%d operations were the last to leave, want 1", n)
	}
	if b := inst.Close(); b.Err() != nil || b.Released != 2 {
		t.Errorf("%d mounts released, want 2: %v", b.Released, b.Err())
	}
}

// A drained mount refuses: TryGet fails once for every unmount.
func TestDrainedMountsRefuse(t *testing.T) {
	for _, settings := range []string{"", "locked=1"} {
		var s seen
		inst := start(t, workloads.Unmount, settings, 1, &s)
		inst.Work(0, 10)
		for range 5 {
			inst.Roles()[0].Step()
		}
		inst.Work(0, 10)
		b := inst.Close()
		if err := b.Err(); err != nil {
			t.Error(err)
		}
		if n := s.failed.Load(); n != 6 || b.Released != 6 {
			t.Errorf("%q: %d TryGets failed, %d mounts released, want 6 each", settings, n, b.Released)
		}
	}
}
