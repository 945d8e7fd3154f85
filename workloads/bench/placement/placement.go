// Package placement says which CPU each worker gets: workers are put on CPUs in one order,
// and n of them have the first n.
package placement

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/refbench/refbench/workloads/bench/cpulist"
	"github.com/refbench/refbench/workloads/bench/topology"
)

// A Placement is a way to order CPUs. The zero value is [Compact].
type Placement struct {
	rule *rule
	list []int // what the user chose instead of a rule
}

type rule struct {
	name, doc string
	order     func([]topology.CPU) []topology.CPU
}

var (
	// Compact goes from near to far. It fills one socket after the other; within a
	// socket first one thread of each core, then the second threads. Among first
	// threads it fills the fast cores before slow ones, one NUMA node before the next,
	// and one cache before the next. So workers are as near as they can be, but share a
	// core only when every core of the socket has a worker: what two threads of a core
	// do to each other isn't what counting references costs. Sockets with faster cores
	// come first.
	//
	// Tools differ here. OpenMP's proc_bind(close) over places of threads fills all threads
	// of a core before the next core, and most servers number the first threads of all
	// sockets before any second thread.
	Compact = Placement{rule: &rules[0]}

	// Spread goes from far to near. Each worker is as far from the ones before it as
	// can be: sockets take turns, in each of them NUMA nodes, in each of these caches,
	// and then cores. Second threads come when every core of the machine has a worker.
	Spread = Placement{rule: &rules[1]}

	// NoSMT is Compact with the first thread of each core only.
	NoSMT = Placement{rule: &rules[2]}
)

var rules = [...]rule{
	{"compact", "fill one cache, NUMA node and socket before the next, cores before their second threads", compact},
	{"spread", "take turns between sockets, NUMA nodes, caches and cores", spread},
	{"nosmt", "like compact, with one thread of each core only", func(cs []topology.CPU) []topology.CPU {
		return compact(slices.DeleteFunc(slices.Clone(cs), func(c topology.CPU) bool { return c.Thread > 0 }))
	}},
}

// Names returns the names that Parse knows, each with what it means after a tab.
func Names() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name+"\t"+r.doc)
	}
	return names
}

// Parse returns the placement of a name, or that of a list of CPUs such as 0-3,8, which are
// filled as they stand there.
func Parse(text string) (Placement, error) {
	for i := range rules {
		if text == rules[i].name {
			return Placement{rule: &rules[i]}, nil
		}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && r != ',' && r != '-' && (r < '0' || r > '9') }) {
		return Placement{}, fmt.Errorf("%q: want compact, spread, nosmt or a list of CPUs such as 0-3,8", text)
	}
	list, err := cpulist.Parse(text)
	if err != nil {
		return Placement{}, err
	}
	return Placement{list: list}, nil
}

// String returns what Parse reads.
func (p Placement) String() string {
	switch {
	case len(p.list) > 0:
		return cpulist.Format(p.list)
	case p.rule == nil:
		return Compact.rule.name
	}
	return p.rule.name
}

// Order returns the CPUs of a topology in the order in which workers get them. It returns an
// error if a CPU of the list isn't there.
func (p Placement) Order(t topology.Topology) ([]int, error) {
	if len(p.list) > 0 {
		for _, id := range p.list {
			if _, ok := t.Find(id); !ok {
				return nil, fmt.Errorf("CPU %d can't be used: this process may use %s", id, cpulist.Format(t.IDs()))
			}
		}
		return slices.Clone(p.list), nil
	}
	if len(t.CPUs) == 0 {
		return nil, errors.New("there is no CPU that this process may use")
	}
	r := p.rule
	if r == nil {
		r = Compact.rule
	}
	var order []int
	for _, c := range r.order(t.CPUs) {
		order = append(order, c.ID)
	}
	return order, nil
}

// fastest returns the rank of the fastest kind of cores in each socket.
func fastest(cpus []topology.CPU) map[int]int {
	kinds := make(map[int]int)
	for _, c := range cpus {
		if k, ok := kinds[c.Package]; !ok || c.Kind < k {
			kinds[c.Package] = c.Kind
		}
	}
	return kinds
}

func compact(cpus []topology.CPU) []topology.CPU {
	kinds := fastest(cpus)
	cpus = slices.Clone(cpus)
	slices.SortFunc(cpus, func(a, b topology.CPU) int {
		return cmp.Or(
			cmp.Compare(kinds[a.Package], kinds[b.Package]),
			cmp.Compare(a.Package, b.Package),
			cmp.Compare(a.Thread, b.Thread),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Node, b.Node),
			cmp.Compare(a.Cache, b.Cache),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return cpus
}

func spread(cpus []topology.CPU) []topology.CPU {
	// Groups keep the order of their first CPUs.
	cpus = compact(cpus)
	var all []topology.CPU
	for thread := 0; len(all) < len(cpus); thread++ {
		var ones []topology.CPU
		for _, c := range cpus {
			if c.Thread == thread {
				ones = append(ones, c)
			}
		}
		all = append(all, inTurn(ones,
			func(c topology.CPU) int { return c.Package },
			func(c topology.CPU) int { return c.Node },
			func(c topology.CPU) int { return c.Cache },
		)...)
	}
	return all
}

// inTurn takes one CPU of each group in turn, and in each group one of each group of the
// next level.
func inTurn(cpus []topology.CPU, levels ...func(topology.CPU) int) []topology.CPU {
	if len(levels) == 0 || len(cpus) < 2 {
		return cpus
	}
	var keys []int
	groups := make(map[int][]topology.CPU)
	for _, c := range cpus {
		k := levels[0](c)
		if _, ok := groups[k]; !ok {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], c)
	}
	for k, g := range groups {
		groups[k] = inTurn(g, levels[1:]...)
	}
	var all []topology.CPU
	for i := 0; len(all) < len(cpus); i++ {
		for _, k := range keys {
			if g := groups[k]; i < len(g) {
				all = append(all, g[i])
			}
		}
	}
	return all
}
