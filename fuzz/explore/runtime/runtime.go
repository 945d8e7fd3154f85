// Package runtime is the part of package runtime of the standard library that
// matters to concurrent code, in explored form.
//
// The processors that it speaks of are the explorer's virtual CPUs. Goroutines
// that are wired to a thread are goroutines like any other.
package runtime

import (
	"fmt"
	"runtime"

	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// What doesn't depend on scheduling is the original.
const (
	Compiler = runtime.Compiler
	GOARCH   = runtime.GOARCH
	GOOS     = runtime.GOOS
)

type (
	Error  = runtime.Error
	Frame  = runtime.Frame
	Frames = runtime.Frames
	Func   = runtime.Func
)

// Caller is the original.
func Caller(skip int) (pc uintptr, file string, line int, ok bool) { return runtime.Caller(skip + 1) }

// Callers is the original.
func Callers(skip int, pc []uintptr) int { return runtime.Callers(skip+1, pc) }

// CallersFrames is the original.
func CallersFrames(callers []uintptr) *Frames { return runtime.CallersFrames(callers) }

// FuncForPC is the original.
func FuncForPC(pc uintptr) *Func { return runtime.FuncForPC(pc) }

// KeepAlive is the original.
func KeepAlive(x any) { runtime.KeepAlive(x) }

// Version is the original.
func Version() string { return runtime.Version() }

// Gosched lets other goroutines go first. The scheduler takes it as word that the
// caller waits for something: it goes on when memory has changed or nobody else
// can.
func Gosched() {
	if e := engine.Current; e != nil {
		e.Yield()
		return
	}
	runtime.Gosched()
}

// NumCPU returns the number of virtual CPUs.
func NumCPU() int { return cpu.Count() }

// GOMAXPROCS returns the number of virtual CPUs. It can't be changed: n is
// ignored.
func GOMAXPROCS(n int) int { return NumCPU() }

// NumGoroutine returns how many goroutines of the exploration there are.
func NumGoroutine() int {
	if e := engine.Current; e != nil {
		return e.CountThreads()
	}
	return 1
}

// LockOSThread does nothing.
func LockOSThread() {}

// UnlockOSThread does nothing.
func UnlockOSThread() {}

// GC does nothing: when memory is collected can't be seen by explored code.
func GC() {}

// Goexit ends the calling goroutine. It is reported as a failure: see the engine.
func Goexit() { runtime.Goexit() }

// SetFinalizer does nothing: explored objects are never finalized, as Go allows.
func SetFinalizer(obj, finalizer any) {}

// A Cleanup is a call that was asked for.
type Cleanup struct{}

// Stop does nothing.
func (Cleanup) Stop() {}

// AddCleanup does nothing: cleanup is never called, as Go allows.
func AddCleanup[T, S any](ptr *T, cleanup func(S), arg S) Cleanup { return Cleanup{} }

// Stack writes the stack of the calling goroutine, with the number of its thread.
func Stack(buf []byte, all bool) int {
	id := 0
	if e := engine.Current; e != nil {
		id = e.Cur().ID
	}
	text := fmt.Appendf(nil, "goroutine %d [running]:\n", id+1)
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		text = fmt.Appendf(text, "%s(...)\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			break
		}
	}
	return copy(buf, text)
}
