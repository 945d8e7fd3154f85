package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
)

// The race detector ends the process that it reports, so each bug runs in a process
// of its own: the same program, called in a way that makes it call RaceChild.

// raceStatus is how the child exits when the race detector has reported it.
const raceStatus = 66

func raceUnavailable(b Budget) string {
	if !RaceEnabled || b.Child == nil {
		return "needs a refbench that is built with -race"
	}
	return ""
}

// RaceChild runs the bug or its twin on real threads, with nothing that would order
// them, for as long. It writes how many rounds it has begun to w, at each power of
// two and in the end.
func RaceChild(ctx context.Context, b *bugs.Bug, fixed bool, seed uint64, d time.Duration, w io.Writer) error {
	var werr error
	_, rounds := stress(ctx, b, fixed, true, seed, d, func(n int) {
		if n&(n-1) == 0 {
			_, err := fmt.Fprintln(w, n)
			werr = errors.Join(werr, err)
		}
	})
	_, err := fmt.Fprintln(w, rounds)
	return errors.Join(werr, err)
}

func raced(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	args := b.Child(e.Native.Name, fixed)
	// Rounds come to an end by themselves; whoever hangs is stopped.
	const grace = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, b.Time+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Env = append(os.Environ(), fmt.Sprintf("GORACE=halt_on_error=1 exitcode=%d", raceStatus))
	start := time.Now()
	err := cmd.Run()
	f := Finding{Seconds: time.Since(start).Seconds()}
	if lines := strings.Fields(out.String()); len(lines) > 0 {
		f.Executions, _ = strconv.Atoi(lines[len(lines)-1])
	}
	if err == nil {
		return f, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == raceStatus && strings.Contains(errOut.String(), "DATA RACE") {
		f.Found, f.Message = true, "data race"+racer(errOut.String())
		return f, nil
	}
	return f, fmt.Errorf("bug %s: the process under the race detector: %w: %.500s", e.Native.Name, err, errOut.String())
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
