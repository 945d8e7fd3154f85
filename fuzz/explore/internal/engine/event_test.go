package engine

import "testing"

// TestOwnFrames: pictures show explored code, not the explorer.
func TestOwnFrames(t *testing.T) {
	c := &Case{DropIns: []string{"example.com/dropin/pin"}}
	for function, own := range map[string]bool{
		home + ".Look[...]":                       true,
		home + "/sync/atomic.(*Integer[...]).Add": true,
		home + "d/queue.(*Queue).Add":             false,
		"example.com/dropin/pin.(*Word).Load":     true,
		"example.com/dropin/pins.Pin":             false,
		"example.com/bugs.(*Count).Get":           false,
	} {
		if c.isOwn(function) != own {
			t.Errorf("%s: own %v, want %v", function, !own, own)
		}
	}
}
