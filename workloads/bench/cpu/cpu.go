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
)

// A Set is the CPUs that the process may use.
type Set struct {
	// Order lists the CPUs of the affinity mask, as the system numbers
	// them, in the order in which workers fill them: see [Compact].
	Order []int

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

// Detect reads the set of this process. It is called before any thread is
// bound.
func Detect() (Set, error) {
	mask, err := Mask()
	if err != nil {
		return Set{}, fmt.Errorf("read the affinity mask: %w", err)
	}
	root := os.DirFS("/")
	s := DetectIn(root, mask)
	s.Bindable, s.Unbindable = bindable(s.Order)
	return s, nil
}

// DetectIn is Detect for the CPUs of a mask on a machine whose files are
// under root. Bindable isn't filled in.
func DetectIn(root fs.FS, mask []int) Set {
	s := Set{Order: Compact(Topology(root, mask))}
	s.Quota, s.QuotaFile = Quota(root)
	return s
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

// Sweep returns the numbers of CPUs that show how something scales: the powers
// of two below Max, and Max.
func (s Set) Sweep() []int {
	var ns []int
	for n := 1; n < s.Max(); n *= 2 {
		ns = append(ns, n)
	}
	return append(ns, s.Max())
}

// Why says where Max comes from.
func (s Set) Why() string {
	mask := fmt.Sprintf("the affinity mask has %d %s", len(s.Order), plural(len(s.Order), "CPU", "CPUs"))
	if s.Quota > 0 && s.Quota < float64(len(s.Order)) {
		return fmt.Sprintf("the cgroup quota in %s is %.4g CPUs, %s", s.QuotaFile, s.Quota, mask)
	}
	return mask
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
