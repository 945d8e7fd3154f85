package cli

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/workloads/bench"
)

// sharding are the flags of a command whose work can be cut.
type sharding struct {
	text   string
	parts  int
	output string
	resume bool
	whole  bool // items aren't cut, so there is no --parts

	shard shard.Shard
}

const aboutShards = `

--shard I/N does the I-th part of N of what there is to do, writes what came out into the
file of -o, and prints it. Shards share nothing and may run anywhere; refbench merge puts
their files together. With --resume a shard does what its file says that is left.`

// addFlags adds them.
func (s *sharding) addFlags(c *cobra.Command) {
	c.Long += aboutShards
	f := c.Flags()
	f.StringVar(&s.text, "shard", "", "do one part of many, `I/N`: the I-th of N")
	if !s.whole {
		f.IntVar(&s.parts, "parts", 0, "with --shard, into how many parts all of it is cut, of which a shard has every Nth: as many parts are the same work with any N (default N)")
	}
	f.StringVarP(&s.output, "output", "o", "", "with --shard, file for what came out")
	f.BoolVar(&s.resume, "resume", false, "with --shard, go on with the file of -o if it is there")
}

// besideShards are flags that change nothing of what is tried, nor of what comes out.
var besideShards = []string{"shard", "parts", "output", "resume", "seed", "json", "verbose", "jobs", "p", "v", "html", "findings", "help"}

// given reports whether the work is cut.
func (s *sharding) given() bool { return s.text != "" }

// check returns what is wrong with the flags.
func (s *sharding) check(c *cobra.Command) (err error) {
	if !s.given() {
		for _, name := range []string{"parts", "output", "resume"} {
			if c.Flags().Changed(name) {
				return usagef("--%s is for --shard: give that too, such as --shard 1/16", name)
			}
		}
		return nil
	}
	if s.shard, err = shard.Parse(s.text); err != nil {
		return usagef("--shard: %w", err)
	}
	if s.parts == 0 && !c.Flags().Changed("parts") {
		s.parts = s.shard.N
	}
	if s.parts < s.shard.N || s.parts > shard.Most {
		return usagef("--parts %d: want at least as many as there are shards, %d, and at most %d", s.parts, s.shard.N, shard.Most)
	}
	if s.output == "" {
		return usagef("--shard needs the file for what comes out: -o FILE")
	}
	for _, name := range []string{"json", "html"} {
		if c.Flags().Changed(name) {
			return usagef("--%s isn't for a shard: its file has what came out, in JSON, and replay draws what it found", name)
		}
	}
	return nil
}

// begin begins the work, or goes on with it.
func (s *sharding) begin(c *cobra.Command, args []string, code string, seed uint64, items []shard.Item) (*shard.Work, error) {
	p := shard.Plan{
		Command: c.Name(), Commit: builtFrom(), Code: code, Flags: []string{}, Seed: seed,
		Shards: s.shard.N, Parts: s.parts, Whole: s.whole, Items: items,
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(besideShards, f.Name) {
			value := f.Value.String()
			if list, ok := f.Value.(pflag.SliceValue); ok {
				value = strings.Join(list.GetSlice(), ",")
			}
			p.Flags = append(p.Flags, "--"+f.Name+"="+value)
		}
	})
	p.Flags = append(p.Flags, args...)
	w, err := shard.Begin(s.output, p, s.shard, s.resume)
	switch {
	case err == nil:
	case errors.As(err, new(*shard.ExistsError)), errors.As(err, new(*shard.MisfitError)), errors.As(err, new(*shard.FormatError)):
		return nil, usagef("-o %w", err)
	case badPlace(err):
		return nil, usagef("-o %s: %w: name a file in a folder that is there and can be written to", s.output, reason(err))
	default:
		return nil, unwritten(s.output, err)
	}
	if left := len(w.Left()); left < w.Planned() {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: %s has %d of %d already\n", s.output, w.Planned()-left, w.Planned())
	}
	return w, nil
}

// unwritten is the error of a shard that can't be written down.
func unwritten(name string, err error) error {
	return failedf("%s can't be written: %w: what was written before stays; make room, or take another place, and go on with --resume", name, reason(err))
}

// builtFrom is the commit of this program, with a hash of it where the commit doesn't say
// enough.
func builtFrom() string {
	commit, _ := bench.Commit()
	if commit != "unknown" && !strings.HasSuffix(commit, "+dirty") {
		return commit
	}
	exe, err := os.Executable()
	if err != nil {
		return commit
	}
	f, err := os.Open(exe)
	if err != nil {
		return commit
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return commit
	}
	return fmt.Sprintf("%s program %.6x", commit, h.Sum(nil))
}

// finish writes what isn't written, prints what came out, and says with which status to end.
// err is why not all was done, or nil.
func (s *sharding) finish(c *cobra.Command, w *shard.Work, err error) error {
	if e := w.Save(); e != nil {
		err = errors.Join(err, unwritten(s.output, e))
	}
	m, e := w.Sum()
	if e != nil {
		return errors.Join(err, failedf("%w", e))
	}
	lines := mergedScreen(m, fmt.Sprintf("shard %v", s.shard))
	err = errors.Join(err, printLines(c.OutOrStdout(), lines))
	if left := len(w.Left()); left > 0 && err == nil {
		err = failedf("interrupted: %d of %d are left to do: --resume does them", left, w.Planned())
	}
	return errors.Join(err, unableError(m), foundError(m))
}

// unableError says what couldn't be explored, with status 3, or nil.
func unableError(m *shard.Merged) error {
	var unable []string
	for _, t := range m.Totals {
		if t.Unable > 0 {
			unable = append(unable, t.Name)
		}
	}
	if len(unable) == 0 {
		return nil
	}
	const few = 5
	more := ""
	if n := len(unable) - few; n > 0 {
		unable, more = unable[:few], fmt.Sprintf(" and %d more", n)
	}
	return failedf("not explored: %s%s: the file says why; --resume tries again, and other source takes another file", strings.Join(unable, ", "), more)
}

// foundError says what is wrong, with status 1, or nil.
func foundError(m *shard.Merged) error {
	if m.Findings == 0 {
		return nil
	}
	of := 0
	for _, t := range m.Totals {
		if t.Findings > 0 {
			of++
		}
	}
	return findingf("%s in %d of %d", plural(m.Findings, "finding"), of, len(m.Totals))
}

// verdictMark is what a table has for a verdict.
func verdictMark(verdict string) string {
	switch verdict {
	case "", "skipped":
		return ""
	case "found", "missed":
		return verdict
	case "unavailable":
		return "n/a"
	case "blind", "unsupported":
		return "-"
	}
	return []string{"-", "ok", "ok", "?", "BAD"}[shard.Severity(verdict)]
}

// mergedScreen says on one screen what came out. whose says of what it is.
func mergedScreen(m *shard.Merged, whose string) []string {
	const few = 8
	p := m.Header.Plan
	var lines, found, ends []string
	var tried []shard.Amount
	var bad []shard.Total
	exhaustive, through := 0, 0
	done := 0
	for _, t := range m.Totals {
		if t.Parts == 0 {
			continue
		}
		done++
		for _, a := range t.Tried {
			j := slices.IndexFunc(tried, func(b shard.Amount) bool { return a.Unit == b.Unit })
			if j < 0 {
				tried = append(tried, a)
			} else {
				tried[j].N += a.N
			}
		}
		if t.Findings > 0 {
			bad = append(bad, t)
		}
		if t.Exhaustive {
			exhaustive++
		}
		through += len(t.Through)
	}
	if done <= few {
		for _, t := range m.Totals {
			if t.Parts > 0 {
				lines = append(lines, totalLines(t)...)
			}
		}
	} else {
		lines = totalGrid(m.Totals).lines(report.ScreenColumns)
		ends = append(ends, "ok: nothing found; BAD: wrong; ?: inconclusive; -: nothing to try.")
	}
	sum := fmt.Sprintf("%s of %s: %s, %s; %s; seed %d, commit %s.", whose, "refbench "+p.Command, plural(done, "item"), plural(m.Findings, "finding"), cmp.Or(shard.Text(tried), "nothing tried"), p.Seed, shortCommit(p.Commit))
	if exhaustive > 0 {
		sum += fmt.Sprintf(" Exhaustive, of their one program each: %d.", exhaustive)
	}
	if through > 0 {
		sum += fmt.Sprintf(" Every schedule tried of %s.", plural(through, "scenario"))
	}
	ends = append(ends, folded(sum, 3)...)
	for i, t := range bad {
		const most = 5
		if i == most {
			found = append(found, fmt.Sprintf("and %s more: the file has them", plural(len(bad)-most, "item")))
			break
		}
		found = append(found, cut(fmt.Sprintf("%s: %s", t.Name, strings.ReplaceAll(t.First.What, "\n", " ")), report.ScreenColumns))
		if t.Findings > 1 {
			found = append(found, fmt.Sprintf("  and %s: the file has them", plural(t.Findings-1, "more finding")))
		}
		if t.First.Replay != "" {
			found = append(found, "  see it again: "+t.First.Replay)
		}
	}
	if room := report.ScreenLines - len(found) - len(ends); len(lines) > room {
		n := len(lines) - max(room-1, 1)
		lines = append(lines[:max(room-1, 1)], fmt.Sprintf("and %s: the file has them", plural(n, "more line")))
	}
	return slices.Concat(lines, found, ends)
}

func shortCommit(commit string) string {
	if len(commit) == 40 {
		return commit[:12]
	}
	return commit
}

func totalLines(t shard.Total) []string {
	line := fmt.Sprintf("%-27s %-11s %s", t.Name, t.Verdict, shard.Text(t.Tried))
	lines := []string{cut(line, report.ScreenColumns)}
	switch {
	case t.Exhaustive:
		lines = append(lines, "    exhaustive of this one program: "+t.Complete)
	case t.Complete != "":
		lines = append(lines, "    complete: "+t.Complete)
	}
	if t.Reason != "" && shard.Severity(t.Verdict) == shard.Unsure {
		lines = append(lines, cut("    "+strings.ReplaceAll(t.Reason, "\n", " "), report.ScreenColumns))
	}
	if t.Parts < t.Planned {
		lines = append(lines, fmt.Sprintf("    %d of %d parts are here, so it isn't known to be tried completely", t.Parts, t.Planned))
	}
	return lines
}

func totalGrid(totals []shard.Total) grid {
	var g grid
	rows, columns := make(map[string]int), make(map[string]int)
	worst := make(map[[2]string]string)
	for _, t := range totals {
		if _, ok := columns[t.Column]; !ok {
			columns[t.Column] = len(g.heads)
			g.heads = append(g.heads, t.Column)
		}
		if _, ok := rows[t.Row]; !ok {
			rows[t.Row] = len(g.rows)
			g.rows = append(g.rows, gridRow{name: t.Row})
		}
		at := [2]string{t.Row, t.Column}
		if old, ok := worst[at]; !ok || shard.Severity(t.Verdict) > shard.Severity(old) && t.Parts > 0 {
			worst[at] = t.Verdict
		}
	}
	for i := range g.rows {
		g.rows[i].cells = make([]string, len(g.heads))
		for j, h := range g.heads {
			g.rows[i].cells[j] = verdictMark(worst[[2]string{g.rows[i].name, h}])
		}
	}
	bad := func(r gridRow) int {
		if slices.Contains(r.cells, "BAD") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(g.rows, func(a, b gridRow) int { return bad(a) - bad(b) })
	return g
}
