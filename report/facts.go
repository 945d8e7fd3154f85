package report

import (
	"cmp"
	"slices"
	"strings"
)

// Format is the result files' format that this package reads, as their "format"
// line has it.
const Format = "refbench/1"

// What the configuration lines of these names say is about a strategy, about a
// workload and a strategy, and about a workload. In files of earlier versions
// contentsKey stands alone and doesn't say which workload it is about.
const (
	promisePrefix     = "promise-"
	baselinePrefix    = "baseline-"
	unsupportedPrefix = "unsupported-"
	contentsKey       = "contents"
	contentsPrefix    = contentsKey + "-"
)

// asideKey says why the samples after it were excluded: their unit says it too.
const asideKey = "set-aside"

// identifies reports whether a configuration key tells runs apart. Promises, baselines and
// unsupported pairs say what was run, not where.
func identifies(key string) bool {
	return key != asideKey && !strings.HasPrefix(key, promisePrefix) && !strings.HasPrefix(key, baselinePrefix) && !strings.HasPrefix(key, unsupportedPrefix)
}

// A Fact is a configuration line: something that held for the results after it.
type Fact struct {
	Key    string
	Values []string // all values of the key in all files, in the order of appearance
}

// A Promise is what a strategy says of itself.
type Promise struct {
	Strategy string
	Fields   [][2]string // name and value
	Others   []string    // promises of the same strategy that differ, as written
}

// Unsupported is a workload that a strategy can't run.
type Unsupported struct {
	Workload, Strategy, Reason string
}

// A factList collects configuration lines.
type factList struct {
	list  []Fact
	index map[string]int
	seen  map[[2]string]bool
}

// maxFacts bounds the distinct keys, and the distinct values of one key, that are
// kept: a file of another kind may have one on every line.
const maxFacts = 1000

func (f *factList) add(key, value string) {
	key, value = clean(key), clean(value)
	if f.index == nil {
		f.index = make(map[string]int)
		f.seen = make(map[[2]string]bool)
	}
	if f.seen[[2]string{key, value}] {
		return
	}
	i, ok := f.index[key]
	if !ok {
		if len(f.list) >= maxFacts {
			return
		}
		i = len(f.list)
		f.index[key] = i
		f.list = append(f.list, Fact{Key: key})
	}
	if fact := &f.list[i]; len(fact.Values) < maxFacts {
		fact.Values = append(fact.Values, value)
		f.seen[[2]string{key, value}] = true
	}
}

func (f *factList) machine() []Fact {
	var facts []Fact
	for _, fact := range f.list {
		if identifies(fact.Key) {
			facts = append(facts, fact)
		}
	}
	return facts
}

func (f *factList) promises() []Promise {
	var ps []Promise
	for _, fact := range f.list {
		name, ok := strings.CutPrefix(fact.Key, promisePrefix)
		if !ok || name == "" {
			continue
		}
		p := Promise{Strategy: name, Others: fact.Values[1:]}
		for field := range strings.FieldsSeq(fact.Values[0]) {
			k, v, _ := strings.Cut(field, "=")
			p.Fields = append(p.Fields, [2]string{k, v})
		}
		ps = append(ps, p)
	}
	return ps
}

// baselines has the names of the strategies that are reference points and no counts.
func (f *factList) baselines() map[string]bool {
	names := make(map[string]bool)
	for _, fact := range f.list {
		if name, ok := strings.CutPrefix(fact.Key, baselinePrefix); ok {
			names[name] = true
		}
	}
	return names
}

func (f *factList) unsupported() []Unsupported {
	var us []Unsupported
	for _, fact := range f.list {
		pair, ok := strings.CutPrefix(fact.Key, unsupportedPrefix)
		if !ok {
			continue
		}
		workload, strategy, _ := strings.Cut(pair, "-")
		for _, reason := range fact.Values {
			us = append(us, Unsupported{workload, strategy, reason})
		}
	}
	slices.SortStableFunc(us, func(a, b Unsupported) int {
		return cmp.Or(naturally(a.Workload, b.Workload), naturally(a.Strategy, b.Strategy))
	})
	return us
}

// contents returns what workloads read, by their names: sorted, as one file may
// have been measured with one and another with another.
func (f *factList) contents() map[string][]string {
	all := make(map[string][]string)
	for _, fact := range f.list {
		name, ok := strings.CutPrefix(fact.Key, contentsPrefix)
		if ok || fact.Key == contentsKey {
			if !ok {
				name = ""
			}
			all[name] = slices.Sorted(slices.Values(fact.Values))
		}
	}
	return all
}
