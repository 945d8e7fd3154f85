package builtin_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

func TestListIsValid(t *testing.T) {
	if err := strategies.Validate(builtin.All()); err != nil {
		t.Error(err)
	}
}

// What is measured where nothing is named is there, and in the list's order.
func TestDefaultsAreListed(t *testing.T) {
	next := 0
	for _, s := range builtin.All() {
		if next < len(builtin.Default()) && s.Name == builtin.Default()[next] {
			next++
		}
	}
	if next < len(builtin.Default()) {
		t.Errorf("default %s isn't in the list, or in another order", builtin.Default()[next])
	}
}

func TestCallersMayChangeTheList(t *testing.T) {
	builtin.All()[0] = nil
	if builtin.All()[0] == nil {
		t.Error("one caller's change shows in the next caller's list")
	}
}

const (
	helper   = "REFBENCH_BYTES_HELPER"
	manyCPUs = 256
	perCPU   = 128 // bytes that a count has for each CPU
)

// TestMain makes the test a program that prints how many bytes the counts with a word for each
// CPU promise and take, where the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	// The first collection allocates for each CPU, and whatever count it falls to would seem larger.
	debug.SetGCPercent(-1)
	for _, s := range builtin.All() {
		if s.Promise.Bytes < perCPU*runtime.GOMAXPROCS(0) {
			continue
		}
		s.New().Init() // what the process has once
		const counts = 64
		kept := make([]strategies.Counter, counts)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = s.New()
			kept[i].Init()
		}
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(kept)
		fmt.Println(s.Name, s.Promise.Bytes, (after.TotalAlloc-before.TotalAlloc)/counts)
	}
}

// besides is what counts have besides a line for each of manyCPUs, in bytes: snzi has
// nodes above the leaves, eight to one, and tlref keeps what each word was collected as.
var besides = map[string]int{"snzi": perCPU + 37*perCPU, "tlref": perCPU + manyCPUs*8}

// Counts with a word for each CPU take what they promise on a machine with many CPUs, too: a
// line of the cache for each, and little besides.
func TestBytesWithManyCPUs(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=1", fmt.Sprintf("GOMAXPROCS=%d", manyCPUs))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		var name string
		var promised, taken int
		if _, err := fmt.Sscan(line, &name, &promised, &taken); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		names = append(names, name)
		more := cmp.Or(besides[name], perCPU)
		// What is larger than 32 KiB the allocator gives in whole pages of 8 KiB.
		if promised < manyCPUs*perCPU || promised > manyCPUs*perCPU+more || taken < promised-perCPU || taken > promised+8<<10 {
			t.Errorf("%s with %d CPUs promises %d bytes and takes %d, want %d for the CPUs and at most %d besides", name, manyCPUs, promised, taken, manyCPUs*perCPU, more)
		}
	}
	for _, want := range []string{"percpu", "rundowncpu", "xnupcpu", "sloppy", "rseq"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s isn't among the counts with a word for each CPU: %v", want, names)
		}
	}
}
