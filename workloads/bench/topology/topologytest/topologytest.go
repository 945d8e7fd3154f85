// Package topologytest makes the files below /sys of machines that aren't there, for tests.
//
// The files have the shape of those of real machines: their names, what stands in them,
// and how CPUs are numbered.
package topologytest

import (
	"fmt"
	"slices"
	"strconv"
	"testing/fstest"

	"github.com/refbench/refbench/workloads/bench/cpulist"
)

// A CPU is one CPU of a machine that is on line.
type CPU struct {
	ID       int
	Socket   int
	Node     int
	Core     int // of the machine: threads of one core have the same
	Cache    int // of the last level, likewise
	Capacity int // cpu_capacity; 0: there is no such file
	Kind     string
}

// A Machine is what Files makes files of.
type Machine struct {
	CPUs       []CPU
	CacheLevel int // of the last level; 0: the caches aren't shown
	CacheSize  string
}

// A Shape is a machine that is the same all over. Each number is for one of what stands
// before.
type Shape struct {
	Sockets, Nodes, Caches, Cores, Threads int
	Apart                                  bool // second threads are numbered after all first ones, as n and n+half
	CacheSize                              string
}

// Machine returns the machine of a shape.
func (s Shape) Machine() Machine {
	m := Machine{CacheLevel: 3, CacheSize: s.CacheSize}
	cores := s.Sockets * s.Nodes * s.Caches * s.Cores
	for core := range cores {
		cache := core / s.Cores
		for thread := range s.Threads {
			id := core*s.Threads + thread
			if s.Apart {
				id = thread*cores + core
			}
			m.CPUs = append(m.CPUs, CPU{
				ID: id, Core: core, Cache: cache, Node: cache / s.Caches, Socket: cache / s.Caches / s.Nodes,
			})
		}
	}
	return m
}

// Xeon is a machine of two sockets with 24 cores each and two threads a core, numbered n and
// n+48: 96 CPUs.
func Xeon() Machine {
	return Shape{Sockets: 2, Nodes: 1, Caches: 1, Cores: 24, Threads: 2, Apart: true, CacheSize: "36608K"}.Machine()
}

// EPYC is a machine of two sockets with 64 cores each and two threads a core, in eight caches
// and, as it is set (NPS4), four NUMA nodes a socket: 256 CPUs.
func EPYC() Machine {
	return Shape{Sockets: 2, Nodes: 4, Caches: 2, Cores: 8, Threads: 2, Apart: true, CacheSize: "32768K"}.Machine()
}

// Hybrid is an Intel processor with 8 fast cores of two threads, numbered side by side, and
// 16 slow ones of one: 32 CPUs on one cache.
func Hybrid() Machine {
	m := Machine{CacheLevel: 3, CacheSize: "36864K"}
	for core := range 24 {
		kind, threads := "cpu_core", 2
		if core >= 8 {
			kind, threads = "cpu_atom", 1
		}
		for range threads {
			m.CPUs = append(m.CPUs, CPU{ID: len(m.CPUs), Core: core, Kind: kind})
		}
	}
	return m
}

// Arm is a processor of two clusters, of four slow cores and of four fast ones, with a
// cache for each cluster. As older kernels have it, a cluster is a package.
func Arm() Machine {
	m := Machine{CacheLevel: 2, CacheSize: "2048K"}
	for id := range 8 {
		cluster := id / 4
		m.CPUs = append(m.CPUs, CPU{
			ID: id, Core: id, Cache: cluster, Socket: cluster, Capacity: [...]int{381, 1024}[cluster],
		})
	}
	return m
}

// VM is a virtual machine of two CPUs that shows no caches.
func VM() Machine {
	return Machine{CPUs: []CPU{{ID: 0, Core: 0, Capacity: 1024}, {ID: 1, Core: 1, Capacity: 1024}}}
}

// Without returns the machine with some CPUs switched off.
func (m Machine) Without(offline ...int) Machine {
	m.CPUs = slices.DeleteFunc(slices.Clone(m.CPUs), func(c CPU) bool { return slices.Contains(offline, c.ID) })
	return m
}

// IDs returns the numbers of the CPUs, from the least on.
func (m Machine) IDs() []int { return m.with(func(CPU) bool { return true }) }

// with returns the CPUs for which something holds, from the least on.
func (m Machine) with(holds func(CPU) bool) []int {
	var ids []int
	for _, c := range m.CPUs {
		if holds(c) {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Files returns the machine's files, under the root of the file system.
func (m Machine) Files() fstest.MapFS {
	fs := make(fstest.MapFS)
	put := func(name string, text any) { fs["sys/devices/"+name] = &fstest.MapFile{Data: fmt.Appendln(nil, text)} }
	list := func(holds func(CPU) bool) string { return cpulist.Format(m.with(holds)) }

	put("system/cpu/online", cpulist.Format(m.IDs()))
	for _, c := range m.CPUs {
		dir := "system/cpu/cpu" + strconv.Itoa(c.ID) + "/"
		threads := list(func(o CPU) bool { return o.Core == c.Core })
		put(dir+"topology/physical_package_id", c.Socket)
		put(dir+"topology/core_id", c.Core)
		put(dir+"topology/core_cpus_list", threads)
		put(dir+"topology/thread_siblings_list", threads)
		put(dir+"topology/package_cpus_list", list(func(o CPU) bool { return o.Socket == c.Socket }))
		if c.Capacity > 0 {
			put(dir+"cpu_capacity", c.Capacity)
		}
		if m.CacheLevel > 0 {
			for i, cache := range []struct {
				level      int
				kind, size string
				shared     string
			}{
				{1, "Data", "48K", threads},
				{1, "Instruction", "32K", threads},
				{m.CacheLevel, "Unified", m.CacheSize, list(func(o CPU) bool { return o.Cache == c.Cache })},
			} {
				index := dir + "cache/index" + strconv.Itoa(i) + "/"
				put(index+"level", cache.level)
				put(index+"type", cache.kind)
				put(index+"size", cache.size)
				put(index+"shared_cpu_list", cache.shared)
			}
		}
		put("system/node/node"+strconv.Itoa(c.Node)+"/cpulist", list(func(o CPU) bool { return o.Node == c.Node }))
		if c.Kind != "" {
			put(c.Kind+"/cpus", list(func(o CPU) bool { return o.Kind == c.Kind }))
		}
	}
	return fs
}
