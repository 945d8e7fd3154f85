package bugs

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

func TestBugsAreComplete(t *testing.T) {
	if err := Validate(All); err != nil {
		t.Error(err)
	}
	var ss []*strategies.Strategy
	for _, b := range All {
		if b.Workload == nil {
			ss = append(ss, b.Wrong, b.Fixed)
			if b.Wrong.Promise != b.Fixed.Promise {
				t.Errorf("%s: the twin promises something else, so it isn't the same with one mistake less", b.Name)
			}
		}
		some := false
		for check, x := range b.Expected {
			some = some || x.Sure
			if x.Sure && x.Blind != "" {
				t.Errorf("%s: %s is sure to find it and blind: %q", b.Name, check, x.Blind)
			}
		}
		if !some {
			t.Errorf("%s: no check is expected to find it", b.Name)
		}
		if b.Concurrent && !b.Expected["schedules"].Sure {
			t.Errorf("%s needs threads, and the explorer isn't expected to find it", b.Name)
		}
		for _, check := range []string{"kernel", "operations", "programs"} {
			if (b.Concurrent || b.Workload != nil) && b.Expected[check].Blind == "" {
				t.Errorf("%s: %s, with one thread on a count, is expected to see it", b.Name, check)
			}
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
		{`bug checktheninc: it needs two strategies`, func(b *Bug) { b.Fixed = nil }},
		{`bug checktheninc: want either a program or a workload`, func(b *Bug) { b.Program = "" }},
		{`bug checktheninc: want either a program or a workload`, func(b *Bug) { b.Workload = workloads.GetPut }},
		{`bug checktheninc: workload right has no known-wrong variant`, func(b *Bug) {
			b.Program, b.Workload = "", &workloads.Workload{Name: "right"}
		}},
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

// The twins keep the contract, as far as one goroutine shows it.
func TestTwinsKeepTheContract(t *testing.T) {
	const fewest = 16 // references that the rules' own programs take
	for _, b := range All {
		if b.Workload != nil || b.Fixed.Promise.Limit < fewest {
			continue
		}
		for _, r := range rules.All() {
			if r.Kind == rules.Crossing || r.Unsupported(b.Fixed) != "" {
				continue
			}
			if err := r.Run(t.Context(), b.Fixed, rules.Config{Seed: 1, Short: true}).Err(); err != nil {
				t.Error(err)
			}
		}
	}
}
