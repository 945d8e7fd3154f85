package scenarios

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explored/strategies/arc"
	"github.com/refbench/refbench/fuzz/explored/strategies/freezable"
)

// An ownCase is what threads do with operations that no power has: every schedule of it is
// tried, and fails or not.
type ownCase struct {
	name  string
	make  func() explore.Case
	found bool
}

func exploreOwn(t *testing.T, cases []ownCase) {
	for _, c := range cases {
		r := run(t, &explore.Scenario{
			Name: "own", Program: explore.Program{"a", "b"}, Make: func(explore.Program) explore.Case { return c.make() },
		}, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 200_000, NoShrink: true})
		if found := r.Failure != nil; found != c.found || !found && !r.Exhaustive || found && r.Failure.Kind != explore.Violation {
			t.Errorf("%s: %v after %d executions, %s; want a failure: %v", c.name, r.Failure, r.Executions, r.Complete, c.found)
		}
		t.Logf("%s: %d executions, %v", c.name, r.Executions, r.Failure)
	}
}

// uniqueLooks is a count whose Unique looks at both words one after the other
// (rust-lang/rust#24880).
type uniqueLooks struct{ rustArc }

type rustArc = arc.Count

func (c *uniqueLooks) Unique() bool { return c.Count() == 1 && c.Weak() == 0 }

// Whoever Unique reports true to is alone: nobody has a strong reference then, and nobody
// gets one from a weak one.
func TestUniqueIsAlone(t *testing.T) {
	type count interface {
		Init()
		TryGet() bool
		Put() bool
		Downgrade()
		DropWeak() bool
		Unique() bool
	}
	of := func(x count) func() explore.Case {
		return func() explore.Case {
			var held atomic.Bool
			upgrade := func() {
				if x.TryGet() {
					held.Store(true)
					x.DropWeak()
					held.Store(false)
					x.Put()
				}
			}
			return explore.Case{
				Setup: func() { x.Init(); x.Downgrade(); held.Store(false) },
				Threads: []func(){upgrade, func() {
					if x.Unique() && held.Load() {
						explore.Failf("Unique reports true while another thread has a strong reference")
					}
				}},
				Finish: func() {
					if !x.Unique() {
						explore.Failf("Unique reports false of the only reference that is left")
					}
				},
			}
		}
	}
	exploreOwn(t, []ownCase{
		{"arc", of(new(arc.Count)), false},
		{"looks at one word after the other", of(new(uniqueLooks)), true},
	})
}

// dropsThenLooks is a count whose DropWeak looks in a second step what is left.
type dropsThenLooks struct{ rustArc }

func (c *dropsThenLooks) DropWeak() bool {
	c.rustArc.DropWeak()
	return c.Weak() < 0 // without that of the strong references
}

// However the last strong reference and the last weak one meet, the memory goes once.
func TestTheMemoryGoesOnce(t *testing.T) {
	type count interface {
		Init()
		Put() bool
		TryGet() bool
		Downgrade()
		DropWeak() bool
	}
	of := func(x count) func() explore.Case {
		return func() explore.Case {
			var dead, gone atomic.Int32
			drop := func() {
				if x.Put() {
					dead.Add(1)
					if x.DropWeak() {
						gone.Add(1)
					}
				}
			}
			return explore.Case{
				Setup: func() { x.Init(); x.Downgrade(); dead.Store(0); gone.Store(0) },
				Threads: []func(){drop, func() {
					if x.TryGet() {
						drop()
					}
					if x.DropWeak() {
						gone.Add(1)
					}
				}},
				Finish: func() {
					if d, g := dead.Load(), gone.Load(); d != 1 || g != 1 {
						explore.Failf("the object died %d times and the memory went %d times, want once each", d, g)
					}
				},
			}
		}
	}
	exploreOwn(t, []ownCase{
		{"arc", of(new(arc.Count)), false},
		{"drops and then looks", of(new(dropsThenLooks)), true},
	})
}

// freezeLooks is a count whose Freeze looks in one step and clears in another.
type freezeLooks struct{ folio }

type folio = freezable.Count

func (c *freezeLooks) Freeze(n int) bool {
	if c.Count() != int64(n) {
		return false
	}
	c.Unfreeze(0)
	return true
}

// While the count is frozen nobody else has a reference, and no reference gets lost.
func TestWhoFreezesIsAlone(t *testing.T) {
	const own = 2
	type count interface {
		InitAt(n int64)
		TryGet() bool
		Put() bool
		Freeze(n int) bool
		Unfreeze(n int)
		Count() int64
	}
	of := func(x count) func() explore.Case {
		return func() explore.Case {
			var held atomic.Bool
			return explore.Case{
				Setup: func() { x.InitAt(own); held.Store(false) },
				Threads: []func(){
					func() {
						if x.Freeze(own) {
							if held.Load() {
								explore.Failf("another thread has a reference while the count is frozen")
							}
							x.Unfreeze(own)
						}
					},
					func() {
						if x.TryGet() {
							held.Store(true)
							held.Store(false)
							x.Put()
						}
					},
				},
				Finish: func() {
					if n := x.Count(); n != own {
						explore.Failf("%d references are left, want %d", n, own)
					}
				},
			}
		}
	}
	exploreOwn(t, []ownCase{
		{"freezable", of(new(freezable.Count)), false},
		{"looks and then clears", of(new(freezeLooks)), true},
	})
}
