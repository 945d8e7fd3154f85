//go:build amd64 && !race

package pin

// stopTheWorld makes every P pass a safe point. A pinned goroutine isn't
// stopped before it unpins, so on return every pinned section that had begun
// has ended, and what it wrote is visible.
func stopTheWorld() { Wait() }
