//go:build race

package matrix

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"
)

// The child is this test binary: it runs TestRaceChild with a bug's name and whether
// it is the twin.
func TestRaceChild(t *testing.T) {
	args := flag.Args()
	if len(args) != 2 {
		return // not as a child
	}
	fixed, err := strconv.ParseBool(args[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := RaceChild(t.Context(), entry(t, args[0]).Native, fixed, 1, time.Second, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

func TestRaceDetectorFindsWhatItShould(t *testing.T) {
	b := Budget{Seed: 1, Time: time.Second, Child: func(name string, fixed bool) []string {
		return []string{os.Args[0], "-test.run=^TestRaceChild$", name, strconv.FormatBool(fixed)}
	}}
	for _, e := range Builtin() {
		if !e.Native.Sights.RaceDetector.Sure {
			continue
		}
		for _, fixed := range []bool{false, true} {
			f, err := raced(t.Context(), e, fixed, b)
			if err != nil {
				t.Fatal(err)
			}
			if f.Found == fixed {
				t.Errorf("%s, twin %v: found %v in %d rounds: %s", e.Native.Name, fixed, f.Found, f.Executions, f.Message)
			}
		}
	}
}
