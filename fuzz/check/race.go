package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The race detector ends the process that it reports, so each subject runs in a process
// of its own: the same program, called in a way that makes it call RaceChild.

var races = Check{
	Name: "race", Doc: "Go's race detector on what stress does, in a process of its own", Weight: 5, Timed: true,
	Unsupported: func(s Subject) string {
		if !RaceEnabled || s.Child == nil {
			return "it needs a refbench that is built with -race, as by go run -race ./cmd/refbench"
		}
		return s.tooNarrow()
	},
	Run: raced,
}

// raceStatus is how the child exits when the race detector has reported it.
const raceStatus = 66

// RaceChild does what stress does to the subject, with nothing that would order the threads.
// It writes how many executions it has begun to w, at each power of two and in the end.
func RaceChild(ctx context.Context, s Subject, b Budget, w io.Writer) error {
	var werr error
	tell := func(n uint64) {
		_, err := fmt.Fprintln(w, n)
		werr = errors.Join(werr, err)
	}
	r := stressing(ctx, s.proven(), b, true, func(n uint64) {
		if n&(n-1) == 0 {
			tell(n)
		}
	})
	tell(r.Tried[0].N)
	if r.Left {
		werr = errors.Join(werr, errors.New(cmp.Or(r.Hang, r.Reason)))
	}
	return werr
}

func raced(ctx context.Context, s Subject, b Budget) Result {
	args := append(s.Child[1:len(s.Child):len(s.Child)], "--seed", strconv.FormatUint(b.realSeed(), 10), "--time", max(b.Time, time.Millisecond).String())
	// It comes to an end by itself; what hangs is stopped.
	ctx, cancel := context.WithTimeout(ctx, b.Time+2*b.timeout())
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Child[0], args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Env = append(os.Environ(), fmt.Sprintf("GORACE=halt_on_error=1 exitcode=%d", raceStatus))
	err := cmd.Run()
	var r Result
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() == raceStatus && strings.Contains(errOut.String(), "DATA RACE"):
		r.broken(Finding{What: "data race" + racer(errOut.String()), Detail: errOut.String()})
	default:
		r.unknown("the process under the race detector: %v: %.500s", err, errOut.String())
	}
	var n uint64
	if lines := strings.Fields(out.String()); len(lines) > 0 {
		n, _ = strconv.ParseUint(lines[len(lines)-1], 10, 64)
	}
	if n == 0 && r.Verdict == "" {
		r.unknown("the process under the race detector doesn't say what it has tried: %.500q", out.String())
	}
	if oneCPU() && r.Verdict == "" {
		r.unknown("there is one CPU, where goroutines take turns between calls, and what a call does last orders it before the next: no race showed")
	}
	r.tried(n, "executions, down to a power of two")
	if len(s.Unproven) > 0 {
		r.note("not under %s: a race there may be its own", strings.Join(s.Unproven, ", "))
	}
	return r
}

// racer returns the first function of a report: " in bugs.(*plainCount).Put()".
func racer(report string) string {
	for line := range strings.Lines(report) {
		name, ok := strings.CutPrefix(line, "  ")
		if !ok || !strings.Contains(name, "(") {
			continue
		}
		// Type arguments are long.
		if from, to := strings.Index(name, "["), strings.LastIndex(name, "]"); from >= 0 && to > from {
			name = name[:from] + name[to+1:]
		}
		return " in " + strings.TrimSpace(name[strings.LastIndex(name, "/")+1:])
	}
	return ""
}
