//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refbench/refbench/workloads/bench"
)

// killsVariable says at how many moments runs are ended: 200 for the number in
// BENCHMARKS.md.
const killsVariable = "REFBENCH_KILLS"

// TestNoFinishedSampleIsLost ends runs by signals at random moments, every other time two
// that want to add to the same file. What was in the file just before is in it afterwards,
// and so is what a run says that it has finished.
func TestNoFinishedSampleIsLost(t *testing.T) {
	moments := 9
	if v := os.Getenv(killsVariable); v != "" {
		var err error
		if moments, err = strconv.Atoi(v); err != nil || moments < 1 {
			t.Fatalf("%s=%s: want a number of moments", killsVariable, v)
		}
	}
	takeHangups()
	seed := uint64(time.Now().UnixNano())
	g := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	file := filepath.Join(dir, "r.txt")
	if r := startNice(t, dir, "--rounds", "1"); r.cmd.Wait() != nil {
		t.Fatalf("the first run: %s", r.said())
	}
	begun, ended, refused, runsInFacts := samplesIn(t, file), 0, 0, 1
	for i := range moments {
		signal := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP}[i%3]
		where := fmt.Sprintf("moment %d of %d (%v, seed %d)", i+1, moments, signal, seed)
		before := samplesIn(t, file)
		var runs []*niceRun
		for range 1 + i/3%2 {
			runs = append(runs, startNice(t, dir, "--append", "--rounds", "100000"))
		}
		// The moment is one after the start of the process, or after some samples.
		if some := g.IntN(30) - 5; some > 0 {
			for from := time.Now(); samplesIn(t, file) < before+some; time.Sleep(time.Millisecond) {
				if time.Since(from) > longest {
					t.Fatalf("%s: no %d samples after %v:\n%s", where, some, longest, runs[0].said())
				}
			}
		}
		time.Sleep(time.Duration(g.IntN(30_000)) * time.Microsecond)
		was := read(t, file)
		for _, r := range runs {
			_ = r.cmd.Process.Signal(signal) // one that was refused has ended
		}
		said := 0
		for _, r := range runs {
			_ = r.cmd.Wait() // says how it ended
			n, finished := r.finished()
			said += n
			switch {
			case strings.Contains(r.said(), "is adding to it"):
				refused++
			default:
				ended++
			}
			if finished && n > 0 {
				runsInFacts++
			}
		}
		is := read(t, file)
		if whole := was[:bytes.LastIndexByte(was, '\n')+1]; !bytes.HasPrefix(is, whole) {
			t.Fatalf("%s: %d bytes of whole lines were in the file, and aren't all of them any more", where, len(whole))
		}
		if have := samplesIn(t, file) - before; signal != syscall.SIGKILL && have < said {
			t.Fatalf("%s: %d samples are in the file, %d were finished:\n%s", where, have, said, runs[0].said())
		}
		if have := len(factsIn(t, filepath.Join(dir, "r.json"))); have < runsInFacts {
			t.Fatalf("%s: the facts have %d runs, want at least the %d that were interrupted", where, have, runsInFacts)
		}
	}
	// The file is one that can be added to.
	if r := startNice(t, dir, "--append", "--rounds", "1"); r.cmd.Wait() != nil {
		t.Errorf("adding after all that: %s", r.said())
	}
	t.Logf("%d moments (seed %d): %d runs were ended, %d were refused beside another; %d samples finished, 0 lost",
		moments, seed, ended, refused, samplesIn(t, file)-begun)
}

// A niceRun is a run of the command nice.
type niceRun struct {
	cmd    *exec.Cmd
	stderr string // file
}

// startNice starts a run with short samples that go to r.txt.
func startNice(t *testing.T, dir string, args ...string) *niceRun {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp(t.TempDir(), "stderr-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// TestMain looks at the name of the program.
	args = append([]string{"nice", "run", "--strategy", "plain", "--workload", "getput", "--cpus", "1", "--time", "1ms", "--checked", "0", "-o", "r.txt"}, args...)
	r := &niceRun{&exec.Cmd{Path: exe, Args: args, Dir: dir, Stderr: f}, f.Name()}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *niceRun) said() string {
	b, _ := os.ReadFile(r.stderr)
	return string(b)
}

var interruptedLine = regexp.MustCompile(`(?m)^refbench: interrupted after (\d+) of `)

// finished returns how many samples the run says that it has finished, if it came to say
// so.
func (r *niceRun) finished() (n int, ok bool) {
	m := interruptedLine.FindStringSubmatch(r.said())
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var sampleLine = regexp.MustCompile(`(?m)^BenchmarkRef/\S+ \d+ .* released\n`)

// samplesIn returns how many whole samples a file has.
func samplesIn(t *testing.T, name string) int { return len(sampleLine.FindAll(read(t, name), -1)) }

// factsIn returns the facts, which are whole.
func factsIn(t *testing.T, name string) []bench.Facts {
	t.Helper()
	runs, err := bench.ReadFacts(name)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}
