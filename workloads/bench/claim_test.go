package bench

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/lock"
)

func TestTwoRunsOnTheSameCPUsAreNoticed(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TMP", os.Getenv("TMPDIR"))
	m := &Machine{CPUs: cpu.Set{Order: []int{4, 2, 7}}}
	first, others := m.Claim(2)
	if len(others) > 0 {
		t.Fatalf("nobody else measures, and there is %+v", others)
	}
	if len(first.files) != 2 {
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := lock.Take(f); errors.Is(err, lock.ErrUnsupported) {
			t.Skipf("this system has no locks, so a run can't claim CPUs: %v", err)
		}
		t.Fatalf("%d CPUs are claimed, want 2", len(first.files))
	}
	second, others := m.Claim(3)
	if len(others) != 1 || !slices.Equal(others[0].CPUs, []int{4, 2}) {
		t.Errorf("others are %+v, want one on CPUs 4 and 2", others)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if third, others := m.Claim(99); len(others) > 0 || third.Close() != nil {
		t.Errorf("after both have ended, others are %+v", others)
	}
}
