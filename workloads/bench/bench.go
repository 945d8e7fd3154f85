// Package bench measures: it runs strategies under workloads on pinned
// threads, takes samples of all cells in rounds of random order, and writes each
// sample to a file in Go's benchmark format as soon as it is taken.
//
// A cell is a strategy, a workload with its settings, and a number of CPUs.
//
// # One sample
//
// A worker is a goroutine locked to a thread of its own that is bound to one
// CPU. [Measure] follows the protocol of Linux's refscale
// (kernel/rcu/refscale.c): all workers are ready; the load runs until all are
// warm; the timed part; the load goes on until all have finished. So a worker is
// never timed while another isn't running.
//
// Each worker notes the time after every batch of operations. Counted are the
// operations in the window, which is from the latest start of a timed part to
// the earliest end of one; a batch that an edge of the window cuts counts for
// the part of its time inside. Batches are sized in the warm-up to last about 50
// us, or 1/20,000 of the timed part if that is longer, so that an edge is off
// by no more than that. A batch costs one call of Instance.Work, one look at the
// clock and one at a flag.
//
// Roles of the workload run beside the workers on threads that aren't bound. Their
// steps aren't counted.
//
// # One run
//
// [Plan.Run] shuffles all cells in each round, so that drift of the machine hits
// all alike, and adds each sample to a [File] before it begins the next. A cell
// that panics, or in which no worker can go on any more, is left out from then on;
// one that hangs ends the run, because what it left behind would disturb all
// others. It hangs if a call of a worker or a role doesn't return for
// [Length.Timeout], which a busy machine makes longer: see [cpu.ShareClock].
//
// One run at a time adds to a file: it has the file's lock.
//
// # What happened inside?
//
// A [Probe] looks into a cell, in samples of its own: how long single operations take, and
// what the CPUs' counters say. What is timed stays as it is.
//
// # Was the machine free?
//
// A witness tells samples that were disturbed: see [Sample.Parallel] and
// [Sample.Shared]. They are taken again at the end of their round, a few times for each
// cell and as far as the budget allows. Those that were spoiled go to a file of their own
// beside the results, so that no reader of the format averages them in: see [File].
//
// # How much is chance?
//
// Some cells have a twin, a control cell, that does the same and is measured in the same
// rounds: see [Machine.Controls].
//
// # A run that was ended
//
// Each line says of which round its sample is, and the facts beside the file what the
// run was to measure. [Resume] finds out what is missing, and [Plan.Run] takes it.
package bench
