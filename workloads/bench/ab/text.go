package ab

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Schema names the fields that [Result.JSON] writes. It changes when a field changes its
// meaning or goes.
const Schema = "refbench-ab/1"

// Text writes the result for a terminal: the rows that are slower or faster, how many
// others there are, the gates, and as the last line what it comes to. With all it has
// every row.
func (r *Result) Text(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "old: %s\nnew: %s\n%s\n", r.Old, r.New, r.method())
	if t := r.table(all); t != nil {
		t.SetStyle(table.StyleLight)
		t.Style().Format.Header = text.FormatDefault
		t.Style().Options.DrawBorder = false
		fmt.Fprintf(&b, "\n%s\n", t.Render())
	}
	b.WriteString("\n")
	r.notes(&b, "  ")
	b.WriteString(r.Conclusion() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the result as a comment in a pull request: the conclusion first.
func (r *Result) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### refbench ab\n\n**%s**\n\n", markdown(r.Conclusion()))
	fmt.Fprintf(&b, "old: %s  \nnew: %s\n\n", markdown(r.Old), markdown(r.New))
	if t := r.table(false); t != nil {
		b.WriteString(t.RenderMarkdown() + "\n\n")
	}
	r.notes(&b, "- ")
	fmt.Fprintf(&b, "\n<details><summary>All %s</summary>\n\n", plural(len(r.Rows), "row"))
	if t := r.table(true); t != nil {
		b.WriteString(t.RenderMarkdown() + "\n\n")
	}
	fmt.Fprintf(&b, "%s\n\n</details>\n", markdown(r.method()))
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown keeps text from being markup.
func markdown(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "&#96;", "[", "&#91;", "]", "&#93;",
		"*", "&#42;", "_", "&#95;", "@", "&#64;", "~", "&#126;", "|", "&#124;", "\\", "&#92;").Replace(s)
}

// method says how the rows were judged.
func (r *Result) method() string {
	layouts := "each in one binary, so a difference may be that of how its code lies in memory"
	if r.Layouts > 1 {
		layouts = fmt.Sprintf("each in %d layouts of its code", r.Layouts)
		if r.Rounds > r.Layouts {
			layouts += ", which come again, so a difference may be theirs"
		}
	}
	return fmt.Sprintf("%s of both sides by turns, %s; signed-rank test of the ratios, corrected for %s (Holm) and for looking more than once, level %g, minimum effect %s; intervals are of 95 %%, each for itself; seed %d",
		plural(r.Rounds, "round"), layouts, plural(len(r.Rows), "row"), r.Alpha, percent(r.MinEffect), r.Seed)
}

// table returns the rows in a table: those that say something, or all. It is nil if there
// is none.
func (r *Result) table(all bool) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"cell", "new vs old", "95 % interval", "p", "rounds", "old vs itself", ""})
	var configs []table.ColumnConfig
	for n := 2; n <= 6; n++ {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	for _, row := range r.Rows {
		if !all && row.Verdict != Slower && row.Verdict != Faster {
			continue
		}
		control := ""
		if row.Control != nil {
			control = change(row.Control.Ratio)
		}
		verdict := string(row.Verdict)
		if row.Aside > 0 {
			verdict += fmt.Sprintf("; %s excluded: the CPUs were shared", plural(row.Aside, "round"))
		}
		if row.Failed != "" {
			verdict += "; failed"
		}
		t.AppendRow(table.Row{row.Cell, change(row.Ratio), span(row.Lo, row.Hi), fmt.Sprintf("%.2g", row.P), row.Pairs, control, verdict})
	}
	if t.Length() == 0 {
		return nil
	}
	return t
}

// notes writes what stands below the table.
func (r *Result) notes(b *strings.Builder, item string) {
	for _, side := range []struct {
		name  string
		cells []string
	}{{"old", r.OnlyOld}, {"new", r.OnlyNew}} {
		if len(side.cells) > 0 {
			fmt.Fprintf(b, "%s%s only in %s: not compared\n", item, plural(len(side.cells), "cell"), side.name)
		}
	}
	for _, row := range r.Rows {
		if row.Failed != "" {
			fmt.Fprintf(b, "%sfailed: %s\n", item, row.Failed)
		}
	}
	for _, g := range r.Gates {
		if kept := g.Rows - g.Few; len(g.Worse) == 0 && kept > 0 {
			fmt.Fprintf(b, "%sgate %q: kept by %s\n", item, g.Gate, plural(kept, "row"))
		}
		if g.Few > 0 {
			fmt.Fprintf(b, "%sgate %q: %s had too few rounds to tell\n", item, g.Gate, plural(g.Few, "row"))
		}
		for _, w := range g.Worse {
			fmt.Fprintf(b, "%sgate %q: %s: %s (%s, p=%.2g)\n", item, g.Gate, w.Cells, change(w.Ratio), span(w.Lo, w.Hi), w.P)
		}
	}
	if r.Violations > 0 {
		fmt.Fprintf(b, "%sVIOLATIONS on the new side: %g\n", item, r.Violations)
	}
	if r.Spoiled > 0 {
		fmt.Fprintf(b, "%s%s measured while CPUs were shared, and measured again or excluded\n", item, plural(r.Spoiled, "pair"))
	}
	if floor := r.NoiseFloor(); !math.IsNaN(floor) {
		fmt.Fprintf(b, "%snoise floor: the old side differed from itself by %s at most\n", item, percent(floor))
	}
}

// Conclusion says in one line what got slower, what got faster, how much is inconclusive, and the smallest
// difference that could have been seen: see Row.
func (r *Result) Conclusion() string {
	var parts []string
	for _, v := range []Verdict{Slower, Faster} {
		if n := r.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s (%s)", v, list(r.strategies(v)), plural(n, "row")))
		} else {
			parts = append(parts, "nothing "+string(v))
		}
	}
	if n := r.Count(Unchanged); n > 0 {
		parts = append(parts, fmt.Sprintf("%s unchanged within %s", plural(n, "row"), percent(r.MinEffect)))
	}
	var sees []float64
	few := 0 // rows that have data, and too little
	for _, row := range r.Rows {
		switch {
		case !math.IsInf(row.Sees, 1):
			sees = append(sees, row.Sees)
		case row.Verdict == Unclear:
			few++
		}
	}
	if n := r.Count(Unclear); n > 0 {
		text := plural(n, "row") + " inconclusive"
		if few > 0 {
			text += fmt.Sprintf(", %d of which had too few rounds to be called different", few)
		}
		parts = append(parts, text)
	}
	if n := r.Count(NoData); n > 0 {
		parts = append(parts, fmt.Sprintf("%s without usable data", plural(n, "row")))
	}
	if len(sees) > 0 {
		slices.Sort(sees)
		parts = append(parts, fmt.Sprintf("this run could have seen %s in half of the %s that had enough rounds and %s in all of them",
			percent(sees[len(sees)/2]), plural(len(sees), "row"), percent(sees[len(sees)-1])))
	} else if few > 0 {
		parts = append(parts, "this run could have seen no difference")
	}
	return strings.Join(parts, "; ")
}

// strategies are those of the rows with a verdict, in the order of the rows.
func (r *Result) strategies(v Verdict) []string {
	var names []string
	for _, row := range r.Rows {
		if row.Verdict != v {
			continue
		}
		_, name, _ := strings.Cut(row.Cell, "/strategy=")
		name, _, _ = strings.Cut(name, "/")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent formats a share of 1: "2 %", "0.53 %".
func percent(x float64) string { return fmt.Sprintf("%.2g %%", 100*x) }

// change formats a ratio as a change: "+4.9%".
func change(ratio float64) string {
	if math.IsNaN(ratio) {
		return "-"
	}
	return fmt.Sprintf("%+.1f%%", 100*(ratio-1))
}

func span(lo, hi float64) string {
	if lo == 0 || math.IsInf(hi, 1) || math.IsNaN(lo) {
		return "none yet"
	}
	return change(lo) + " .. " + change(hi)
}

// A Document is a result as [Result.JSON] writes it.
type Document struct {
	Schema     string     `json:"schema"`
	Old        string     `json:"old"`
	New        string     `json:"new"`
	Alpha      float64    `json:"alpha"`
	Confidence float64    `json:"confidence"`
	MinEffect  float64    `json:"min_effect"`
	Seed       uint64     `json:"seed"`
	Layouts    int        `json:"layouts"`
	Rounds     int        `json:"rounds"`
	Conclusion string     `json:"conclusion"`
	NoiseFloor *float64   `json:"noise_floor"` // null: no control
	Violations float64    `json:"new_violations"`
	Spoiled    int        `json:"spoiled_pairs"`
	Rows       []jsonRow  `json:"rows"`
	Gates      []jsonGate `json:"gates"`
	OnlyOld    []string   `json:"only_in_old"`
	OnlyNew    []string   `json:"only_in_new"`
}

type jsonRow struct {
	Cell    string   `json:"cell"`
	Verdict Verdict  `json:"verdict"`
	Ratio   *float64 `json:"ratio_new_to_old"`
	Lo      *float64 `json:"low"`  // null: too few rounds for an interval
	Hi      *float64 `json:"high"` // the same
	P       float64  `json:"p"`    // corrected for the number of rows
	Rounds  int      `json:"rounds"`
	Aside   int      `json:"set_aside"`
	Sees    *float64 `json:"could_have_seen"` // as a share of 1; null: nothing, with so few rounds
	Failed  string   `json:"failed,omitempty"`
	Control *float64 `json:"ratio_old_to_itself"`
}

type jsonGate struct {
	Gate  string        `json:"gate"`
	Rows  int           `json:"rows"`
	Few   int           `json:"too_few_rounds"` // of the rows: they couldn't have been beyond the bound
	Worse []jsonGateRow `json:"worse"`
}

type jsonGateRow struct {
	Cells string   `json:"cells"`
	Ratio float64  `json:"ratio_new_to_old"`
	Lo    *float64 `json:"low"`
	Hi    *float64 `json:"high"`
	P     float64  `json:"p"`
}

// finite is nil for what JSON can't say.
func finite(x float64) *float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}

// JSON writes the result for programs.
func (r *Result) JSON(w io.Writer) error {
	j := Document{
		Schema: Schema, Old: r.Old, New: r.New, Alpha: r.Alpha, Confidence: confidence, MinEffect: r.MinEffect, Seed: r.Seed,
		Layouts: r.Layouts, Rounds: r.Rounds, Conclusion: r.Conclusion(), Violations: r.Violations, Spoiled: r.Spoiled,
		Rows: []jsonRow{}, Gates: []jsonGate{}, OnlyOld: append([]string{}, r.OnlyOld...), OnlyNew: append([]string{}, r.OnlyNew...),
	}
	if floor := r.NoiseFloor(); !math.IsNaN(floor) {
		j.NoiseFloor = &floor
	}
	for _, row := range r.Rows {
		jr := jsonRow{
			Cell: row.Cell, Verdict: row.Verdict, Ratio: finite(row.Ratio), Lo: finite(row.Lo), Hi: finite(row.Hi),
			P: row.P, Rounds: row.Pairs, Aside: row.Aside, Failed: row.Failed,
		}
		if !math.IsInf(row.Sees, 1) {
			jr.Sees = &row.Sees // it may be 0
		}
		if row.Control != nil {
			jr.Control = finite(row.Control.Ratio)
		}
		j.Rows = append(j.Rows, jr)
	}
	for _, g := range r.Gates {
		jg := jsonGate{Gate: g.Gate, Rows: g.Rows, Few: g.Few, Worse: []jsonGateRow{}}
		for _, w := range g.Worse {
			jg.Worse = append(jg.Worse, jsonGateRow{w.Cells, w.Ratio, finite(w.Lo), finite(w.Hi), w.P})
		}
		j.Gates = append(j.Gates, jg)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(j)
}
