package saturating_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, saturating.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, saturating.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, saturating.Strategy) }

const (
	lowest  = math.MinInt32
	largest = saturating.Max
	stuck   = saturating.Saturated
)

// The table is refcount_t: what one operation makes of each value at a boundary.
// A cell is "value/return!warning"; value may be a number or one of the names
// below with a distance, and operations that return nothing leave out the
// return.
const table = `
op                0           1           2           3       4       5       MAX-4     MAX-3     MAX-1     MAX       MIN         MIN+1       SAT-1       SAT         SAT+1       -4          -1
Get               SAT!uaf     2           3           4       5       6       MAX-3     MAX-2     MAX       SAT!ovf   SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf
GetN(4)           SAT!uaf     5           6           7       8       9       MAX       SAT!ovf   SAT!ovf   SAT!ovf   SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf     SAT!ovf
TryGet            0/F         2/T         3/T         4/T     5/T     6/T     MAX-3/T   MAX-2/T   MAX/T     SAT/T!tov SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov
TryGetN(4)        0/F         5/T         6/T         7/T     8/T     9/T     MAX/T     SAT/T!tov SAT/T!tov SAT/T!tov SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov   SAT/T!tov
TryGetAcquire     0/F         2/T         3/T         4/T     5/T     6/T     MAX-3/T   MAX-2/T   MAX/T     MAX/F     MIN/F       MIN+1/F     SAT-1/F     SAT/F       SAT+1/F     -4/F        -1/F
TryGetNAcquire(4) 0/F         5/T         6/T         7/T     8/T     9/T     MAX/T     MAX-3/F   MAX-1/F   MAX/F     MIN/F       MIN+1/F     SAT-1/F     SAT/F       SAT+1/F     -4/F        -1/F
Put               SAT/F!puf   0/T         1/F         2/F     3/F     4/F     MAX-5/F   MAX-4/F   MAX-2/F   MAX-1/F   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf
Kill              SAT/F!puf   0/T         1/F         2/F     3/F     4/F     MAX-5/F   MAX-4/F   MAX-2/F   MAX-1/F   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf
PutN(4)           SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf 0/T   1/F     MAX-8/F   MAX-7/F   MAX-5/F   MAX-4/F   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf   SAT/F!puf
Drop              SAT!leak    SAT!leak    1           2       3       4       MAX-5     MAX-4     MAX-2     MAX-1     SAT!leak    SAT!leak    SAT!leak    SAT!leak    SAT!leak    SAT!leak    SAT!leak
PutIfOne          0/F         0/T         2/F         3/F     4/F     5/F     MAX-4/F   MAX-3/F   MAX-1/F   MAX/F     MIN/F       MIN+1/F     SAT-1/F     SAT/F       SAT+1/F     -4/F        -1/F
PutUnlessOne      0/T!puf     1/F         1/T         2/T     3/T     4/T     MAX-5/T   MAX-4/T   MAX-2/T   MAX-1/T   MAX/T       MIN/T       SAT-2/T     SAT/T       SAT/T       -5/T        -2/T
PutAndLock        0/F!puf     0/T         1/F         2/F     3/F     4/F     MAX-5/F   MAX-4/F   MAX-2/F   MAX-1/F   MAX/F       MIN/F       SAT-2/F     SAT/F       SAT/F       -5/F        -2/F
`

var warnings = map[string]strategies.Misuse{
	"uaf":  strategies.GetAfterFree,
	"ovf":  strategies.GetOverflow,
	"tov":  strategies.TryGetOverflow,
	"puf":  strategies.PutAfterFree,
	"leak": strategies.DropToZero,
}

// apply runs the operation and returns what it returned: "T", "F" or "".
func apply(t *testing.T, c *saturating.Count, op string) string {
	t.Helper()
	ret := func(b bool) string {
		if b {
			return "T"
		}
		return "F"
	}
	switch op {
	case "Get":
		c.Get()
	case "GetN(4)":
		c.GetN(4)
	case "Drop":
		c.Drop()
	case "TryGet":
		return ret(c.TryGet())
	case "TryGetN(4)":
		return ret(c.TryGetN(4))
	case "TryGetAcquire":
		return ret(c.TryGetAcquire())
	case "TryGetNAcquire(4)":
		return ret(c.TryGetNAcquire(4))
	case "Put":
		return ret(c.Put())
	case "Kill":
		return ret(c.Kill())
	case "PutN(4)":
		return ret(c.PutN(4))
	case "PutIfOne":
		return ret(c.PutIfOne())
	case "PutUnlessOne":
		return ret(c.PutUnlessOne())
	case "PutAndLock":
		var mu sync.Mutex
		last := c.PutAndLock(&mu)
		if mu.TryLock() == last {
			t.Errorf("PutAndLock returned %v, and the lock is held: %v", last, !last)
		}
		return ret(last)
	default:
		t.Fatalf("the table has an unknown operation %q", op)
	}
	return ""
}

var value = regexp.MustCompile(`^(MAX|MIN|SAT)?([+-]?\d+)?$`)

func number(t *testing.T, s string) int64 {
	t.Helper()
	m := value.FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("the table has an unreadable value %q", s)
	}
	n := map[string]int64{"MAX": largest, "MIN": lowest, "SAT": stuck}[m[1]]
	if m[2] != "" {
		d, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n += d
	}
	return n
}

func TestEveryOperationAtEveryBoundary(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(table), "\n")
	starts := strings.Fields(rows[0])[1:]
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		op, cells := cells[0], cells[1:]
		if len(cells) != len(starts) {
			t.Fatalf("row %s has %d cells, want %d", op, len(cells), len(starts))
		}
		for i, cell := range cells {
			rest, warning, _ := strings.Cut(cell, "!")
			wantValue, wantRet, _ := strings.Cut(rest, "/")
			var m strategies.Monitor
			var hooked []strategies.Misuse
			m.Hook = func(k strategies.Misuse) { hooked = append(hooked, k) }
			var c saturating.Count
			c.Monitor(&m)
			c.InitAt(number(t, starts[i]))
			ret := apply(t, &c, op)
			if got, want := c.Count(), number(t, wantValue); got != want {
				t.Errorf("%s at %s left %d, want %s = %d", op, starts[i], got, wantValue, want)
			}
			if ret != wantRet {
				t.Errorf("%s at %s returned %q, want %q", op, starts[i], ret, wantRet)
			}
			var want []strategies.Misuse
			if warning != "" {
				kind, ok := warnings[warning]
				if !ok {
					t.Fatalf("the table has an unknown warning %q", warning)
				}
				want = append(want, kind)
			}
			if fmt.Sprint(hooked) != fmt.Sprint(want) {
				t.Errorf("%s at %s reported %v, want %v", op, starts[i], hooked, want)
			}
			for _, k := range strategies.MisuseKinds() {
				n := uint64(0)
				if len(want) > 0 && want[0] == k {
					n = 1
				}
				if m.Count(k) != n {
					t.Errorf("%s at %s: monitor counted %q %d times, want %d", op, starts[i], k, m.Count(k), n)
				}
			}
		}
	}
}

// The specification again, as arithmetic in 64 bits that can't wrap by itself.
func wrap(v int64) int64 { return int64(int32(uint32(v))) }

type outcome struct {
	value int64
	ret   bool
}

func add(v, n int64) outcome {
	if v == 0 || v < 0 || v+n > largest {
		return outcome{stuck, false}
	}
	return outcome{v + n, false}
}

func addNotZero(v, n int64) outcome {
	switch {
	case v == 0:
		return outcome{0, false}
	case v < 0 || v+n > largest:
		return outcome{stuck, true}
	}
	return outcome{v + n, true}
}

func addNotZeroAcquire(v, n int64) outcome {
	if v <= 0 || v+n > largest {
		return outcome{v, false}
	}
	return outcome{v + n, true}
}

func subAndTest(v, n int64) outcome {
	if v <= 0 || v < n {
		return outcome{stuck, false}
	}
	return outcome{v - n, v == n}
}

func drop(v int64) outcome {
	if v <= 1 {
		return outcome{stuck, false}
	}
	return outcome{v - 1, false}
}

func putUnlessOne(v int64) outcome {
	switch v {
	case stuck, 0:
		return outcome{v, true}
	case 1:
		return outcome{1, false}
	}
	return outcome{wrap(v - 1), true}
}

func TestWindowsAroundEveryBoundaryFollowTheSpecification(t *testing.T) {
	const reach = 600
	var values []int64
	for _, around := range []int64{lowest, stuck, 0, largest} {
		for d := int64(-reach); d <= reach; d++ {
			if v := around + d; v >= lowest && v <= largest {
				values = append(values, v)
			}
		}
	}
	check := func(op string, v int64, want outcome, run func(c *saturating.Count) bool) {
		var c saturating.Count
		c.InitAt(v)
		ret := run(&c)
		if got := (outcome{c.Count(), ret}); got != want {
			t.Errorf("%s at %d: got %+v, want %+v", op, v, got, want)
		}
	}
	for _, v := range values {
		check("Get", v, add(v, 1), func(c *saturating.Count) bool { c.Get(); return false })
		check("TryGet", v, addNotZero(v, 1), (*saturating.Count).TryGet)
		check("TryGetAcquire", v, addNotZeroAcquire(v, 1), (*saturating.Count).TryGetAcquire)
		check("Put", v, subAndTest(v, 1), (*saturating.Count).Put)
		check("Drop", v, drop(v), func(c *saturating.Count) bool { c.Drop(); return false })
		check("PutUnlessOne", v, putUnlessOne(v), (*saturating.Count).PutUnlessOne)
		for _, n := range []int64{1, 2, 255, 599, largest - 1, largest} {
			k := int(n)
			check(fmt.Sprintf("GetN(%d)", n), v, add(v, n), func(c *saturating.Count) bool { c.GetN(k); return false })
			check(fmt.Sprintf("TryGetN(%d)", n), v, addNotZero(v, n), func(c *saturating.Count) bool { return c.TryGetN(k) })
			check(fmt.Sprintf("TryGetNAcquire(%d)", n), v, addNotZeroAcquire(v, n), func(c *saturating.Count) bool { return c.TryGetNAcquire(k) })
			check(fmt.Sprintf("PutN(%d)", n), v, subAndTest(v, n), func(c *saturating.Count) bool { return c.PutN(k) })
		}
	}
}

func TestMoreThanTheWordHoldsIsNotCutOff(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Log("int has 32 bits here: no int is too large for the word")
		return
	}
	shift := 32 // not a constant, so that this compiles where int has 32 bits
	n := 1<<shift + 1
	for _, v := range []int64{0, 1, 2, largest, stuck} {
		for _, op := range []struct {
			name string
			want outcome
			run  func(c *saturating.Count) bool
		}{
			{"GetN", add(v, int64(n)), func(c *saturating.Count) bool { c.GetN(n); return false }},
			{"TryGetN", addNotZero(v, int64(n)), func(c *saturating.Count) bool { return c.TryGetN(n) }},
			{"TryGetNAcquire", addNotZeroAcquire(v, int64(n)), func(c *saturating.Count) bool { return c.TryGetNAcquire(n) }},
			{"PutN", subAndTest(v, int64(n)), func(c *saturating.Count) bool { return c.PutN(n) }},
		} {
			var c saturating.Count
			c.InitAt(v)
			ret := op.run(&c)
			if got := (outcome{c.Count(), ret}); got != op.want {
				t.Errorf("%s(2^32+1) at %d: got %+v, want %+v", op.name, v, got, op.want)
			}
		}
	}
}

func TestInitForgetsSaturationAndKeepsTheMonitor(t *testing.T) {
	var m strategies.Monitor
	var c saturating.Count
	c.Monitor(&m)
	c.InitAt(largest)
	c.Get()
	c.Init()
	if c.Count() != 1 || !c.Put() {
		t.Errorf("after Init the count isn't 1")
	}
	if c.Put() || m.Count(strategies.PutAfterFree) != 1 {
		t.Errorf("the monitor no longer hears of misuse after Init")
	}
}

func TestGetAndPutInline(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, method := range []string{"Get", "Put", "Kill", "PutIfOne", "Count"} {
		if !strings.Contains(string(out), "can inline (*Count)."+method+"\n") {
			t.Errorf("%s doesn't inline any more: each use of it costs a call", method)
		}
	}
}
