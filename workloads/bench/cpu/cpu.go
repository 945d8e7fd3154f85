// Package cpu finds out which CPUs the process may use, in which order to fill
// them, and binds threads to them.
//
// Files of the system are read through an fs.FS that stands for "/", so that
// tests can describe other machines.
package cpu

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/refbench/refbench/workloads/bench/placement"
	"github.com/refbench/refbench/workloads/bench/topology"
)

// A Set is the CPUs that the process may use.
type Set struct {
	// Topology is where the CPUs of the affinity mask sit.
	Topology topology.Topology

	// Placement is how workers are put on them, and Order what comes of it: the
	// CPUs, as the system numbers them, in the order in which workers get them. A
	// placement may leave CPUs out.
	Placement placement.Placement
	Order     []int

	// Quota is how many CPUs' worth of time the cgroups of the process
	// allow, 0 if they set no limit.
	Quota float64

	// QuotaFile is where the quota stands.
	QuotaFile string

	// Bindable reports whether threads can be bound to CPUs. Unbindable
	// says why not.
	Bindable   bool
	Unbindable string
}

// Detect reads the set of this process, placed compactly. It is called before any
// thread is bound.
func Detect() (Set, error) {
	mask, err := Mask()
	if err != nil {
		return Set{}, fmt.Errorf("read the affinity mask: %w", err)
	}
	s, err := DetectIn(os.DirFS("/"), mask)
	if err != nil {
		return Set{}, err
	}
	s.Bindable, s.Unbindable = bindable(s.Order)
	return s, nil
}

// DetectIn is Detect for the CPUs of a mask on a machine whose files are
// under root. Bindable isn't filled in.
func DetectIn(root fs.FS, mask []int) (Set, error) {
	s := Set{Topology: topology.Read(root, mask)}
	s.Quota, s.QuotaFile = Quota(root)
	return s.Place(placement.Compact)
}

// Place returns the set with another placement. It returns an error if that needs a CPU
// that the process may not use.
func (s Set) Place(p placement.Placement) (Set, error) {
	order, err := p.Order(s.Topology)
	if err != nil {
		return Set{}, err
	}
	s.Placement, s.Order = p, order
	return s, nil
}

// Max returns how many workers can have a CPU to themselves, at least 1.
func (s Set) Max() int {
	n := len(s.Order)
	if s.Quota > 0 {
		// Half a CPU can't be had all the time: a worker on it would be
		// stopped for a part of every period.
		n = min(n, int(math.Floor(s.Quota)))
	}
	return max(n, 1)
}

// Landmarks returns the numbers of CPUs without which it can't be seen how something
// scales: 1, those with which a cache, a NUMA node, a socket or the like is full (see
// [topology.Topology.Boundaries]), and Max.
func (s Set) Landmarks() []int {
	ns := []int{1, s.Max()}
	for _, b := range s.Topology.Boundaries(s.Order) {
		if b.CPUs < s.Max() {
			ns = append(ns, b.CPUs)
		}
	}
	slices.Sort(ns)
	return slices.Compact(ns)
}

// Sweep returns the numbers of CPUs that show how something scales: the landmarks, and
// the powers of two below Max.
func (s Set) Sweep() []int {
	ns := s.Landmarks()
	for n := 1; n < s.Max(); n *= 2 {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	return slices.Compact(ns)
}

// Why says where Max comes from.
func (s Set) Why() string {
	n := len(s.Topology.CPUs)
	why := fmt.Sprintf("the affinity mask has %d %s", n, plural(n, "CPU", "CPUs"))
	if used := len(s.Order); used < n {
		why = fmt.Sprintf("placement %s has %d of the %d CPUs of the affinity mask", s.Placement, used, n)
	}
	if s.Quota > 0 && s.Quota < float64(len(s.Order)) {
		return fmt.Sprintf("the cgroup quota in %s is %.4g CPUs, %s", s.QuotaFile, s.Quota, why)
	}
	return why
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
