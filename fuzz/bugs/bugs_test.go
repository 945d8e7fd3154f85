package bugs

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/strategytest"
)

func TestBugsAreComplete(t *testing.T) {
	if err := Validate(All); err != nil {
		t.Error(err)
	}
	var ss []*strategies.Strategy
	for _, b := range All {
		if b.Wrong != nil {
			ss = append(ss, b.Wrong, b.Fixed)
			if b.Wrong.Promise != b.Fixed.Promise {
				t.Errorf("%s: the twin promises something else, so it isn't the same with one mistake less", b.Name)
			}
		}
		s := b.Sights
		some := false
		for _, x := range []Sight{s.Specification, s.Differential, s.Explored, s.Stress, s.Linearizability, s.RaceDetector} {
			some = some || x.Sure
			if x.Sure && x.Blind != "" {
				t.Errorf("%s: an oracle is sure to find it and blind: %q", b.Name, x.Blind)
			}
		}
		if !some {
			t.Errorf("%s: no oracle is expected to find it", b.Name)
		}
		if b.Concurrent && !s.Explored.Sure {
			t.Errorf("%s needs threads, and the explorer isn't expected to find it", b.Name)
		}
		if b.Concurrent && (s.Specification.Blind == "" || s.Differential.Blind == "") {
			t.Errorf("%s needs threads, and an oracle with one thread is expected to find it", b.Name)
		}
		if b.Wrong == nil && (s.Specification.Blind == "" || s.Differential.Blind == "" || s.Linearizability.Blind == "") {
			t.Errorf("%s is no strategy, and an oracle of strategies is expected to see it", b.Name)
		}
	}
	if err := strategies.Validate(ss); err != nil {
		t.Error(err)
	}
	const least = 16
	if len(All) < least {
		t.Errorf("%d bugs, want at least %d", len(All), least)
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(*Bug)
	}{
		{`bug name "A": must be lower-case`, func(b *Bug) { b.Name = "A" }},
		{`bug checktheninc: no source`, func(b *Bug) { b.Source = "" }},
		{`bug checktheninc: no interleaving`, func(b *Bug) { b.Interleaving = " " }},
		{`bug checktheninc: no fix`, func(b *Bug) { b.Fix = "" }},
		{`bug checktheninc: has one of`, func(b *Bug) { b.Fixed = nil }},
		{`bug checktheninc: nothing to run`, func(b *Bug) { b.Program = nil }},
		{`bug checktheninc: nothing to run`, func(b *Bug) { b.Repeat = 0 }},
	} {
		b := *All[0]
		c.spoil(&b)
		if err := Validate([]*Bug{&b}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if err := Validate([]*Bug{All[0], All[0]}); err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("the same bug twice: %v", err)
	}
}

// quiet is a judge that notes what it was told.
type quiet struct {
	calls []string
	dead  bool
}

func (q *quiet) Took(op string)                { q.calls = append(q.calls, "took "+op) }
func (q *quiet) Drops()                        { q.calls = append(q.calls, "drops") }
func (q *quiet) Kept()                         { q.calls = append(q.calls, "kept") }
func (q *quiet) Begins()                       { q.calls, q.dead = append(q.calls, "begins"), false }
func (q *quiet) Released() bool                { return q.dead }
func (q *quiet) Failf(format string, _ ...any) { q.calls = append(q.calls, "fail: "+format) }
func (q *quiet) Leakf(format string, _ ...any) { q.calls = append(q.calls, "leak: "+format) }
func (q *quiet) Dropped(op string, last bool) {
	if last {
		op, q.dead = op+", the last", true
	}
	q.calls = append(q.calls, "dropped "+op)
}

// Every part of a program uses the count rightly: what isn't possible is left out,
// and what is left is dropped.
func TestPartsOfCountingProgramsAreRight(t *testing.T) {
	for _, c := range []struct {
		program []string
		want    []string
	}{
		{nil, []string{"drops", "dropped Kill, the last"}},
		{[]string{"p g p", "k k"}, []string{"drops", "dropped Kill, the last"}},
		{[]string{"t"}, []string{"took TryGet", "drops", "dropped Put", "drops", "dropped Kill, the last"}},
		{[]string{"t g", "k"}, []string{"took TryGet", "took Get", "drops", "dropped Put", "drops", "dropped Put", "drops", "dropped Kill, the last"}},
		{[]string{"k n g"}, []string{"drops", "dropped Kill, the last", "begins", "took Get", "drops", "dropped Put", "drops", "dropped Kill, the last"}},
		{[]string{"n x"}, []string{"drops", "dropped Kill, the last"}},
		{[]string{"?"}, []string{"drops", "dropped Kill, the last"}},
	} {
		j := new(quiet)
		r := counting{}.start(checkThenIncFixed, Config{Program: c.program, Judge: j})
		for i, ops := range c.program {
			for _, op := range strings.Fields(ops) {
				r.Do(i, op)
			}
			r.End(i)
		}
		r.Close()
		if !slices.Equal(j.calls, c.want) {
			t.Errorf("program %q:\n%q, want\n%q", c.program, j.calls, c.want)
		}
	}
}

// The twins keep the contract, as far as one goroutine shows it.
func TestTwinsKeepTheContract(t *testing.T) {
	const fewest = 16 // references that the rules' own programs take
	for _, b := range All {
		if b.Fixed == nil || b.Fixed.Promise.Limit < fewest {
			continue
		}
		for _, c := range strategytest.Cases() {
			if strings.HasPrefix(c.Name, "Stress") || strings.HasPrefix(c.Name, "Ordered") || c.Unsupported(b.Fixed) != "" {
				continue
			}
			if err := c.Check(b.Fixed, strategytest.Config{Seed: 1, Short: true}); err != nil {
				t.Error(err)
			}
		}
	}
}
