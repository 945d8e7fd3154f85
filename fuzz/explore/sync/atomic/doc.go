// Package atomic is package sync/atomic of the standard library in explored
// form: every access is first a scheduling point.
//
// It has all types and functions of sync/atomic. Outside of an exploration the
// operations are plain memory accesses: good enough for what is set up before,
// and nothing else may use them then.
//
// # What is modelled
//
// Go's atomic operations behave as though executed in one total order, and a
// write synchronizes before the operations that observe it (Go memory model).
// That is what the explorer does, completely: each operation is one step, and the
// happens-before check of plain memory gets an edge from each atomic write to the
// reads that observe it. A failed CompareAndSwap is a read.
//
// # What is not
//
// Orders weaker than Go's (the kernel's relaxed operations), tearing of 64-bit
// accesses on 32-bit platforms, and false sharing. The types are larger than the
// originals: code that depends on their size must compute it.
package atomic
