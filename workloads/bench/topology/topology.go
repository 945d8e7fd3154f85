// Package topology reads where the CPUs of a machine sit: which of them are threads of
// one core, and which share a cache, a NUMA node and a socket.
//
// It reads what Linux shows below /sys, through an fs.FS that stands for "/", so that
// tests can describe other machines. The files are those of
// Documentation/admin-guide/cputopology.rst and Documentation/ABI/testing/
// sysfs-devices-system-cpu, sysfs-devices-node and sysfs-bus-event_source-devices. Files
// that are missing or hold something else are as good as unknown, and never an error: a
// container may hide any of them.
package topology

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/refbench/refbench/workloads/bench/cpulist"
)

// A Topology is where CPUs sit.
type Topology struct {
	CPUs   []CPU   // by their numbers
	Caches []Cache // of the last level, by the first of their CPUs
}

// A CPU is what the system calls so: a thread of a core, or a core that has only one.
type CPU struct {
	ID      int // the system's number
	Package int // the socket, by the system's number; 0 if unknown
	Node    int // the NUMA node, by the system's number; 0 if unknown
	Cache   int // of the last level, an index of Caches; -1 if unknown
	Core    int // the number of the first CPU of the core; ID if unknown
	Thread  int // 0 for the first of the CPUs here that are of the core, 1 for the second, ...
	Kind    int // 0 for the fastest kind of cores, 1 for the next, ...
}

// A Cache is one of the last level, which on AMD's machines is that of a CCX.
type Cache struct {
	Level int
	Bytes int64 // 0 if unknown
	CPUs  []int // of the topology that share it
}

// Read reads where some CPUs sit.
func Read(root fs.FS, cpus []int) Topology {
	cpus = slices.Compact(slices.Sorted(slices.Values(cpus)))
	t := Topology{CPUs: make([]CPU, len(cpus))}
	nodes := readNodes(root)
	threads := make(map[int]int) // of the core, seen so far
	type key struct{ level, first int }
	caches := make(map[key]int)
	for i, id := range cpus {
		c := CPU{ID: id, Node: nodes[id], Cache: -1, Core: coreOf(root, id)}
		c.Package = max(readInt(root, fileOf(id, "topology/physical_package_id"), 0), 0) // -1 stands for unknown
		c.Thread = threads[c.Core]
		threads[c.Core]++
		if level, bytes, shared := lastCache(root, id); len(shared) > 0 {
			k := key{level, slices.Min(shared)}
			at, ok := caches[k]
			if !ok {
				at = len(t.Caches)
				caches[k] = at
				t.Caches = append(t.Caches, Cache{Level: level, Bytes: bytes})
			}
			c.Cache = at
			t.Caches[at].CPUs = append(t.Caches[at].CPUs, id)
		}
		t.CPUs[i] = c
	}
	setKinds(root, t.CPUs)
	return t
}

// fileOf returns the name of a file about a CPU.
func fileOf(cpu int, name string) string {
	return "sys/devices/system/cpu/cpu" + strconv.Itoa(cpu) + "/" + name
}

// coreOf returns the first CPU of a CPU's core. The list of its threads tells cores apart
// better than core_id, which different dies and clusters may have in common.
func coreOf(root fs.FS, cpu int) int {
	// The second is what kernels before 5.3 call the first.
	for _, name := range []string{"topology/core_cpus_list", "topology/thread_siblings_list"} {
		if list := readList(root, fileOf(cpu, name)); slices.Contains(list, cpu) {
			return slices.Min(list)
		}
	}
	return cpu
}

// lastCache returns the cache of a CPU that is nearest to memory.
func lastCache(root fs.FS, cpu int) (level int, bytes int64, shared []int) {
	last := ""
	for i := 0; ; i++ {
		dir := fileOf(cpu, "cache/index"+strconv.Itoa(i))
		l := readInt(root, dir+"/level", -1)
		if l < 0 {
			break
		}
		if l > level && readText(root, dir+"/type") != "Instruction" {
			level, last = l, dir
		}
	}
	if last == "" {
		return 0, 0, nil
	}
	shared = readList(root, path.Join(last, "shared_cpu_list"))
	if !slices.Contains(shared, cpu) {
		return 0, 0, nil
	}
	return level, parseSize(readText(root, last+"/size")), shared
}

// parseSize parses the size of a cache: "32768K".
func parseSize(text string) int64 {
	unit := int64(1)
	for suffix, u := range map[string]int64{"K": 1 << 10, "M": 1 << 20} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = digits, u
		}
	}
	n, err := strconv.ParseInt(text, 10, 40)
	if err != nil || n < 0 {
		return 0
	}
	return n * unit
}

// readNodes returns the NUMA node of each CPU that is in one. Nodes of memory alone have
// no CPU.
func readNodes(root fs.FS) map[int]int {
	const dir = "sys/devices/system/node"
	nodes := make(map[int]int)
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nodes
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "node")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil {
			continue
		}
		for _, c := range readList(root, path.Join(dir, e.Name(), "cpulist")) {
			nodes[c] = n
		}
	}
	return nodes
}

// kindsOfIntel are the units of performance monitoring that Intel's hybrid processors have
// for each kind of cores, the fastest first.
var kindsOfIntel = [...]string{"cpu_core", "cpu_atom", "cpu_lowpower"}

// sameKind is how fast a core must be as a share of the fastest of its kind: those of one
// kind differ a little in what the firmware says of them.
const sameKind = 0.9

// setKinds tells kinds of cores apart: by Intel's lists, or by cpu_capacity, which is 1024
// for the fastest cores and less for others (Documentation/scheduler/sched-capacity.rst).
func setKinds(root fs.FS, cpus []CPU) {
	known := make(map[int]int)
	for kind, name := range kindsOfIntel {
		for _, c := range readList(root, "sys/devices/"+name+"/cpus") {
			known[c] = kind
		}
	}
	speed := func(c CPU) int {
		if len(known) > 0 {
			if kind, ok := known[c.ID]; ok {
				return 1 << (len(kindsOfIntel) - kind)
			}
			return 0
		}
		return readInt(root, fileOf(c.ID, "cpu_capacity"), 0)
	}
	speeds := make([]int, len(cpus))
	for i, c := range cpus {
		if speeds[i] = speed(c); speeds[i] <= 0 {
			return // of this one nothing is known, so kinds can't be compared
		}
	}
	order := slices.Clone(speeds)
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(b, a) })
	kinds, fastest := make(map[int]int), 0
	kind := -1
	for _, s := range order {
		if kind < 0 || float64(s) < sameKind*float64(fastest) {
			kind, fastest = kind+1, s
		}
		kinds[s] = kind
	}
	for i, s := range speeds {
		cpus[i].Kind = kinds[s]
	}
}

func readText(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func readInt(root fs.FS, name string, otherwise int) int {
	n, err := strconv.Atoi(readText(root, name))
	if err != nil {
		return otherwise
	}
	return n
}

// readList returns nothing for a file that isn't a list.
func readList(root fs.FS, name string) []int {
	list, err := cpulist.Parse(readText(root, name))
	if err != nil {
		return nil
	}
	return list
}

// Find returns what is known of a CPU by its number. It reports false if it isn't one of
// the topology.
func (t Topology) Find(cpu int) (CPU, bool) {
	i, ok := slices.BinarySearchFunc(t.CPUs, cpu, func(c CPU, id int) int { return cmp.Compare(c.ID, id) })
	if !ok {
		return CPU{}, false
	}
	return t.CPUs[i], true
}

// IDs returns the numbers of the CPUs, from the least on.
func (t Topology) IDs() []int {
	ids := make([]int, len(t.CPUs))
	for i, c := range t.CPUs {
		ids[i] = c.ID
	}
	return ids
}

// count returns how many different values something has over the CPUs: sockets, say, with
// a function that returns the CPU's socket.
func (t Topology) count(what func(CPU) int) int {
	seen := make(map[int]bool)
	for _, c := range t.CPUs {
		seen[what(c)] = true
	}
	return len(seen)
}

// What a CPU belongs to, for count and [Topology.Boundaries].
var (
	byPackage = func(c CPU) int { return c.Package }
	byNode    = func(c CPU) int { return c.Node }
	byCache   = func(c CPU) int { return c.Cache }
	byCore    = func(c CPU) int { return c.Core }
	byKind    = func(c CPU) int { return c.Kind }
)

// Cores returns how many cores there are, and Kinds of how many kinds they are.
func (t Topology) Cores() int { return t.count(byCore) }
func (t Topology) Kinds() int { return t.count(byKind) }

// Nodes returns how many NUMA nodes there are.
func (t Topology) Nodes() int { return t.count(byNode) }

// String returns the topology in one line, as "2 sockets, 4 NUMA nodes, 16 L3 caches of
// 32 MiB, 128 cores, 256 CPUs".
func (t Topology) String() string {
	parts := []string{
		plural(t.count(byPackage), "socket"),
		plural(t.Nodes(), "NUMA node"),
		t.describeCaches(),
		plural(t.Cores(), "core"),
		plural(len(t.CPUs), "CPU"),
	}
	if k := t.Kinds(); k > 1 {
		parts[3] += fmt.Sprintf(" of %d kinds", k)
	}
	return strings.Join(parts, ", ")
}

func (t Topology) describeCaches() string {
	unknown := slices.ContainsFunc(t.CPUs, func(c CPU) bool { return c.Cache < 0 })
	if unknown || len(t.Caches) == 0 {
		return "caches unknown"
	}
	first := t.Caches[0]
	for _, c := range t.Caches[1:] {
		if c.Level != first.Level {
			return plural(len(t.Caches), "last-level cache")
		}
		if c.Bytes != first.Bytes {
			first.Bytes = 0
		}
	}
	text := plural(len(t.Caches), fmt.Sprintf("L%d cache", first.Level))
	switch {
	case first.Bytes >= 1<<20:
		text += fmt.Sprintf(" of %.4g MiB", float64(first.Bytes)/(1<<20))
	case first.Bytes > 0:
		text += fmt.Sprintf(" of %.4g KiB", float64(first.Bytes)/(1<<10))
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// A Boundary is a number of CPUs with which something comes to its end.
type Boundary struct {
	CPUs int

	// Last says of what the last of so many CPUs is the last: see the constants.
	Last []string
}

// What [Boundary.Last] may hold.
const (
	LastCache  = "cache"
	LastNode   = "NUMA node"
	LastKind   = "kind of cores"
	LastSocket = "socket"
	LastCore   = "core without a shared thread"
)

// Boundaries returns the numbers of CPUs after which something new begins when the CPUs are
// filled in an order: the first CPU on a second cache, on a second NUMA node, on a slower
// kind of cores, on a core that has a worker already, on a second socket. A curve bends
// there, if anywhere.
func (t Topology) Boundaries(order []int) []Boundary {
	parts := []struct {
		name string
		of   func(CPU) int
	}{{LastCache, byCache}, {LastNode, byNode}, {LastKind, byKind}, {LastSocket, byPackage}}
	var bs []Boundary
	add := func(n int, name string) {
		if k := len(bs); k == 0 || bs[k-1].CPUs != n {
			bs = append(bs, Boundary{CPUs: n})
		}
		last := &bs[len(bs)-1].Last
		*last = append(*last, name)
	}
	var first CPU
	left := make([]bool, len(parts)) // the first part was left already
	cores := make(map[int]bool)
	shared := false
	for i, id := range order {
		c, ok := t.Find(id)
		if !ok {
			continue
		}
		if len(cores) == 0 {
			first = c
		}
		for p, part := range parts {
			if !left[p] && part.of(c) != part.of(first) {
				left[p] = true
				add(i, part.name)
			}
		}
		if cores[c.Core] && !shared {
			shared = true
			add(i, LastCore)
		}
		cores[c.Core] = true
	}
	return bs
}
