package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/refbench/refbench/workloads"
)

// Every operation asked for is done once, also by workers that often can't go on
// and return early.
func TestFixedDoesTheOperationsAskedFor(t *testing.T) {
	m := testMachine(t)
	for _, cpus := range []int{1, 2, 5} {
		done := make([]struct {
			n, calls int
			_        [120]byte
		}, cpus)
		w := fakeWorkload("balky", func(_ workloads.Config, f *fake) error {
			f.work = func(worker, n int) int {
				d := &done[worker]
				d.calls++
				switch d.calls % 3 {
				case 0:
					n = 0
				case 1:
					n = (n + 1) / 2
				}
				d.n += n
				return n
			}
			return nil
		})
		c := Cell{Workload: w, Strategy: fakeStrategy("plain"), CPUs: cpus, New: w.New}
		for _, n := range []int{1, 7, 100_000} {
			began, ended := 0, 0
			ops, _, err := MeasureFixed(t.Context(), m, c, n, 1, func() { began++ }, func() { ended++ })
			if err != nil {
				t.Fatal(err)
			}
			if ops != n || began != 1 || ended != 1 {
				t.Errorf("%d workers: %d operations, asked for %d; began %d times, ended %d times", cpus, ops, n, began, ended)
			}
		}
	}
}

// Nobody waits for operations that nobody can do.
func TestFixedEndsWhenNobodyGoesOn(t *testing.T) {
	w := fakeWorkload("dry", func(_ workloads.Config, f *fake) error {
		begin := time.Now()
		f.work = func(int, int) int {
			if time.Since(begin) > 10*time.Millisecond {
				return 0
			}
			return 1
		}
		return nil
	})
	c := Cell{Workload: w, Strategy: fakeStrategy("plain"), CPUs: 2, New: w.New}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err := MeasureFixed(ctx, testMachine(t), c, 1<<30, 1, func() {}, func() {})
	var e *NoProgressError
	if !errors.As(err, &e) {
		t.Errorf("error %v, want a NoProgressError", err)
	}
}
