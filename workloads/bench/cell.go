package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A Cell is what one benchmark measures: a strategy under a workload on a
// number of CPUs.
type Cell struct {
	Workload *workloads.Workload
	Settings workloads.Settings // the workload's knobs
	Strategy *strategies.Strategy
	CPUs     int // workers, one on each CPU

	// Generic reports that New calls the strategy through an interface,
	// which costs several nanoseconds an operation.
	Generic bool

	// Contents are what a workload reads that reads some:
	// workloads.Config.Contents.
	Contents [][]byte

	// New makes the instance.
	New func(workloads.Config) (workloads.Instance, error)
}

// Key returns the name without "Benchmark", the leading Ref and GOMAXPROCS:
//
//	workload=W[/knob=value...]/cpus=N/strategy=S[/dispatch=generic]
//
// Knobs that have their defaults are left out.
func (c Cell) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "workload=%s%s/cpus=%d/strategy=%s", c.Workload.Name, c.Workload.Keys(c.Settings), c.CPUs, c.Strategy.Name)
	if c.Generic {
		b.WriteString("/dispatch=generic")
	}
	return b.String()
}

// Name returns the benchmark's name as it stands in a result file after
// "Benchmark". It always ends in "-procs", the GOMAXPROCS of the process: a
// reader of the format takes a number after a dash at the end for that,
// whatever was meant.
func (c Cell) Name(procs int) string {
	return fmt.Sprintf("Ref/%s-%d", c.Key(), procs)
}

// String returns the key.
func (c Cell) String() string { return c.Key() }

// A Variant is a workload with settings of its knobs.
type Variant struct {
	Workload *workloads.Workload
	Settings workloads.Settings
}

// A Selection is what to measure: every strategy under every variant on every
// number of CPUs.
type Selection struct {
	Strategies []*strategies.Strategy
	Variants   []Variant
	CPUs       []int

	// Loops are the loops with concrete counter types that there are. A
	// strategy without one runs through the generic workload.
	Loops []workloads.Loop

	// Generic makes every cell use the generic workload.
	Generic bool

	// Contents are what the workload buffers reads instead of its own. They
	// aren't in the cells' names: a result file says in a config line which
	// they are. See [ContentsConfig].
	Contents [][]byte
}

// An Unsupported pair is a strategy that can't run under a workload.
type Unsupported struct {
	Workload, Strategy string
	Reason             string
}

// UnsupportedPairs lists the pairs of the lists that can't run, in the lists'
// order.
func UnsupportedPairs(ws []*workloads.Workload, ss []*strategies.Strategy) []Unsupported {
	var us []Unsupported
	for _, w := range ws {
		for _, s := range ss {
			if why := w.Unsupported(s); why != "" {
				us = append(us, Unsupported{w.Name, s.Name, why})
			}
		}
	}
	return us
}

// Cells returns the cells of the selection, without the pairs that are
// unsupported. It returns an error for a name or a setting that would break the
// result format, and if nothing is left to measure.
func (s Selection) Cells() ([]Cell, error) {
	var ws []*workloads.Workload
	for _, v := range s.Variants {
		if v.Workload != nil && !slices.Contains(ws, v.Workload) {
			ws = append(ws, v.Workload)
		}
	}
	if err := errors.Join(strategies.Validate(s.Strategies), workloads.Validate(ws)); err != nil {
		return nil, err
	}
	type pair struct{ workload, strategy string }
	loops := make(map[pair]workloads.Loop, len(s.Loops))
	for _, l := range s.Loops {
		loops[pair{l.Workload, l.Strategy}] = l
	}
	var cells []Cell
	seen := make(map[string]bool)
	for _, v := range s.Variants {
		if err := v.Workload.CheckSettings(v.Settings); err != nil {
			return nil, err
		}
		for _, n := range s.CPUs {
			if n < 1 {
				return nil, fmt.Errorf("%d CPUs: want at least 1", n)
			}
			for _, st := range s.Strategies {
				if v.Workload.Unsupported(st) != "" {
					continue
				}
				c := Cell{Workload: v.Workload, Settings: v.Settings, Strategy: st, CPUs: n, Contents: s.Contents}
				loop, ok := loops[pair{v.Workload.Name, st.Name}]
				if ok && !s.Generic {
					c.New = loop.New
				} else {
					c.Generic, c.New = true, v.Workload.New
				}
				if key := c.Key(); !seen[key] {
					seen[key] = true
					cells = append(cells, c)
				}
			}
		}
	}
	if len(cells) == 0 {
		return nil, errors.New("nothing to measure: none of the strategies can run under any of the workloads")
	}
	return cells, nil
}
