// Package advice names the strategies that have what a program needs of a count and cost the
// least on a machine: from the promises, the samples and the violations of result files.
package advice

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A Need is something that a program needs of its count.
type Need struct {
	Name  string // as it is typed, with "=" if it has a value
	Doc   string // in one line
	Means string // the fields of the promise, and what they have to be; "" if it is of no promise

	// lacks returns why a promise doesn't have it, as what the strategies of that group do, or
	// "" if it has. It is nil for what is of no promise.
	lacks func(p promise, value string) string
}

// A promise is one as fields have it: by name.
type promise map[string]string

// has reports whether a field has one of some values.
func (p promise) has(field string, values ...string) bool { return slices.Contains(values, p[field]) }

// unreachable is a limit that no program reaches: at one Get a nanosecond that takes 36 years.
const unreachable = 1 << 60

func (p promise) number(field string) int64 {
	n, err := strconv.ParseInt(p[field], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// What needs of no promise are called.
const (
	readsNeed    = "reads"
	churnNeed    = "churn"
	workloadNeed = "workload="
	cpusNeed     = "cpus="
)

// All returns all needs in the order in which they are listed.
func All() []Need {
	field := func(name, doc, field, lacking string, values ...string) Need {
		return Need{name, doc, field + "=" + strings.Join(values, "|"), func(p promise, _ string) string {
			if p.has(field, values...) {
				return ""
			}
			return lacking
		}}
	}
	return []Need{
		field("zeroatonce", "whoever drops the last reference is told, without a Kill before", "zero", "don't see zero at once", string(strategies.Immediate)),
		field("nowait", "no Kill waits for other references", "zero", "wait in Kill", string(strategies.Immediate), string(strategies.AfterKill)),
		{"overflow", "too many references free nothing that is in use, and end no program", fmt.Sprintf("overflow=%s|%s or limit of 2^60 and more", strategies.Saturates, strategies.Refuses), func(p promise, _ string) string {
			if p.has("overflow", string(strategies.Saturates), string(strategies.Refuses)) || p.number("limit") >= unreachable {
				return ""
			}
			return "don't survive overflow"
		}},
		field("underflow", "neither does a Put too many", "underflow", "don't survive a Put too many", string(strategies.Saturates), string(strategies.Refuses)),
		field("resurrects", "a released object can be brought back", "resurrection", "can't resurrect", "yes"),
		field("nograceperiod", "memory can be used for something else at once", "graceperiod", "need a grace period", "no"),
		field("typestable", "TryGet may meet the next life of the object", "typestable", "aren't for type-stable memory", "yes"),
		field("closes", "TryGet fails once Kill has begun", "trygetrefuses", "let TryGet in after Kill", string(strategies.OnceKilled), string(strategies.DuringKill)),
		field("anonymous", "whoever counts needn't say who it is", "actors", "are measured of callers that say who they are", "no"),
		field("exactcount", "the count can be read, and is right", "count", "have no exact count to read", string(strategies.Exact)),
		field("lockfree", "a stopped thread stops no other", "progress", "aren't lock-free", string(strategies.LockFree), string(strategies.WaitFree)),
		field("waitfree", "no thread waits for others or tries again", "progress", "aren't wait-free", string(strategies.WaitFree)),
		{"bytes=", "at most so many bytes a count, with what it allocates on this machine", "bytes", func(p promise, value string) string {
			most, _ := strconv.ParseInt(value, 10, 64) // Parse has looked
			if n := p.number("bytes"); n > 0 && n <= most {
				return ""
			}
			return "take more than " + value + " bytes"
		}},
		{"limit=", "so many references at once", "limit", func(p promise, value string) string {
			least, _ := strconv.ParseInt(value, 10, 64)
			if p.number("limit") >= least {
				return ""
			}
			return "count fewer than " + value + " references"
		}},
		{readsNeed, "mostly looks objects up and uses them: the cost is that of " + workloads.ListRCU.Name, "", nil},
		{churnNeed, "objects live briefly: the cost is that of " + workloads.Churn.Name, "", nil},
		{workloadNeed, "the cost is that of this workload, with knobs as in getput:hold=100; default " + workloads.GetPut.Name, "", nil},
		{cpusNeed, "on so many CPUs; default as many as there are numbers for", "", nil},
	}
}

// Names returns the names of all needs.
func Names() (names []string) {
	for _, n := range All() {
		names = append(names, n.Name)
	}
	return names
}

// A Wanted is a need with its value.
type Wanted struct {
	Need
	Value string // "" if the need has none
}

func (w Wanted) String() string { return w.Name + w.Value }

// Needs are what a program needs.
type Needs struct {
	List     []Wanted
	Workload string // as a flag names it: "getput:hold=100"
	CPUs     int    // 0 for as many as there are numbers for
}

// split returns the needs of lists with commas. What follows a workload with knobs and is no
// need is one more knob.
func split(texts []string) (items []string) {
	names := Names()
	for _, text := range texts {
		begin := len(items)
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			key, _, valued := strings.Cut(item, "=")
			if n := len(items); n > begin && valued && !slices.Contains(names, key+"=") && strings.HasPrefix(items[n-1], workloadNeed) && strings.Contains(items[n-1], ":") {
				items[n-1] += "," + item
				continue
			}
			items = append(items, item)
		}
	}
	return items
}

// Parse reads needs, each text a list with commas. It returns an error for what nobody knows, and for needs that
// contradict each other.
func Parse(texts []string) (*Needs, error) {
	n := &Needs{Workload: workloads.GetPut.Name}
	all := All()
	at := make(map[string]Wanted)
	for _, text := range split(texts) {
		name, value, valued := strings.Cut(text, "=")
		if valued {
			name += "="
		}
		i := slices.IndexFunc(all, func(n Need) bool { return n.Name == name })
		if i < 0 {
			return nil, unknown(text, name)
		}
		w := Wanted{all[i], value}
		if before, ok := at[name]; ok {
			if before.Value != value {
				return nil, fmt.Errorf("%s and %s contradict each other: give one of the two", before, w)
			}
			continue
		}
		at[name] = w
		switch name {
		case "bytes=", "limit=":
			if v, err := strconv.ParseInt(value, 10, 64); err != nil || v < 1 {
				return nil, fmt.Errorf("%s: want a number from 1 on, as in %s16", w, name)
			}
		case cpusNeed:
			v, err := strconv.Atoi(value)
			if err != nil || v < 1 {
				return nil, fmt.Errorf("%s: want a number from 1 on, as in cpus=2", w)
			}
			n.CPUs = v
		case workloadNeed:
			if value == "" {
				return nil, fmt.Errorf("workload= names no workload: want one of refbench list, as in workload=%s", workloads.Churn.Name)
			}
			n.Workload = value
		case readsNeed:
			n.Workload = workloads.ListRCU.Name
		case churnNeed:
			n.Workload = workloads.Churn.Name
		}
		n.List = append(n.List, w)
	}
	var loads []string
	for _, name := range []string{readsNeed, churnNeed, workloadNeed} {
		if w, ok := at[name]; ok {
			loads = append(loads, w.String())
		}
	}
	if len(loads) > 1 {
		return nil, fmt.Errorf("%s contradict each other: each says by which workload the cost is measured; give one of them", strings.Join(loads, " and "))
	}
	return n, nil
}

// unknown is the error of a need that nobody knows.
func unknown(text, name string) error {
	names := Names()
	for _, n := range names {
		switch {
		case n == text+"=":
			return fmt.Errorf("%s wants a value, as in %s2", text, n)
		case n+"=" == name:
			return fmt.Errorf("%s takes no value: want just %s", text, n)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(levenshtein.ComputeDistance(name, a), levenshtein.ComputeDistance(name, b))
	})
	return fmt.Errorf("unknown need %q: there are %s", text, strings.Join(names, ", "))
}

// Lacks returns why a promise doesn't have what is needed: by the first need that it doesn't
// have, "" if it has all. A field that isn't there is lacking.
func (n *Needs) Lacks(fields [][2]string) string {
	p := make(promise, len(fields))
	for _, f := range fields {
		p[f[0]] = f[1]
	}
	for _, w := range n.List {
		if w.lacks == nil {
			continue
		}
		if why := w.lacks(p, w.Value); why != "" {
			return why
		}
	}
	return ""
}

// table is the name that the workload has in a report.
func (n *Needs) table() string {
	name, knobs, _ := strings.Cut(n.Workload, ":")
	return strings.Join(append([]string{name}, strings.FieldsFunc(knobs, func(r rune) bool { return r == ',' })...), " ")
}

// String lists the needs.
func (n *Needs) String() string {
	var texts []string
	for _, w := range n.List {
		texts = append(texts, w.String())
	}
	return strings.Join(texts, ", ")
}
