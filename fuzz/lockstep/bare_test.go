package lockstep

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
)

// bare is a counter without powers: it can't be read, nor begin near its limit.
type bare struct {
	c    atomic.Count
	mute bool // Put never reports the last drop
}

func (b *bare) Init()        { b.c.Init() }
func (b *bare) Get()         { b.c.Get() }
func (b *bare) TryGet() bool { return b.c.TryGet() }
func (b *bare) Put() bool    { return b.c.Put() && !b.mute }
func (b *bare) Kill() bool   { return b.c.Kill() }

// What is left of a count that can't be read is dropped, to see that the last drop
// says so; and it begins as the program says as far as Init and Get can do that.
func TestCountsWithoutPowers(t *testing.T) {
	right := like(atomic.Strategy, "bare", func() strategies.Counter { return new(bare) })
	right.Promise.Count = strategies.None
	right.Promise.Resurrection = false
	wrong := like(right, "mute", func() strategies.Counter { return &bare{mute: true} })
	for _, c := range []struct{ program, want string }{
		{"a.Get", "a.Put at the end: mute in state \"1 reference, killed\": Put returned false, want true"},
		{"a:InitAt(5) a.TryGet", "a.Put at the end"},
		{"a:InitAt(limit-2) a.Get a.Kill", "a.Put at the end"},
		{"a.Kill a.GetN(3) a.TryGet", ""},
	} {
		p, err := program.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		if d := New([]*strategies.Strategy{atomic.Strategy, right}, Both).Run(&p); d != nil {
			t.Errorf("false alarm: %v", d)
		}
		d := New([]*strategies.Strategy{atomic.Strategy, wrong}, Both).Run(&p)
		if c.want == "" && d != nil || c.want != "" && (d == nil || !strings.Contains(d.Message, c.want)) {
			t.Errorf("%s: finds %v, want %q", c.program, d, c.want)
		}
	}
}

func TestTexts(t *testing.T) {
	seen := make(map[string]bool)
	for r := range reasons {
		if text := r.String(); text == "" || seen[text] || text == Reason(200).String() {
			t.Errorf("reason %d has no text of its own: %q", r, text)
		}
		seen[r.String()] = true
	}
	for o := Oracles(0); o <= Both; o++ {
		if text := o.String(); text == "" || seen[text] {
			t.Errorf("oracles %d have no text of their own: %q", o, text)
		}
		seen[o.String()] = true
	}
}

// Counts stay in step with the specification
// when a runner forgets states.
func TestRunnerForgets(t *testing.T) {
	r := New([]*strategies.Strategy{atomic.Strategy}, Both)
	l := &r.lanes[0]
	p, err := program.Parse("a.Get a.Put a.Kill")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if d := r.Run(&p); d != nil {
			t.Fatal(d)
		}
		if i == 1 && len(l.states) > 10 {
			t.Errorf("%d states are kept after two programs", len(l.states))
		}
		for n := range maxStates {
			l.id(l.sp.Start(int64(1 + n)))
		}
	}
}
