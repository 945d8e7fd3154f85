// Package bench measures: it runs strategies under workloads on pinned
// threads, takes samples of all cells in rounds of random order, and writes each
// sample to a file in Go's benchmark format as soon as it is taken.
//
// A cell is a strategy, a workload with its settings, and a number of CPUs. What
// one sample does says [Measure]; [Plan.Run] takes all of them; [File] is where
// they go.
package bench
