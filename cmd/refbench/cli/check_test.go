package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/check"
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
	for _, row := range []string{"\natomic   ok\n", "\npercpu   ok\n", "\nInterrupted. 2 strategies: 0 broken"} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("the screen has no %q:\n%s", row, out.String())
		}
	}
}

// TestInterruptedCheckKeepsItsFinding: what a check had found when it was interrupted is
// shown, and that it couldn't be written down is said once.
func TestInterruptedCheckKeepsItsFinding(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	attached := check.Finding{What: "two owners", Attachments: []check.Attachment{{Suffix: ".txt"}}}
	finds := check.Check{Name: "finds", Weight: 1, Run: func(context.Context, check.Subject, check.Budget) check.Result {
		cancel()
		return check.Result{Verdict: check.Broken, Findings: []check.Finding{attached, attached}}
	}}
	never := check.Check{Name: "never", Weight: 1, Run: func(context.Context, check.Subject, check.Budget) check.Result {
		t.Error("a check began after the interrupt")
		return check.Result{}
	}}
	parts := Builtin()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	ch := checking{parts: parts, strategies: parts.Strategies[:1], checks: []check.Check{finds, never}, dir: filepath.Join(file, "x")}
	results, interrupted, err := ch.results(ctx, time.Now().Add(time.Hour), newCheckProgress(io.Discard, 2))
	if !interrupted || len(results) != 1 || results[0].Verdict != check.Broken || len(results[0].Findings) != 2 {
		t.Errorf("interrupted %v, results %+v: want the two findings", interrupted, results)
	}
	if err == nil || strings.Count(err.Error(), "can't be written down") != 1 || !strings.Contains(err.Error(), "--findings") {
		t.Errorf("error %v: want one that says what to do", err)
	}
}

// A command to see a finding again can be given to a shell as it is.
func TestReplayCommandIsQuoted(t *testing.T) {
	ch := checking{dir: filepath.Join(t.TempDir(), "what was 'found'"), seed: 7, budget: time.Second}
	text := func(w io.Writer) error { _, err := io.WriteString(w, "a.Get"); return err }
	r := check.Result{Strategy: "mine", Check: "programs", Findings: []check.Finding{
		{Attachments: []check.Attachment{{Suffix: ".program", Replays: true, Write: text}}},
		{},
		{Token: "rx2.a-b_c"},
	}}
	for i, want := range []string{
		"refbench replay '" + strings.ReplaceAll(ch.dir, "'", `'"'"'`) + "/mine-programs-1.program'",
		"refbench check mine --checks programs --seed 7 --time 1s",
		"refbench replay rx2.a-b_c",
	} {
		if err := ch.keep(r.Check, r.Strategy, &r.Findings[i], i); err != nil {
			t.Fatal(err)
		}
		if got := filepath.ToSlash(r.Findings[i].Replay); got != want {
			t.Errorf("finding %d: %s, want %s", i, got, want)
		}
	}
}

// Every other name leads to a strategy that there is, and none hides one.
func TestAliasesLeadToStrategies(t *testing.T) {
	parts := Builtin()
	for _, a := range parts.Aliases {
		ss, err := chooseStrategies(parts, []string{strings.ToUpper(a.Name)})
		if err != nil || len(ss) != 1 || ss[0].Name != a.Strategy {
			t.Errorf("%s leads to %v, %v; want %s", a.Name, ss, err, a.Strategy)
		}
	}
	for _, s := range parts.Strategies {
		if got := parts.strategyName(s.Name); got != s.Name {
			t.Errorf("the name %s leads to %s", s.Name, got)
		}
	}
}

// With --verbose each finding says how to see it again, if there is a way.
func TestVerboseSaysHowToSeeItAgain(t *testing.T) {
	out := checked{Results: []check.Result{{Strategy: "mine", Check: "rules", Verdict: check.Broken, Findings: []check.Finding{
		{What: "first", Detail: "first", Replay: "refbench replay rx3.abc"}, {What: "second", Detail: "second"},
	}}}}
	var b strings.Builder
	if err := printChecked(&b, out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "see it again: "); got != 1 || !strings.Contains(b.String(), "first\n  see it again: refbench replay rx3.abc\n") {
		t.Errorf("%d ways to see it again, want that of the first finding alone:\n%s", got, b.String())
	}
}
