package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestInterruptedIsStillJSON: a program that reads the output learns what was
// finished, and that it isn't all.
func TestInterruptedIsStillJSON(t *testing.T) {
	for _, args := range [][]string{
		{"explore", "--json", "--strategy", "atomic", "--workload", "handoff,getput", "--time", "1h"},
		{"bugs", "--json", "--time", "1h", "checktheninc"},
		{"check", "--json", "--time", "1h", "atomic"},
	} {
		for _, after := range []time.Duration{0, 300 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			var out, errOut bytes.Buffer
			begin := time.Now()
			status := Run(ctx, Builtin(), args, &out, &errOut)
			cancel()
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("%s: interrupted after %v, it took %v", args[0], after, took)
			}
			var got struct{ Interrupted bool }
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || !got.Interrupted {
				t.Errorf("%s: %v, interrupted %v:\n%s", args[0], err, got.Interrupted, out.String())
			}
			if status != exitFailed || !strings.Contains(errOut.String(), "refbench: interrupted") {
				t.Errorf("%s: status %d, want %d: %s", args[0], status, exitFailed, errOut.String())
			}
		}
	}
}
