package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/cmd/refbench/advice"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/bench"
)

// adviseBudget is how long advise measures if it has no files.
const adviseBudget = 20 * time.Second

func newAdviseCommand(parts Parts) *cobra.Command {
	ad := advising{parts: parts}
	var needs []string
	var how string
	var about strings.Builder
	for _, n := range advice.All() {
		fmt.Fprintf(&about, "  %-14s %s\n", n.Name, n.Doc)
	}
	c := &cobra.Command{
		Use:   "advise [FILE...]",
		Short: "Name the cheapest strategies that have what you need",
		Long: `advise names the strategies that have what you need and cost the least on this machine, and
says why the others don't qualify. What a strategy has is what it promises. What it costs is
measured: in result files if there are some, or else in a quick run of those that qualify.
Files needn't have all that do: advise says which weren't measured, as they may be cheaper.
Strategies that the samples can't tell apart are a tie, as in a report. One with violations
on the latest date of the files doesn't qualify; --check runs every check on those that do.

Needs:
` + about.String() + `
Exit status: 0 there is advice, 1 no strategy has all that is needed, 2 wrong usage, such as
needs that contradict each other, 3 it can't be told: none that has it was measured, or
measuring failed.`,
		Example: `  refbench advise --needs zeroatonce,overflow,bytes=16
  refbench advise results.txt --needs reads,nograceperiod,cpus=2
  refbench advise results.txt --needs resurrects --check 10s --json`,
		RunE: func(c *cobra.Command, files []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			var err error
			if ad.needs, err = advice.Parse(needs); err != nil {
				return usagef("--needs: %w", err)
			}
			if ad.check < 0 || ad.check > longestCheck || ad.check > 0 && ad.check < shortestCheck {
				return usagef("--check %v: want %v .. %v", ad.check, shortestCheck, longestCheck)
			}
			if len(files) > 0 {
				for _, flag := range []string{"budget", "output", "placement"} {
					if c.Flags().Changed(flag) {
						return usagef("--%s is for a run, and these files were measured already", flag)
					}
				}
				return ad.advise(c, files, nil)
			}
			if ad.budget < time.Second {
				return usagef("--budget %v: want at least 1s", ad.budget)
			}
			m, err := chooseMachine(how, c.Flags().Changed("placement"))
			if err != nil {
				return err
			}
			return ad.measure(c, m)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&needs, "needs", nil, "what you need, comma-separated; may be repeated")
	f.DurationVar(&ad.check, "check", 0, "run every check on the strategies that qualify, for so long in all")
	f.DurationVar(&ad.budget, "budget", adviseBudget, "without files: about how long to measure")
	f.StringVarP(&ad.file, "output", "o", "", "without files: result file to write (default a new folder in "+resultsDir+"/)")
	f.BoolVar(&ad.json, "json", false, "print JSON")
	placementFlag(c, &how)
	mustComplete(c, "needs", func() (names []string) {
		for _, n := range advice.All() {
			names = append(names, n.Name+"\t"+n.Doc)
		}
		return names
	})
	return c
}

// advising is one run of advise.
type advising struct {
	parts  Parts
	needs  *advice.Needs
	check  time.Duration // 0 for none
	budget time.Duration
	file   string
	json   bool
}

// measure gives advice from a run of the strategies that promise what is needed.
func (ad advising) measure(c *cobra.Command, m *bench.Machine) error {
	var ss []*strategies.Strategy
	for _, s := range ad.parts.Strategies {
		if ad.needs.Lacks(s.Promise.Fields()) == "" {
			ss = append(ss, s)
		}
	}
	if len(ss) == 0 {
		return ad.none()
	}
	variants, err := chooseWorkloads(ad.parts, []string{ad.needs.Workload})
	if err != nil {
		return err
	}
	if len(variants) != 1 {
		return usagef("--needs workload=%s: want one workload, as in workload=%s", ad.needs.Workload, variants[0].Workload.Name)
	}
	n := m.CPUs.Max()
	if ad.needs.CPUs > 0 {
		n = ad.needs.CPUs
	}
	if err := m.CheckCPUs(n); err != nil {
		return usagef("--needs cpus=%d: %w", n, err)
	}
	file := ad.file
	if file == "" {
		file = filepath.Join(newRunDir(), "results.txt")
	}
	parts := ad.parts
	var advised error // has a status of its own, that of a table is always the same
	parts.Table = func(_ io.Writer, files []string, _ bool, around []string) error {
		advised = ad.advise(c, files, around)
		return nil
	}
	parts.Report = nil
	err = session{
		parts:     parts,
		machine:   m,
		selection: bench.Selection{Strategies: ss, Variants: variants, CPUs: []int{n}, Loops: parts.Loops},
		rounds:    quickRounds,
		least:     leastRounds,
		budget:    ad.budget,
		seed:      uint64(time.Now().UnixNano()),
		file:      file,
		control:   true,

		leastControl: true,
	}.run(c)
	return errors.Join(err, advised)
}

// none is the error that no strategy has what is needed.
func (ad advising) none() error {
	return findingf("no strategy has all of %s: refbench list shows what each promises", ad.needs)
}

// advise gives advice from result files. Around are lines that stand at its end.
func (ad advising) advise(c *cobra.Command, files, around []string) error {
	set, err := readResults(c, files, report.Options{}, true)
	if err != nil {
		return err
	}
	given, err := advice.Of(set, ad.needs, nil)
	cant := new(advice.CantTell)
	if err != nil && !errors.As(err, &cant) {
		return usagef("%w", err)
	}
	var failed error
	if ad.check > 0 && len(given.Candidates) > 0 {
		var results map[string][]check.Result
		results, failed = ad.checked(c, set, given)
		broken := make(map[string]string)
		for name, rs := range results {
			for _, r := range rs {
				if r.Verdict == check.Broken && broken[name] == "" {
					broken[name] = "found by " + r.Check
				}
			}
		}
		if given, err = advice.Of(set, ad.needs, broken); err != nil && !errors.As(err, &cant) {
			return usagef("%w", err)
		}
		for i := range given.Candidates {
			k := &given.Candidates[i]
			for _, r := range results[k.Strategy] {
				k.Checks = append(k.Checks, advice.Check{Check: r.Check, Verdict: string(r.Verdict)})
			}
		}
	}
	if ad.json {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		err = errors.Join(err, e.Encode(given))
	} else {
		err = errors.Join(err, printLines(c.OutOrStdout(), append(given.Lines(len(around)), around...)))
	}
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return failedf("%w", err)
	case len(given.Candidates) == 0:
		return ad.none()
	}
	return nil
}

// checked runs every check on the candidates that this program has, as the files have them,
// and returns the results by strategy.
func (ad advising) checked(c *cobra.Command, set *report.Set, given *advice.Advice) (map[string][]check.Result, error) {
	promises := make(map[string]string)
	for _, p := range set.Promises {
		var fields []string
		for _, f := range p.Fields {
			fields = append(fields, f[0]+"="+f[1])
		}
		promises[p.Strategy] = strings.Join(fields, " ")
	}
	var ss []*strategies.Strategy
	for _, k := range given.Candidates {
		own := false
		for _, s := range ad.parts.Strategies {
			if s.Name == k.Strategy && s.Promise.String() == promises[k.Strategy] {
				ss, own = append(ss, s), true
			}
		}
		if !own {
			fmt.Fprintf(c.ErrOrStderr(), "refbench: %s isn't checked: this program doesn't have it, or with another promise than the files\n", k.Strategy)
		}
	}
	if len(ss) == 0 {
		return nil, nil
	}
	ch := checking{parts: ad.parts, strategies: ss, checks: check.All(), budget: ad.check, timeout: 10 * time.Second, seed: rand.Uint64(),
		dir: filepath.Join(findingsDir, time.Now().UTC().Format("20060102T150405.000Z"))}
	p := newCheckProgress(c.ErrOrStderr(), len(ch.checks)*len(ss))
	results, interrupted, err := ch.results(c.Context(), time.Now().Add(ch.budget), p)
	p.end()
	of := make(map[string][]check.Result)
	for _, r := range results {
		of[r.Strategy] = append(of[r.Strategy], r)
	}
	switch {
	case interrupted:
		err = errors.Join(failedf("interrupted after %d checks: the advice goes by these", len(results)), err)
	case err != nil:
		err = failedf("%w", err)
	}
	return of, err
}
