package fuzz

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/scenarios"
)

// FuzzExplored runs an op program on every strategy under the deterministic scheduler,
// under 64 schedules each. The input holds the program and how the schedules begin: see
// scenarios.Fuzzer. What it finds it finds again, so a crasher replays; the failure
// names a token for refbench replay and shows the smallest program and schedule that
// go wrong in the same way.
func FuzzExplored(f *testing.F) {
	// The fuzzer is made by the target and used by it alone, because goroutines
	// that wait in it may belong to the thread that made it.
	var z *scenarios.Fuzzer
	f.Fuzz(func(t *testing.T, data []byte) {
		if z == nil {
			z = scenarios.Builtin().NewFuzzer()
		}
		if _, err := z.Run(data); err != nil {
			t.Fatal(err)
		}
	})
	if z != nil {
		z.Close()
	}
}

// BenchmarkExplored: schedules a second over the inputs of a directory in the fuzz
// engine's format, REFBENCH_INPUTS or the committed corpus. Built with
// go test -c -fuzz FuzzExplored it has the engine's instrumentation.
func BenchmarkExplored(b *testing.B) {
	dir := os.Getenv("REFBENCH_INPUTS")
	if dir == "" {
		dir = filepath.Join("testdata", "fuzz", "FuzzExplored")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) == 0 {
		b.Fatal("no inputs in", dir)
	}
	var inputs [][]byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		_, quoted, _ := strings.Cut(string(text), "[]byte(")
		data, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(quoted), ")"))
		if err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		inputs = append(inputs, []byte(data))
	}
	z := scenarios.Builtin().NewFuzzer()
	defer z.Close()
	n := 0
	for i := 0; b.Loop(); i++ {
		schedules, err := z.Run(inputs[i%len(inputs)])
		if err != nil {
			b.Fatal(err)
		}
		n += schedules
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "schedules/s")
}
