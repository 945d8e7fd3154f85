//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
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
	moments := moments(t)
	takeHangups()
	setCommit(t)
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
		was, wasAside := read(t, file), readAside(t, file)
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
		for _, f := range []struct{ was, is []byte }{{was, read(t, file)}, {wasAside, readAside(t, file)}} {
			if whole := f.was[:bytes.LastIndexByte(f.was, '\n')+1]; !bytes.HasPrefix(f.is, whole) {
				t.Fatalf("%s: %d bytes of whole lines were in the file, and aren't all of them any more", where, len(whole))
			}
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

// moments returns at how many moments runs are ended.
func moments(t *testing.T) int {
	v := os.Getenv(killsVariable)
	if v == "" {
		return 9
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number of moments", killsVariable, v)
	}
	return n
}

// TestNoFinishedSampleIsLostOrTakenTwice kills a run, and then those that resume it, at random
// moments. In the end the files have each sample once, but for those that were repeated.
func TestNoFinishedSampleIsLostOrTakenTwice(t *testing.T) {
	moments := moments(t)
	takeHangups()
	setCommit(t)
	seed := uint64(time.Now().UnixNano())
	g := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	file := filepath.Join(dir, "r.txt")
	// Two cells, and some rounds for each moment.
	rounds := 6 * moments
	run := startNice(t, dir, "--workload", "handoff", "--rounds", strconv.Itoa(rounds))
	most := 2 * rounds
	for i := range moments {
		signal := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL}[i%3]
		where := fmt.Sprintf("moment %d of %d (%v, seed %d)", i+1, moments, signal, seed)
		before, some := samplesIn(t, file), g.IntN(9)
		if i == 0 {
			some++ // what has no sample yet can't be resumed if it has no facts either
		}
		for from := time.Now(); samplesIn(t, file) < min(before+some, most); time.Sleep(time.Millisecond) {
			if time.Since(from) > longest {
				t.Fatalf("%s: no %d samples more after %v:\n%s", where, some, longest, run.said())
			}
		}
		time.Sleep(time.Duration(g.IntN(30_000)) * time.Microsecond)
		_ = run.cmd.Process.Signal(signal)
		_ = run.cmd.Wait() // says how it ended
		run = resumeNice(t, dir)
	}
	if err := run.cmd.Wait(); err != nil {
		t.Fatalf("the last to be resumed (seed %d): %v\n%s", seed, err, run.said())
	}
	good, aside := slotsIn(t, read(t, file)), slotsIn(t, readAside(t, file))
	slots := make(map[string]int)
	repeated := 0
	for slot, n := range good {
		if slots[slot]++; n != 1 {
			t.Errorf("%q has %d samples that aren't excluded, want 1 (seed %d)", slot, n, seed)
		}
		repeated += aside[slot]
	}
	for slot, n := range aside {
		if slots[slot]++; good[slot] == 0 {
			repeated += n - 1
		}
	}
	if len(slots) != most {
		t.Errorf("%d cells of rounds have samples, want 2 cells in %d rounds (seed %d)", len(slots), rounds, seed)
	}
	if n := bytes.Count(read(t, file), []byte("\nBenchmark")) + bytes.Count(readAside(t, file), []byte("\nBenchmark")); n != most+repeated {
		t.Errorf("the files have %d lines of samples, want %d and %d repeated: what was cut off is still there (seed %d)", n, most, repeated, seed)
	}
	runs := factsIn(t, filepath.Join(dir, "r.json"))
	if len(runs) != 1 || runs[0].Samples != most || runs[0].Repeated != repeated {
		t.Errorf("the facts are %+v, want those of one run with %d samples and %d repeated (seed %d)", runs, most, repeated, seed)
	}
	again := resumeNice(t, dir)
	if err := again.cmd.Wait(); err != nil || !strings.Contains(again.said(), "is complete") {
		t.Errorf("resumed once more: %v, it says %q, want that the run is complete", err, again.said())
	}
	t.Logf("%d moments (seed %d): %d samples, each once; %d repeated", moments, seed, most, repeated)
}

// resumeNice starts a run that resumes r.txt.
func resumeNice(t *testing.T, dir string) *niceRun {
	return startCommand(t, dir, "nice", "run", "--resume", "r.txt")
}

// slotsIn returns how many samples each cell has in each round.
func slotsIn(t *testing.T, text []byte) map[string]int {
	t.Helper()
	slots := make(map[string]int)
	for _, m := range sampleRound.FindAllSubmatch(text, -1) {
		slots[fmt.Sprintf("%s %s", m[1], m[2])]++
	}
	return slots
}

// A niceRun is a run of the command nice.
type niceRun struct {
	cmd    *exec.Cmd
	stderr string // file
}

// startNice starts a run with short samples that go to r.txt.
func startNice(t *testing.T, dir string, args ...string) *niceRun {
	t.Helper()
	return startCommand(t, dir, append([]string{"nice", "run", "--strategy", "plain", "--workload", "getput", "--cpus", "1", "--time", "1ms", "--checked", "0", "-o", "r.txt"}, args...)...)
}

// startCommand starts a command. TestMain looks at the name of the program, which comes first.
func startCommand(t *testing.T, dir string, args ...string) *niceRun {
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

// samplesIn returns how many whole samples a result file has, excluded or not, 0 if there is
// none.
func samplesIn(t *testing.T, name string) (n int) {
	for _, path := range []string{name, asideOf(name)} {
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		n += len(sampleLine.FindAll(b, -1))
	}
	return n
}

// readAside returns the samples that are excluded, nothing if there are none.
func readAside(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(asideOf(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// factsIn returns the facts, which are whole.
func factsIn(t *testing.T, name string) []bench.Facts {
	t.Helper()
	runs, err := bench.ReadFacts(name)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}
