package advice

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/refbench/refbench/report"
)

// The bounds of a screen.
const (
	mostConclusion = 2 // lines
	mostWarnings   = 2
	mostCandidates = 6
	mostGroups     = 7
)

// Lines returns the advice in at most [report.ScreenLines] less so many lines of
// [report.ScreenColumns].
func (a *Advice) Lines(around int) []string {
	var out []string
	line := func(format string, args ...any) {
		out = append(out, text.Snip(fmt.Sprintf(format, args...), report.ScreenColumns, "…"))
	}
	conclusion := strings.Split(text.WrapSoft(a.Conclusion, report.ScreenColumns-1), "\n")
	if len(conclusion) > mostConclusion {
		conclusion = conclusion[:mostConclusion]
		conclusion[mostConclusion-1] = strings.TrimRight(conclusion[mostConclusion-1], " ") + "…"
	}
	for _, l := range conclusion {
		line("%s", strings.TrimRight(l, " "))
	}
	var needs []string
	for _, n := range a.Needs {
		needs = append(needs, n.Need)
	}
	if len(needs) > 0 {
		line("Needed: %s.", strings.Join(needs, ", "))
	}
	groups := a.groups()
	notes := a.notes()
	room := report.ScreenLines - around - len(out) - len(notes)
	if len(groups) > 0 {
		room -= 1 + min(len(groups), mostGroups)
	}
	if n := len(a.Candidates); n > 0 {
		names := len("strategy")
		for _, c := range a.Candidates {
			names = max(names, len(c.Strategy))
		}
		names = min(names, 20)
		line("  %s %11s %17s %6s %6s  %s", text.Pad("strategy", names, ' '), "per op", "interval, 95 %", "ratio", "bytes", "violations")
		shown := a.Candidates[:min(n, mostCandidates, max(room-2, 1))]
		for _, c := range shown {
			mark := " "
			if c.Cheapest {
				mark = "*"
			}
			interval := "too few samples"
			if c.Low != nil && c.High != nil {
				interval = ns(*c.Low) + " .. " + ns(*c.High)
			}
			line("%s %s %11s %17s %6s %6s  %s", mark, text.Pad(text.Snip(c.Strategy, names, "…"), names, ' '), ns(c.Median)+" ns", interval, fmt.Sprintf("%.2f", c.Ratio), c.Bytes, c.verdict())
		}
		if more := n - len(shown); more > 0 {
			line("  and %d more, up to %.2f times as slow: --json has them", more, a.Candidates[n-1].Ratio)
		}
	}
	if len(groups) > 0 {
		line("Others:")
		for i, g := range groups {
			if i == mostGroups-1 && len(groups) > mostGroups {
				line("  and %d for other reasons: --json has them", len(a.Others)-count(groups[:i]))
				break
			}
			line("  %s: %s", g.reason, strings.Join(g.names, ", "))
		}
	}
	for _, n := range notes {
		line("%s", n)
	}
	return out
}

// ns formats nanoseconds, or percent, with three digits or more.
func ns(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// verdict says what stands behind a candidate.
func (c Candidate) verdict() string {
	said := "unchecked"
	if c.Checked > 0 {
		said = "0 in " + strings.NewReplacer("e+0", "e", "e+", "e").Replace(fmt.Sprintf("%.1e", c.Checked))
	}
	if len(c.Checks) > 0 {
		kept, unsure := 0, 0
		for _, k := range c.Checks {
			switch k.Verdict {
			case "kept":
				kept++
			case "unknown":
				unsure++
			}
		}
		said += fmt.Sprintf(", %d ok", kept)
		if unsure > 0 {
			said += fmt.Sprintf(" %d?", unsure)
		}
	}
	return said
}

// A group is what strategies don't qualify for one reason.
type group struct {
	reason  string
	names   []string
	untimed bool
}

func count(groups []group) (n int) {
	for _, g := range groups {
		n += len(g.names)
	}
	return n
}

// groups returns the strategies that don't qualify by reason: those first that would, had they
// a time to compare, and then the largest group.
func (a *Advice) groups() []group {
	var all []group
	for _, o := range a.Others {
		i := slices.IndexFunc(all, func(g group) bool { return g.reason == o.Reason })
		if i < 0 {
			i = len(all)
			all = append(all, group{reason: o.Reason, untimed: o.untimed})
		}
		all[i].names = append(all[i].names, o.Strategy)
	}
	slices.SortStableFunc(all, func(x, y group) int {
		if x.untimed != y.untimed {
			if x.untimed {
				return -1
			}
			return 1
		}
		return len(y.names) - len(x.names)
	})
	return all
}

// notes say what the numbers are worth, and of which machine they are.
func (a *Advice) notes() []string {
	var lines []string
	if slices.ContainsFunc(a.Candidates, func(c Candidate) bool { return c.Cheapest }) {
		lines = append(lines, "*: the cheapest, or not told apart from it by the samples.")
	}
	if i := slices.IndexFunc(a.Candidates, func(c Candidate) bool { return c.Actors }); i >= 0 {
		lines = append(lines, fmt.Sprintf("%s is measured of callers that say who they are: see --needs anonymous.", a.Candidates[i].Strategy))
	}
	if a.NoiseFloor != nil {
		lines = append(lines, fmt.Sprintf("Noise floor: the same cell measured twice differed by up to %s %%.", ns(*a.NoiseFloor)))
	} else {
		lines = append(lines, "Noise floor: unknown, as no cell was measured twice.")
	}
	if slices.ContainsFunc(a.Candidates, func(c Candidate) bool { return len(c.Checks) > 0 }) {
		lines = append(lines, "ok: checks that the strategy passed; ?: that were inconclusive.")
	}
	for _, w := range a.Warnings[:min(len(a.Warnings), mostWarnings)] {
		lines = append(lines, "! "+w)
	}
	if a.Machine == "" {
		return lines
	}
	return append(lines, "On "+a.Machine)
}
