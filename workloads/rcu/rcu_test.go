package rcu_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/workloads/rcu"
)

// object is what readers look at: freed is set when it must not be seen any more.
type object struct{ freed atomic.Bool }

// stress lets readers follow a pointer that a writer replaces, and returns how
// often a reader found the object freed. grace is what the writer does between
// unlinking and freeing.
func stress(t *testing.T, updates int, grace func(*rcu.Domain)) (stale int64) {
	t.Helper()
	d := rcu.New()
	var current atomic.Pointer[object]
	current.Store(new(object))
	var stop atomic.Bool
	var found, reads atomic.Int64
	var wg sync.WaitGroup
	readers := 2 * runtime.GOMAXPROCS(0)
	for range readers {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				s := d.Lock()
				o := current.Load()
				if i%8 == 0 {
					runtime.Gosched() // migrate inside the section
				}
				if o.freed.Load() {
					found.Add(1)
				}
				d.Unlock(s)
				reads.Add(1)
			}
		})
	}
	for range updates {
		old := current.Swap(new(object))
		grace(d)
		old.freed.Store(true)
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
	if reads.Load() == 0 {
		t.Error("no reads happened")
	}
	return found.Load()
}

func TestNoReaderSeesWhatIsFreedAfterAGracePeriod(t *testing.T) {
	updates := 3000
	if testing.Short() {
		updates = 300
	}
	if n := stress(t, updates, (*rcu.Domain).Synchronize); n > 0 {
		t.Errorf("%d reads of freed objects", n)
	}
}

// Without a grace period readers do see freed objects, so the test can fail.
func TestWithoutAGracePeriodReadersSeeFreedObjects(t *testing.T) {
	for range 20 {
		if stress(t, 3000, func(*rcu.Domain) {}) > 0 {
			return
		}
	}
	t.Error("nothing was seen without a grace period either: the stress test sees nothing")
}

func TestSynchronizeWaitsForASectionThatHasBegun(t *testing.T) {
	d := rcu.New()
	outer := d.Lock()
	inner := d.Lock() // sections nest
	done := make(chan bool)
	go func() { d.Synchronize(); close(done) }()
	d.Unlock(inner)
	select {
	case <-done:
		t.Fatal("Synchronize returned with a reader inside")
	case <-time.After(20 * time.Millisecond):
	}
	// Readers that come later don't hold it up, even if they never leave.
	late := d.Lock()
	d.Unlock(outer)
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("Synchronize didn't return when the last old reader had left")
	}
	d.Unlock(late)
}

// A section may begin on one P and end on another.
func TestSectionsMigrate(t *testing.T) {
	d := rcu.New()
	sections := make(chan rcu.Section, 64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 2000 {
			sections <- d.Lock()
		}
		close(sections)
	})
	wg.Go(func() {
		for s := range sections {
			d.Unlock(s)
		}
	})
	wg.Wait()
	d.Synchronize()
	d.Synchronize()
}

func TestRetirerFreesEverythingOnceAfterAGracePeriod(t *testing.T) {
	d := rcu.New()
	freed := make(map[int]int)
	r := rcu.NewRetirer(d, func(i int) { freed[i]++ })
	const n = 1000
	for i := range n {
		r.Retire(i)
	}
	r.Flush()
	r.Flush()
	for i := range n {
		if freed[i] != 1 {
			t.Fatalf("object %d was freed %d times", i, freed[i])
		}
	}
}

func BenchmarkReadSection(b *testing.B) {
	d := rcu.New()
	for range b.N {
		d.Unlock(d.Lock())
	}
}
