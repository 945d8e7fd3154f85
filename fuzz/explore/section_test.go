package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// sectionCase is two threads that each add 1 to a word in sections, on one CPU or two, and one that
// closes them; at the end the sum that it took must be what was added.
func sectionCase(add func(w *cpu.Word, open *atomic.Bool) bool, cut func(w *cpu.Word)) *explore.Scenario {
	return &explore.Scenario{Name: "section", CPUs: 2, Make: func(explore.Program) explore.Case {
		var words [2]cpu.Word
		var open atomic.Bool
		var added atomic.Int64
		var sum int64
		worker := func() {
			if add(&words[cpu.Current()], &open) {
				added.Add(1)
			}
		}
		return explore.Case{
			Setup: func() { open.Store(true) },
			Threads: []func(){worker, worker, func() {
				open.Store(false)
				for i := range words {
					cut(&words[i])
				}
				sum = 0
				for i := range words {
					sum += words[i].Load()
				}
			}},
			Finish: func() {
				if n := added.Load(); sum != n {
					explore.Failf("the sum is %d, and %d were added", sum, n)
				}
			},
		}
	}}
}

func section(w *cpu.Word, open *atomic.Bool) bool {
	for {
		w.Begin()
		if !open.Load() {
			return false
		}
		if w.Commit(1) {
			return true
		}
	}
}

// Sections that begin anew when they are cut off lose nothing under any schedule, and each
// way to get them wrong is found.
func TestSections(t *testing.T) {
	for _, c := range []struct {
		name  string
		add   func(w *cpu.Word, open *atomic.Bool) bool
		cut   func(w *cpu.Word)
		fails bool
	}{
		{"right", section, (*cpu.Word).Cut, false},
		{"nobody is cut off before the sum", section, func(*cpu.Word) {}, true},
		{"who is cut off goes on", func(w *cpu.Word, open *atomic.Bool) bool {
			w.Begin()
			if !open.Load() {
				return false
			}
			w.Commit(1)
			return true
		}, (*cpu.Word).Cut, true},
		{"looked before the section", func(w *cpu.Word, open *atomic.Bool) bool {
			if !open.Load() {
				return false
			}
			for w.Begin(); !w.Commit(1); w.Begin() {
			}
			return true
		}, (*cpu.Word).Cut, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := explore.Explore(sectionCase(c.add, c.cut), explore.Options{Search: explore.DFS, Bound: 3})
			if err != nil {
				t.Fatal(err)
			}
			if (r.Failure != nil) != c.fails {
				t.Errorf("failure %v after %d executions, want one: %v", r.Failure, r.Executions, c.fails)
			}
		})
	}
}

// Wait returns when who was pinned isn't any more.
func TestWaitForPinned(t *testing.T) {
	for _, wait := range []bool{true, false} {
		s := &explore.Scenario{Name: "wait", CPUs: 2, Make: func(explore.Program) explore.Case {
			var stop, inside atomic.Bool
			return explore.Case{
				Setup: func() { stop.Store(false); inside.Store(false) },
				Threads: []func(){func() {
					cpu.Pin()
					if !stop.Load() {
						inside.Store(true)
						inside.Store(false)
					}
					cpu.Unpin()
				}, func() {
					stop.Store(true)
					if wait {
						cpu.Wait()
					}
					if inside.Load() {
						explore.Failf("somebody is inside")
					}
				}},
			}
		}}
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: 3})
		if err != nil {
			t.Fatal(err)
		}
		if (r.Failure != nil) != !wait {
			t.Errorf("with Wait %v: failure %v", wait, r.Failure)
		}
	}
}
