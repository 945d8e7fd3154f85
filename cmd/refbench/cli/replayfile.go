package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/spec"
)

// largestReplay bounds the files that replay reads. check writes small ones.
const largestReplay = 64 << 20 // bytes

// judging is how long replay searches for an order of a history's calls.
const judging = 30 * time.Second

// returning is how long replay waits for an op program, which takes no time.
const returning = 10 * time.Second

// replayable reports whether the argument names a file and not a token.
func replayable(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}

// replayFile judges a history, or runs an op program, that check wrote.
func replayFile(c *cobra.Command, kit Kit, name, page string) error {
	if err := checkKit(kit); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return usagef("%w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, largestReplay+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return failedf("%w", err)
	}
	switch {
	case len(data) > largestReplay:
		return usagef("%s: it has more than %d bytes, which no file of check has", name, largestReplay)
	case len(bytes.TrimSpace(data)) == 0:
		return usagef("%s: the file is empty: want a history or an op program as check writes them", name)
	case bytes.HasPrefix(data, []byte("refbench history")):
		return replayHistory(c, kit, name, data, page)
	}
	return replayProgram(c, kit, name, string(data), page)
}

func replayHistory(c *cobra.Command, kit Kit, name string, data []byte, page string) error {
	h, err := linear.Parse(data)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	ss, err := chooseStrategies(kit, []string{h.Strategy})
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	r, err := (&linear.Judge{Spec: spec.Of(ss[0]), Timeout: judging}).Check(c.Context(), h)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s: %d calls in %d lives, clock %s: %s\n", h.Strategy, h.Ops(), len(h.Lives), h.Clock, r.Verdict)
	if r.Reason != "" {
		fmt.Fprintln(out, r.Reason)
	}
	if r.Stretch != nil {
		fmt.Fprint(out, r.Stretch)
		if page != "" {
			if err := writeFile(page, func(w io.Writer) error { return r.Stretch.WriteHTML(w, judging) }); err != nil {
				return failedf("%s: %w", page, err)
			}
		}
	}
	switch r.Verdict {
	case linear.Illegal:
		return findingf("the history breaks the promise of %s", h.Strategy)
	case linear.Unknown:
		return failedf("%s: %s", name, r.Reason)
	}
	return nil
}

func replayProgram(c *cobra.Command, kit Kit, name, text, page string) error {
	p, err := program.Parse(text)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	if page != "" {
		return usagef("--html is for tokens and histories: %s is an op program", name)
	}
	for i, e := range lockstep.Hung(kit.Strategies, &p, returning) {
		if e != nil {
			fmt.Fprintln(c.OutOrStdout(), strings.TrimSpace(e.Error()))
			return findingf("%s breaks its promise: %s", kit.Strategies[i].Name, e.Line())
		}
	}
	for _, s := range kit.Strategies {
		if d := lockstep.New(append(kit.Strategies[:0:0], s), lockstep.Specification).Run(&p); d != nil {
			fmt.Fprint(c.OutOrStdout(), d.Error())
			return findingf("%s breaks its promise: %s", s.Name, d.Message)
		}
	}
	if d := lockstep.New(kit.Strategies, lockstep.Both).Run(&p); d != nil {
		fmt.Fprint(c.OutOrStdout(), d.Error())
		return findingf("%s differ without a reason in their promises: %s", strings.Join(d.Strategies, " and "), d.Message)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: all of %s do what they promise\n", name, strategyCount(len(kit.Strategies)))
	return err
}
