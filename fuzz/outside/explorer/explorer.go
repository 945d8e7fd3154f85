// Package explorer is what a program that package outside writes calls to explore
// strategies, which are in explored form.
package explorer

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
)

// Main explores as the process's arguments say, and exits: 0, with what was found as JSON
// on stdout, or 1, with an error on stderr.
func Main(ss []*strategies.Strategy, version string) {
	if err := run(ss, version, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// An answer is what came of exploring a strategy: package outside's Exploration.
type answer struct {
	Broken bool
	Reason string // why it wasn't found out
	Tried  string
	Found  []found
}

// found is a schedule that goes wrong.
type found struct{ What, Detail, Token string }

func run(ss []*strategies.Strategy, version string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("explorer", flag.ContinueOnError)
	name := flags.String("strategy", "", "the strategy's name")
	seed := flags.Uint64("seed", 1, "seed of all random choices")
	long := flags.Duration("time", time.Second, "how long")
	token := flags.String("replay", "", "token of a schedule to show again instead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	i := slices.IndexFunc(ss, func(s *strategies.Strategy) bool { return s.Name == *name })
	if i < 0 {
		return fmt.Errorf("no exported variable of the package is the strategy %s", *name)
	}
	forms := scenarios.Builtin()
	forms.Version, forms.Strategies = version, []*strategies.Strategy{ss[i]}
	subject := check.Subject{Strategy: ss[i], Explored: forms}
	var a answer
	if *token != "" {
		list, _ := subject.Scenarios()
		f, err := explore.Replay(*token, list, explore.Options{Version: version})
		if err != nil {
			return err
		}
		info, err := explore.InspectToken(*token)
		if err != nil {
			return err
		}
		a = answer{Broken: true, Found: []found{{fmt.Sprintf("%s: %v", info.Scenario, f), f.Text() + f.Stack, f.Token}}}
	} else {
		a = explored(subject, check.Budget{Seed: *seed, Time: *long, First: true})
	}
	return json.NewEncoder(out).Encode(a)
}

// explored is what the check of schedules says of the subject.
func explored(s check.Subject, b check.Budget) (a answer) {
	all := check.All()
	c := all[slices.IndexFunc(all, func(c check.Check) bool { return c.Name == "schedules" })]
	r := c.Do(context.Background(), s, b)
	a = answer{Broken: r.Verdict == check.Broken, Reason: r.Reason}
	for i, t := range r.Tried {
		if i > 0 {
			a.Tried += ", "
		}
		a.Tried += fmt.Sprintf("%d %s", t.N, t.Unit)
	}
	for _, f := range r.Findings {
		a.Found = append(a.Found, found{f.What, f.Detail, f.Token})
	}
	return a
}
