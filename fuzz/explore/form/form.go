// Package form is what the explored form of a whole program calls besides the drop-ins.
package form

import (
	"flag"
	"hash/fnv"
	"os"
	"strconv"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/internal/chance"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A resetter makes the variables of a package anew.
type resetter struct {
	path  string
	reset func()
}

// packages are those of the program, in the order in which Go initializes them.
var packages []resetter

// Package says how the variables of a package are made anew. Each package calls it where Go
// initializes it.
func Package(path string, reset func()) struct{} {
	packages = append(packages, resetter{path, reset})
	return struct{}{}
}

// before are called before variables are made anew.
var before []func()

// BeforeReset has f called before the variables of packages are made anew: it undoes what their
// initializers do elsewhere.
func BeforeReset(f func()) struct{} {
	before = append(before, f)
	return struct{}{}
}

// Reset makes the variables of all packages anew, and the flags that
// they define.
func Reset() {
	flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.PanicOnError)
	for _, f := range before {
		f()
	}
	for _, p := range packages {
		p.reset()
	}
	_ = flag.CommandLine.Parse(nil)
}

// Zero makes a variable its type's zero.
func Zero[T any](p *T) {
	var zero T
	*p = zero
}

// R announces a read of what p points to, which follows.
func R[T any](p *T) *T {
	if e := engine.Current; e != nil && !e.Alone() {
		e.Read(unsafe.Pointer(p))
	}
	return p
}

// W announces a write to what p points to.
func W[T any](p *T) *T {
	if e := engine.Current; e != nil && !e.Alone() {
		e.Write(unsafe.Pointer(p))
	}
	return p
}

// header is where a map is.
func header[M ~map[K]V, K comparable, V any](m M) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&m))
}

// RM announces a read of a map.
func RM[M ~map[K]V, K comparable, V any](m M) M {
	if e := engine.Current; e != nil && m != nil && !e.Alone() {
		e.Read(header(m))
	}
	return m
}

// WM announces a write to a map.
func WM[M ~map[K]V, K comparable, V any](m M) M {
	if e := engine.Current; e != nil && m != nil && !e.Alone() {
		e.Write(header(m))
	}
	return m
}

// Refused ends the execution: what f stands for isn't modelled.
func Refused[F any](f F, what string) F {
	if e := engine.Current; e != nil && !e.Aborting() {
		e.Fail(engine.KindUnsupported, what)
	}
	return f
}

// RefusedAs is Refused of a function that has another type in explored form. Nobody calls
// what it returns, since the execution has ended.
func RefusedAs[F any](f any, what string) (as F) {
	Refused(f, what)
	return as
}

// Exit ends the program: os.Exit.
func Exit(code int) {
	e := engine.Current
	if e == nil {
		os.Exit(code)
	}
	if e.Aborting() {
		return
	}
	if onExit != nil {
		onExit()
	}
	if code != 0 {
		e.Fail(engine.KindViolation, "os.Exit("+strconv.Itoa(code)+")")
	}
	e.Quit()
}

var onExit func()

// OnExit has f called when explored code ends the program.
func OnExit(f func()) { onExit = f }

// What stands for functions of the runtime that code links to.

// Nanotime is the virtual clock, which begins at a second: zero often means that there is no
// time.
func Nanotime() int64 {
	if e := engine.Current; e != nil {
		return 1e9 + e.TimeNow()
	}
	return 1e9
}

// ProcPin is cpu.Pin.
func ProcPin() int { return cpu.Pin() }

// ProcUnpin is cpu.Unpin.
func ProcUnpin() { cpu.Unpin() }

// Uint32 draws a number.
func Uint32() uint32 { return uint32(chance.Uint64() >> 32) }

// Uint32n draws a number below n.
func Uint32n(n uint32) uint32 { return uint32(uint64(Uint32()) * uint64(n) >> 32) }

// Uint64 draws a number.
func Uint64() uint64 { return chance.Uint64() }

// Memhash hashes the n bytes at p.
func Memhash(p unsafe.Pointer, seed, n uintptr) uintptr {
	return hash(unsafe.Slice((*byte)(p), n), uint64(seed))
}

// Strhash hashes the string at p.
func Strhash(p unsafe.Pointer, seed uintptr) uintptr {
	return hash([]byte(*(*string)(p)), uint64(seed))
}

func hash(b []byte, seed uint64) uintptr {
	h := fnv.New64a()
	var s [8]byte
	for i := range s {
		s[i] = byte(seed >> (8 * i))
	}
	_, _ = h.Write(s[:])
	_, _ = h.Write(b)
	x := h.Sum64()
	x ^= x >> 32
	return uintptr(x * 0xd6e8feb86659fd93)
}

// Yield lets others go first.
func Yield() {
	if e := engine.Current; e != nil {
		e.Yield()
	}
}

// CanSpin says that waiting in a loop has no use.
func CanSpin(int) bool { return false }

// DoSpin waits in a loop.
func DoSpin() { Yield() }
