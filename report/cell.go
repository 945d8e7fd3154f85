package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// Units of result lines, tidied: benchfmt reads "ns/op" as "sec/op".
const (
	unitTime       = "sec/op"     // wall time of the timed part / operations of all workers
	unitThroughput = "ops/s"      // operations of all workers / wall time
	unitViolations = "violations" // broken rules that the oracles saw
	unitChecked    = "ops-checked"
	unitShared     = "shared"
	unitJain       = "jain"
	unitParallel   = "parallel"
	unitOverlap    = "overlap-%"
)

// Confidence is the level of all intervals.
const Confidence = 0.95

// A Set is what a group of result files says.
type Set struct {
	Paths        []string
	Lines        int // result lines used
	Filtered     int // result lines that the filter left out
	Facts        []Fact
	Promises     []Promise
	Unsupported  []Unsupported
	Problems     []Problem // the first ones; ProblemCount counts all
	ProblemCount int
	Warnings     []string // about the set as a whole

	Units      []Unit
	Workloads  []string // workload variants, in natural order
	Strategies []string // in the order of the promises, then by name

	cells      map[Key]*Cell
	cpus       map[string][]int    // ascending, by workload
	strategies map[string][]string // by workload
	unitID     map[string]int      // index in Units
}

// A Unit is a unit of measure with what its Unit line says.
type Unit struct {
	Name   string // as written: "ns/op"
	Tidied string // as benchfmt has it: "sec/op"
	Better int    // -1 lower, +1 higher, 0 not said
	Exact  bool   // the value has no distribution
	Kind   bool   // counts one kind of violation

	assumption benchmath.Assumption
}

// A Cell is one strategy under one workload on one number of CPUs.
type Cell struct {
	Key
	Samples    int       // timed and used
	SetAside   []float64 // seconds per operation of the samples measured while the CPUs were shared
	Checked    float64   // operations that an oracle judged
	Violations float64   // in the operations checked
	Kinds      []KindCount
	Warnings   []string

	values [][]float64 // by unit; ascending once summarised
	aside  [][]float64 // by unit, of the samples set aside
	sums   []float64   // by unit, of all lines: what was set aside for time is in
	stats  []*benchmath.Summary

	lines      int
	procs      string
	mixedProcs bool
	configs    []int
}

// A KindCount is how often one kind of violation was seen.
type KindCount struct {
	Kind  string
	Count float64
}

// Cell returns a cell, or nil if the files have none of that key.
func (s *Set) Cell(k Key) *Cell { return s.cells[k] }

// CPUs returns the CPU counts that a workload was run on, ascending.
func (s *Set) CPUs(workload string) []int { return s.cpus[workload] }

// StrategiesOf returns the strategies that were run under a workload, in order.
func (s *Set) StrategiesOf(workload string) []string { return s.strategies[workload] }

// Cells returns all cells by workload, CPUs and strategy.
func (s *Set) Cells() []*Cell {
	cells := make([]*Cell, 0, len(s.cells))
	for _, w := range s.Workloads {
		for _, n := range s.cpus[w] {
			for _, name := range s.Strategies {
				if c := s.cells[Key{w, n, name}]; c != nil {
					cells = append(cells, c)
				}
			}
		}
	}
	return cells
}

// Time returns the summary of the seconds per operation, or nil.
func (s *Set) Time(c *Cell) *benchmath.Summary { return s.summary(c, unitTime) }

// Throughput returns the summary of the operations per second, or nil. Lines of
// "go test -bench" have times only: then it is their inverse.
func (s *Set) Throughput(c *Cell) *benchmath.Summary {
	if o := s.summary(c, unitThroughput); o != nil {
		return o
	}
	t := s.Time(c)
	if t == nil || t.Center <= 0 {
		return nil
	}
	o := &benchmath.Summary{Center: 1 / t.Center, Lo: 1 / t.Hi, Hi: math.Inf(1), Confidence: t.Confidence}
	if t.Lo > 0 {
		o.Hi = 1 / t.Lo
	}
	if math.IsInf(t.Hi, 1) {
		o.Lo = math.Inf(-1)
	}
	return o
}

func (s *Set) summary(c *Cell, unit string) *benchmath.Summary {
	if c == nil {
		return nil
	}
	if id, ok := s.unitID[unit]; ok && id < len(c.stats) {
		return c.stats[id]
	}
	return nil
}

// sample returns the values of a unit, or nil if the cell has none.
func (s *Set) sample(c *Cell, tidied string, t *benchmath.Thresholds) *benchmath.Sample {
	if c == nil {
		return nil
	}
	id, ok := s.unitID[tidied]
	if !ok || id >= len(c.values) || len(c.values[id]) == 0 {
		return nil
	}
	return &benchmath.Sample{Values: c.values[id], Thresholds: t}
}

func (s *Set) setUnits(tidied []string, meta benchfmt.UnitMetadataMap) {
	s.unitID = make(map[string]int)
	for i, name := range tidied {
		u := Unit{
			Name:       clean(name),
			Tidied:     name,
			Better:     meta.GetBetter(name),
			assumption: meta.GetAssumption(name),
		}
		if name == unitTime {
			u.Name = "ns/op"
		}
		u.Exact = u.assumption == benchmath.AssumeExact
		s.unitID[name] = i
		s.Units = append(s.Units, u)
	}
	for i := range s.Units {
		u := &s.Units[i]
		// A kind of violation is a plain count for which less is better. "B/obj" is
		// exact too, but a ratio.
		u.Kind = u.Exact && u.Better < 0 && !strings.Contains(u.Name, "/") &&
			u.Tidied != unitViolations && !witness(u.Tidied)
	}
}

// witness reports whether a unit says how a sample was measured and not what was
// found.
func witness(tidied string) bool {
	switch tidied {
	case unitChecked, unitShared, unitParallel, unitOverlap:
		return true
	}
	return false
}

func (s *Set) setOrder() {
	s.cpus = make(map[string][]int)
	names := make(map[string]bool)
	for _, key := range slices.SortedFunc(maps.Keys(s.cells), func(a, b Key) int { return a.CPUs - b.CPUs }) {
		if n := s.cpus[key.Workload]; len(n) == 0 || n[len(n)-1] != key.CPUs {
			s.cpus[key.Workload] = append(n, key.CPUs)
		}
		names[key.Strategy] = true
	}
	s.Workloads = slices.SortedFunc(maps.Keys(s.cpus), natural)
	place := make(map[string]int)
	for i, p := range s.Promises {
		place[p.Strategy] = i - len(s.Promises)
	}
	s.Strategies = slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		// "percpu (generic)" stands behind "percpu".
		pa, _, _ := strings.Cut(a, " (")
		pb, _, _ := strings.Cut(b, " (")
		if place[pa] != place[pb] {
			return place[pa] - place[pb]
		}
		return natural(a, b)
	})
	s.strategies = make(map[string][]string)
	for _, w := range s.Workloads {
		for _, name := range s.Strategies {
			if slices.ContainsFunc(s.cpus[w], func(n int) bool { return s.cells[Key{w, n, name}] != nil }) {
				s.strategies[w] = append(s.strategies[w], name)
			}
		}
	}
}

func (s *Set) summarize(configs [][]string) {
	mixed := make(map[string]bool)
	for _, c := range s.Cells() {
		c.stats = make([]*benchmath.Summary, len(c.values))
		for id := range c.values {
			// A disturbed sample has a wrong time, but what was counted in it stays
			// counted: above all, violations.
			if s.Units[id].Exact {
				c.values[id] = append(c.values[id], c.aside[id]...)
			}
		}
		for id, values := range c.values {
			if len(values) > 0 {
				sum := s.Units[id].assumption.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), Confidence)
				c.stats[id] = &sum
			}
		}
		s.judge(c)
		s.warn(c)
		for _, key := range varying(c.configs, configs) {
			mixed[key] = true
			c.Warnings = append(c.Warnings, "samples vary in "+key+": they were measured under different conditions and shouldn't be averaged")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(mixed)) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("the files mix results that vary in %s: read them one by one, or choose with a filter", clean(key)))
	}
	for _, p := range s.Promises {
		if len(p.Others) > 0 {
			s.Warnings = append(s.Warnings, "strategy "+p.Strategy+" has different promises in these files: its results are of different versions")
		}
	}
}

// judge adds up what the oracles saw.
func (s *Set) judge(c *Cell) {
	if id, ok := s.unitID[unitViolations]; ok && id < len(c.sums) {
		c.Violations = c.sums[id]
	}
	var kinds float64
	for id, u := range s.Units {
		if u.Kind && id < len(c.sums) && c.sums[id] > 0 {
			c.Kinds = append(c.Kinds, KindCount{u.Name, c.sums[id]})
			kinds += c.sums[id]
		}
	}
	c.Violations = max(c.Violations, kinds)
}

// warn notes what makes a cell's numbers doubtful.
func (s *Set) warn(c *Cell) {
	if c.mixedProcs {
		c.Warnings = append(c.Warnings, "samples vary in GOMAXPROCS")
	}
	if n := len(c.SetAside); n > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s set aside: the CPUs were shared with something else (%s to %s)",
			plural(n, "sample"), duration(slices.Min(c.SetAside)), duration(slices.Max(c.SetAside))))
	}
	t := s.Time(c)
	if t == nil {
		return
	}
	for _, w := range t.Warnings {
		c.Warnings = append(c.Warnings, w.Error())
	}
	if m := modes(c.values[s.unitID[unitTime]]); m != "" {
		c.Warnings = append(c.Warnings, m)
	}
	if p := s.summary(c, unitParallel); p != nil && p.Center < 0.9 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("the workers weren't all running: each had %.0f %% of a CPU", 100*p.Center))
	}
	if o := s.summary(c, unitOverlap); o != nil && o.Center < 80 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("only %.0f %% of the timed part had all workers in it", o.Center))
	}
}

// modes reports in words if sorted times fall in two groups with nothing between.
// The median of such a sample is in neither group or flips between them, so both
// are shown.
func modes(times []float64) string {
	n := len(times)
	least := max(3, n/5) // members of the smaller group
	split := 0
	for i := least; i <= n-least; i++ {
		if split == 0 || times[i]-times[i-1] > times[split]-times[split-1] {
			split = i
		}
	}
	if split == 0 {
		return ""
	}
	gap := times[split] - times[split-1]
	spread := max(times[split-1]-times[0], times[n-1]-times[split])
	if gap < 2*spread || gap < times[split-1]/10 {
		return ""
	}
	mid := func(part []float64) string { return duration(part[len(part)/2]) }
	return fmt.Sprintf("two modes: %d samples near %s, %d near %s", split, mid(times[:split]), n-split, mid(times[split:]))
}

// varying returns the configuration keys in which some of the given
// configurations differ, in order.
func varying(ids []int, configs [][]string) []string {
	if len(ids) < 2 {
		return nil
	}
	var keys []string
	seen := make(map[string]string)
	for i, id := range ids {
		now := make(map[string]string)
		for j := 0; j+1 < len(configs[id]); j += 2 {
			now[configs[id][j]] = configs[id][j+1]
		}
		if i == 0 {
			seen = now
			continue
		}
		for k := range now {
			if _, ok := seen[k]; !ok || seen[k] != now[k] {
				keys = append(keys, clean(k))
			}
		}
		for k := range seen {
			if _, ok := now[k]; !ok {
				keys = append(keys, clean(k))
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// unitValue formats a value of a tidied unit for people.
func unitValue(tidied string, v float64) string {
	switch tidied {
	case unitTime:
		return duration(v)
	case unitThroughput:
		return rate(v)
	}
	if v == 0 {
		return "0"
	}
	if n := fmt.Sprint(v); len(n) <= 6 {
		return n
	}
	return benchunit.Scale(v, benchunit.ClassOf(tidied))
}
