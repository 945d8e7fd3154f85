package arena_test

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
)

type slot = arena.Slot[int32, int64]

func TestBooksCountLives(t *testing.T) {
	a := arena.New[int32, int64](arena.Options[int32]{})
	c := a.Cache()
	var live []*slot
	for range 1000 {
		live = append(live, c.Alloc())
	}
	for _, s := range live[:990] {
		c.Free(s)
	}
	c.Free(live[3]) // a second time
	b := a.Books()
	if b.Lives != 1000 || b.Ends != 990 || b.Twice != 1 || b.Left() != 10 {
		t.Errorf("books: %v", b)
	}
}

// An owner finds out that its object was released, even if the slot holds another
// object by then.
func TestLifeChangesWithRelease(t *testing.T) {
	a := arena.New[int32, int64](arena.Options[int32]{})
	c := a.Cache()
	s := c.Alloc()
	seen := map[arena.Life]bool{s.Life(): true}
	for range 100 {
		if !c.End(s) {
			t.Fatal("the first end of a life was refused")
		}
		if seen[s.Life()] {
			t.Fatal("the slot has a life again that it had before")
		}
		seen[s.Life()] = true
		c.Recycle(s)
		if again := c.Alloc(); again != s {
			t.Fatal("the slot wasn't reused")
		}
		if seen[s.Life()] {
			t.Fatal("the slot has a life again that it had before")
		}
		seen[s.Life()] = true
	}
}

func TestPrepareRunsOncePerSlotBeforeItsFirstLife(t *testing.T) {
	a := arena.New[int32, int64](arena.Options[int32]{Prepare: func(c *int32) { *c++ }})
	c := a.Cache()
	for range 5000 {
		s := c.Alloc()
		if s.Ref != 1 {
			t.Fatalf("prepared %d times", s.Ref)
		}
		c.Free(s)
	}
}

// Neighbours would disturb each other in measurements of private objects.
func TestSlotsShareNoCacheLine(t *testing.T) {
	a := arena.New[int32, int64](arena.Options[int32]{})
	c := a.Cache()
	lines := make(map[uintptr]*slot)
	for range 300 {
		s := c.Alloc()
		for at := uintptr(unsafe.Pointer(s)); at < uintptr(unsafe.Pointer(s))+unsafe.Sizeof(*s); at++ {
			line := at / (pin.LineBytes / 2)
			if other := lines[line]; other != nil && other != s {
				t.Fatalf("slots %p and %p share a line", other, s)
			}
			lines[line] = s
		}
	}
}

// One goroutine allocates and another frees: slots go round through the arena,
// so that the number of slots stays bounded.
func TestSlotsGoRoundBetweenProducerAndConsumer(t *testing.T) {
	a := arena.New[int32, int64](arena.Options[int32]{})
	const n, inFlight = 100_000, 100
	pipe := make(chan *slot, inFlight)
	var wg sync.WaitGroup
	wg.Go(func() {
		c := a.Cache()
		for range n {
			pipe <- c.Alloc()
		}
		close(pipe)
	})
	wg.Go(func() {
		c := a.Cache()
		for s := range pipe {
			c.Free(s)
		}
	})
	wg.Wait()
	b := a.Books()
	if b.Left() != 0 || b.Twice != 0 || b.Lives != n {
		t.Errorf("books: %v", b)
	}
	if b.Slots > 1024 {
		t.Errorf("%d slots for %d objects at a time", b.Slots, inFlight)
	}
}
