package evenodd_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/evenodd"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, evenodd.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, evenodd.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, evenodd.Strategy) }

// What one operation makes of each number at a boundary: the number that it leaves, what
// it returns, and whether it panics. What panics changes nothing.
func TestBoundaries(t *testing.T) {
	const most = evenodd.Max
	get := func(c *evenodd.Count) bool { c.Get(); return true }
	getN := func(c *evenodd.Count) bool { c.GetN(4); return true }
	getMost := func(c *evenodd.Count) bool { c.GetN(most); return true }
	getMore := func(c *evenodd.Count) bool { c.GetN(most + 1); return true }
	tryGetN := func(c *evenodd.Count) bool { return c.TryGetN(4) }
	tryMore := func(c *evenodd.Count) bool { return c.TryGetN(most + 1) }
	putN := func(c *evenodd.Count) bool { return c.PutN(4) }
	putMore := func(c *evenodd.Count) bool { return c.PutN(most + 1) }
	for _, tt := range []struct {
		op    string
		run   func(*evenodd.Count) bool
		start int64
		want  int64
		ret   bool
		panic string
	}{
		{"Get", get, 0, 0, false, "Get on a dead count: the word is 1"},
		{"Get", get, 1, 2, true, ""},
		{"Get", get, most - 1, most, true, ""},
		{"Get", get, most, most, false, "Get past the limit: the word is 2147483646"},
		{"GetN(4)", getN, 0, 0, false, "Get on a dead count"},
		{"GetN(4)", getN, most - 4, most, true, ""},
		{"GetN(4)", getN, most - 3, most - 3, false, "Get past the limit"},
		{"GetN(Max)", getMost, 1, 1, false, "Get past the limit"},
		{"GetN(Max+1)", getMore, 1, 1, false, "GetN past the limit"},
		{"TryGet", (*evenodd.Count).TryGet, 0, 0, false, ""},
		{"TryGet", (*evenodd.Count).TryGet, 1, 2, true, ""},
		{"TryGet", (*evenodd.Count).TryGet, most - 1, most, true, ""},
		{"TryGet", (*evenodd.Count).TryGet, most, most, false, ""},
		{"TryGetN(4)", tryGetN, 0, 0, false, ""},
		{"TryGetN(4)", tryGetN, most - 4, most, true, ""},
		{"TryGetN(4)", tryGetN, most - 3, most - 3, false, ""},
		{"TryGetN(Max+1)", tryMore, 1, 1, false, ""},
		{"Put", (*evenodd.Count).Put, 0, 0, false, "Put of a reference that isn't there: the word is 1"},
		{"Put", (*evenodd.Count).Put, 1, 0, true, ""},
		{"Put", (*evenodd.Count).Put, 2, 1, false, ""},
		{"Put", (*evenodd.Count).Put, most, most - 1, false, ""},
		{"Kill", (*evenodd.Count).Kill, 1, 0, true, ""},
		{"Kill", (*evenodd.Count).Kill, 2, 1, false, ""},
		{"PutN(4)", putN, 0, 0, false, "Put of a reference that isn't there"},
		{"PutN(4)", putN, 3, 3, false, "Put of a reference that isn't there: the word is 6, and 8 is dropped"},
		{"PutN(4)", putN, 4, 0, true, ""},
		{"PutN(4)", putN, 5, 1, false, ""},
		{"PutN(Max+1)", putMore, most, most, false, "PutN of more references than there can be"},
	} {
		var c evenodd.Count
		c.InitAt(tt.start)
		var ret bool
		said := func() (said string) {
			defer func() { said, _ = recover().(string) }()
			ret = tt.run(&c)
			return ""
		}()
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
		if (said == "") != (tt.panic == "") || tt.panic != "" && !strings.HasPrefix(said, "evenodd: "+tt.panic) {
			t.Errorf("%s at %d panicked with %q, want %q", tt.op, tt.start, said, tt.panic)
		}
	}
}

func TestGetAndTryGetInline(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, method := range []string{"Get", "TryGet", "Count"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
