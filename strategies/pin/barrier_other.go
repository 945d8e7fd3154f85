//go:build !linux && amd64 && !race

package pin

// Barrier orders what it says in the package doc.
func Barrier() { stopTheWorld() }

// BarrierKind says how Barrier works on this machine.
func BarrierKind() string { return "stop the world (no membarrier here)" }
