package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

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

	// Control reports that the cell is the twin of another one, measured beside
	// it to tell how far the two differ by chance: see [Controls].
	Control bool

	// Probe is what its samples find out instead of the speed.
	Probe Probe

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
//	workload=W[/knob=value...]/cpus=N/strategy=S[+control][/dispatch=generic]
//
// Knobs that have their defaults are left out. A control cell has a strategy's name of
// its own, so that readers of the format never put its samples together with its twin's.
func (c Cell) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "workload=%s%s/cpus=%d/strategy=%s", c.Workload.Name, c.Workload.Keys(c.Settings), c.CPUs, c.Strategy.Name)
	if c.Control {
		b.WriteString(controlSuffix)
	}
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

// controlSuffix has a character that no name of a strategy has.
const controlSuffix = "+control"

// String returns the key, and after a space the probe.
func (c Cell) String() string { return c.id() }

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
// order. Baselines aren't among them: they are for few workloads.
func UnsupportedPairs(ws []*workloads.Workload, ss []*strategies.Strategy) []Unsupported {
	var us []Unsupported
	for _, w := range ws {
		for _, s := range ss {
			if why := w.Unsupported(s); why != "" && s.Baseline == "" {
				us = append(us, Unsupported{w.Name, s.Name, why})
			}
		}
	}
	return us
}

// Cells returns the cells of the selection, without the pairs that are
// unsupported, and without baselines on more CPUs than they are for. It returns an error for a name or a setting that would break the
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
				if v.Workload.Unsupported(st) != "" || st.MaxWorkers > 0 && n > st.MaxWorkers {
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

// CellNamed returns the cell of that name, as String has it. s is as for
// [Selection.Cells], of which it takes strategies, workloads, loops and contents.
func (s Selection) CellNamed(name string) (Cell, error) {
	key, probe, err := cutProbe(name)
	if err != nil {
		return Cell{}, err
	}
	base, parts := benchfmt.Name("Ref/" + key).Parts()
	one := Selection{Loops: s.Loops, Contents: s.Contents}
	var v Variant
	var knobs []string
	control := false
	for _, p := range parts {
		name, value, _ := strings.Cut(strings.TrimPrefix(string(p), "/"), "=")
		switch name {
		case "workload":
			for _, known := range s.Variants {
				if known.Workload.Name == value {
					v.Workload = known.Workload
				}
			}
		case "strategy":
			value, control = strings.CutSuffix(value, controlSuffix)
			for _, known := range s.Strategies {
				if known.Name == value {
					one.Strategies = []*strategies.Strategy{known}
				}
			}
		case "cpus":
			n, err := strconv.Atoi(value)
			if err != nil {
				return Cell{}, fmt.Errorf("cell %q: %w", key, err)
			}
			one.CPUs = []int{n}
		case "dispatch":
			one.Generic = true
		default:
			knobs = append(knobs, name+"="+value)
		}
	}
	if v.Workload == nil || len(one.Strategies) == 0 || string(base) != "Ref" {
		return Cell{}, fmt.Errorf("cell %q is of a workload or a strategy that isn't there", key)
	}
	if v.Settings, err = v.Workload.ParseSettings(strings.Join(knobs, ",")); err != nil {
		return Cell{}, fmt.Errorf("cell %q: %w", key, err)
	}
	one.Variants = []Variant{v}
	cells, err := one.Cells()
	if err != nil {
		return Cell{}, fmt.Errorf("cell %q: %w", key, err)
	}
	c := cells[0]
	if c.Control, c.Probe = control, probe; c.Key() != key {
		return Cell{}, fmt.Errorf("cell %q would be %q", key, c.Key())
	}
	return c, nil
}
