package peers_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/peers/grpcbuffer"
	"github.com/refbench/refbench/strategies/peers/leveldbhandle"
)

// breaks has the rules that are known not to hold, and why that is no mistake.
var breaks = map[string]map[string]string{
	"leveldbhandle": {"ZeroAllocs": "a handle is an object of its own"},
}

// What one goroutine shows of the peers that take little to compile, is what they promise.
// README.md says what the checks with several show.
func TestRules(t *testing.T) {
	for _, s := range []*strategies.Strategy{grpcbuffer.Strategy, leveldbhandle.Strategy} {
		if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
			t.Fatal(err)
		}
		for _, r := range rules.All() {
			if r.Unsupported(s) != "" || r.Kind == rules.Crossing {
				continue
			}
			err := r.Run(t.Context(), s, rules.Config{Seed: 1, Short: true}).Err()
			switch why := breaks[s.Name][r.Name]; {
			case err != nil && why == "":
				t.Errorf("%s: %v", s, err)
			case err == nil && why != "":
				t.Errorf("%s keeps to %s, though %s: take it out of the list", s, r.Name, why)
			}
		}
	}
}
