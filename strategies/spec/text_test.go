package spec

import (
	"testing"

	"github.com/refbench/refbench/strategies/saturating"
)

// SPECIFICATION.md names the limit where a life begins there, and nothing else by it.
func TestCallsInTables(t *testing.T) {
	sp := Of(saturating.Strategy)
	limit := sp.Promise().Limit
	for _, c := range []struct {
		call Call
		want string
	}{
		{Call{Op: InitAt, N: limit}, "InitAt(limit)"}, {Call{Op: InitAt, N: 3}, "InitAt(3)"},
		{Call{Op: GetN, N: limit}, "GetN(2147483647)"}, {Call{Op: Get}, "Get"},
	} {
		if got := sp.callText(c.call); got != c.want {
			t.Errorf("%v is called %q, want %q", c.call, got, c.want)
		}
	}
}
