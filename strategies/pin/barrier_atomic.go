//go:build !amd64 || race

package pin

// Barrier orders what it says in the package doc. Here words are atomic, so
// that there is nothing left to do.
func Barrier() {}

// BarrierKind says how Barrier works on this machine.
func BarrierKind() string { return "none (words are atomic)" }
