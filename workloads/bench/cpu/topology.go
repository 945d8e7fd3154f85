package cpu

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A Place is where a CPU sits.
type Place struct {
	CPU     int // the system's number
	Package int // physical_package_id: the socket
	Core    int // core_id, unique within the package
}

// Topology reads the places of the CPUs (Linux
// Documentation/admin-guide/cputopology.rst). A CPU that the system says nothing
// about counts as a core of its own in package 0.
func Topology(root fs.FS, cpus []int) []Place {
	places := make([]Place, len(cpus))
	for i, c := range cpus {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/", c)
		pkg, ok1 := readInt(root, dir+"physical_package_id")
		core, ok2 := readInt(root, dir+"core_id")
		if !ok1 || pkg < 0 {
			pkg = 0 // -1 stands for unknown
		}
		if !ok2 || core < 0 {
			core = c
		}
		places[i] = Place{CPU: c, Package: pkg, Core: core}
	}
	return places
}

// Compact returns the CPUs in compact order: one package after the other;
// within a package first one thread of each core, then the second threads, and
// so on. So workers share a cache as near as possible, but share a core only
// when every core of the package has a worker already: what two threads of one
// core do to each other isn't what counting references costs.
func Compact(places []Place) []int {
	type core struct{ pkg, core int }
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b Place) int { return cmp.Compare(a.CPU, b.CPU) })
	rank := make(map[core]int) // threads of the core seen so far
	type ranked struct {
		Place
		thread int
	}
	all := make([]ranked, len(places))
	for i, p := range places {
		k := core{p.Package, p.Core}
		all[i] = ranked{p, rank[k]}
		rank[k]++
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(a.Package, b.Package),
			cmp.Compare(a.thread, b.thread),
			cmp.Compare(a.CPU, b.CPU),
		)
	})
	order := make([]int, len(all))
	for i, p := range all {
		order[i] = p.CPU
	}
	return order
}

func readInt(root fs.FS, name string) (int, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return n, err == nil
}
