package engine

import "testing"

// TestOwnFrames: pictures show explored code, not the explorer.
func TestOwnFrames(t *testing.T) {
	for function, own := range map[string]bool{
		home + ".Look[...]":                                     true,
		home + "/sync/atomic.(*Integer[...]).Add":               true,
		home + "d/strategies/atomic.(*Count).Get":               false,
		"github.com/refbench/refbench/fuzz/bugs.(*Count).Get":   false,
		"github.com/refbench/refbench/strategies/atomic.(*C).G": false,
	} {
		if isOwn(function) != own {
			t.Errorf("%s: own %v, want %v", function, !own, own)
		}
	}
}
