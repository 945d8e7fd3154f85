//go:build unix

package cli

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
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"
)

// buildRefbench builds the command as users have it and returns its path.
func buildRefbench(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refbench.exe")
	cmd := exec.Command("go", "build", "-o", path, "github.com/refbench/refbench/cmd/refbench")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// manyLines writes a result file of 10 samples for each of the given workload
// variants and CPU counts and for four strategies: the same bytes for the same
// seed.
func manyLines(t testing.TB, seed uint64, variants, maxCPUs int) (path string, lines int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "many.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "format: refbench/1\ngoos: linux\ncpu: made up, seed %d\nUnit ns/op better=lower\nUnit ops/s better=higher\nUnit violations better=lower assume=exact\nUnit shared better=lower assume=exact\n", seed)
	for range 10 {
		for v := range variants {
			for cpus := 1; cpus <= maxCPUs; cpus++ {
				for i, s := range []string{"atomic", "saturating", "percpu", "lockperatomic"} {
					ns := float64(3+i*7) * (1 + 0.05*rng.Float64())
					fmt.Fprintf(w, "BenchmarkRef/workload=getput/objects=%d/cpus=%d/strategy=%s-%d\t%d\t%.4g ns/op\t%.6g ops/s\t%.3f jain\t%.1f overlap-%%\t%.3f parallel\t0 violations\t0 shared\n",
						v+1, cpus, s, maxCPUs, int(1e9/ns), ns, 1e9/ns, 1-0.1*rng.Float64(), 99.0, 0.99)
					lines++
				}
			}
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path, lines
}

// readLines reads a result file as benchstat does and returns the CPU time that it
// took: the measure of how fast this machine is.
func readLines(t *testing.T, path string) time.Duration {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	used := func() time.Duration {
		var ru syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
			t.Fatal(err)
		}
		return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	before, lines := used(), 0
	r := benchfmt.NewReader(f, path)
	for r.Scan() {
		lines++
	}
	if err := r.Err(); err != nil || lines < 100_000 {
		t.Fatalf("%d lines, %v", lines, err)
	}
	return used() - before
}

// The complete report over 100,000 result lines takes at most 5 s and 500 MB,
// whether they are of many CPU counts or of many settings. That is on a machine like
// that of BENCHMARKS.md, which reads the lines in usualRead; a slower one may take
// longer in proportion. Where others use the CPUs as well, the CPU time counts; and the
// collector may come late, so that once in a while it takes more memory.
func TestReportOf100000Lines(t *testing.T) {
	const limit, usualRead, tries = 5 * time.Second, 60 * time.Millisecond, 5
	exe := buildRefbench(t)
	for _, tt := range []struct{ variants, maxCPUs int }{{10, 256}, {1250, 2}} {
		path, lines := manyLines(t, 1, tt.variants, tt.maxCPUs)
		if lines < 100_000 {
			t.Fatalf("the file has %d lines", lines)
		}
		for try := 1; ; try++ {
			cmd := exec.Command(exe, "report", path, "--verbose", "-o", filepath.Join(t.TempDir(), "out"))
			start := time.Now()
			out, err := cmd.Output()
			took := time.Since(start)
			if err != nil || !bytes.Contains(out, []byte("lockperatomic")) {
				t.Fatalf("refbench report: %v", err)
			}
			used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			read := readLines(t, path)
			bytesUsed := int64(-1)
			if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
				bytesUsed = int64(ru.Maxrss) << 10
			}
			t.Logf("%d variants on up to %d CPUs, %d lines: %v, %v of CPU time, %d MB; reading them: %v of CPU time", tt.variants, tt.maxCPUs, lines,
				took.Round(time.Millisecond), used.Round(time.Millisecond), bytesUsed>>20, read.Round(time.Millisecond))
			most := time.Duration(max(1, float64(read)/float64(usualRead)) * float64(limit))
			if min(took, used) <= most && bytesUsed <= 500e6 {
				break
			}
			if try == tries {
				t.Errorf("%d lines took %v, %v of CPU time and %d MB, %d times in a row more than %v or 500 MB", lines, took, used, bytesUsed>>20, tries, most)
				break
			}
		}
	}
}

func BenchmarkReportOf100000Lines(b *testing.B) {
	exe := buildRefbench(b)
	path, lines := manyLines(b, 1, 10, 256)
	var most int64
	for b.Loop() {
		cmd := exec.Command(exe, "report", path, "--verbose", "-o", filepath.Join(b.TempDir(), "out"))
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
			most = max(most, int64(ru.Maxrss)<<10)
		}
	}
	b.ReportMetric(float64(lines), "lines")
	b.ReportMetric(float64(most), "peak-bytes")
}

// A full disk gives one clear line and status 3, and an earlier report is whole.
// Here the limit on the size of a file stands for the disk: it needs no rights, and
// the page is larger than it.
func TestDiskThatFillsLeavesTheEarlierReport(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs ulimit -f as Linux has it")
	}
	exe := buildRefbench(t)
	dir := filepath.Join(t.TempDir(), "out")
	first, second := resultFile(t, goodResults), resultFile(t, strings.ReplaceAll(goodResults, "12 ns/op", "13 ns/op"))
	if out, err := exec.Command(exe, "report", first, "-o", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := contents(t, dir)
	cmd := exec.Command("sh", "-c", `ulimit -f 16; exec "$@"`, "sh", exe, "report", second, "-o", dir)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	err := cmd.Run()
	checkFailed(t, err, errOut.String(), "writing the report (an earlier one in "+dir+" is as it was)")
	after := contents(t, dir)
	if len(before) != 5 || len(after) != len(before) {
		t.Errorf("%d files before, %d after; want 5 and no rest", len(before), len(after))
	}
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s isn't as it was", name)
		}
	}
}

func TestStandardOutputThatFills(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	defer full.Close()
	exe := buildRefbench(t)
	path := resultFile(t, goodResults)
	for _, args := range [][]string{
		{"report", path}, {"report", path, "--json"}, {"compare", path, path}, {"compare", path, path, "--format", "csv"},
		{"compare", path, path, "--format", "markdown"}, {"compare", path, path, "--json"},
	} {
		cmd := exec.Command(exe, args...)
		var errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errOut
		checkFailed(t, cmd.Run(), errOut.String(), "no space left on device")
	}
}

// checkFailed checks for status 3 and one line that says why.
func checkFailed(t *testing.T, err error, errOut, want string) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("got %v, want status %d", err, exitFailed)
	}
	if !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
		t.Errorf("standard error is %q, want one line with %q", errOut, want)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}
