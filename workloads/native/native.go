// Package native holds the workloads with each built-in strategy's counter type
// filled in: the loops that are timed. All but this file is written by refbench gen
// from package workloads; a test compares what is committed with what it would
// write.
package native

import "github.com/refbench/refbench/workloads"

// A load is an instance that can be made ready.
type load[T any, H workloads.Holder[T]] interface {
	workloads.Instance
	// setup makes the zero value ready.
	setup(workloads.Config, workloads.Kit[T, H]) error
}

// loop returns the loop whose instances make returns, not yet ready.
func loop[T any, H workloads.Holder[T]](workload, strategy string, make func() load[T, H]) workloads.Loop {
	kit := workloads.Kit[T, H]{Holder: func(string) (timed H) { return timed }}
	return workloads.Loop{Workload: workload, Strategy: strategy, New: func(c workloads.Config) (workloads.Instance, error) {
		l := make()
		if err := l.setup(c, kit); err != nil {
			return nil, err
		}
		return l, nil
	}}
}
