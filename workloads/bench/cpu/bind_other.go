//go:build !linux

package cpu

import (
	"errors"
	"runtime"
	"time"
)

// Mask returns every CPU: there is no affinity mask here that Go can read.
func Mask() ([]int, error) {
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus, nil
}

// Bind always fails here.
func Bind(int) error { return errors.New("threads can't be bound to CPUs on " + runtime.GOOS) }

func bindable([]int) (bool, string) { return false, Bind(0).Error() }

// ThreadUsage reports false: this system isn't asked.
func ThreadUsage() (Usage, bool) { return Usage{}, false }

// ProcessTime reports false: this system isn't asked.
func ProcessTime() (time.Duration, bool) { return 0, false }

// LoadAverage reports false: this system isn't asked.
func LoadAverage() (string, bool) { return "", false }

// Waited reports false: this system isn't asked.
func Waited() (time.Duration, bool) { return 0, false }
