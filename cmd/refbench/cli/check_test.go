package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// stopper ends a context when it is told a text.
type stopper struct {
	bytes.Buffer
	text string
	stop context.CancelFunc
}

func (s *stopper) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.text) {
		s.stop()
	}
	return n, err
}

func TestInterruptedCheckSaysWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	errOut := &stopper{text: "2 of 6: ", stop: cancel}
	begin := time.Now()
	status := Run(ctx, Builtin(), []string{"check", "atomic", "percpu", "--checks", "operations,programs,histories", "--time", "1h"}, &out, errOut)
	// Nothing but the interrupt ends it within the hour.
	if took := time.Since(begin); took > 2*time.Minute {
		t.Errorf("took %v, with an interrupt after two checks", took)
	}
	if status != exitFailed || !strings.Contains(errOut.String(), "refbench: interrupted after 2 of 6 checks") {
		t.Errorf("status %d, stderr %q, want %d and after how many checks", status, errOut, exitFailed)
	}
	for _, row := range []string{"atomic    operations  kept", "percpu    operations  kept"} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("the scorecard has no row %q:\n%s", row, out.String())
		}
	}
	if strings.Contains(out.String(), "programs") {
		t.Errorf("the scorecard has a row of a check that wasn't finished:\n%s", out.String())
	}
}
