package report

import "io"

// CompareSchema names the fields that [Comparison.JSON] writes. It changes when a
// field changes its meaning or goes; new fields may come without notice.
const CompareSchema = "refbench-compare/1"

// The fields of a comparison in JSON. Arrays are in the order of the tables.
// Medians are in the unit that stands beside them.
type jsonComparison struct {
	Schema        string           `json:"schema"`
	OldFiles      []string         `json:"old_files"`
	NewFiles      []string         `json:"new_files"`
	Alpha         float64          `json:"alpha"`
	Confidence    float64          `json:"confidence"`
	MinEffect     float64          `json:"min_effect"`
	Tests         int              `json:"tests"`       // rows that p-values are corrected for
	NoiseFloor    *float64         `json:"noise_floor"` // a share of 1; null if no cell was measured twice
	Conclusion    string           `json:"conclusion"`
	Units         []jsonUnitChange `json:"units"`
	OnlyOld       []jsonKey        `json:"only_in_old"`
	OnlyNew       []jsonKey        `json:"only_in_new"`
	UnitsLeftOut  []string         `json:"units_left_out"`
	NewViolations float64          `json:"new_violations"`
	Gates         []jsonGate       `json:"gates"`
	Warnings      []string         `json:"warnings"`
}

type jsonGate struct {
	Gate  string        `json:"gate"`
	Rows  int           `json:"rows"`
	Few   int           `json:"too_few_samples"` // of the rows: they couldn't have been beyond the bound
	Worse []jsonGateRow `json:"worse"`
}

// A jsonGateRow names its cell as the tables do.
type jsonGateRow struct {
	Cell  string   `json:"cell"`
	Ratio *float64 `json:"ratio_new_to_old"`
	P     float64  `json:"p"`
}

type jsonUnitChange struct {
	Unit    string        `json:"unit"`
	Better  string        `json:"better"` // "lower", "higher", or "" if not said
	Exact   bool          `json:"exact"`
	Rows    []jsonRow     `json:"rows"`
	Geomean jsonGeomeanOf `json:"geomean"`
}

type jsonRow struct {
	jsonKey
	Old          *jsonSummary `json:"old"`
	OldSamples   int          `json:"old_samples"`
	New          *jsonSummary `json:"new"`
	NewSamples   int          `json:"new_samples"`
	DeltaPercent *float64     `json:"delta_percent"` // null: not significant, or no old value
	P            *float64     `json:"p"`             // of this row alone; 0 for exact units
	Corrected    *float64     `json:"p_corrected"`   // for all rows that were judged
	Verdict      Verdict      `json:"verdict"`
	Warnings     []string     `json:"warnings"`
}

type jsonGeomeanOf struct {
	Old      *float64 `json:"old"`
	New      *float64 `json:"new"`
	Ratio    *float64 `json:"ratio_new_to_old"`
	Warnings []string `json:"warnings"`
}

// JSON writes the comparison for programs. The document's schema field is
// [CompareSchema].
func (c *Comparison) JSON(w io.Writer) error {
	jc := jsonComparison{
		Schema: CompareSchema, OldFiles: cleanAll(c.Old.Paths), NewFiles: cleanAll(c.New.Paths),
		Alpha: c.Alpha, Confidence: Confidence, MinEffect: c.MinEffect, Tests: c.Tests,
		Conclusion: c.Conclusion(), Units: []jsonUnitChange{},
		OnlyOld: jsonKeys(c.OnlyOld, c.Old.layout), OnlyNew: jsonKeys(c.OnlyNew, c.New.layout), UnitsLeftOut: nonNil(c.LeftOut),
		NewViolations: c.Violations, Gates: []jsonGate{}, Warnings: nonNil(c.Warnings),
	}
	if d, known := c.NoiseFloor(); known {
		jc.NoiseFloor = finite(d)
	}
	for _, g := range c.Gates {
		jg := jsonGate{g.Gate, g.Rows, g.Few, []jsonGateRow{}}
		for _, w := range g.Worse {
			jg.Worse = append(jg.Worse, jsonGateRow{w.Key.String(), finite(w.Ratio), w.P})
		}
		jc.Gates = append(jc.Gates, jg)
	}
	better := map[int]string{-1: "lower", 1: "higher"}
	for _, u := range c.Units {
		f := u.Unit.factor()
		ju := jsonUnitChange{Unit: u.Unit.Name, Better: better[u.Unit.Better], Exact: u.Unit.Exact, Rows: []jsonRow{}}
		for _, r := range u.Rows {
			ju.Rows = append(ju.Rows, jsonRow{
				jsonKey: c.Old.layout.jsonKey(r.labels), Old: summaryJSON(r.Old, f), OldSamples: r.NOld, New: summaryJSON(r.New, f), NewSamples: r.NNew,
				DeltaPercent: finite(r.percent()), P: finite(r.P), Corrected: finite(r.Corrected), Verdict: r.Verdict, Warnings: nonNil(r.Warnings),
			})
		}
		g := u.Geomean
		ju.Geomean = jsonGeomeanOf{finite(g.Old * f), finite(g.New * f), finite(g.Ratio), nonNil(g.Warnings)}
		jc.Units = append(jc.Units, ju)
	}
	return writeJSON(w, jc)
}

func jsonKeys(cells []*Cell, l *layout) []jsonKey {
	out := []jsonKey{}
	for _, c := range cells {
		out = append(out, l.jsonKey(c.labels))
	}
	return out
}
