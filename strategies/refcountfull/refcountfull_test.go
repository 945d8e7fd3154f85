package refcountfull_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/refcountfull"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, refcountfull.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, refcountfull.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, refcountfull.Strategy) }

// What one operation makes of each value at a boundary, worked out by hand from
// lib/refcount.c of Linux 4.15. A cell is "value/return!report"; operations that return
// nothing leave out the return. MAX is the largest number of references, SAT the saturated
// value above it. The reports at SAT are this package's own.
const table = `
op           0          1           2          4         MAX-4     MAX-3      MAX-1     MAX        SAT
Get          0!uaf      2           3          5         MAX-3     MAX-2      MAX       SAT!ovf    SAT!ovf
GetN(4)      0!uaf      5           6          8         MAX       SAT!ovf    SAT!ovf   SAT!ovf    SAT!ovf
TryGet       0/F        2/T         3/T        5/T       MAX-3/T   MAX-2/T    MAX/T     SAT/T!tov  SAT/T!tov
TryGetN(4)   0/F        5/T         6/T        8/T       MAX/T     SAT/T!tov  SAT/T!tov SAT/T!tov  SAT/T!tov
Put          0/F!puf    0/T         1/F        3/F       MAX-5/F   MAX-4/F    MAX-2/F   MAX-1/F    SAT/F!puf
Kill         0/F!puf    0/T         1/F        3/F       MAX-5/F   MAX-4/F    MAX-2/F   MAX-1/F    SAT/F!puf
PutN(4)      0/F!puf    1/F!puf     2/F!puf    0/T       MAX-8/F   MAX-7/F    MAX-5/F   MAX-4/F    SAT/F!puf
Dec          0!puf      0!leak      1          3         MAX-5     MAX-4      MAX-2     MAX-1      SAT!puf
PutIfOne     0/F        0/T         2/F        4/F       MAX-4/F   MAX-3/F    MAX-1/F   MAX/F      SAT/F
PutUnlessOne 0/T!puf    1/F         1/T        3/T       MAX-5/T   MAX-4/T    MAX-2/T   MAX-1/T    SAT/T
PutAndLock   0/F!puf    0/T         1/F        3/F       MAX-5/F   MAX-4/F    MAX-2/F   MAX-1/F    SAT/F
`

// number reads a value of the table.
func number(t *testing.T, text string) int64 {
	t.Helper()
	for name, n := range map[string]int64{"MAX": refcountfull.Max, "SAT": refcountfull.Saturated} {
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
		"uaf": strategies.GetAfterFree, "ovf": strategies.GetOverflow, "tov": strategies.TryGetOverflow,
		"puf": strategies.PutAfterFree, "leak": strategies.DropToZero,
	}
	yes := func(v bool) string { return map[bool]string{true: "T", false: "F"}[v] }
	run := map[string]func(c *refcountfull.Count) string{
		"Get":          func(c *refcountfull.Count) string { c.Get(); return "" },
		"GetN(4)":      func(c *refcountfull.Count) string { c.GetN(4); return "" },
		"TryGet":       func(c *refcountfull.Count) string { return yes(c.TryGet()) },
		"TryGetN(4)":   func(c *refcountfull.Count) string { return yes(c.TryGetN(4)) },
		"Put":          func(c *refcountfull.Count) string { return yes(c.Put()) },
		"Kill":         func(c *refcountfull.Count) string { return yes(c.Kill()) },
		"PutN(4)":      func(c *refcountfull.Count) string { return yes(c.PutN(4)) },
		"Dec":          func(c *refcountfull.Count) string { c.Dec(); return "" },
		"PutIfOne":     func(c *refcountfull.Count) string { return yes(c.PutIfOne()) },
		"PutUnlessOne": func(c *refcountfull.Count) string { return yes(c.PutUnlessOne()) },
		"PutAndLock":   func(c *refcountfull.Count) string { return yes(c.PutAndLock(new(sync.Mutex))) },
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
			var c refcountfull.Count
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

func TestMoreThanTheWordHoldsIsNotCutOff(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Log("int has 32 bits here: no int is too large for the word")
		return
	}
	for _, n := range []int64{math.MaxUint32, 1 << 32, 1<<32 + 1, math.MaxInt64} {
		for _, start := range []int64{1, 2, refcountfull.Max} {
			var c refcountfull.Count
			c.InitAt(start)
			if c.GetN(int(n)); c.Count() != refcountfull.Saturated {
				t.Errorf("GetN(%d) at %d left %d, want it saturated", n, start, c.Count())
			}
			c.InitAt(start)
			if last := c.PutN(int(n)); last || c.Count() != start {
				t.Errorf("PutN(%d) at %d left %d and returned %v, want it refused", n, start, c.Count(), last)
			}
		}
	}
}
