package check

import (
	"fmt"

	"github.com/refbench/refbench/strategies"
)

// Hazards returns what a strategy's promise leaves to its user to avoid, each in one
// line: no check calls it wrong, because it is promised.
func Hazards(p strategies.Promise) []string {
	var out []string
	add := func(when bool, format string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(p.Overflow == strategies.Wraps && p.Limit < 1<<62, "past %d references the number wraps: a held object can be freed", p.Limit)
	add(p.Overflow == strategies.Saturates, "past %d references the count sticks: the object is never freed", p.Limit)
	add(p.Overflow == strategies.Panics, "past %d references it panics", p.Limit)
	add(p.Underflow == strategies.Wraps, "a drop too many isn't noticed: the number goes below zero")
	add(p.Underflow == strategies.Panics, "a drop too many panics")
	add(p.Stray == strategies.LastLost, "a drop too many beside the last may keep anybody from being told: the object is never freed")
	add(p.GetOnZero == strategies.Revives, "Get on a dead count revives it: the object is released twice")
	add(p.GetOnZero == strategies.Panics, "Get on a dead count panics")
	add(p.Zero == strategies.AfterKill, "zero isn't seen before Kill")
	add(p.Zero == strategies.Waits, "Kill waits for every other reference, and for ever for one that its own caller holds")
	add(p.TryGet == strategies.Spurious, "TryGet may fail on a live count")
	add(p.Closes(), "TryGet is refused once Kill began, while references are left")
	add(p.TryGetRefuses == strategies.AtLimit || p.TryGetRefuses == strategies.PastLimit || p.Overflow == strategies.Refuses, "TryGet is refused past %d references, and its caller must look", p.Limit)
	add(p.Count == strategies.Approximate, "Count is off while others count")
	add(p.Progress == strategies.Blocking, "a stopped goroutine can stop the others")
	add(p.GracePeriod, "released memory must stay a count for a grace period")
	add(!p.TypeStable, "a new life must not begin while others call TryGet on the old one")
	return out
}
