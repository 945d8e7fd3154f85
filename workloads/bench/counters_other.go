//go:build !linux

package bench

import (
	"errors"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads"
)

var errNoCounters = errors.New("hardware counters are read on Linux only: measure without them")

func checkCounters() error                           { return errNoCounters }
func newCounters(workloads.Instance) (prober, error) { return nil, errNoCounters }
func counts([]prober) ([]benchfmt.Value, error)      { return nil, errNoCounters }
