// Package doctor finds out what of a machine and of a process would spoil a run of
// refbench.
package doctor

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/cpulist"
	"github.com/refbench/refbench/workloads/bench/topology"
)

// A State says how bad something is.
type State string

const (
	Fine    State = "fine"    // it does no harm
	Note    State = "note"    // it limits what the numbers say, or is good to know
	Spoils  State = "spoils"  // with it, numbers are wrong or vary more than they should
	Unknown State = "unknown" // the system doesn't tell
)

// A Condition is one thing that was looked at.
type Condition struct {
	Name  string `json:"name"`
	State State  `json:"state"`

	// Is says what was found, or why it is unknown.
	Is string `json:"is"`

	// Effect is what it does to numbers. It is empty if it does nothing.
	Effect string `json:"effect,omitempty"`

	// Mend is the command that mends it, or what to do where no command does. It is
	// empty if there is nothing to mend.
	Mend string `json:"mend,omitempty"`
}

// A Host is what is examined: a machine as one process sees it.
type Host struct {
	Root   fs.FS // "/", where the system's files are
	CPUs   cpu.Set
	Getenv func(string) string
}

// checks are what is looked at, in the order of the conditions.
var checks = [...]struct {
	name string
	look func(Host) Condition
}{
	{"binding", binding},
	{"governor", governor},
	{"turbo", turbo},
	{"power", power},
	{"load", load},
	{"hypervisor", hypervisor},
	{"quota", quota},
	{"affinity", affinity},
	{"isolation", isolation},
	{"smt", smt},
	{"kinds", kinds},
	{"numabalancing", numaBalancing},
	{"clocksource", clocksource},
	{"counters", counters},
	{"preemption", preemption},
	{"gomaxprocs", goMaxProcs},
	{"collector", collector},
}

// Examine looks at everything and returns what it finds, fine or not, always in the same
// order.
func Examine(h Host) []Condition {
	conditions := make([]Condition, len(checks))
	for i, c := range checks {
		conditions[i] = c.look(h)
		conditions[i].Name = c.name
	}
	return conditions
}

// With returns the conditions that have one of the states.
func With(conditions []Condition, states ...State) []Condition {
	return slices.DeleteFunc(slices.Clone(conditions), func(c Condition) bool { return !slices.Contains(states, c.State) })
}

func fine(is string) Condition     { return Condition{State: Fine, Is: is} }
func unknown(why string) Condition { return Condition{State: Unknown, Is: why} }

// read returns the text of a file below the root. It reports false if it can't be read.
func (h Host) read(name string) (string, bool) {
	b, err := fs.ReadFile(h.Root, name)
	return strings.TrimSpace(string(b)), err == nil
}

// unread says that a file can't be read, and so what isn't known.
func unread(name string) Condition { return unknown("/" + name + " can't be read") }

func binding(h Host) Condition {
	if h.CPUs.Bindable {
		return fine("threads can be bound to CPUs")
	}
	return Condition{
		State: Spoils, Is: h.CPUs.Unbindable,
		Effect: "workers move between CPUs, so times vary and no placement holds",
		Mend:   "measure where threads can be bound, as on Linux",
	}
}

// Linux Documentation/admin-guide/pm/cpufreq.rst
func governor(h Host) Condition {
	byName := make(map[string][]int)
	for _, id := range h.CPUs.Topology.IDs() {
		if name, ok := h.read(fmt.Sprintf("sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", id)); ok && name != "" {
			byName[name] = append(byName[name], id)
		}
	}
	if len(byName) == 0 {
		return unknown("the system shows no governor, as in most virtual machines")
	}
	var others []string
	for name, ids := range byName {
		if name != "performance" {
			others = append(others, fmt.Sprintf("%.30q on CPU %s", name, cpulist.Format(ids)))
		}
	}
	if len(others) == 0 {
		return fine("performance")
	}
	slices.Sort(others)
	return Condition{
		State: Spoils, Is: strings.Join(others, ", "),
		Effect: "the clock follows the load, so times depend on what ran just before",
		Mend:   "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
	}
}

// Linux Documentation/admin-guide/pm/intel_pstate.rst and cpufreq.rst
func turbo(h Host) Condition {
	for _, s := range []struct{ file, off, on string }{
		{"sys/devices/system/cpu/intel_pstate/no_turbo", "1", "0"},
		{"sys/devices/system/cpu/cpufreq/boost", "0", "1"},
	} {
		switch text, _ := h.read(s.file); text {
		case s.off:
			return fine("off")
		case s.on:
			return Condition{
				State: Spoils, Is: "on",
				Effect: "few busy CPUs run faster than many, so strategies seem to scale worse than they do",
				Mend:   "echo " + s.off + " | sudo tee /" + s.file,
			}
		}
	}
	return unknown("the system shows no switch for it, as in most virtual machines")
}

// Linux Documentation/ABI/testing/sysfs-class-power
func power(h Host) Condition {
	const dir = "sys/class/power_supply"
	entries, err := fs.ReadDir(h.Root, dir)
	if err != nil {
		return unread(dir)
	}
	plugged, unplugged := false, false
	for _, e := range entries {
		if kind, _ := h.read(path.Join(dir, e.Name(), "type")); kind != "Mains" {
			continue
		}
		online, _ := h.read(path.Join(dir, e.Name(), "online"))
		plugged = plugged || online == "1"
		unplugged = unplugged || online == "0"
	}
	if unplugged && !plugged {
		return Condition{
			State: Spoils, Is: "on battery",
			Effect: "the clock is lowered to save power",
			Mend:   "plug it in",
		}
	}
	return fine("not on battery")
}

// mostLoad is the load average from which a machine counts as busy: half of the time one
// thread ran or wanted to.
const mostLoad = 0.5

// proc_loadavg(5)
func load(h Host) Condition {
	const file = "proc/loadavg"
	text, ok := h.read(file)
	if !ok {
		return unread(file)
	}
	one, _, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(one, 64)
	switch {
	case err != nil || !(n >= 0): // not NaN either
		return unknown(fmt.Sprintf("/%s holds %.30q", file, text))
	case n < mostLoad:
		return fine(one + " over the last minute")
	}
	return Condition{
		State: Spoils, Is: one + " over the last minute, in which a run of refbench counts too",
		Effect: "samples that share a CPU with something else are excluded, and what isn't noticed makes times longer",
		Mend:   "end what top shows, or wait",
	}
}

// mostStolen is the share of the CPUs' time from which steal counts as bad.
const mostStolen = 0.01

// hypervisor tells virtual machines on x86 by the flag that stands for CPUID 1, ECX bit 31.
func hypervisor(h Host) Condition {
	info, ok := h.read("proc/cpuinfo")
	if !ok {
		return unread("proc/cpuinfo")
	}
	virtual, told := false, false
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "flags" {
			told = true
			virtual = virtual || slices.Contains(strings.Fields(value), "hypervisor")
		}
	}
	stolen, known := h.stolen()
	of := ""
	if known {
		of = fmt.Sprintf(", others took %.2g %% of the CPUs' time since it started", 100*stolen)
	}
	switch {
	case known && stolen > mostStolen:
		return Condition{
			State: Spoils, Is: "a virtual machine" + of,
			Effect: "samples in which much is taken are excluded, others vary",
			Mend:   "measure on a machine of your own, or with CPUs of your own (dedicated)",
		}
	case virtual:
		return Condition{
			State: Note, Is: "a virtual machine" + of,
			Effect: "which CPUs are threads of one core or share a cache may not be as the system shows it",
			Mend:   "measure on the bare machine if that matters",
		}
	case told:
		return fine("none seen" + of)
	}
	return unknown("this processor doesn't tell whether the machine is a virtual one" + of)
}

// stolen returns the share of its CPUs' time that other virtual machines took since this one
// started.
func (h Host) stolen() (share float64, ok bool) {
	text, ok := h.read("proc/uptime") // proc_uptime(5): seconds
	if !ok {
		return 0, false
	}
	first, _, _ := strings.Cut(text, " ")
	up, err := strconv.ParseFloat(first, 64)
	ids := h.CPUs.Topology.IDs()
	if err != nil || up <= 0 || len(ids) == 0 {
		return 0, false
	}
	steal, ok := cpu.Steal(h.Root, ids)
	return steal.Seconds() / up / float64(len(ids)), ok
}

func quota(h Host) Condition {
	if _, ok := h.read("proc/self/cgroup"); !ok {
		return unread("proc/self/cgroup")
	}
	n := len(h.CPUs.Order)
	if q := h.CPUs.Quota; q > 0 && q < float64(n) {
		none := "max"
		if strings.HasSuffix(h.CPUs.QuotaFile, "cfs_quota_us") {
			none = "-1"
		}
		return Condition{
			State: Spoils, Is: fmt.Sprintf("%.4g of %s by %s", q, plural(n, "CPU"), h.CPUs.QuotaFile),
			Effect: fmt.Sprintf("all threads stop for the rest of a period once it is used up, and at most %s measured", numberAre(h.CPUs.Max(), "CPU")),
			Mend:   "echo " + none + " | sudo tee " + h.CPUs.QuotaFile,
		}
	}
	return fine("none below the CPUs that are used")
}

// onlineFile lists the CPUs that are switched on. Where it can't be read, nothing of /sys can.
const onlineFile = "sys/devices/system/cpu/online"

func affinity(h Host) Condition {
	text, ok := h.read(onlineFile)
	online, err := cpulist.Parse(text)
	if !ok || err != nil {
		return unread(onlineFile)
	}
	mask := h.CPUs.Topology.IDs()
	if len(mask) >= len(online) {
		return fine("all CPUs may be used")
	}
	return Condition{
		State: Note, Is: fmt.Sprintf("CPUs %s of %s may be used", cpulist.Format(mask), cpulist.Format(online)),
		Effect: "the others aren't measured, and what runs there may share cores and caches with the workers",
		Mend:   "taskset -c " + cpulist.Format(online) + " refbench",
	}
}

// Linux Documentation/admin-guide/kernel-parameters.txt, isolcpus
func isolation(h Host) Condition {
	const file = "sys/devices/system/cpu/isolated"
	text, ok := h.read(file)
	if !ok {
		return unread(file)
	}
	isolated, err := cpulist.Parse(text)
	if err != nil {
		return fine("no CPU is isolated, which is no fault")
	}
	return Condition{
		State: Note, Is: "CPUs " + cpulist.Format(isolated) + " are kept free of other threads",
		Effect: "workers there are disturbed least",
		Mend:   "taskset -c " + cpulist.Format(isolated) + " refbench run --placement " + cpulist.Format(isolated),
	}
}

func smt(h Host) Condition {
	t := h.CPUs.Topology
	active, known := h.read("sys/devices/system/cpu/smt/active")
	for _, b := range t.Boundaries(h.CPUs.Order) {
		if slices.Contains(b.Last, topology.LastCore) {
			return Condition{
				State: Note, Is: fmt.Sprintf("%s are threads of %s: with placement %s, more than %s share cores",
					plural(len(t.CPUs), "CPU"), plural(t.Cores(), "core"), h.CPUs.Placement, plural(b.CPUs, "worker")),
				Effect: "threads of one core slow each other, which isn't what counting costs",
				Mend:   "refbench run --placement nosmt",
			}
		}
	}
	switch {
	case t.Cores() < len(t.CPUs):
		return fine(fmt.Sprintf("placement %s uses one thread of each core", h.CPUs.Placement))
	case known && active == "0":
		return fine("off")
	case known && active == "1":
		return Condition{
			State: Note, Is: "on, and the second threads of the cores may not be used by this process",
			Effect: "what runs on them slows the workers",
			Mend:   "echo off | sudo tee /sys/devices/system/cpu/smt/control",
		}
	}
	return unknown("the system doesn't show which CPUs are threads of one core")
}

func kinds(h Host) Condition {
	t := h.CPUs.Topology
	if _, ok := h.read(onlineFile); !ok {
		return unread(onlineFile)
	}
	if t.Kinds() < 2 {
		return fine("all cores are of one kind")
	}
	byKind := make([][]int, t.Kinds())
	for _, c := range t.CPUs {
		byKind[c.Kind] = append(byKind[c.Kind], c.ID)
	}
	var lists []string
	for _, ids := range byKind {
		lists = append(lists, cpulist.Format(ids))
	}
	return Condition{
		State: Note, Is: "cores of different speed: CPUs " + strings.Join(lists, "; then "),
		Effect: "numbers of CPUs with more than one kind mix fast and slow workers",
		Mend:   "refbench run --placement " + lists[0],
	}
}

// Linux Documentation/admin-guide/sysctl/kernel.rst, numa_balancing
func numaBalancing(h Host) Condition {
	const file = "proc/sys/kernel/numa_balancing"
	_, shown := h.read(onlineFile)
	text, ok := h.read(file)
	switch {
	case shown && h.CPUs.Topology.Nodes() < 2:
		return fine("there is one NUMA node")
	case !ok:
		return unread(file)
	case text == "0":
		return fine("off")
	}
	return Condition{
		State: Spoils, Is: "on",
		Effect: "the kernel takes pages away and moves them between NUMA nodes while samples are taken",
		Mend:   "sudo sysctl kernel.numa_balancing=0",
	}
}

// Clock sources that the kernel's vDSO reads without a system call (Linux
// arch/*/include/asm/vdso/clocksource.h and the drivers that set vdso_clock_mode), and some
// that it doesn't.
var (
	quickClocks = []string{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "timebase", "riscv_clocksource", "tod"}
	slowClocks  = []string{"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"}
)

func clocksource(h Host) Condition {
	const file = "sys/devices/system/clocksource/clocksource0/current_clocksource"
	text, ok := h.read(file)
	switch {
	case !ok:
		return unread(file)
	case slices.Contains(quickClocks, text):
		return fine(text)
	case slices.Contains(slowClocks, text):
		return Condition{
			State: Spoils, Is: text,
			Effect: "each look at the clock is a system call, which workers pay between batches of operations",
			Mend:   "echo tsc | sudo tee /" + file,
		}
	}
	return unknown(fmt.Sprintf("it isn't known how long it takes to read %.30q", text))
}

// Linux Documentation/admin-guide/sysctl/kernel.rst, perf_event_paranoid; some distributions
// have 3 and 4, which forbid everything.
func counters(h Host) Condition {
	const file = "proc/sys/kernel/perf_event_paranoid"
	text, ok := h.read(file)
	n, err := strconv.Atoi(text)
	switch {
	case !ok || err != nil:
		return unread(file)
	case n <= 2:
		return fine("a process may count its own events: perf_event_paranoid is " + text)
	}
	return Condition{
		State: Note, Is: "perf_event_paranoid is " + text,
		Effect: "a user without rights of his own can't read hardware counters; times are the same",
		Mend:   "sudo sysctl kernel.perf_event_paranoid=2",
	}
}

func preemption(h Host) Condition {
	if slices.Contains(strings.Split(h.Getenv("GODEBUG"), ","), "asyncpreemptoff=1") {
		return Condition{
			State: Spoils, Is: "GODEBUG has asyncpreemptoff=1",
			Effect: "a loop without calls can't be stopped, so all workers wait for it whenever garbage is collected",
			Mend:   "unset GODEBUG",
		}
	}
	return fine("goroutines can be stopped anywhere")
}

func goMaxProcs(h Host) Condition {
	text := h.Getenv("GOMAXPROCS")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n >= h.CPUs.Max() {
		return fine("not below the CPUs that are used")
	}
	return Condition{
		State: Note, Is: "GOMAXPROCS is " + text,
		Effect: fmt.Sprintf("workers have their room all the same, but names end in -%d, so benchstat takes the samples of other runs for other benchmarks", n),
		Mend:   "unset GOMAXPROCS",
	}
}

func collector(h Host) Condition {
	var set []string
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if h.Getenv(name) != "" {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return fine("as Go has it")
	}
	return Condition{
		State: Note, Is: strings.Join(set, " and ") + " set in the environment",
		Effect: "workloads that allocate, such as churn, don't compare with other runs",
		Mend:   "unset " + strings.Join(set, " "),
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func numberAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return plural(n, noun) + " are"
}
