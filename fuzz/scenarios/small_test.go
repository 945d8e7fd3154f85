package scenarios

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/spec"
)

// Small programs have each operation that threads may call, and a count that keeps its promise
// passes them.
func TestSmall(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		all := strings.Join(smallPrograms(sp), "|")
		for _, op := range sp.Ops() {
			by := op.By()
			if by == spec.Nobody || by == spec.HolderOrReleaser || by == spec.TypeStableReleaser && !s.Promise.TypeStable {
				continue
			}
			if !strings.Contains(all, "a."+op.String()) {
				t.Errorf("%s: no small program calls %s", s, op)
			}
		}
		for _, text := range smallPrograms(sp) {
			if p, err := program.Parse(text); err != nil || p.String() != text {
				t.Errorf("%s: program %q: %v, want it as it is printed: %q", s, text, err, p.String())
			}
		}
		for _, sc := range Small(s) {
			r, err := explore.Explore(sc, explore.Options{Seed: 1, Executions: 500})
			if err != nil || r.Failure != nil {
				t.Errorf("%s, %s: %v, %+v", sc.Name, sc.Program, err, r)
			}
		}
	}
}
