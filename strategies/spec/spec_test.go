package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/saturating"
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

// TestBlameNamesTheField: a promise that says in one field what the code doesn't do is
// found wrong, and the message names that field with what it says.
func TestBlameNamesTheField(t *testing.T) {
	limit := saturating.Strategy.Promise.Limit
	calls := func(ops ...spec.Op) (list []spec.Call) {
		for _, op := range ops {
			list = append(list, spec.Call{Op: op})
		}
		return list
	}
	for _, tt := range []struct {
		field  string
		change func(p *strategies.Promise)
		calls  []spec.Call
	}{
		{"overflow panics", func(p *strategies.Promise) { p.Overflow = strategies.Panics }, append([]spec.Call{{Op: spec.InitAt, N: limit}}, calls(spec.Get)...)},
		{"underflow panics", func(p *strategies.Promise) { p.Underflow = strategies.Panics }, calls(spec.Init, spec.Put, spec.Put)},
		{"putunlessone panics", func(p *strategies.Promise) { p.PutUnlessOne = strategies.Panics }, calls(spec.Init, spec.Put, spec.PutUnlessOne)},
		{"getonzero revives", func(p *strategies.Promise) { p.GetOnZero = strategies.Revives }, calls(spec.Init, spec.Put, spec.Get)},
		{"limit", func(p *strategies.Promise) { p.Limit-- }, append([]spec.Call{{Op: spec.InitAt, N: limit - 1}}, calls(spec.Get)...)},
	} {
		s := *saturating.Strategy
		tt.change(&s.Promise)
		r := spec.Of(&s).NewRunner()
		var err error
		for _, c := range tt.calls {
			if _, err = r.Do(c); err != nil {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), "(promise: "+tt.field) && !strings.Contains(err.Error(), ", "+tt.field) {
			t.Errorf("%s: got %v, want the field named", tt.field, err)
		}
	}
}

// TestPathsAreShort: a state that InitAt makes is one call away from a new count.
func TestPathsAreShort(t *testing.T) {
	sp := spec.Of(saturating.Strategy)
	limit := saturating.Strategy.Promise.Limit
	for refs, want := range map[int64]spec.Call{1: {Op: spec.Init}, 2: {Op: spec.InitAt, N: 2}, limit - 1: {Op: spec.InitAt, N: limit - 1}, limit: {Op: spec.InitAt, N: limit}} {
		if got := sp.Path(sp.Start(refs)); !slices.Equal(got, []spec.Call{want}) {
			t.Errorf("%d references are made by %v, want %v", refs, got, want)
		}
	}
}
