package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Two workloads of one name can't be told apart, so they aren't explored.
func TestExploredWorkloadsHaveNamesOfTheirOwn(t *testing.T) {
	parts := Builtin()
	twice := parts.Explored.Workloads[1]
	parts.Explored.Workloads = append(slices.Clone(parts.Explored.Workloads), twice)
	var out, errOut bytes.Buffer
	if status := Run(t.Context(), parts, []string{"explore", "--strategy", "atomic", "--workload", "getput", "--executions", "1"}, &out, &errOut); status != exitUsage {
		t.Errorf("status %d, want %d", status, exitUsage)
	}
	if want := `refbench: this refbench can't explore: workload name "` + twice.Name + `": used twice`; !strings.HasPrefix(errOut.String(), want) {
		t.Errorf("%q, want %q", errOut.String(), want)
	}
}
