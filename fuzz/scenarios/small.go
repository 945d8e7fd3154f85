package scenarios

import (
	"fmt"
	"slices"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// SmallName is what the scenarios of small programs add to the strategy's name.
const SmallName = "/small"

// Small are op programs for each operation that the strategy, which is in explored form, has
// and promises something of: the operation meets the last drop and a TryGet, in as few steps
// as that takes, so that all schedules are few. Who calls it follows from who may: see
// spec.By. What a strategy of any module is explored under, nobody has to write for it.
func Small(s *strategies.Strategy) (list []*explore.Scenario) {
	for _, text := range smallPrograms(spec.Of(s)) {
		list = append(list, constant(s.Name+SmallName, s, text))
	}
	return list
}

// The smallest programs by who may call the operation that stands for %s.
var small = map[spec.By]string{
	spec.Anybody:     "a.Put a.%s|a.Put a.%[1]s|a.Kill",
	spec.AnyHolder:   "a.%s a.Put|a.Put a.TryGet|a.Kill",
	spec.Holder:      "a.Put a.TryGet|a.Get a.Kill a.%s",
	spec.ExactHolder: "a.Put a.TryGet|a.Get a.Kill a.%s",
	spec.HolderOfTwo: "a.Get a.%s|a.Put a.TryGet|a.Kill",
	spec.Owner:       "a.%s a.Kill|a.Put a.TryGet",
	spec.Killer:      "a.Put a.TryGet|a.Get a.Kill a.%s",
	spec.Releaser:    "a.Put a.TryGet|a.Kill a.%s",
	// Others still look at the life before.
	spec.TypeStableReleaser: "a.Put a.TryGet|a.Kill a.%s",
}

// dropsFound is for two who find the object, one of whom drops it again beside the last
// drop: three threads are at zero at once.
const dropsFound = "a.Kill|a.Put a.TryGet a.Put|a.Put a.TryGet"

func smallPrograms(sp *spec.Spec) []string {
	texts := []string{dropsFound}
	p := sp.Promise()
	for _, op := range sp.Ops() {
		form, by := small[op.By()], op.By()
		switch {
		case form == "", op == spec.Count && p.Count == strategies.None, by == spec.TypeStableReleaser && !p.TypeStable:
			continue
		case op.Kills():
			form = "a.Put a.TryGet|a.Put a.TryGet|a.%s"
		}
		call := spec.Call{Op: op}
		if op.TakesNumber() {
			call.N = 2
		}
		if text := fmt.Sprintf(form, call); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}
