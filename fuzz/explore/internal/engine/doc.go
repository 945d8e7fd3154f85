// Package engine runs a few threads of ordinary Go code one at a time and
// decides, before every access to shared memory, which of them goes on.
//
// # Protocol
//
// A [Driver] gives the engine a [Case] and asks for executions. In each the
// engine calls Case.Setup, then lets the threads run under the [Search], then
// calls Case.Finish. The drop-in packages (explore/sync, explore/sync/atomic,
// ...) call [Engine.Before] before each access: that is a scheduling point. The
// access itself and all code up to the next point are one atomic step. For code
// without data races this loses no behaviour, because Go's atomic operations are
// sequentially consistent (Go memory model, 2022). Plain stores of which others see that
// they come late are modelled for one kind of word: [Buffered].
//
// # Cost
//
// Threads are goroutines that hand the processor to each other by coroutine
// switches; see stack.go. A decision is taken on the running thread's stack, and
// only a decision for another thread switches. A search grants a number of points
// in advance, so that most points cost a decrement and a branch.
//
// # One execution at a time
//
// The drop-ins find the engine through one package variable, [Current], because
// anything else costs more than the point itself. So one exploration runs at a
// time in a process: [Run] waits for its turn. Code that isn't part of the
// exploration must not touch explored objects meanwhile.
//
// # Determinism
//
// An execution is a function of the case and of the decisions. Everything else
// that a thread can see must be the same in each execution: no real clock, no
// unseeded random numbers, no order of maps, no state that is kept from one
// execution to the next. The engine checks what it can: a depth-first search that
// meets another set of runnable threads than before stops with the failure kind
// [KindNondeterministic].
package engine
