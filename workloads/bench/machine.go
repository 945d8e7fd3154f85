package bench

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/cpulist"
	"github.com/refbench/refbench/workloads/bench/doctor"
	"github.com/refbench/refbench/workloads/bench/placement"
)

// Format is the version of the result format: the config line "format".
const Format = "refbench/1"

// A Machine is what a run measures on.
type Machine struct {
	CPUs cpu.Set

	// Procs is the GOMAXPROCS that the process started with: the number at
	// the end of every benchmark's name.
	Procs int

	rates map[int]float64 // steps per ns of the witness, by CPU, of the affinity mask
	root  fs.FS           // "/", where the system's files are
}

// NewMachine finds out about this machine. It is called once, before
// GOMAXPROCS changes, and takes a millisecond for each CPU to calibrate the
// witness of parallelism.
func NewMachine() (*Machine, error) {
	set, err := cpu.Detect()
	if err != nil {
		return nil, err
	}
	m := &Machine{CPUs: set, Procs: runtime.GOMAXPROCS(0), root: os.DirFS("/")}
	m.rates = calibrate(m)
	return m, nil
}

// cpuOf returns the CPU of a worker. Workers beyond the last CPU begin again
// with the first.
func (m *Machine) cpuOf(worker int) int { return m.CPUs.Order[worker%len(m.CPUs.Order)] }

// crowded reports whether so many workers can't have a CPU each.
func (m *Machine) crowded(workers int) bool { return workers > m.CPUs.Max() }

// crowding returns how many of so many workers share a CPU at most.
func (m *Machine) crowding(workers int) int { return (workers + m.CPUs.Max() - 1) / m.CPUs.Max() }

// Place puts the workers of the samples to come on other CPUs. It returns an error, and
// changes nothing, if the placement needs a CPU that the process may not use, or if threads
// can't be bound.
func (m *Machine) Place(p placement.Placement) error {
	if !m.CPUs.Bindable {
		return fmt.Errorf("threads can't be bound to CPUs here: %s", m.CPUs.Unbindable)
	}
	set, err := m.CPUs.Place(p)
	if err != nil {
		return err
	}
	m.CPUs = set
	return nil
}

// Placement names the way in which workers are put on CPUs: the config line
// "placement".
func (m *Machine) Placement() string {
	if m.CPUs.Bindable {
		return m.CPUs.Placement.String()
	}
	return "unpinned"
}

// Examine finds out what of the machine and the process would spoil a run.
func (m *Machine) Examine() []doctor.Condition {
	return doctor.Examine(doctor.Host{Root: m.root, CPUs: m.CPUs, Getenv: os.Getenv})
}

// CheckCPUs returns an error if n workers can't have a CPU each, that says how
// many can and why.
func (m *Machine) CheckCPUs(n int) error {
	switch {
	case n < 1:
		return fmt.Errorf("%d CPUs: want at least 1", n)
	case m.crowded(n):
		return fmt.Errorf("%d CPUs: at most %d allowed here, because %s", n, m.CPUs.Max(), m.CPUs.Why())
	}
	return nil
}

// Config is one line "key: value" of a result file.
type Config struct{ Key, Value string }

// nodeVariable is the environment variable in which Slurm says on which node a job runs.
const nodeVariable = "SLURMD_NODENAME"

// Header returns the config lines of a result file: only what stays the same
// from run to run, so that files and samples of one machine and one commit can
// be put together. The promises and the unsupported pairs are those of all the
// strategies and workloads, whichever are measured.
func (m *Machine) Header(ss []*strategies.Strategy, ws []*workloads.Workload) []Config {
	commit, _ := Commit()
	cs := []Config{
		{"format", Format},
		{"goos", runtime.GOOS},
		{"goarch", runtime.GOARCH},
		{"cpu", cpu.Model()},
		{"cpus", strconv.Itoa(m.CPUs.Max())},
		{"kernel", cpu.Kernel()},
		{"go", runtime.Version()},
		{"commit", commit},
		{"topology", m.CPUs.Topology.String()},
		{"placement", m.Placement()},
		{"barrier", pin.BarrierKind()},
	}
	if node := os.Getenv(nodeVariable); node != "" {
		// Nodes of one kind are machines of their own all the same.
		cs = append(cs, Config{"node", node})
	}
	if m.CPUs.Bindable {
		// A cell of n CPUs has the first n of them.
		cs = append(cs, Config{"cpu-order", cpulist.Format(m.CPUs.Order)})
	}
	for _, s := range ss {
		if s.Baseline != "" {
			cs = append(cs, Config{"baseline-" + s.Name, s.Doc + "; " + s.Baseline})
			continue
		}
		cs = append(cs, Config{"promise-" + s.Name, s.Promise.String()})
		if s.Way != nil {
			cs = append(cs, Config{"way-" + s.Name, s.Way()})
		}
	}
	for _, u := range UnsupportedPairs(ws, ss) {
		cs = append(cs, Config{"unsupported-" + u.Workload + "-" + u.Strategy, u.Reason})
	}
	for i, c := range cs {
		// A line break would end the line, and no value would unset it.
		if cs[i].Value = strings.Join(strings.Fields(c.Value), " "); cs[i].Value == "" {
			cs[i].Value = "unknown"
		}
	}
	return cs
}

// ContentsConfig returns the config line "contents-buffers" of a file whose cells read
// the given contents, so that samples with different ones are never mixed. A file
// without the line has the built-in ones.
func ContentsConfig(contents [][]byte) Config {
	return Config{"contents-" + workloads.Buffers.Name, workloads.DescribeBuffers(contents)}
}
