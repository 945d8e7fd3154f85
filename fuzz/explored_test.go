package fuzz

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/scenarios"
)

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
