package arc_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/arc"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, arc.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, arc.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, arc.Strategy) }

// What one operation makes of each number of strong references at a boundary: what it
// leaves, what it returns, and what it panics with. What panics changes nothing.
func TestBoundaries(t *testing.T) {
	const most = arc.Max
	get := func(c *arc.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op          string
		run         func(*arc.Count) bool
		start, want int64
		ret         bool
		panics      string
	}{
		{"Get", get, 0, 1, true, ""},
		{"Get", get, 1, 2, true, ""},
		{"Get", get, most - 1, most, true, ""},
		{"Get", get, most, most, false, "arc: Get past the limit: there are 9223372036854775807 references"},
		{"Get", get, -2, -2, false, "arc: Get past the limit: there are 18446744073709551614 references"},
		{"TryGet", (*arc.Count).TryGet, 0, 0, false, ""},
		{"TryGet", (*arc.Count).TryGet, 1, 2, true, ""},
		{"TryGet", (*arc.Count).TryGet, most - 1, most, true, ""},
		{"TryGet", (*arc.Count).TryGet, most, most, false, "arc: TryGet past the limit: there are 9223372036854775807 references"},
		{"TryGet", (*arc.Count).TryGet, -1, -1, false, "arc: TryGet past the limit: there are 18446744073709551615 references"},
		{"Put", (*arc.Count).Put, 2, 1, false, ""},
		{"Put", (*arc.Count).Put, 1, 0, true, ""},
		{"Put", (*arc.Count).Put, 0, -1, false, ""},
		{"Put", (*arc.Count).Put, most, most - 1, false, ""},
		{"Kill", (*arc.Count).Kill, 2, 1, false, ""},
		{"Kill", (*arc.Count).Kill, 1, 0, true, ""},
	} {
		var c arc.Count
		c.InitAt(tt.start)
		ret, panicked := try(func() bool { return tt.run(&c) })
		if c.Count() != tt.want || ret != tt.ret || panicked != tt.panics {
			t.Errorf("%s at %d: left %d, returned %v, panicked with %q, want %d, %v and %q", tt.op, tt.start, c.Count(), ret, panicked, tt.want, tt.ret, tt.panics)
		}
		if c.Weak() != 0 {
			t.Errorf("%s at %d: left %d weak references, want none", tt.op, tt.start, c.Weak())
		}
	}
}

// try returns what run returns, and what it panics with.
func try(run func() bool) (ret bool, panicked string) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprint(p)
		}
	}()
	return run(), ""
}

func TestTheMemoryGoesWithTheLastReferenceOfAnyKind(t *testing.T) {
	var c arc.Count
	c.Init()
	c.Downgrade()
	c.CloneWeak()
	if c.Weak() != 2 {
		t.Errorf("%d weak references after Downgrade and CloneWeak, want 2", c.Weak())
	}
	if c.DropWeak() {
		t.Error("DropWeak lets the memory go while a weak and a strong reference are left")
	}
	if !c.TryGet() {
		t.Error("TryGet of a weak reference failed while there is a strong one")
	}
	if c.Put() || !c.Put() {
		t.Error("of two Puts the second must be the last")
	}
	if c.TryGet() {
		t.Error("TryGet of a weak reference to a dead object took one")
	}
	if c.DropWeak() {
		t.Error("the weak reference of the strong ones lets the memory go while another is left")
	}
	if !c.DropWeak() {
		t.Error("the last DropWeak doesn't let the memory go")
	}
}

// An only strong reference without a weak one drops both, and is told of both.
func TestWithoutWeakReferencesTheMemoryGoesAtOnce(t *testing.T) {
	var c arc.Count
	c.Init()
	if !c.Kill() || !c.DropWeak() {
		t.Error("the last reference isn't told that the object is dead and the memory may go")
	}
}

func TestUniqueIsOneReferenceOfBothKinds(t *testing.T) {
	var c arc.Count
	c.Init()
	check := func(when string, want bool) {
		t.Helper()
		if got := c.Unique(); got != want {
			t.Fatalf("%s: Unique reports %v, want %v", when, got, want)
		}
	}
	check("one strong reference", true)
	check("one strong reference, asked again", true)
	c.Get()
	check("two strong references", false)
	c.Put()
	c.Downgrade()
	check("one strong reference and a weak one", false)
	c.DropWeak()
	check("the weak one is gone", true)
}

func TestGetAndPutInline(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, method := range []string{"Get", "Put", "Kill", "Count", "DropWeak"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
