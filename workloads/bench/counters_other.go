//go:build !linux

package bench

import (
	"errors"

	"golang.org/x/perf/benchfmt"
)

var errNoCounters = errors.New("hardware counters are read on Linux only: measure without them")

func checkCounters() error                      { return errNoCounters }
func newCounters() (prober, error)              { return nil, errNoCounters }
func counts([]prober) ([]benchfmt.Value, error) { return nil, errNoCounters }
