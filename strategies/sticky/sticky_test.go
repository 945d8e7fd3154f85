package sticky_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/sticky"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, sticky.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, sticky.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, sticky.Strategy) }

// What one operation makes of each number at a boundary.
func TestBoundaries(t *testing.T) {
	const most = sticky.Max
	get := func(c *sticky.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*sticky.Count) bool
		start int64
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 0, true},
		{"Get", get, 1, 2, true},
		{"Get", get, most - 1, most, true},
		{"TryGet", (*sticky.Count).TryGet, 0, 0, false},
		{"TryGet", (*sticky.Count).TryGet, 1, 2, true},
		{"TryGet", (*sticky.Count).TryGet, most - 1, most, true},
		{"Put", (*sticky.Count).Put, 1, 0, true},
		{"Put", (*sticky.Count).Put, 2, 1, false},
		{"Put", (*sticky.Count).Put, most, most - 1, false},
		{"Kill", (*sticky.Count).Kill, 1, 0, true},
		{"Kill", (*sticky.Count).Kill, 2, 1, false},
	} {
		var c sticky.Count
		var m strategies.Monitor
		c.Monitor(&m)
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
		if dead := tt.op == "Get" && tt.start == 0; (m.Count(strategies.GetAfterFree) == 1) != dead || m.Total() > 1 {
			t.Errorf("%s at %d: the monitor was told of %d Gets on a dead count, of %d in all; want one only there", tt.op, tt.start, m.Count(strategies.GetAfterFree), m.Total())
		}
	}
}

// What comes too late stays in the word and means nothing.
func TestManyTryGetsLeaveItDead(t *testing.T) {
	var c sticky.Count
	c.Init()
	c.Put()
	for i := range 1000 {
		if c.TryGet() || c.Count() != 0 {
			t.Fatalf("TryGet %d on a dead count: it is alive with %d references", i+1, c.Count())
		}
	}
}

func TestGetTryGetAndPutInline(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, method := range []string{"TryGet", "Put", "Kill"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
