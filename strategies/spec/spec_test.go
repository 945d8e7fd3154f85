package spec_test

import (
	"slices"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// Every operation of every strategy does at every boundary what its promise says.
func TestStrategiesDoWhatTheirPromisesSay(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			if row.Unpromised == "" {
				if err := sp.TryRow(row, false); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Numbers of references that don't fit the words that count them are counted all
// the same, or are past the limit.
func TestHugeNumbersDoWhatThePromiseSays(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			for _, n := range []int64{1<<15 - 1, 1 << 15, 1 << 16, 1 << 23, 1<<24 + 1, 1<<31 - 1, 1 << 31, 1<<32 + 5, 1<<62 - 1, 1 << 62, 1<<63 - 1} {
				if row.Call.Op.Power() != spec.GetN.Power() || row.Call.N != 1 {
					continue
				}
				r := sp.NewRunner()
				row.Call.N = n
				again := spec.Call{Op: spec.GetN, N: n}
				for _, c := range slices.Concat(row.Path, []spec.Call{row.Call, again, {Op: spec.Put}}) {
					if r.Unpromised(c) != "" {
						continue
					}
					if _, err := r.Do(c); err != nil {
						t.Error(err)
						break
					}
				}
			}
		}
	}
}

// Alone, a Kill that waits is promised only where there is nobody to wait for; and no Put
// is told of the last reference, wherever it is dropped.
func TestKillThatWaitsIsPromisedAlone(t *testing.T) {
	p := some(strategies.Wraps)
	p.Zero = strategies.Waits
	sp := of(p)
	kill, put := spec.Call{Op: spec.Kill}, spec.Call{Op: spec.Put}
	for _, refs := range []int64{0, 2, 100} {
		if st := (spec.State{Refs: refs}); !sp.Blocks(st, kill) || sp.Unpromised(st, kill) == "" || len(sp.Step(st, kill)) != 0 {
			t.Errorf("Kill with %d references, the owner's among them, doesn't wait", refs)
		}
	}
	os := sp.Step(sp.Start(1), kill)
	if dead := (spec.State{Killed: true}); len(os) != 1 || os[0].Next != dead || !os[0].Result || !sp.Dead(dead) {
		t.Errorf("Kill of the last reference: %+v, want a dead count and a report", os)
	}
	for _, st := range []spec.State{{Refs: 2}, {Refs: 1, Killed: true}} {
		if os := sp.Step(st, put); len(os) != 1 || os[0].Result {
			t.Errorf("Put at %q: %+v, want no report of the last reference", st, os)
		}
	}
	if sp.Blocks(sp.Start(2), put) || of(some(strategies.Wraps)).Blocks(sp.Start(2), kill) {
		t.Error("calls wait that don't")
	}
}

// A count that closes takes no reference through a weak one after Kill, and others do.
func TestClosing(t *testing.T) {
	p := some(strategies.Wraps)
	st, try := spec.State{Refs: 2, Killed: true}, spec.Call{Op: spec.TryGet}
	for _, closes := range []bool{false, true} {
		if p.TryGetRefuses = ""; closes {
			p.TryGetRefuses = strategies.OnceKilled
		}
		if os := of(p).Step(st, try); len(os) != 1 || os[0].Result == closes || closes && os[0].Next != st {
			t.Errorf("TryGet at %q, promised to close: %v: %+v", st, closes, os)
		}
	}
}
