package fuzz

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
)

// FuzzPlanted is FuzzExplored on the planted bug REFBENCH_BUG with REFBENCH_SCHEDULES
// schedules an input. It writes into the file REFBENCH_FOUND at which input it was
// found.
func FuzzPlanted(f *testing.F) {
	f.Add([]byte{})
	var z *scenarios.Fuzzer
	for _, b := range bugs.All {
		if b.Name == os.Getenv("REFBENCH_BUG") {
			z = scenarios.Forms{Strategies: []*strategies.Strategy{b.Wrong}}.NewFuzzer()
			z.Schedules, _ = strconv.Atoi(os.Getenv("REFBENCH_SCHEDULES"))
		}
	}
	if z == nil {
		f.Skip("no REFBENCH_BUG")
	}
	n := 0
	f.Fuzz(func(t *testing.T, data []byte) {
		n++
		if _, err := z.Run(data); err != nil {
			out := os.Getenv("REFBENCH_FOUND")
			if _, not := os.Stat(out); not != nil {
				if err := os.WriteFile(out, []byte(strconv.Itoa(n)), 0o644); err != nil {
					t.Error(err)
				}
			}
			t.Fatal(err)
		}
	})
}

// TestInterleavings measures after how many inputs the fuzz engine finds planted bugs,
// with and without coverage of interleavings.
func TestInterleavings(t *testing.T) {
	seeds, err := strconv.Atoi(os.Getenv("REFBENCH_SEEDS"))
	if err != nil {
		t.Skip("no REFBENCH_SEEDS")
	}
	test := filepath.Join(t.TempDir(), "fuzz.test")
	if out, err := exec.Command("go", "test", "-c", "-fuzz", "FuzzPlanted", "-o", test, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, size := range []struct{ schedules, inputs int }{{64, 2000}, {8, 8000}, {1, 30_000}} {
		for _, bug := range []string{"peersetdead", "checktheninc", "percpufold", "percpukill", "percpuunpinned", "rampmixedlocks", "loadstoreput"} {
			row := fmt.Sprintf("%2d schedules an input, %-14s", size.schedules, bug)
			for _, mode := range []string{"", "counts", "set"} {
				var found []int
				missed := 0
				for seed := range seeds {
					dir := t.TempDir()
					out := filepath.Join(dir, "found")
					c := exec.Command(test, "-test.run", "NONE", "-test.fuzz", "FuzzPlanted", "-test.parallel", "1",
						"-test.fuzzcachedir", filepath.Join(dir, "cache"), "-test.fuzztime", strconv.Itoa(size.inputs)+"x", "-test.fuzzminimizetime", "1x")
					c.Dir = dir
					c.Env = append(os.Environ(), "REFBENCH_BUG="+bug, "REFBENCH_SCHEDULES="+strconv.Itoa(size.schedules),
						"REFBENCH_INTERLEAVINGS="+mode, "REFBENCH_FOUND="+out, "GODEBUG=fuzzseed="+strconv.Itoa(seed+1))
					_ = c.Run() // fails if it finds something
					data, err := os.ReadFile(out)
					if err != nil {
						missed++
						found = append(found, size.inputs)
						continue
					}
					n, err := strconv.Atoi(string(data))
					if err != nil {
						t.Fatal(err)
					}
					found = append(found, n)
				}
				slices.Sort(found)
				row += fmt.Sprintf("  %6s: median %5d p90 %5d missed %2d", mode, found[len(found)/2], found[len(found)*9/10], missed)
			}
			t.Log(row)
		}
	}
}
