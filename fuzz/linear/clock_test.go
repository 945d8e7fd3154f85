package linear

import "testing"

func TestClocksAreJudgedByMessages(t *testing.T) {
	for _, c := range []struct {
		name        string
		there, back int64
		ok          bool
	}{
		{"the same", 200, 200, true},
		{"almost the same", 180, 230, true},
		{"one direction faster than light", -5, 405, false},
		{"the other direction", 405, -5, false},
		{"no time at all", 0, 100, false},
		{"more apart than a quarter of a message", 120, 280, false},
	} {
		if err := judgeMessages(c.there, c.back); (err == nil) != c.ok {
			t.Errorf("%s: there %d, back %d: %v, want accepted %v", c.name, c.there, c.back, err, c.ok)
		}
	}
}

func TestNewClock(t *testing.T) {
	c := NewClock()
	t.Logf("clock %s %s", c.Name, c.Why)
	if (c.Name == ClockTSC) != (c.Why == "") {
		t.Errorf("clock %s, why not the time stamp counter: %q", c.Name, c.Why)
	}
}

func counterClock() *Clock {
	return &Clock{Name: ClockCounter, Why: "asked for", counter: new(fence)}
}

func BenchmarkStamps(b *testing.B) {
	for _, c := range []*Clock{NewClock(), counterClock()} {
		b.Run(c.Name, func(b *testing.B) {
			var f fence
			for b.Loop() {
				c.begin(&f)
				c.end(&f)
			}
		})
	}
}
