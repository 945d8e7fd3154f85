package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/spec"
)

// largestReplay bounds the files that replay reads. check writes small ones.
const largestReplay = 64 << 20 // bytes

// judging is how long replay searches for an order of a history's calls.
const judging = 30 * time.Second

// The output of replay --json for files. Field names are part of the interface.
type (
	replayedHistory struct {
		File     string       `json:"file"`
		Strategy string       `json:"strategy"`
		Calls    int          `json:"calls"`
		Lives    int          `json:"lives"`
		Clock    string       `json:"clock"`
		Verdict  linear.Class `json:"verdict"`
		Reason   string       `json:"reason,omitempty"`
		Segment  string       `json:"segment,omitempty"` // the calls that have no order, as text
	}
	replayedProgram struct {
		File       string        `json:"file"`
		Verdict    check.Verdict `json:"verdict"`
		Strategies []string      `json:"strategies"`        // that break their promise, or differ; all if none does
		Message    string        `json:"message,omitempty"` // what the first one did
		Detail     string        `json:"detail,omitempty"`  // what came before it
	}
)

// replayFile judges a history, or runs an op program, that check wrote, or runs the
// schedule of a token that is in a file.
func replayFile(c *cobra.Command, parts Parts, name, page string, asJSON bool, timeout time.Duration) error {
	if err := checkParts(parts); err != nil {
		return err
	}
	f, err := openInput(c.Context(), name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, largestReplay+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case len(data) > largestReplay:
		return usagef("%s: it has more than %d bytes, which no file of check has", name, largestReplay)
	case len(bytes.TrimSpace(data)) == 0:
		return usagef("%s: the file is empty: want a token, or a history or an op program as check writes them", name)
	case isToken(string(data)):
		return replayToken(c, parts, string(data), page, asJSON)
	case bytes.HasPrefix(data, []byte("refbench history")):
		return replayHistory(c, parts, name, data, page, asJSON)
	}
	return replayProgram(c, parts, name, string(data), page, asJSON, timeout)
}

func replayHistory(c *cobra.Command, parts Parts, name string, data []byte, page string, asJSON bool) error {
	h, err := linear.Parse(data)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	ss, err := chooseStrategies(parts, []string{h.Strategy})
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	r, err := (&linear.Judge{Spec: spec.Of(ss[0]), Timeout: judging}).Check(c.Context(), h)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	out := replayedHistory{
		File: name, Strategy: h.Strategy, Calls: h.Ops(), Lives: len(h.Lives), Clock: h.Clock, Verdict: r.Class, Reason: r.Reason,
	}
	if r.Segment != nil {
		out.Segment = r.Segment.String()
	}
	if asJSON {
		err = writeJSON(c.OutOrStdout(), out)
	} else {
		text := fmt.Sprintf("%s: %d calls in %d lives, clock %s: %s\n", out.Strategy, out.Calls, out.Lives, out.Clock, out.Verdict)
		if out.Reason != "" {
			text += out.Reason + "\n"
		}
		_, err = io.WriteString(c.OutOrStdout(), text+out.Segment)
	}
	if err != nil {
		return err
	}
	if r.Segment != nil && page != "" {
		if err := writeFile(page, func(w io.Writer) error { return r.Segment.WriteHTML(w, judging) }); err != nil {
			return failedf("%s: %w", page, err)
		}
	}
	switch r.Class {
	case linear.Illegal:
		return findingf("the history breaks the promise of %s", h.Strategy)
	case linear.Unknown:
		return failedf("%s: %s", name, r.Reason)
	}
	return nil
}

func replayProgram(c *cobra.Command, parts Parts, name, text, page string, asJSON bool, timeout time.Duration) error {
	p, err := program.Parse(text)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	if page != "" {
		return usagef("--html is for tokens and histories: %s is an op program", name)
	}
	out := replayedProgram{File: name, Verdict: check.Kept}
	for _, s := range parts.Strategies {
		out.Strategies = append(out.Strategies, s.Name)
	}
	finding := ""
	broken := func(how, message, detail string, names ...string) {
		out.Verdict, out.Message, out.Detail, out.Strategies = check.Broken, message, detail, names
		finding = fmt.Sprintf("%s %s: %s", strings.Join(names, " and "), how, message)
	}
	const breaks, differ = "breaks its promise", "differ without a reason in their promises"
	// A call that doesn't return would not return below either.
	var unfinished error
	for i, e := range lockstep.Hung(parts.Strategies, &p, timeout) {
		switch {
		case e == nil || finding != "":
		case e.Calls == "":
			unfinished = failedf("%s: of %s: %s: give --timeout more", name, parts.Strategies[i].Name, e.Line())
		default:
			broken(breaks, e.Line(), strings.TrimSpace(e.Error())+"\n", parts.Strategies[i].Name)
		}
	}
	if finding == "" && unfinished != nil {
		return unfinished
	}
	for _, s := range parts.Strategies {
		if finding != "" {
			break
		}
		if d := lockstep.New(append(parts.Strategies[:0:0], s), lockstep.Specification).Run(&p); d != nil {
			broken(breaks, d.Message, d.Error(), s.Name)
		}
	}
	if finding == "" {
		if d := lockstep.New(parts.Strategies, lockstep.Both).Run(&p); d != nil {
			broken(differ, d.Message, d.Error(), d.Strategies...)
		}
	}
	if asJSON {
		err = writeJSON(c.OutOrStdout(), out)
	} else if finding != "" {
		_, err = io.WriteString(c.OutOrStdout(), out.Detail)
	} else {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: all of %s do what they promise\n", name, strategyCount(len(parts.Strategies)))
	}
	if err == nil && finding != "" {
		err = findingf("%s", finding)
	}
	return err
}
