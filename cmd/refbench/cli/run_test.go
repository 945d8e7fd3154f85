package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

func statusOf(err error) int {
	if err == nil {
		return exitOK
	}
	if se := (*statusError)(nil); errors.As(err, &se) {
		return se.status
	}
	return exitFailed
}

// A failure comes before a finding, since what failed may hide more, and what ended the run
// before both.
func TestWorstThatARunDidIsItsStatus(t *testing.T) {
	failure := errors.New("planted failure")
	cell := bench.Cell{Workload: &workloads.Workload{Name: "load"}, Strategy: &strategies.Strategy{Name: "plain"}, CPUs: 1}
	setup := &bench.SetupError{Cell: cell, Err: errors.New("planted setup")}
	lost := &bench.WriteError{Path: "r.txt", Err: errors.New("planted loss")}
	both := bench.Outcome{Samples: 4, Planned: 5, Findings: 1, Failures: []error{failure}}
	interrupted := both
	interrupted.Interrupted = true
	for _, tt := range []struct {
		name   string
		o      bench.Outcome
		err    error
		status int
		want   string
	}{
		{"nothing", bench.Outcome{Samples: 4}, nil, exitOK, ""},
		{"one finding", bench.Outcome{Samples: 4, Findings: 1}, nil, exitFinding, "reference accounting failed in 1 of 4 samples"},
		{"one failure", bench.Outcome{Samples: 4, Failures: []error{failure}}, nil, exitFailed, "1 failure, the first: planted failure"},
		{"a failure and a finding", both, nil, exitFailed, "planted failure"},
		{"interrupted, with both", interrupted, nil, exitFailed, "interrupted after 4 of 5 samples"},
		{"a file that is full, with all", interrupted, lost, exitFailed, "planted loss"},
		{"a setting that is wrong, with all", interrupted, setup, exitUsage, "planted setup"},
		{"both errors", bench.Outcome{}, errors.Join(lost, setup), exitUsage, "planted setup"},
	} {
		err := verdict(tt.o, tt.err)
		if got := statusOf(err); got != tt.status || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: status %d, %v, want %d and %q", tt.name, got, err, tt.status, tt.want)
		}
	}
}

func TestWorkersAreBounded(t *testing.T) {
	two, many := machineOf(t, topologytest.VM()), machineOf(t, topologytest.EPYC())
	for _, tt := range []struct {
		m             *bench.Machine
		n             string
		oversubscribe bool
		want          string // the error's
	}{
		{two, "0", true, "0 CPUs: want at least 1"},
		{two, "2", false, ""},
		{two, "3", false, "--oversubscribe lets workers share"},
		{two, "3", true, ""},
		{two, "128", true, ""},
		{two, "129", true, "at most 128 workers with --oversubscribe here, since the affinity mask has 2 CPUs"},
		{two, "99999999999999999999", true, "want whole numbers"},
		{two, "1-2", false, ""},
		{two, "0-2", false, "0 CPUs: want at least 1"},
		{two, "2-3", false, "3 CPUs: at most 2 allowed here"},
		{two, "2-1", false, `"2-1": the range is reversed: want 1-2`},
		{two, "1-", false, `"1-": want whole numbers and ranges`},
		{two, "-1", true, `"-1": want whole numbers and ranges`},
		{two, "1-2147483647", true, "at most 128 workers with --oversubscribe here"},
		{many, "256", false, ""},
		{many, "4096", true, ""},
		{many, "4097", true, "at most 4096 workers"},
	} {
		_, err := chooseCPUs(tt.m, []string{tt.n}, tt.oversubscribe)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || statusOf(err) != exitUsage) {
			t.Errorf("--cpus %s on %d CPUs, oversubscribe %v: %v, want %q", tt.n, len(tt.m.CPUs.Order), tt.oversubscribe, err, tt.want)
		}
	}
}

// machineOf returns a machine that isn't there.
func machineOf(t *testing.T, m topologytest.Machine) *bench.Machine {
	t.Helper()
	set, err := cpu.DetectIn(m.Files(), m.IDs())
	if err != nil {
		t.Fatal(err)
	}
	return &bench.Machine{CPUs: set}
}

func TestRangesOfCPUsAreAllOfTheirNumbers(t *testing.T) {
	many := machineOf(t, topologytest.EPYC())
	for _, tt := range []struct {
		text []string
		want []int
	}{
		{[]string{"1-4", "8"}, []int{1, 2, 3, 4, 8}},
		{[]string{"8", "2-2", "1-3"}, []int{8, 2, 1, 3}},
		{nil, []int{1, 2, 4, 8, 16, 32, 64, 128, 256}},
	} {
		if got, err := chooseCPUs(many, tt.text, false); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("--cpus %v: %v, %v, want %v", tt.text, got, err, tt.want)
		}
	}
}

// What is written is whole whenever it has its name, and the file that a link leads to is
// written, not the link.
func TestFilesAreWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "page.html"), filepath.Join(dir, "link.html")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	if err := writeFile(name, text("old")); err != nil {
		t.Fatal(err)
	}
	planted := errors.New("planted")
	err := writeFile(name, func(w io.Writer) error { _, err := io.WriteString(w, "ne"); return errors.Join(err, planted) })
	if got := read(t, name); !errors.Is(err, planted) || got != "old" {
		t.Errorf("error %v, the file has %q, want the planted error and what was there", err, got)
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(link, text("new")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() || read(t, name) != "new" {
			t.Errorf("link %v (%v), the file has %q: want the link as it was, and the file new", info, err, read(t, name))
		}
	}
	if err := writeFile(dir, text("new")); !badPlace(err) || !strings.Contains(err.Error(), "is a folder: name a file") {
		t.Errorf("a folder: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 2 {
		t.Errorf("the folder has %v (%v), want the file and the link", left, err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A file is read until its context ends, however long it is.
func TestReadingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	name := resultFile(t, strings.Repeat("x", 1<<20))
	f, err := openInput(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, f); err == nil || statusOf(err) != exitFailed || fmt.Sprint(err) != "interrupted" {
		t.Errorf("%v, want that it was interrupted", err)
	}
}
