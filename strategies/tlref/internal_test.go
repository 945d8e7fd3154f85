package tlref

import "testing"

// What one P's number is, is decided once: by Kill or by who counts there, whoever is first.
func TestDecidedOnce(t *testing.T) {
	for _, first := range []int64{-4, -2, 0, 2, 4} {
		var l local
		if got := l.decide(first); got != first {
			t.Errorf("the first decides %d, and it is %d", first, got)
		}
		for _, later := range []int64{first, first + 2, first - 2} {
			if got := l.decide(later); got != first {
				t.Errorf("decided as %d, and %d comes later: it is %d", first, later, got)
			}
		}
	}
}

// While the state is local global isn't written: that is what makes it fast. References
// that went there would be counted all the same.
func TestLocalLeavesGlobalAlone(t *testing.T) {
	for name, op := range map[string]func(*Count){
		"Get":         func(c *Count) { c.Get() },
		"Get and Put": func(c *Count) { c.Get(); c.Put() },
		"TryGet":      func(c *Count) { c.TryGet() },
	} {
		var c Count
		c.Init()
		op(&c)
		if got := c.global.Load(); got != 1+bias {
			t.Errorf("%s on a P with a word: global is %d, want %d", name, got, int64(1+bias))
		}
	}
}
