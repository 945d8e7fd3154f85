package ab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads/bench"
)

// The lines between a comparison and a process that measures for it. The process says
// first what it is and what it can measure:
//
//	config KEY VALUE
//	cell KEY
//	ready
//
// Then it is asked for one sample at a time, and answers each with one line:
//
//	measure SEED KEY           a line of a result file, or
//	                           error TEXT
//
// It ends when nothing more can be read.
const (
	sayConfig  = "config "
	sayCell    = "cell "
	sayReady   = "ready"
	sayError   = "error "
	askMeasure = "measure "
)

// Serve measures what it is asked for, as a process of a comparison: see [Compare]. It
// raises GOMAXPROCS so that each cell has room.
func Serve(ctx context.Context, m *bench.Machine, header []bench.Config, cells []bench.Cell, length bench.Length, in io.Reader, out io.Writer) error {
	byKey := make(map[string]bench.Cell, len(cells))
	procs := runtime.GOMAXPROCS(0)
	w := bufio.NewWriter(out)
	for _, c := range header {
		fmt.Fprintf(w, "%s%s %s\n", sayConfig, c.Key, c.Value)
	}
	for _, c := range cells {
		n, err := bench.Room(ctx, m, c, length, 0)
		if err != nil {
			return err
		}
		procs = max(procs, n)
		byKey[c.Key()] = c
		fmt.Fprintf(w, "%s%s\n", sayCell, c.Key())
	}
	runtime.GOMAXPROCS(procs)
	fmt.Fprintln(w, sayReady)
	lines := benchfmt.NewWriter(w)
	for asked := bufio.NewScanner(in); ; {
		if err := w.Flush(); err != nil {
			return err
		}
		if !asked.Scan() {
			return asked.Err()
		}
		text, ok := strings.CutPrefix(asked.Text(), askMeasure)
		number, key, _ := strings.Cut(text, " ")
		seed, err := strconv.ParseUint(number, 10, 64)
		cell, known := byKey[key]
		if !ok || err != nil || !known {
			return fmt.Errorf("%q was asked for: want %q, a seed and one of the cells", asked.Text(), strings.TrimSpace(askMeasure))
		}
		s, err := bench.Measure(ctx, m, cell, length, seed)
		if err != nil {
			// One line, whatever a panic of foreign code says.
			fmt.Fprintf(w, "%s%s\n", sayError, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		if err := lines.Write(s.Result(m.Procs)); err != nil {
			return err
		}
	}
}
