package rcuref_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rcuref"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, rcuref.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, rcuref.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, rcuref.Strategy) }

// The boundaries of the zones, as numbers of references: InitAt stores one less.
const (
	largest   = 1 << 31
	saturated = 0xa0000000 + 1 // the middle of the zone
	lowDead   = 0xc0000000 + 1
	dead      = 0xe0000000 + 1
	highDead  = 0xfffffffe + 1
	noref     = 0 // ffffffff: a Put is between its two steps
)

// What one operation makes of each value at a boundary: what Count says after it, what it
// returns, and of what misuse it warns. Count says 0 for every dead value.
func TestBoundaries(t *testing.T) {
	const quiet = strategies.Misuse(-1)
	get := func(c *rcuref.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*rcuref.Count) bool
		start int64
		want  int64
		ret   bool
		warns strategies.Misuse
	}{
		{"Get", get, 1, 2, true, quiet},
		{"Get", get, noref, 1, true, quiet},
		{"Get", get, largest - 1, largest, true, quiet},
		{"Get", get, largest, saturated, true, strategies.GetOverflow},
		{"Get", get, saturated, saturated, true, strategies.GetOverflow},
		{"Get", get, lowDead - 2, saturated, true, strategies.GetOverflow},
		{"Get", get, dead, 0, true, strategies.GetAfterFree},
		{"TryGet", (*rcuref.Count).TryGet, 1, 2, true, quiet},
		{"TryGet", (*rcuref.Count).TryGet, noref, 1, true, quiet},
		{"TryGet", (*rcuref.Count).TryGet, largest - 1, largest, true, quiet},
		{"TryGet", (*rcuref.Count).TryGet, largest, saturated, true, strategies.TryGetOverflow},
		{"TryGet", (*rcuref.Count).TryGet, saturated, saturated, true, strategies.TryGetOverflow},
		{"TryGet", (*rcuref.Count).TryGet, lowDead, 0, false, quiet},
		{"TryGet", (*rcuref.Count).TryGet, dead, 0, false, quiet},
		{"TryGet", (*rcuref.Count).TryGet, highDead, 0, false, quiet},
		{"Put", (*rcuref.Count).Put, 2, 1, false, quiet},
		{"Put", (*rcuref.Count).Put, 1, 0, true, quiet},
		{"Put", (*rcuref.Count).Put, noref, 0, false, strategies.PutAfterFree},
		{"Put", (*rcuref.Count).Put, dead, 0, false, strategies.PutAfterFree},
		{"Put", (*rcuref.Count).Put, lowDead + 1, 0, false, strategies.PutAfterFree},
		{"Put", (*rcuref.Count).Put, saturated, saturated, false, strategies.PutAfterFree},
		// A number that is past the limit for a moment comes back without a word.
		{"Put", (*rcuref.Count).Put, largest + 1, largest, false, quiet},
		{"Put", (*rcuref.Count).Put, largest, largest - 1, false, quiet},
		{"Kill", (*rcuref.Count).Kill, 1, 0, true, quiet},
		{"Kill", (*rcuref.Count).Kill, 2, 1, false, quiet},
		{"Kill", (*rcuref.Count).Kill, dead, 0, false, strategies.PutAfterFree},
	} {
		var m strategies.Monitor
		heard := quiet
		m.Hook = func(k strategies.Misuse) { heard = k }
		var c rcuref.Count
		c.Monitor(&m)
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret || heard != tt.warns || m.Total() > 1 {
			t.Errorf("%s at %#x: left %#x, returned %v, warned of %q, want %#x, %v and %q", tt.op, tt.start-1, c.Count(), ret, heard, tt.want, tt.ret, tt.warns)
		}
	}
}

// However often a dead count is tried or put, it comes back to the middle of its zone.
func TestADeadCountStaysInTheMiddle(t *testing.T) {
	var c rcuref.Count
	c.Init()
	c.Put()
	for range 1000 {
		if c.TryGet() || c.Put() || c.Put() || c.Count() != 0 {
			t.Fatal("a dead count came back")
		}
	}
}

func TestGetAndPutInline(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, method := range []string{"Get", "TryGet", "Put", "Kill"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
