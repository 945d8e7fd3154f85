package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shapes are result files of n cells that are spread in different ways.
var shapes = map[string]func(n int) []byte{
	"tables":   func(n int) []byte { return cellLines(n, "getput/objects=%[1]d", "1", "a") },
	"rows":     func(n int) []byte { return cellLines(n, "getput", "%[1]d", "a") },
	"columns":  func(n int) []byte { return cellLines(n, "getput", "1", "s%[1]d") },
	"diagonal": func(n int) []byte { return cellLines(n, "getput", "%[1]d", "s%[1]d") },
	"scattered": func(n int) []byte {
		return cellLines(n, "getput/objects=%[1]d", "%[1]d", "s%[1]d")
	},
	"promises": func(n int) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "promise-s%d: limit=1 field%d=2\n", i+1, i)
		}
		return append(b.Bytes(), cellLines(8, "getput", "1", "s%[1]d")...) // each is a configuration of n lines
	},
	"units": func(n int) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "Unit kind%[1]d better=lower assume=exact of=violations\nBenchmarkRef/workload=w/cpus=1/strategy=s%[1]d 10 1 ns/op 1 kind%[1]d\n", i)
		}
		return b.Bytes()
	},
	"units of one line": func(n int) []byte {
		var b bytes.Buffer
		for range 2 {
			b.WriteString("BenchmarkRef/workload=w/cpus=1/strategy=s 10")
			for i := range n {
				fmt.Fprintf(&b, " 1 u%d", i)
			}
			b.WriteByte('\n')
		}
		return b.Bytes()
	},
	"configurations": func(n int) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "commit: %d\nBenchmarkRef/workload=w/cpus=1/strategy=s%d 10 1 ns/op\nBenchmarkRef/workload=w/cpus=1/strategy=s 10 1 ns/op\n", i, i)
		}
		return b.Bytes()
	},
	"violations": func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("Unit violations better=lower assume=exact\n")
		for i := range n {
			for j := range 2 {
				fmt.Fprintf(&b, "BenchmarkRef/workload=w/cpus=%d/strategy=s 10 1 ns/op %d violations\n", i+1, i+j)
			}
		}
		return b.Bytes()
	},
	"foreign lines": func(n int) []byte {
		return append(bytes.Repeat([]byte("BenchmarkSort 1 1 ns/op\njunk\n"), n), cellLines(1, "w", "1", "s")...)
	},
}

func cellLines(n int, workload, cpus, strategy string) []byte {
	var b bytes.Buffer
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "BenchmarkRef/workload="+workload+"/cpus="+cpus+"/strategy="+strategy+"-%[2]d\t10\t%[1]d ns/op\t0 violations\n", i, 2)
	}
	return b.Bytes()
}

// scaleChild has the shape and the number of cells of which a child is to make
// everything that there is.
const scaleChild = "REFBENCH_REPORT_SHAPE"

// What a report does grows as its cells do, whatever they have in common: four
// times as many take four times as long, and not sixteen times. How often each
// statement runs is counted, so that the machine doesn't matter.
func TestWorkGrowsAsCellsDo(t *testing.T) {
	if args := strings.Split(os.Getenv(scaleChild), "|"); len(args) == 2 {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			t.Fatal(err)
		}
		makeEverything(t, shapes[args[0]](n))
		return
	}
	const n, times, slack = 600, 4, 1.6 // sorting grows a little faster
	dir := t.TempDir()
	exe := filepath.Join(dir, "report.test")
	if out, err := exec.Command("go", "test", "-c", "-covermode=count", "-coverpkg=.", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name := range shapes {
		small, large := countStatements(t, exe, name, n), countStatements(t, exe, name, times*n)
		for place, count := range large {
			if count > 20*times*n && float64(count) > slack*times*float64(small[place]) {
				t.Errorf("%s: the statement at %s runs %d times for %d cells and %d times for %d", name, place, small[place], n, count, times*n)
			}
		}
	}
}

// countStatements returns how often each statement of the package runs.
func countStatements(t *testing.T, exe, shape string, n int) map[string]int {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command(exe, "-test.run", "^"+t.Name()+"$", "-test.coverprofile", profile)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", scaleChild, shape, n))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", shape, err, out)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, m := range regexp.MustCompile(`(?m)/([\w.]+:\d+)\.\d+,\S+ \d+ (\d+)$`).FindAllSubmatch(text, -1) {
		count, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		counts[string(m[1])] += count
	}
	if len(counts) < 500 {
		t.Fatalf("the profile has %d statements", len(counts))
	}
	return counts
}

func makeEverything(t *testing.T, text []byte) {
	t.Helper()
	s := readBytes(t, text)
	s.plotted = 1
	c := Compare(s, readBytes(t, text), CompareOptions{AllUnits: true})
	for _, write := range []func() error{
		func() error { return Text(io.Discard, s) }, func() error { return JSON(io.Discard, s) },
		func() error { return writePage(io.Discard, s, sections()) },
		func() error { return c.Text(io.Discard, true) }, func() error { return c.Markdown(io.Discard, true) },
		func() error { return c.CSV(io.Discard) }, func() error { return c.JSON(io.Discard) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
}
