package driver

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/saturating"
)

// A crier reports misuse whenever a reference is dropped.
type crier struct {
	saturating.Count
	m *strategies.Monitor
}

func (c *crier) Monitor(m *strategies.Monitor) { c.m = m }
func (c *crier) Put() bool {
	c.m.Report(strategies.PutAfterFree)
	return c.Count.Put()
}

// Misuse that is reported in a program without any is wrong; what a program misuses may be
// reported.
func TestOnlyMisuseIsReported(t *testing.T) {
	for _, c := range []struct {
		text  string
		wrong bool
	}{
		{"a.Get a.Put|a.Put", true},
		{"a.Get a.Put a.Put!|a.Put", false},
		{"a:immortal a.Get a.Put|a.Put", false},
		{"a.Kill", false},
	} {
		p, err := program.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		s := *saturating.Strategy
		s.New = func() strategies.Counter { return new(crier) }
		x := New(&s, Options{})
		x.Load(&p)
		x.Begin()
		for i := range p.Threads {
			x.Thread(i)
		}
		switch err := x.End(); {
		case (err != nil && strings.Contains(err.Error(), "the monitor was told of misuse (Put on a dead count)")) != c.wrong:
			t.Errorf("%s: %v, want a false report: %v", c.text, err, c.wrong)
		case (x.Reported() != nil) != c.wrong:
			t.Errorf("%s: reported %v, want a false report: %v", c.text, x.Reported(), c.wrong)
		}
	}
}
