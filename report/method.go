package report

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"
)

// methodSection says what the numbers mean and how to measure them again.
func methodSection() section { return section{page: methodPage, html: methodHTML} }

func methodPage(s *Set) []part {
	return []part{{ID: "how", Nav: "How it was measured", Title: "How it was measured", Data: s.reproduce()}}
}

// maxAgain bounds the commits and runs that the page names one by one.
const maxAgain = 8

// reproduce returns the commands that make a page like this one: on the same machine, with the
// commit and the versions that stand there.
func (s *Set) reproduce() []string {
	var lines []string
	for _, f := range s.Facts {
		if f.Key == "commit" {
			for _, v := range f.Values[:min(len(f.Values), maxAgain)] {
				lines = append(lines, "# commit "+v)
			}
			if n := len(f.Values) - maxAgain; n > 0 {
				lines = append(lines, fmt.Sprintf("# and %d more commits", n))
			}
		}
	}
	for _, r := range s.runs[max(0, len(s.runs)-maxAgain):] {
		lines = append(lines, "# measured "+r.Started, r.Command)
	}
	if n := len(s.runs) - maxAgain; n > 0 {
		lines = append(lines, fmt.Sprintf("# and %s: the files beside the results say how", plural(n, "more run")))
	}
	if len(s.runs) == 0 {
		lines = append(lines, "refbench run")
	}
	args := append([]string{"refbench", "report"}, cleanAll(s.Paths)...)
	return append(lines, shellescape.QuoteCommand(append(args, "-o", "report")))
}

const methodHTML = `<dl>
<dt>time per operation</dt><dd>Wall time of the timed part divided by the operations of all workers together. On two CPUs that don't disturb each other it is half of what one worker needs.</dd>
<dt>throughput</dt><dd>Operations of all workers per second of wall time.</dd>
<dt>median, interval</dt><dd>The median of the samples and its 95&nbsp;% confidence interval, with nothing assumed about the distribution. ± is how far its farther end is from the median. ∞ means that there are too few samples for an interval. The bars in the plots are these intervals.</dd>
<dt>told apart</dt><dd>Two strategies are told apart if a Mann-Whitney U-test of their times gives at most 0.05, corrected for all pairs of the row (Holm). The ranking, ~ and ★ all go by that, and by nothing else: intervals may overlap or not.</dd>
<dt>violations</dt><dd>Broken rules that the oracles saw, each judged by the strategy's own promise. None in N operations means a rate below 3/N with 95&nbsp;% confidence, no more, and takes operations for independent trials. A strategy with violations isn't ranked for speed.</dd>
<dt>change point</dt><dd>Where the medians of several dates have another level than before. The series is divided where two levels fit it best, if a permutation test of ranks says that it has two; then both parts, and so on.</dd>
<dt>excluded</dt><dd>A sample that was measured while something else ran on the CPUs. It is listed, and it counts for violations, but not for time.</dd>
<dt>noise floor</dt><dd>Some cells are measured twice in a run, under two names. How far the medians of the two lie apart at most is what a difference between two cells of the run must exceed to mean anything.</dd>
<dt>jain</dt><dd>Jain's fairness index of the workers' operations: 1 if all did the same.</dd>
<dt>parallel</dt><dd>Witness of real parallelism: 1 if every worker had its CPU.</dd>
<dt>overlap-%</dt><dd>Share of the timed part in which all workers ran.</dd>
</dl>
<h3>To do it again</h3>
<pre tabindex="0">{{range .}}{{.}}
{{end}}</pre>
`
