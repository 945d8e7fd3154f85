package pin

import "runtime"

// Wait returns when every pinned section that had begun before has ended: it has every P
// pass a safe point, which a pinned goroutine doesn't. What was done in these sections
// happens before the return. The caller isn't pinned. It takes tens of microseconds.
func Wait() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
}
