package freebsd_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/freebsd"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, freebsd.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, freebsd.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, freebsd.Strategy) }

// What one operation makes of each value at a boundary, worked out by hand from
// sys/sys/refcount.h. A cell is "value/return!report"; operations that return nothing
// leave out the return. MAX is the largest number of references, OVER the one above it,
// SAT the saturation value, -1 the number before it comes round. The reports are this
// package's own.
const table = `
op            0          1          2          4         MAX-1      MAX         OVER       SAT        -1
Get           1          2          3          5         MAX        OVER!ovf    SAT!ovf    SAT!ovf    SAT!ovf
Resurrect     1          2          3          5         MAX        OVER!ovf    SAT!ovf    SAT!ovf    SAT!ovf
GetN(4)       4          5          6          8         OVER+2!ovf OVER+3!ovf  SAT!ovf    SAT!ovf    SAT!ovf
TryGet        0/F        2/T        3/T        5/T       MAX/T      OVER/T!tov  OVER/T!tov SAT/T!tov  -1/T!tov
TryGetN(4)    0/F        5/T        6/T        8/T       OVER+2/T!tov OVER+3/T!tov OVER/T!tov SAT/T!tov -1/T!tov
GetChecked    1/T        2/T        3/T        5/T       MAX/T      MAX/F       OVER/F     SAT/F      0/T
GetIfMore(1)  0/F        1/F        3/T        5/T       MAX/T      OVER/T      OVER/T     SAT/T      -1/T
Put           SAT/F!puf  0/T        1/F        3/F       MAX-2/F    MAX-1/F     SAT/F!puf  SAT/F!puf  SAT/F!puf
Kill          SAT/F!puf  0/T        1/F        3/F       MAX-2/F    MAX-1/F     SAT/F!puf  SAT/F!puf  SAT/F!puf
PutN(4)       SAT/F!puf  SAT/F!puf  SAT/F!puf  0/T       MAX-5/F    MAX-4/F     SAT/F!puf  SAT/F!puf  SAT/F!puf
PutIfOne      0/F        0/T        2/F        4/F       MAX-1/F    MAX/F       OVER/F     SAT/F      -1/F
PutUnlessOne  0/T!puf    1/F        1/T        3/T       MAX-2/T    MAX-1/T     OVER/T     SAT/T      -1/T
PutIfMore(1)  0/F        1/F        1/T        3/T       MAX-2/T    MAX-1/T     OVER/F     SAT/F      -1/F
`

// number reads a value of the table.
func number(t *testing.T, text string) int64 {
	t.Helper()
	for name, n := range map[string]int64{"MAX": freebsd.Max, "OVER": math.MinInt32, "SAT": freebsd.Saturated} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			if rest == "" {
				return n
			}
			d, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				t.Fatalf("the table has an unknown value %q", text)
			}
			return n + d
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("the table has an unknown value %q", text)
	}
	return n
}

func TestEveryOperationAtEveryBoundary(t *testing.T) {
	reports := map[string]strategies.Misuse{
		"ovf": strategies.GetOverflow, "tov": strategies.TryGetOverflow, "puf": strategies.PutAfterFree,
	}
	yes := func(v bool) string { return map[bool]string{true: "T", false: "F"}[v] }
	run := map[string]func(c *freebsd.Count) string{
		"Get":          func(c *freebsd.Count) string { c.Get(); return "" },
		"Resurrect":    func(c *freebsd.Count) string { c.Resurrect(); return "" },
		"GetN(4)":      func(c *freebsd.Count) string { c.GetN(4); return "" },
		"TryGet":       func(c *freebsd.Count) string { return yes(c.TryGet()) },
		"TryGetN(4)":   func(c *freebsd.Count) string { return yes(c.TryGetN(4)) },
		"GetChecked":   func(c *freebsd.Count) string { return yes(c.GetChecked()) },
		"GetIfMore(1)": func(c *freebsd.Count) string { return yes(c.GetIfMore(1)) },
		"Put":          func(c *freebsd.Count) string { return yes(c.Put()) },
		"Kill":         func(c *freebsd.Count) string { return yes(c.Kill()) },
		"PutN(4)":      func(c *freebsd.Count) string { return yes(c.PutN(4)) },
		"PutIfOne":     func(c *freebsd.Count) string { return yes(c.PutIfOne()) },
		"PutUnlessOne": func(c *freebsd.Count) string { return yes(c.PutUnlessOne()) },
		"PutIfMore(1)": func(c *freebsd.Count) string { return yes(c.PutIfMore(1)) },
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")
	starts := strings.Fields(rows[0])[1:]
	if len(rows)-1 != len(run) {
		t.Errorf("the table has %d operations, want %d", len(rows)-1, len(run))
	}
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		op, cells := cells[0], cells[1:]
		if len(cells) != len(starts) || run[op] == nil {
			t.Fatalf("row %s has %d cells, want %d and a known operation", op, len(cells), len(starts))
		}
		for i, cell := range cells {
			rest, report, _ := strings.Cut(cell, "!")
			value, ret, _ := strings.Cut(rest, "/")
			var heard []strategies.Misuse
			var c freebsd.Count
			c.Monitor(&strategies.Monitor{Hook: func(k strategies.Misuse) { heard = append(heard, k) }})
			c.InitAt(number(t, starts[i]))
			got := run[op](&c)
			if n := c.Count(); n != number(t, value) || got != ret {
				t.Errorf("%s at %s: left %d and returned %q, want %s and %q", op, starts[i], n, got, value, ret)
			}
			var want []strategies.Misuse
			if report != "" {
				want = append(want, reports[report])
			}
			if fmt.Sprint(heard) != fmt.Sprint(want) {
				t.Errorf("%s at %s reported %v, want %v", op, starts[i], heard, want)
			}
		}
	}
}

func TestMoreThanTheWordHoldsSaturates(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Log("int has 32 bits here: no int is too large for the word")
		return
	}
	for _, n := range []int64{math.MaxInt32, math.MaxUint32, 1 << 32, 1<<32 + 1, math.MaxInt64} {
		for _, start := range []int64{1, 2, freebsd.Max, freebsd.Saturated} {
			for op, run := range map[string]func(c *freebsd.Count){
				"GetN":    func(c *freebsd.Count) { c.GetN(int(n)) },
				"TryGetN": func(c *freebsd.Count) { c.TryGetN(int(n)) },
			} {
				var c freebsd.Count
				c.InitAt(start)
				if run(&c); c.Count() >= 0 {
					t.Errorf("%s(%d) at %d left %d, want it saturated", op, n, start, c.Count())
				}
			}
		}
		var c freebsd.Count
		c.InitAt(2)
		if last := c.PutN(int(n)); last || c.Count() != freebsd.Saturated {
			t.Errorf("PutN(%d) at 2 left %d and returned %v, want it saturated", n, c.Count(), last)
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
	for _, method := range []string{"Get", "Put", "Kill", "PutIfOne", "Count", "Resurrect"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
