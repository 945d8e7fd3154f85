package localcount

import "testing"

// Until Kill the mutex isn't taken, and total isn't changed: that is what makes it fast.
// References that went there would be counted all the same.
func TestCountingLeavesTotalAlone(t *testing.T) {
	for name, op := range map[string]func(*Count){
		"Get":         func(c *Count) { c.Get() },
		"Get and Put": func(c *Count) { c.Get(); c.Put() },
		"TryGet":      func(c *Count) { c.TryGet() },
	} {
		var c Count
		c.Init()
		c.mu.Lock() // who takes it hangs
		op(&c)
		c.mu.Unlock()
		if c.total != 0 {
			t.Errorf("%s on a P with a word: total is %d, want 0", name, c.total)
		}
	}
}
