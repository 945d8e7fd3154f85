package workloads_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// A probe is a right count that tells what is done with it.
type probe struct {
	strategies.Counter
	seen *seen
}

// seen is what the probes of an instance saw.
type seen struct {
	inits, gets, trygets, failed, lasts atomic.Int64
	// onPut, if not nil, is called after a Put that was the last.
	onPut func()
	// onInit, if not nil, is called before an Init.
	onInit func()
	// onTake, if not nil, is called after a TryGet that took a reference.
	onTake func()
}

func (p *probe) Init() {
	p.seen.inits.Add(1)
	if p.seen.onInit != nil {
		p.seen.onInit()
	}
	p.Counter.Init()
}
func (p *probe) Get() { p.seen.gets.Add(1); p.Counter.Get() }
func (p *probe) TryGet() bool {
	p.seen.trygets.Add(1)
	if !p.Counter.TryGet() {
		p.seen.failed.Add(1)
		return false
	}
	if p.seen.onTake != nil {
		p.seen.onTake()
	}
	return true
}
func (p *probe) Put() bool {
	if p.Counter.Put() {
		p.seen.lasts.Add(1)
		if p.seen.onPut != nil {
			p.seen.onPut()
		}
		return true
	}
	return false
}

// newAtomic makes a right count.
func newAtomic() strategies.Counter { return builtin.All()[0].New() }

// start makes an instance of w whose counts are probes.
func start(t *testing.T, w *workloads.Workload, settings string, workers int, s *seen) workloads.Instance {
	t.Helper()
	knobs, err := w.ParseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := w.Start(w.New, workloads.Config{
		Workers: workers, Seed: 1, Knobs: knobs, Checked: true,
		NewCounter: func() strategies.Counter { return &probe{builtin.All()[0].New(), s} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return inst
}

// Under the mutex a plain Get does; without it around Put only TryGet does.
func TestListsTakeReferencesAsTheDocumentSays(t *testing.T) {
	for _, c := range []struct {
		w   *workloads.Workload
		get bool
	}{{workloads.ListMutex, true}, {workloads.ListTryGet, false}, {workloads.ListRCU, false}} {
		var s seen
		inst := start(t, c.w, "entries=4,lifetime=8", 1, &s)
		inst.Work(0, 1000)
		if err := inst.Close().Err(); err != nil {
			t.Error(err)
		}
		if gets, trygets := s.gets.Load(), s.trygets.Load(); (gets > 0) != c.get || (trygets > 0) == c.get {
			t.Errorf("%s: %d Gets, %d TryGets", c.w, gets, trygets)
		}
		if n := s.inits.Load(); n < 1000/8 {
			t.Errorf("%s: %d entries in 1000 lookups with lifetime 8", c.w, n)
		}
	}
}

// While the last Put's caller hasn't unlinked the entry yet, lookups find it dead
// and get nothing: with a lock around lookup and TryGet, and under RCU.
func TestListLookupsMeetDeadEntries(t *testing.T) {
	for _, w := range []*workloads.Workload{workloads.ListTryGet, workloads.ListRCU} {
		t.Run(w.Name, func(t *testing.T) {
			// The first worker stops right after a last Put, before its
			// release, and the second looks up meanwhile.
			var s seen
			dying, looked := make(chan struct{}), make(chan struct{})
			var once sync.Once
			s.onPut = func() {
				once.Do(func() { close(dying); <-looked })
			}
			// Every lookup replaces the only entry of its worker, so a
			// lookup meets an entry that is killed while it is held.
			inst := start(t, w, "entries=1,lifetime=1,hold=2000", 2, &s)
			var stop atomic.Bool
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() {
					for !stop.Load() {
						inst.Work(i, 10)
					}
				})
			}
			deadline, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			select {
			case <-dying:
			case <-deadline.Done():
				t.Error("no Put but the owner's was ever the last")
			}
			for before := s.failed.Load(); s.failed.Load() == before; time.Sleep(time.Millisecond) {
				select {
				case <-deadline.Done():
					t.Error("no lookup met the dead entry")
					before = -1
				default:
				}
			}
			stop.Store(true)
			close(looked)
			wg.Wait()
			if err := inst.Close().Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The two forms of listmutex free on different sides of the unlocking; both keep
// their books.
func TestListMutexHasTwoForms(t *testing.T) {
	for form := range 2 {
		var s seen
		inst := start(t, workloads.ListMutex, fmt.Sprintf("form=%d,lifetime=2,entries=2", form), 2, &s)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { inst.Work(i, 2000) })
		}
		wg.Wait()
		b := inst.Close()
		if err := b.Err(); err != nil || b.Lives < 1000 {
			t.Errorf("form %d: %d lives: %v", form, b.Lives, err)
		}
	}
}
