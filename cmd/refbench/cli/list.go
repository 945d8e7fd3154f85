package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

// The output of list --json. Field names are part of the interface.
type (
	catalogue struct {
		Modules     []Module         `json:"modules,omitempty"` // that refbench build took along
		Strategies  []listedStrategy `json:"strategies"`
		Baselines   []listedBaseline `json:"baselines"`
		Workloads   []listedWorkload `json:"workloads"`
		Unsupported []listedPair     `json:"unsupported"`
	}
	listedStrategy struct {
		Name    string             `json:"name"`
		Doc     string             `json:"doc"`
		Aliases []string           `json:"aliases"` // other names, which lead to it too
		Default bool               `json:"default"` // measured where none are named
		Promise map[string]string  `json:"promise"`
		Powers  []strategies.Power `json:"powers"`
		Way     string             `json:"way,omitempty"` // by which of several it works here
	}
	listedBaseline struct {
		Name     string `json:"name"`
		Doc      string `json:"doc"`
		Baseline string `json:"baseline"` // what it lacks to be a count
	}
	listedWorkload struct {
		Name      string             `json:"name"`
		Doc       string             `json:"doc"`
		Source    string             `json:"source"`
		Operation string             `json:"operation"`
		Needs     []strategies.Power `json:"needs"`
		NoWait    string             `json:"nowait,omitempty"`
		Knobs     []listedKnob       `json:"knobs"`
	}
	listedKnob struct {
		Name    string `json:"name"`
		Doc     string `json:"doc"`
		Default int    `json:"default"`
		Min     int    `json:"min"`
		Max     int    `json:"max"`
	}
	listedPair struct {
		Workload string `json:"workload"`
		Strategy string `json:"strategy"`
		Reason   string `json:"reason"`
	}
)

func newListCommand(parts Parts) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "Show the strategies with their promises, and the workloads with their knobs",
		Example: `  refbench list
  refbench list --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			if !asJSON {
				return printList(c.OutOrStdout(), parts)
			}
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(newCatalogue(parts))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newCatalogue(parts Parts) catalogue {
	// Empty lists, not null, in JSON.
	cat := catalogue{
		Modules:     parts.Modules,
		Strategies:  []listedStrategy{},
		Baselines:   []listedBaseline{},
		Workloads:   []listedWorkload{},
		Unsupported: []listedPair{},
	}
	for _, s := range parts.Strategies {
		promise := make(map[string]string)
		for _, f := range s.Promise.Fields() {
			promise[f[0]] = f[1]
		}
		cat.Strategies = append(cat.Strategies, listedStrategy{s.Name, s.Doc, parts.aliasesOf(s.Name), parts.isDefault(s.Name), promise, append([]strategies.Power{}, s.Powers()...), wayOf(s)})
	}
	for _, b := range parts.Baselines {
		cat.Baselines = append(cat.Baselines, listedBaseline{b.Name, b.Doc, b.Baseline})
	}
	for _, w := range parts.Workloads {
		l := listedWorkload{w.Name, w.Doc, w.Source, w.Operation, append([]strategies.Power{}, w.Needs...), w.NoWait, []listedKnob{}}
		for _, k := range w.Knobs {
			l.Knobs = append(l.Knobs, listedKnob(k))
		}
		cat.Workloads = append(cat.Workloads, l)
	}
	for _, u := range bench.UnsupportedPairs(parts.Workloads, parts.Strategies) {
		cat.Unsupported = append(cat.Unsupported, listedPair(u))
	}
	return cat
}

func printList(w io.Writer, parts Parts) error {
	var b strings.Builder
	if len(parts.Modules) > 0 {
		b.WriteString("Built with\n\n")
		for _, m := range parts.Modules {
			fmt.Fprintf(&b, "  %s\n", moduleText(m))
		}
		b.WriteByte('\n')
	}
	b.WriteString("Strategies\n")
	for _, s := range parts.Strategies {
		mark := ""
		if parts.Default != nil && parts.isDefault(s.Name) {
			mark = " (default)"
		}
		fmt.Fprintf(&b, "\n  %s%s: %s\n", s.Name, mark, s.Doc)
		if also := parts.aliasesOf(s.Name); len(also) > 0 {
			fmt.Fprintf(&b, "    also:    %s\n", strings.Join(also, ", "))
		}
		fmt.Fprintf(&b, "    promise: %s\n", s.Promise)
		fmt.Fprintf(&b, "    powers:  %s\n", joinPowers(s.Powers()))
		if way := wayOf(s); way != "" {
			fmt.Fprintf(&b, "    way:     %s\n", way)
		}
	}
	for _, s := range parts.Baselines {
		fmt.Fprintf(&b, "\n  %s (baseline): %s\n    %s\n", s.Name, s.Doc, s.Baseline)
	}
	b.WriteString("\nWorkloads\n")
	for _, wl := range parts.Workloads {
		fmt.Fprintf(&b, "\n  %s: %s\n", wl.Name, wl.Doc)
		fmt.Fprintf(&b, "    source:    %s\n", wl.Source)
		fmt.Fprintf(&b, "    operation: %s\n", wl.Operation)
		fmt.Fprintf(&b, "    needs:     %s\n", joinPowers(wl.Needs))
		if wl.NoWait != "" {
			fmt.Fprintf(&b, "    no wait:   %s\n", wl.NoWait)
		}
		for _, k := range wl.Knobs {
			fmt.Fprintf(&b, "    knob %s: %s\n", knobRange(k), k.Doc)
		}
	}
	if us := bench.UnsupportedPairs(parts.Workloads, parts.Strategies); len(us) > 0 {
		b.WriteString("\nPairs that can't run\n\n")
		for _, u := range us {
			fmt.Fprintf(&b, "  %s under %s: %s\n", u.Strategy, u.Workload, u.Reason)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wayOf returns by which of several ways the strategy works in this process, or nothing.
func wayOf(s *strategies.Strategy) string {
	if s.Way == nil {
		return ""
	}
	return s.Way()
}

func knobRange(k workloads.Knob) string {
	return fmt.Sprintf("%s=%d (%d .. %d)", k.Name, k.Default, k.Min, k.Max)
}

func joinPowers(ps []strategies.Power) string {
	if len(ps) == 0 {
		return "none"
	}
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
