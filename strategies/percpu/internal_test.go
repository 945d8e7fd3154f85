package percpu

import "testing"

// In per-CPU mode the shared word isn't written: that is what makes it fast. References
// that went there would be counted all the same.
func TestPerCPUModeLeavesTheSharedWordAlone(t *testing.T) {
	for name, op := range map[string]func(*Count){
		"Get":           func(c *Count) { c.Get() },
		"Get and Put":   func(c *Count) { c.Get(); c.Put() },
		"TryGet":        func(c *Count) { c.TryGet() },
		"TryGetLive":    func(c *Count) { c.TryGetLive() },
		"GetN and PutN": func(c *Count) { c.GetN(5); c.PutN(5) },
	} {
		var c Count
		c.Init()
		before := c.shared.Load()
		op(&c)
		if got := c.shared.Load(); got != before {
			t.Errorf("%s on a P with a word: the shared word is %d, before it was %d", name, got, before)
		}
	}
}
