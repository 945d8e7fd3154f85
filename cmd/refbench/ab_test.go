package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A slowdown is planted where lockperatomic, with its lock held, computes the number that
// it writes back: steps that change nothing, each of which waits for the one before. Some
// are hidden behind the locked instructions: on an AMD EPYC (Zen 5) six make a pair 5 %
// slower, and sixteen 23 %.
const (
	slowedCount = "strategies/lockperatomic/lockperatomic.go"
	publishes   = "\tc.publish(n)\n\treturn n\n"
)

func slower(steps int) string {
	return fmt.Sprintf("\tfor range %d {\n\t\tn ^= n >> 30 // 0 or -1: n has 24 bits, and isn't negative\n\t}\n%s", steps, publishes)
}

// The numbers of refbench ab: how often runs of one commit alarm, and how often a planted
// slowdown is found, on this machine alone and beside something that is busy. They take
// hours, so they are only measured if REFBENCH_AB says how many runs. A part of them has
// REFBENCH_AB_SEED, the seed of the first run, which is 1 otherwise, and REFBENCH_AB_PROGRAMS,
// a folder in which the first part leaves its programs for those after it. REFBENCH_AB_NEIGHBOUR is
// the command that is busy, for sh, instead of an empty loop.
//
//	REFBENCH_AB=40 go test ./cmd/refbench -run ComparisonsHold -v -timeout 7h
func TestComparisonsHold(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("REFBENCH_AB"))
	if err != nil || n < 1 {
		t.Skip("a measurement of hours, for a machine of its own: set REFBENCH_AB to the number of runs")
	}
	first, err := strconv.ParseUint(cmp.Or(os.Getenv("REFBENCH_AB_SEED"), "1"), 10, 64)
	if err != nil {
		t.Fatalf("REFBENCH_AB_SEED is no seed: %v", err)
	}
	s := newPlanting(t)
	same, by5, by20 := s.build("same", 0), s.build("by5", 6), s.build("by20", 15)
	for _, c := range []struct {
		name     string
		new      string
		busy     bool
		runs     int
		found    int // at least in so many of 20
		alarming int // at most so many of 20
	}{
		{"one commit, alone", same, false, n, 0, 1},
		{"one commit, a busy neighbour", same, true, n, 0, 1},
		{"5 % slower, alone", by5, false, (n + 1) / 2, 18, 1},
		{"20 % slower, a busy neighbour", by20, true, (n + 1) / 2, 18, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.busy {
				beBusy(t)
			}
			found, alarms, rounds, begin := 0, 0, 0, time.Now()
			for i := range uint64(c.runs) {
				r := s.compare(same, c.new, first+i)
				slow, others := false, []string(nil)
				for _, row := range r.Rows {
					differs := row.Verdict == "slower" || row.Verdict == "faster"
					switch {
					case differs && c.new != same && row.Verdict == "slower" && strings.Contains(row.Cell, "strategy=lockperatomic"):
						slow = true
					case differs:
						others = append(others, fmt.Sprintf("%s %s (%.3f)", row.Cell, row.Verdict, row.Ratio))
					}
				}
				if slow {
					found++
				}
				if others != nil {
					alarms++
				}
				if !r.couldAlarm() {
					t.Errorf("seed %d: no row had enough rounds to be called different, so it doesn't count", first+i)
				}
				rounds += r.Rounds
				t.Logf("seed %d: %d rounds, found %v, others %v: %s", first+i, r.Rounds, slow, others, r.Conclusion)
			}
			t.Logf("%s: found in %d of %d runs, others called different in %d; %.1f rounds and %v a run", c.name, found, c.runs, alarms,
				float64(rounds)/float64(c.runs), (time.Since(begin) / time.Duration(c.runs)).Round(time.Second))
			if 20*found < c.found*c.runs {
				t.Errorf("found in %d of %d runs, want %d of 20", found, c.runs, c.found)
			}
			if 20*alarms > c.alarming*c.runs {
				t.Errorf("others were called different in %d of %d runs, want at most %d of 20", alarms, c.runs, c.alarming)
			}
		})
	}
}

// A large slowdown is found, and nothing else, by what a pull request runs.
func TestPullRequestSeesASlowdown(t *testing.T) {
	if os.Getenv("REFBENCH_PLANTED") == "" {
		t.Skip("it builds refbench five times; .ci/run does: set REFBENCH_PLANTED=some")
	}
	s := newPlanting(t)
	s.replace(slowedCount, publishes, slower(40))
	s.git("commit", "-q", "-a", "-m", "Get and Put are slower")
	flags := []string{"--strategy", "atomic,lockperatomic", "--workload", "getput", "--cpus", "1", "--layouts", "2", "--time", "5ms",
		// The first rounds decide on a machine that is free, and as many as it takes on a busy one.
		"--min-effect", "75%", "--rounds", "1000", "--budget", "0"}
	text := run(t, s.dir, exitFinding, "bash", append([]string{".ci/ab", "HEAD~1", "HEAD"}, flags...)...)
	if !strings.Contains(text, "**slower: lockperatomic (1 row); nothing faster") {
		t.Errorf("the comment doesn't begin with what is slower:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "refbench-ab", "old.txt")); err != nil {
		t.Errorf("the samples aren't kept: %v", err)
	}
}

// The statuses of a finding and of a run that failed.
const (
	exitFinding = 1
	exitFailed  = 3
)

// A planting is a repository with this source as its only commit.
type planting struct {
	t        *testing.T
	dir      string
	refbench string
	compared int
}

func newPlanting(t *testing.T) *planting {
	t.Helper()
	s := &planting{t: t, dir: copyTree(t)}
	s.git("init", "-q")
	s.git("add", ".")
	s.git("commit", "-q", "-m", "as it is")
	s.refbench = filepath.Join(t.TempDir(), "refbench")
	run(t, s.dir, 0, "go", "build", "-o", s.refbench, "./cmd/refbench")
	return s
}

func (s *planting) git(args ...string) {
	s.t.Helper()
	run(s.t, s.dir, 0, "git", append([]string{"-c", "user.name=refbench", "-c", "user.email=refbench@example.org", "-c", "commit.gpgsign=false"}, args...)...)
}

func (s *planting) replace(file, old, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		s.t.Fatalf("%s has no\n%s", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, text, 1)), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

// build builds the source with a slowdown of so many steps in all layouts, and returns
// their folder.
func (s *planting) build(name string, steps int) string {
	s.t.Helper()
	if steps > 0 {
		s.replace(slowedCount, publishes, slower(steps))
		s.git("commit", "-q", "-a", "-m", name)
		defer s.git("reset", "-q", "--hard", "HEAD~1")
	}
	dir := filepath.Join(cmp.Or(os.Getenv("REFBENCH_AB_PROGRAMS"), s.t.TempDir()), name)
	// The result is written last.
	if _, err := os.Stat(filepath.Join(dir+"-out", "ab.json")); err == nil {
		return filepath.Join(dir, "old")
	}
	// It is built for this; one round is too little to tell anything.
	run(s.t, s.dir, exitFailed, s.refbench, "ab", "HEAD", "HEAD", "--keep", dir, "-o", dir+"-out",
		"--rounds", "1", "--strategy", "atomic", "--workload", "getput", "--cpus", "1", "--time", "1ms")
	return filepath.Join(dir, "old")
}

// abResult is what a test needs of a comparison's JSON.
type abResult struct {
	Rounds     int
	Conclusion string
	Rows       []struct {
		Cell    string
		Verdict string
		Ratio   float64  `json:"ratio_new_to_old"`
		Sees    *float64 `json:"could_have_seen"`
	}
}

// couldAlarm reports whether a row could have been called different.
func (r *abResult) couldAlarm() bool {
	for _, row := range r.Rows {
		if row.Sees != nil {
			return true
		}
	}
	return false
}

// compare runs refbench ab on two folders of programs as it is by default.
func (s *planting) compare(older, newer string, seed uint64) (r abResult) {
	s.t.Helper()
	s.compared++
	out := filepath.Join(s.t.TempDir(), fmt.Sprint("out", s.compared))
	cmd := exec.Command(s.refbench, "ab", older, newer, "--seed", fmt.Sprint(seed), "-o", out)
	said, err := cmd.CombinedOutput()
	data, readErr := os.ReadFile(filepath.Join(out, "ab.json"))
	if readErr != nil {
		s.t.Fatalf("%v: %v\n%s", cmd, err, said)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// beBusy has a process that uses one CPU until the test ends.
func beBusy(t *testing.T) {
	t.Helper()
	cmd := exec.Command("sh", "-c", cmp.Or(os.Getenv("REFBENCH_AB_NEIGHBOUR"), "while :; do :; done"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error("the neighbour can't be stopped:", err)
		}
		if cmd.Wait(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the neighbour wasn't busy to the end: %v", cmd.ProcessState)
		}
	})
}
