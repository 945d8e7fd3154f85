package lockperatomic_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, lockperatomic.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, lockperatomic.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, lockperatomic.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const lowest, largest = -1 << 23, 1<<23 - 1
	get := func(c *lockperatomic.Count) bool { c.Get(); return true }
	getN := func(c *lockperatomic.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *lockperatomic.Count) bool { return c.TryGetN(4) }
	putN := func(c *lockperatomic.Count) bool { return c.PutN(4) }
	putRound := func(c *lockperatomic.Count) bool { return c.PutN(1 << 24) }
	resurrect := func(c *lockperatomic.Count) bool { c.Resurrect(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*lockperatomic.Count) bool
		start int64
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, largest, lowest, true},
		{"Get", get, -1, 0, true},
		{"GetN(4)", getN, largest - 3, lowest, true},
		{"TryGet", (*lockperatomic.Count).TryGet, 0, 0, false},
		{"TryGet", (*lockperatomic.Count).TryGet, 1, 2, true},
		{"TryGet", (*lockperatomic.Count).TryGet, largest, lowest, true},
		{"TryGet", (*lockperatomic.Count).TryGet, lowest, lowest + 1, true},
		{"TryGet", (*lockperatomic.Count).TryGet, -1, 0, true},
		{"TryGetN(4)", tryGetN, 0, 0, false},
		{"TryGetN(4)", tryGetN, largest, lowest + 3, true},
		{"Put", (*lockperatomic.Count).Put, 2, 1, false},
		// The next two are the two halves of the bug that 9d81ada3 fixed.
		{"Put", (*lockperatomic.Count).Put, 1, 0, true},
		{"Put", (*lockperatomic.Count).Put, 0, -1, false},
		{"Put", (*lockperatomic.Count).Put, lowest, largest, false},
		{"Kill", (*lockperatomic.Count).Kill, 1, 0, true},
		{"Kill", (*lockperatomic.Count).Kill, 2, 1, false},
		{"PutN(4)", putN, 4, 0, true},
		{"PutN(4)", putN, 3, -1, false},
		{"PutN(4)", putN, 5, 1, false},
		{"PutN(2^24)", putRound, 0, 0, true},
		{"Resurrect", resurrect, 0, 1, true},
		{"Resurrect", resurrect, 1, 2, true},
	} {
		var c lockperatomic.Count
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

func TestInitAtKeeps24Bits(t *testing.T) {
	for _, tt := range []struct{ n, want int64 }{
		{1<<23 - 1, 1<<23 - 1},
		{1 << 23, -1 << 23},
		{1 << 24, 0},
		{1<<24 + 1, 1},
		{1 << 32, 0},
		{-1, -1},
	} {
		var c lockperatomic.Count
		c.InitAt(tt.n)
		if c.Count() != tt.want {
			t.Errorf("InitAt(%d): the count is %d, want %d", tt.n, c.Count(), tt.want)
		}
	}
}

// With one P a goroutine that waits for the lock must give way to its holder.
// The more goroutines there are, the more often one is stopped while it holds.
func TestMoreGoroutinesThanCPUsFinish(t *testing.T) {
	const each = 2000
	workers := 16 * runtime.GOMAXPROCS(0)
	var c lockperatomic.Count
	c.Init()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				c.Get()
			}
		})
	}
	wg.Wait()
	if got, want := c.Count(), int64(1+workers*each); got != want {
		t.Errorf("%d goroutines with %d Gets each left %d, want %d", workers, each, got, want)
	}
}

// The machine that this strategy stands for has swap and nothing stronger.
func TestSourceUsesOnlyLoadStoreAndSwap(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "lockperatomic.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if on, ok := fun.X.(*ast.SelectorExpr); ok && on.Sel.Name == "word" {
			used[fun.Sel.Name] = true
		}
		if pkg, ok := fun.X.(*ast.Ident); ok && pkg.Name == "atomic" {
			t.Errorf("the source calls atomic.%s: operations on the word must be methods of it, where this test sees them", fun.Sel.Name)
		}
		return true
	})
	for name := range used {
		if name != "Load" && name != "Store" && name != "Swap" {
			t.Errorf("the source uses the word's %s", name)
		}
	}
	if !used["Load"] || !used["Store"] || !used["Swap"] {
		t.Errorf("the source uses %v of the word, want Load, Store and Swap: is this test looking in the right place?", used)
	}
}

var forbidden = regexp.MustCompile(`\t(LOCK|CMPXCHG\w*|XADD\w*|LOCK\w+)\b`)

func TestMachineCodeUsesOnlySwap(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-S", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-S: %v\n%s", err, out)
	}
	swaps := 0
	for _, line := range strings.Split(string(out), "\n") {
		if forbidden.MatchString(line) {
			t.Errorf("amd64 code has an instruction that RAMP lacks: %s", strings.TrimSpace(line))
		}
		if strings.Contains(line, "\tXCHGL\t") {
			swaps++
		}
	}
	// One swap and one store in each of add and addNotZero at the least.
	if swaps < 4 {
		t.Errorf("amd64 code has %d XCHGL, want at least 4: is this test reading the right code?", swaps)
	}
	if !forbidden.MatchString("\t0x0011 00017\tLOCK\n") || !forbidden.MatchString("\tCMPXCHGL\tCX, (DX)") {
		t.Error("the pattern doesn't match what it forbids")
	}
}
