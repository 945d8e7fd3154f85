package cli

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/cpulist"
	"github.com/refbench/refbench/workloads/bench/placement"
)

// nearest returns the names in the order of their distance from a misspelt one.
func nearest(name string, names []string) []string {
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return cmp.Compare(levenshtein.ComputeDistance(name, a), levenshtein.ComputeDistance(name, b))
	})
	return sorted
}

// checkParts refuses lists with names that would break the result format.
func checkParts(parts Parts) error {
	parts = parts.timed()
	if err := errors.Join(strategies.Validate(parts.Strategies), workloads.Validate(parts.Workloads)); err != nil {
		return usagef("this refbench can't be used: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// The words for several strategies.
const (
	allNames     = "all"
	defaultNames = "default"
)

// chooseStrategies returns the named strategies, all of them for "all", and those that are
// measured where none are named for "default".
func chooseStrategies(parts Parts, names []string) ([]*strategies.Strategy, error) {
	known := make([]string, len(parts.Strategies))
	for i, s := range parts.Strategies {
		known[i] = s.Name
	}
	var chosen []*strategies.Strategy
	for _, name := range names {
		if name == allNames || name == defaultNames && parts.Default == nil {
			chosen = append(chosen, parts.Strategies...)
			continue
		}
		if name == defaultNames {
			defaults, err := chooseStrategies(parts, parts.Default)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, defaults...)
			continue
		}
		i := slices.Index(known, parts.strategyName(name))
		if i < 0 && slices.ContainsFunc(parts.Baselines, func(b *strategies.Strategy) bool { return b.Name == name }) {
			return nil, usagef("%s is a reference point of charts and no count: only run times it", name)
		}
		if i < 0 {
			return nil, usagef("unknown strategy %q: there are %s", name, strings.Join(nearest(name, known), ", "))
		}
		chosen = append(chosen, parts.Strategies[i])
	}
	return unique(chosen), nil
}

// chooseWorkloads parses "name", "name:knob=value,knob=value", lists of these
// and "all". A comma stands between workloads and between knobs, so an item
// with an equals sign belongs to the workload before it.
func chooseWorkloads(parts Parts, flags []string) ([]bench.Variant, error) {
	known := make([]string, len(parts.Workloads))
	for i, w := range parts.Workloads {
		known[i] = w.Name
	}
	var chosen []bench.Variant
	for _, flag := range flags {
		var specs []string
		for _, item := range strings.Split(flag, ",") {
			if n := len(specs); n > 0 && strings.Contains(item, "=") && strings.Contains(specs[n-1], ":") && !strings.Contains(item, ":") {
				specs[n-1] += "," + item
				continue
			}
			specs = append(specs, item)
		}
		for _, spec := range specs {
			name, knobs, colon := strings.Cut(spec, ":")
			if colon && knobs == "" {
				return nil, usagef("--workload %q: there is no knob after the colon: want NAME:KNOB=VALUE or just the name", spec)
			}
			if name == "all" && !colon {
				for _, w := range parts.Workloads {
					chosen = append(chosen, bench.Variant{Workload: w})
				}
				continue
			}
			i := slices.Index(known, name)
			if i < 0 {
				return nil, usagef("unknown workload %q: there are %s", name, strings.Join(nearest(name, known), ", "))
			}
			settings, err := parts.Workloads[i].ParseSettings(knobs)
			if err != nil {
				return nil, usagef("%w", err)
			}
			chosen = append(chosen, bench.Variant{Workload: parts.Workloads[i], Settings: settings})
		}
	}
	return chosen, nil
}

// chooseContents reads the files of a folder for the workload buffers, if the
// folder was given.
func chooseContents(vs []bench.Variant, dir string, given bool) ([][]byte, error) {
	if !given {
		return nil, nil
	}
	used := false
	for _, v := range vs {
		if v.Workload.Name != workloads.Buffers.Name {
			continue
		}
		used = true
		if _, set := v.Settings["files"]; set {
			return nil, usagef("--contents: the knob files of workload buffers is for its built-in contents: leave out one of the two")
		}
	}
	if !used {
		return nil, usagef("--contents is for the workload buffers, which isn't among the chosen ones: add --workload buffers or leave it out")
	}
	contents, err := workloads.LoadBuffers(dir, workloads.BufferLimits{})
	if err != nil {
		return nil, usagef("--contents: %w", err)
	}
	return contents, nil
}

// chooseProbes returns the named probes, which this machine must be able to make.
func chooseProbes(names []string, given bool) ([]bench.Probe, error) {
	if !given {
		return nil, nil
	}
	names, err := chosen("probe", names, probeNames())
	if err != nil {
		return nil, err
	}
	var probes []bench.Probe
	for _, name := range unique(names) {
		if err := bench.Probe(name).Check(); err != nil {
			return nil, usagef("--inside %s: %w", name, err)
		}
		probes = append(probes, bench.Probe(name))
	}
	return probes, nil
}

// probeNames are the probes' names.
func probeNames() (names []string) {
	for _, p := range bench.Probes() {
		names = append(names, string(p))
	}
	return names
}

// chooseMachine finds out about this machine and puts the workers on its CPUs as a
// placement says, if one was given.
func chooseMachine(how string, given bool) (*bench.Machine, error) {
	p, err := placement.Parse(how)
	if err != nil && given {
		return nil, usagef("--placement: %w", err)
	}
	m, err := bench.NewMachine()
	if err != nil || !given {
		return m, err
	}
	if err := m.Place(p); err != nil {
		return nil, usagef("--placement %s: %w", p, err)
	}
	return m, nil
}

// placementFlag adds the flag that says on which CPUs workers are put.
func placementFlag(c *cobra.Command, how *string) {
	c.Flags().StringVar(how, "placement", placement.Compact.String(),
		"which CPUs are filled first: compact, spread, nosmt, or a list of CPUs in its order, as in 0-3,8")
	mustComplete(c, "placement", placement.Names)
}

// chooseCPUs parses numbers of CPUs and ranges of them, and refuses more than are
// allowed, unless they may be shared. Nothing stands for the machine's sweep.
func chooseCPUs(m *bench.Machine, text []string, oversubscribe bool) ([]int, error) {
	if len(text) == 0 {
		return m.CPUs.Sweep(), nil
	}
	most := min(mostOnCPU*m.CPUs.Max(), mostWorkers)
	var cpus []int
	for _, t := range text {
		first, last, err := cpulist.Range(t)
		if err != nil {
			return nil, usagef("--cpus %w", err)
		}
		for _, n := range []int{first, last} {
			err := m.CheckCPUs(n)
			if err != nil && (n < 1 || !oversubscribe) {
				hint := ""
				if n > 0 {
					hint = "; --oversubscribe lets workers share CPUs, to check correctness only"
				}
				return nil, usagef("--cpus: %w%s", err, hint)
			}
			if n > most {
				return nil, usagef("--cpus %d: at most %d workers with --oversubscribe here, since %s: of more than %d on a CPU, or %d together, each would wait for the others nearly all the time", n, most, m.CPUs.Why(), mostOnCPU, mostWorkers)
			}
		}
		for n := first; n <= last; n++ {
			cpus = append(cpus, n)
		}
	}
	return unique(cpus), nil
}

// Bounds of --oversubscribe: every worker is a thread, and each sample lasts until each
// of them has had some turns on its CPU.
const (
	mostOnCPU   = 64
	mostWorkers = 4096
)

func unique[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
