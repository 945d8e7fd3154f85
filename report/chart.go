package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// The measures of a chart on the page, in its own units. At this size its text can be read
// when a phone shows it 350 pixels wide.
const (
	chartWidth  = 440
	chartLeft   = 46  // of the plot: what stands before it are the labels of its ticks
	chartLabels = 112 // right of the plot, for the names of the series
	chartTop    = 8
	chartBottom = 36
	chartPlot   = chartWidth - chartLeft - chartLabels
	leastHeight = 180  // of the plot
	labelGap    = 12.5 // from one name to the next
	labelRunes  = 18   // of a name
	fitSteps    = 16

	chartDateLabels = 3 // below the plot
)

// A chart draws a figure on the page. Unlike the pictures that lie beside the page its marks
// have classes, so that style sheets can colour, choose and point at them: "k" is whatever
// is of a series, k0, k1, ... which one, and b0, b1, ... a count.
type chart struct {
	*figure
	id     string // of this chart: no other one on the page has it
	height float64
	b      strings.Builder
}

// A miniature is the chart of one series, with all others behind it.
type miniature struct {
	Place int
	Name  string
	Rates string // the values at the first and the last count
	SVG   template.HTML
}

// page draws the figure for the page.
func (f *figure) page(id string) template.HTML {
	c := newChart(f, id)
	c.grid()
	c.bands()
	if ghost := c.lines(); f.dates == nil {
		fmt.Fprintf(&c.b, `<defs><path id="%sg" d="%s"/></defs>`, id, ghost)
	}
	c.b.WriteString(`</svg>`)
	return template.HTML(c.b.String())
}

func newChart(f *figure, id string) *chart {
	c := &chart{figure: f, id: id, height: max(leastHeight, labelGap*float64(len(f.series)))}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %d %.0f" role="img" aria-label="%s">`, chartWidth, chartTop+c.height+chartBottom, template.HTMLEscapeString(f.describe()))
	return c
}

// x returns where a count stands.
func (c *chart) x(count float64) float64 {
	lo, hi := float64(c.counts[0]), float64(c.counts[len(c.counts)-1])
	if lo == hi {
		return chartLeft + chartPlot/2
	}
	const room = 0.04
	if c.dates != nil {
		return chartLeft + chartPlot*(room+(1-2*room)*(count-lo)/(hi-lo))
	}
	return chartLeft + chartPlot*(room+(1-2*room)*math.Log(count/lo)/math.Log(hi/lo))
}

// y returns where a value stands.
func (c *chart) y(v float64) float64 {
	share := (v - c.yMin) / (c.yMax - c.yMin)
	if c.yLog {
		share = math.Log(max(v, c.yMin)/c.yMin) / math.Log(c.yMax/c.yMin)
	}
	return chartTop + c.height*(1-share)
}

// at formats a coordinate.
func at(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// grid draws the axes with their labels.
func (c *chart) grid() {
	bottom := chartTop + c.height
	var lines, labels strings.Builder
	for _, t := range c.yTicks {
		if t.Label == "" || t.Value < c.yMin || t.Value > c.yMax {
			continue
		}
		y := c.y(t.Value)
		fmt.Fprintf(&lines, "M%d %sh%d", chartLeft, at(y), chartPlot)
		fmt.Fprintf(&labels, `<text class="y" x="%d" y="%s">%s</text>`, chartLeft-5, at(y+3.5), template.HTMLEscapeString(t.Label))
	}
	for _, t := range c.xTicks(chartDateLabels) {
		x := c.x(t.Value)
		fmt.Fprintf(&lines, "M%s %sv4", at(x), at(bottom))
		if t.Label != "" {
			fmt.Fprintf(&labels, `<text class="x" x="%s" y="%s">%s</text>`, at(x), at(bottom+15), t.Label)
		}
	}
	fmt.Fprintf(&labels, `<text class="x" x="%d" y="%s">%s</text>`, chartLeft+chartPlot/2, at(bottom+30), template.HTMLEscapeString(c.axis))
	fmt.Fprintf(&c.b, `<path class="grid" d="%sM%d %sh%d"/>%s`, lines.String(), chartLeft, at(bottom), chartPlot, labels.String())
}

// bands draws what is touched to point at a count.
func (c *chart) bands() {
	if len(c.counts) > maxMarked || c.dates != nil { // no table has a column for each date
		return
	}
	for i, n := range c.counts {
		from, to := float64(chartLeft), float64(chartLeft+chartPlot)
		if i > 0 {
			from = (c.x(float64(c.counts[i-1])) + c.x(float64(n))) / 2
		}
		if i+1 < len(c.counts) {
			to = (c.x(float64(n)) + c.x(float64(c.counts[i+1]))) / 2
		}
		fmt.Fprintf(&c.b, `<rect class="b b%d" x="%s" y="%d" width="%s" height="%s"/>`, i, at(from), chartTop, at(to-from), at(c.height))
	}
}

// lines draws all series with their names, and returns the lines of all in one path.
func (c *chart) lines() (ghost string) {
	type mark struct {
		line, bars, rings, steps string
		x, y                     float64 // of the last point
	}
	marks := make([]mark, len(c.series))
	for _, p := range c.points {
		m := &marks[p.series]
		x, y := c.x(float64(p.cpus)), c.y(p.y)
		to := "L"
		if m.line == "" {
			to = "M"
		}
		m.line += to + at(x) + " " + at(y)
		if p.lo < p.hi && len(c.counts) <= maxMarked {
			m.bars += fmt.Sprintf("M%s %sV%s", at(x), at(c.y(p.lo)), at(c.y(p.hi)))
		}
		if p.step {
			m.steps += fmt.Sprintf("M%s %sv%d", at(x), at(y-stepMark), 2*stepMark)
		}
		if p.wrong {
			m.rings += fmt.Sprintf(`<circle cx="%s" cy="%s" r="6.5"/>`, at(x), at(y))
		}
		m.x, m.y = x, y
	}
	var shown []int
	var all strings.Builder
	for i, m := range marks {
		if m.line != "" {
			shown = append(shown, i)
			all.WriteString(m.line)
		}
	}
	slices.SortStableFunc(shown, func(i, j int) int { return cmp.Compare(marks[i].y, marks[j].y) })
	ys := make([]float64, len(shown))
	for k, i := range shown {
		ys[k] = marks[i].y
	}
	spread(ys, labelGap, chartTop+5, chartTop+c.height-2)
	for k, i := range shown {
		s, m := c.series[i], marks[i]
		fmt.Fprintf(&c.b, `<g class="k k%d">%s`, s.Place, c.fitPath(i))
		class := "l"
		if len(c.dates) > maxMarked {
			class = "l bare"
		}
		if !strings.Contains(m.line, "L") { // one point: a line of no length, so that a miniature isn't empty
			class, m.line = class+" dot", m.line+"h0"
		}
		fmt.Fprintf(&c.b, `<path id="%s-%d" class="%s" d="%s"/>`, c.id, s.Place, class, m.line)
		if m.steps != "" {
			fmt.Fprintf(&c.b, `<path class="s" d="%s"/>`, m.steps)
		}
		if m.bars != "" {
			fmt.Fprintf(&c.b, `<path class="e" d="%s"/>`, m.bars)
		}
		c.b.WriteString(m.rings)
		const label = chartLeft + chartPlot + 12
		fmt.Fprintf(&c.b, `<path class="to" d="M%s %sL%d %s"/><text x="%d" y="%s">%s</text></g>`,
			at(m.x+5), at(m.y), label-2, at(ys[k]), label, at(ys[k]+3.5), template.HTMLEscapeString(shortened(s.Name, labelRunes)))
	}
	return all.String()
}

// spread moves ascending places apart until neighbours have a gap, none is outside of the
// range if they have room in it, and each is near where it was.
func spread(ys []float64, gap, lo, hi float64) {
	for i := range ys {
		ys[i] = max(ys[i], lo)
		lo = ys[i] + gap
	}
	for i := len(ys) - 1; i >= 0; i-- {
		ys[i] = min(ys[i], hi)
		hi = ys[i] - gap
	}
}

// fitPath draws the law that was fitted to a series, dashed and over the counts that it was
// fitted to.
func (c *chart) fitPath(series int) string {
	fit := c.fits[series]
	if fit == nil {
		return ""
	}
	lo, hi := float64(fit.CPUs[0]), float64(fit.CPUs[len(fit.CPUs)-1])
	var d strings.Builder
	to := "M"
	for k := range fitSteps + 1 {
		n := lo * math.Pow(hi/lo, float64(k)/fitSteps)
		v := fit.Law.Throughput(n)
		if c.perCPU {
			v /= n
		}
		if v < c.yMin || v > c.yMax {
			continue
		}
		d.WriteString(to + at(c.x(n)) + " " + at(c.y(v)))
		to = "L"
	}
	return `<path class="f" d="` + d.String() + `"/>`
}

// miniatures returns a chart for each series, drawn with the lines of the chart that has
// the id.
func (f *figure) miniatures(id string) []miniature {
	c := newChart(f, id)
	ends := make([][]figurePoint, len(f.series))
	for _, p := range f.points {
		ends[p.series] = append(ends[p.series], p)
	}
	var all []miniature
	for i, points := range ends {
		if len(points) == 0 {
			continue
		}
		place, rates := f.series[i].Place, rate(points[0].y)
		if n := len(points); n > 1 {
			rates += " → " + rate(points[n-1].y)
		}
		all = append(all, miniature{
			Place: place, Name: f.series[i].Name, Rates: rates,
			SVG: template.HTML(fmt.Sprintf(`<svg viewBox="%d %d %d %s" aria-hidden="true"><use href="#%sg" class="g"/><use href="#%s-%d"/></svg>`,
				chartLeft-4, chartTop-4, chartPlot+8, at(c.height+8), id, id, place)),
		})
	}
	return all
}

// shortened cuts a text to so many runes.
func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// seriesCSS defines the colours of series and of their classes, how one is pointed at, and how
// one is left out. Columns and counts are how many have classes.
func seriesCSS(columns, counts int) string {
	light, dark := seriesColours()
	var b strings.Builder
	vars := func(colours []uint32) {
		for i, c := range colours {
			fmt.Fprintf(&b, "--s%d:#%06x;", i, c)
		}
	}
	b.WriteString(":root{")
	vars(light)
	b.WriteString("}\n@media screen and (prefers-color-scheme:dark){:root{")
	vars(dark)
	b.WriteString("}}\n")
	for i := range columns {
		fmt.Fprintf(&b, ".k%d{--c:var(--s%d)}", i, i%len(light))
		fmt.Fprintf(&b, ".k%d .l{marker:url(#m%d)", i, i)
		if d := dashes(i); d != nil {
			fmt.Fprintf(&b, ";stroke-dasharray:%g %g", float64(d[0]), float64(d[1]))
		}
		b.WriteString("}")
		fmt.Fprintf(&b, "#workloads:has(#c%d:not(:checked)) ~ section .k%d{display:none}", i, i)
		fmt.Fprintf(&b, ".wl:hover:has(.k%d:hover) .k:not(.k%d){opacity:.2}.wl:hover:has(.k%d:hover) tr.k%d{background:var(--point)}\n", i, i, i, i)
	}
	for i := range counts {
		fmt.Fprintf(&b, ".wl:hover:has(.b%d:hover) .b%d{fill:var(--point);background:var(--point)}", i, i)
	}
	return b.String()
}

// markers defines the marks of points, for so many columns.
func markers(columns int) template.HTML {
	var b strings.Builder
	b.WriteString(`<svg width="0" height="0" class="defs" aria-hidden="true"><defs>`)
	shapes := allShapes()
	for i := range columns {
		fmt.Fprintf(&b, `<marker id="m%d" viewBox="-2 -2 4 4" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse"><path class="k%d" d="`, i, i)
		for j, p := range shapes[i%len(shapes)] {
			to := "L"
			if j == 0 {
				to = "M"
			}
			fmt.Fprintf(&b, "%s%.2f %.2f", to, float64(p.X), -float64(p.Y))
		}
		b.WriteString(`z"/></marker>`)
	}
	b.WriteString(`</defs></svg>`)
	return template.HTML(b.String())
}

// dashes returns how the line of a series is broken, nil if it isn't.
func dashes(place int) []vg.Length {
	light, _ := seriesColours()
	all := [][]vg.Length{nil, {6, 2}, {2, 2}}
	return all[place/len(light)%len(all)]
}
