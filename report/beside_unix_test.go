//go:build unix

package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBesideBenchstat compares "refbench report" with the benchstat command that
// go.mod pins, on the same files and by turns. It reports medians: seconds of CPU time
// and of wall time of both, refbench's by benchstat's in pairs, and the memory of the
// largest run of each.
func BenchmarkBesideBenchstat(b *testing.B) {
	dir := b.TempDir()
	build := func(name, pkg string) string {
		exe := filepath.Join(dir, name)
		if out, err := exec.Command("go", "build", "-o", exe, pkg).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return exe
	}
	benchstat := build("benchstat", "golang.org/x/perf/cmd/benchstat")
	refbench := build("refbench", "github.com/refbench/refbench/cmd/refbench")
	for _, tt := range []struct {
		name         string
		lines, cells int
		args         []string // so that benchstat shows each cell
	}{
		{"24 cells", 1_000_000, 24, []string{"-col", "/strategy"}},
		{"100000 cells", 100_000, 100_000, []string{"-col", "/strategy"}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			path := besideFile(b, tt.lines, tt.cells)
			var ours, theirs, ratios [2][]float64 // CPU time, wall time
			var ourMax, theirMax int64
			for i := 0; b.Loop(); i++ {
				us, them := exec.Command(refbench, "report", path), exec.Command(benchstat, append(tt.args, path)...)
				first, second := us, them
				if i%2 == 1 {
					first, second = them, us
				}
				cost := map[*exec.Cmd][2]float64{}
				for _, cmd := range []*exec.Cmd{first, second} {
					var errOut bytes.Buffer
					cmd.Stderr = &errOut
					start := time.Now()
					// benchstat's status is 0 whatever happens, and it warns of few samples.
					if err := cmd.Run(); err != nil || bytes.Contains(errOut.Bytes(), []byte("benchstat:")) {
						b.Fatalf("%v: %v\n%s", cmd.Args, err, errOut.Bytes())
					}
					cost[cmd] = [2]float64{(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), time.Since(start).Seconds()}
				}
				for k := range 2 {
					ours[k], theirs[k] = append(ours[k], cost[us][k]), append(theirs[k], cost[them][k])
					ratios[k] = append(ratios[k], cost[us][k]/cost[them][k])
				}
				ourMax, theirMax = max(ourMax, maxBytes(us)), max(theirMax, maxBytes(them))
			}
			b.ReportMetric(0, "ns/op")
			for k, name := range []string{"cpu", "wall"} {
				b.ReportMetric(middle(ours[k]), "refbench-"+name+"-s")
				b.ReportMetric(middle(theirs[k]), "benchstat-"+name+"-s")
				b.ReportMetric(middle(ratios[k]), name+"-ratio")
			}
			b.ReportMetric(float64(ourMax>>20), "refbench-MB")
			b.ReportMetric(float64(theirMax>>20), "benchstat-MB")
		})
	}
}

// besideFile writes a result file: the same bytes each time.
func besideFile(b *testing.B, lines, cells int) string {
	path := filepath.Join(b.TempDir(), "results.txt")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	w := bufio.NewWriter(f)
	fmt.Fprint(w, "format: refbench/1\ngoos: linux\ncpu: made up\nUnit ns/op better=lower\nUnit ops/s better=higher\n"+
		"Unit violations better=lower assume=exact\nUnit shared better=lower assume=exact\n")
	for i := range lines {
		strategy, rest := i%cells%4, i%cells/4
		ns := float64(3+7*strategy) * (1 + 0.05*rng.Float64())
		fmt.Fprintf(w, "BenchmarkRef/workload=getput/objects=%d/cpus=%d/strategy=s%d-2\t%d\t%.4g ns/op\t%.6g ops/s\t0.990 jain\t99.0 overlap-%%\t0.990 parallel\t0 violations\t0 shared\n",
			rest/2+1, rest%2+1, strategy, int(1e9/ns), ns, 1e9/ns)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// maxBytes returns the largest memory that a process had, where that is known.
func maxBytes(cmd *exec.Cmd) int64 {
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
		return int64(ru.Maxrss) << 10
	}
	return 0
}
