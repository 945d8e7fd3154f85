package check

import (
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// exhausted names a scenario of which every schedule was tried. That is a proof of one program,
// with its threads and what they do, and of none with more threads or other calls: so it
// says what the strategy can do and no thread did.
func exhausted(s *strategies.Strategy, sc *explore.Scenario) string {
	if len(sc.Program) == 0 {
		return sc.Name
	}
	text := fmt.Sprintf("%s, the one program %s of %d threads", sc.Name, sc.Program, len(sc.Program))
	p, err := program.ParseWords(sc.Program)
	if err != nil {
		return text // of a workload
	}
	var did [spec.CodeCount]bool
	for _, step := range p.All() {
		did[step.Call.Op] = true
	}
	var never []string
	for _, op := range spec.Of(s).Ops() {
		_, calls := op.Code()
		calls = calls && (op.By() != spec.TypeStableReleaser || s.Promise.TypeStable)
		if calls && !did[op] {
			never = append(never, op.String())
		}
	}
	if len(never) > 0 {
		text += " (no thread called " + strings.Join(never, ", ") + ")"
	}
	return text
}
