package cpu

import (
	"sync/atomic"
	"testing"
)

func TestRunsReadsTheState(t *testing.T) {
	for stat, want := range map[string]bool{
		"12 (refbench) R 1 12 12 0": true,
		"12 (refbench) S 1 12 12 0": false,
		"12 (a) R (b) S 1 12 12 0":  false,
		"12 (a) S 1) R 1 12 12 0":   true,
		"":                          false,
	} {
		if got := runs([]byte(stat)); got != want {
			t.Errorf("%q: runs %v, want %v", stat, got, want)
		}
	}
}

func TestRunnableThreadsAreCounted(t *testing.T) {
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	for {
		if n, ok := Runnable(); !ok || n >= 1 {
			if !ok {
				t.Error("Linux tells no thread's state")
			}
			return
		}
	}
}
