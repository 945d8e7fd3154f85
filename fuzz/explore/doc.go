// Package explore runs concurrent Go code under a scheduler that chooses, finds
// schedules that go wrong, makes them small, names them and draws them.
//
// # Use
//
// In an ordinary test:
//
//	func TestTransfer(t *testing.T) {
//		explore.Run(t, explore.Options{}, func() {
//			var n atomic.Int64 // explore/sync/atomic
//			explore.Go(func() { n.Store(n.Load() + 1) })
//			...
//		})
//	}
//
// The code must use the drop-in packages explore/sync, explore/sync/atomic,
// explore/runtime, explore/time and explore/context instead of the originals;
// explore/gen writes that form of a package that uses the originals. A failing
// test prints a token, with which [Replay] shows the same failure again.
//
// Programs use [Explore] with a [Scenario].
//
// One exploration runs at a time in a process; others wait. While one runs, code
// outside of it must not use explored objects, so tests that look at them after
// exploring must not run in parallel with tests that explore.
//
// # What is found
//
// Whatever the case itself calls wrong ([Failf], [Leakf]); panics; deadlocks;
// threads that go on for ever or wait for a change that nobody makes; plain
// accesses that are not ordered ([Read], [Write]); wrong use of a primitive, such
// as unlocking an unlocked mutex. Go's own race detector is blind here: it sees
// the hand-over between threads as synchronization.
//
// # What is modelled
//
// Threads interleave at accesses to shared memory through the drop-ins. Go's
// atomic operations are sequentially consistent, so for code without data races
// that is every behaviour that Go allows. Virtual CPUs are part of the state: which
// CPU a thread is on is a choice whenever the code asks. So is the case that a select
// takes if several can go on, and whether a timer has fired by then. Time is virtual:
// it passes only when threads sleep or look whether a timer has fired.
//
// # What is not
//
//   - Memory orders weaker than Go's, as C and the kernel have them. A missing
//     barrier that only they need isn't found, but of words that are made of
//     cpu.Buffered, whose stores others see late.
//   - Data races as such: code with unordered plain accesses has behaviours that
//     are not explored. Accesses that are declared with Read and Write are checked.
//   - 64-bit accesses in two halves on 32-bit platforms.
//   - Exhaustive search leaves out orders that can't be told apart through explored
//     memory. Plain variables that several threads use without synchronization, such
//     as an oracle's own, must be announced with [Look] and [Set], or what they show
//     may be missed by it (not by the random searches).
//   - Anything that doesn't go through the drop-ins: system calls, other
//     goroutines, the collector, finalizers.
//   - Unfair scheduling of threads that wait by looking again and again. The
//     next section says who that is.
//
// # Fairness
//
// Some threads only wait for others. Such a thread goes on when memory has changed, or
// when nobody else can go on:
//
//   - A thread that calls runtime.Gosched.
//   - A thread that has read the same value from the same word three times running, and
//     is about to read it again.
//   - A thread that has tried the same select with a default three times running, finds
//     nothing, and is about to try it again.
//   - A thread that has passed some hundred points while memory didn't change.
//
// Where time passes only when nobody can go on ([Scenario.IdleClock]), a thread that called
// runtime.Gosched goes on many times before it does.
//
// Nobody is passed over for ever:
//
//   - Sleepers wake at most four times while a thread that could go on doesn't.
//   - A case of a select that could be taken is passed over for at most four closed
//     channels or timers.
//   - A timer that is polled has fired, once an execution has come to half of its
//     points.
package explore
