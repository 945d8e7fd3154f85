//go:build race

package matrix

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/check"
)

// The child is this test binary: it runs TestRaceChild with a bug's name and whether
// it is the twin, and then the seed and the time.
func TestRaceChild(t *testing.T) {
	args := flag.Args()
	if len(args) != 6 {
		return // not as a child
	}
	fixed, err := strconv.ParseBool(args[1])
	if err != nil {
		t.Fatal(err)
	}
	most, err := time.ParseDuration(args[5])
	if err != nil {
		t.Fatal(err)
	}
	if err := check.RaceChild(t.Context(), entry(t, args[0]).Subject(fixed), check.Budget{Seed: 1, Time: most}, os.Stdout); err != nil {
		t.Fatal(err)
	}
	os.Exit(0) // what has been tried is the last that the parent reads
}

// A process that doesn't say what it has tried has shown nothing.
func TestRaceDetectorOfASilentChild(t *testing.T) {
	s := entry(t, "checktheninc").Subject(true)
	s.Child = []string{os.Args[0], "-test.run=^$", "nothing"} // what comes after is no flag
	if r := find(t, "race").Do(t.Context(), s, check.Budget{Seed: 1, Time: time.Millisecond}); r.Verdict != check.Unknown {
		t.Errorf("%s %s after %v, want %s", r.Verdict, r.Reason, r.Tried, check.Unknown)
	}
}

func TestRaceDetectorFindsWhatItShould(t *testing.T) {
	for _, e := range Builtin() {
		if !e.Native.Expected["race"].Sure {
			continue
		}
		for _, fixed := range []bool{false, true} {
			s := e.Subject(fixed)
			s.Child = []string{os.Args[0], "-test.run=^TestRaceChild$", e.Native.Name, strconv.FormatBool(fixed)}
			want, most := check.Broken, 20*time.Second
			if fixed {
				want, most = check.Kept, time.Second
			}
			if runtime.NumCPU() < 2 { // it doesn't call kept what it hardly sees there
				want, most = check.Unknown, time.Second
			}
			r := find(t, "race").Do(t.Context(), s, check.Budget{Seed: 1, Time: most})
			if r.Verdict != want && (fixed || r.Verdict != check.Broken) {
				t.Errorf("%s, twin %v: %s %s after %v: %+v, want %s", e.Native.Name, fixed, r.Verdict, r.Reason, r.Tried, r.Findings, want)
			}
		}
	}
}
