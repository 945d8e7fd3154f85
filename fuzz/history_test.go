package fuzz

import (
	"testing"

	"github.com/refbench/refbench/fuzz/linear"
)

// An altered file is refused until it is sealed again.
func TestSeal(t *testing.T) {
	const whole = "refbench history 1\nstrategy atomic\nclock steps\nseed 1\nlife 1\n0 1 2 TryGet true\n"
	if _, err := linear.Parse([]byte(whole + "end 1 00000000\n")); err == nil {
		t.Error("an altered file is read")
	}
	h, err := linear.Parse(seal([]byte(whole + "end 1 00000000\n")))
	if err != nil || h.Ops() != 1 || !h.Lives[0].Ops[0].Result {
		t.Errorf("sealed again: %v, %+v", err, h)
	}
}
