package report

import (
	"fmt"
	"image/png"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/refbench/refbench/report/usl"
)

// The size of a plot. At this size the text is still readable when a phone shows
// the page 370 pixels wide.
const (
	plotWidth  = 480 * vg.Inch / 72
	plotHeight = 330 * vg.Inch / 72
	pngDPI     = 144
)

// A figure is one plot: points of several series over counts, as of CPUs, or over dates.
type figure struct {
	title, subtitle string
	axis            string   // what the counts are of: "CPUs"
	dates           []string // if the counts are dates, from 1 on: what they are called
	counts          []int
	series          []series
	points          []figurePoint
	yLog            bool
	yTicks          plot.ConstantTicks
	yMin, yMax      float64
	wide            bool             // no lines join the points, so they may stand further apart
	fits            map[int]*usl.Fit // by series
	perCPU          bool             // values are divided by the counts
}

// A figurePoint is one mark. If lo < hi an error bar is drawn between them.
type figurePoint struct {
	series int
	cpus   int
	y      float64
	lo, hi float64
	open   bool
	arrow  bool // an upper bound: the value is here or anywhere below
	wrong  bool // the cell has violations
	step   bool // a new level begins here
}

// maxMarked is the largest number of CPU counts at which every point has a marker.
const maxMarked = 24

// leastPlotted is the smallest value that is drawn: no real one is near it, and
// logarithmic axes need room below.
const leastPlotted = 1e-60

// maxPlottedCells bounds the cells in one plot, and maxSeries its columns: beyond it
// their colours and shapes repeat.
const (
	maxPlottedCells = 8192
	maxSeries       = 56
)

// unplottable says why a table has no plots, or "" if it may have some.
func (t *Table) unplottable() string {
	cells := 0
	for _, r := range t.Rows {
		cells += len(r.Cells)
		if n, err := strconv.Atoi(r.Short); err != nil || n < 1 {
			return "whose rows aren't numbers from 1 on"
		}
	}
	switch {
	case cells > maxPlottedCells:
		return fmt.Sprintf("with more than %d cells, which a plot can't show", maxPlottedCells)
	case len(t.Columns) > maxSeries:
		return fmt.Sprintf("with more than %d columns, which a plot can't tell apart", maxSeries)
	}
	return ""
}

// newFigure returns the figure of a table with the points that point makes of the
// cells, or nil if it makes none. Point's result counts only if ok.
func (s *Set) newFigure(t *Table, point func(*Cell) (p figurePoint, ok bool)) *figure {
	f := &figure{axis: s.layout.row.Name, series: newSeries(t.Columns)}
	index := make(map[*Label]int)
	for i, l := range t.Columns {
		index[l] = i
	}
	points := make([][]figurePoint, len(t.Columns))
	for _, r := range t.Rows {
		n, _ := strconv.Atoi(r.Short) // unplottable has looked
		f.counts = append(f.counts, n)
		for _, c := range r.Cells {
			if p, ok := point(c); ok {
				p.series, p.cpus = index[c.Column()], n
				points[p.series] = append(points[p.series], p)
			}
		}
	}
	if f.points = slices.Concat(points...); len(f.points) == 0 {
		return nil
	}
	return f
}

// throughputFigure returns the plot of operations per second, or nil if the
// table has no usable throughput. Its scale is what shows most.
func (s *Set) throughputFigure(t *Table) *figure {
	return s.speedFigure(t, false, func(least, most float64) bool { return most > 8*least })
}

// speedFigure is throughputFigure of all CPUs together or of each, with the scale of the
// vertical axis as logarithmic has it for the smallest and the largest value.
func (s *Set) speedFigure(t *Table, perCPU bool, logarithmic func(least, most float64) bool) *figure {
	least, most := math.Inf(1), 0.0
	wrong := false
	f := s.newFigure(t, func(c *Cell) (figurePoint, bool) {
		o := s.Throughput(c)
		if o == nil || o.Center < leastPlotted {
			return figurePoint{}, false
		}
		each := 1.0
		if perCPU {
			each, _ = strconv.ParseFloat(c.labels[1].Short, 64) // unplottable has looked
		}
		p := figurePoint{y: o.Center / each, open: c.Violations > 0, wrong: c.Violations > 0}
		if p.y < leastPlotted {
			return p, false
		}
		wrong = wrong || p.open
		if !math.IsInf(o.Lo, 0) && !math.IsInf(o.Hi, 0) && o.Lo/each >= leastPlotted {
			p.lo, p.hi = o.Lo/each, o.Hi/each
		}
		least = min(least, p.y, barEnd(p.lo, p.y))
		most = max(most, p.y, p.hi)
		return p, true
	})
	if f == nil {
		return nil
	}
	f.fits = s.scaling().fitsOf(t)
	f.title, f.perCPU = t.Text+": throughput", perCPU
	f.subtitle = "operations per second, all CPUs together"
	if perCPU {
		f.subtitle = "operations per second and CPU"
	}
	if f.yLog = logarithmic(least, most); f.yLog {
		f.yTicks, f.yMin, f.yMax = logTicks(least, most, siLabel)
		f.subtitle += " (log scale)"
	} else {
		f.yTicks, f.yMax = linearTicks(most * 1.03)
	}
	if wrong {
		f.subtitle += "; open: has violations"
	}
	return f
}

func barEnd(end, y float64) float64 {
	if end > 0 {
		return end
	}
	return y
}

// correctnessFigure returns the plot of violations per million operations, or nil
// if nothing was checked.
func (s *Set) correctnessFigure(t *Table) *figure {
	least, most := math.Inf(1), 0.0
	f := s.newFigure(t, func(c *Cell) (p figurePoint, ok bool) {
		if c.Checked < leastPlotted {
			return p, false
		}
		if c.Violations > 0 {
			p.y, p.wrong = 1e6*c.Violations/c.Checked, true
		} else {
			p.y, p.open, p.arrow = 1e6*upperBound(c.Checked), true, true
		}
		if p.y < leastPlotted {
			return p, false
		}
		least, most = min(least, p.y), max(most, p.y)
		return p, true
	})
	if f == nil {
		return nil
	}
	f.title, f.wide = t.Text+": violations", true
	f.subtitle = "per million operations (log scale); arrow: none seen, 95 % bound if independent"
	f.yLog = true
	f.yTicks, f.yMin, f.yMax = logTicks(least/3, most*1.5, plainLabel)
	return f
}

func (f *figure) names() []string {
	names := make([]string, len(f.series))
	for i, s := range f.series {
		names[i] = s.Name
	}
	return names
}

// writeSVG writes the figure as SVG.
func (f *figure) writeSVG(w io.Writer) error {
	c := vgsvg.New(plotWidth, plotHeight)
	f.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

// writePNG writes the figure as PNG.
func (f *figure) writePNG(w io.Writer) error {
	c := vgimg.NewWith(vgimg.UseWH(plotWidth, plotHeight), vgimg.UseDPI(pngDPI))
	f.draw(draw.New(c))
	// At a better level compression is most of the time of a plot, and the file is no
	// smaller: plots are flat.
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	return e.Encode(w, c.Image())
}

func textStyle(size vg.Length) text.Style {
	return text.Style{
		Color:   rgb(inkText),
		Font:    font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: size},
		XAlign:  draw.XLeft,
		YAlign:  draw.YTop,
		Handler: plot.DefaultTextHandler,
	}
}

func (f *figure) draw(c draw.Canvas) {
	c.SetColor(rgb(inkPage))
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, 10, -12, 8, -8)

	title, small := textStyle(14), textStyle(10.5)
	c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, fit(title, f.title, c.Max.X-c.Min.X))
	c.Max.Y -= 19
	c.FillText(small, vg.Point{X: c.Min.X, Y: c.Max.Y}, fit(small, f.subtitle, c.Max.X-c.Min.X))
	c.Max.Y -= 19
	c.Max.Y = f.drawLegend(&c, textStyle(11.5)) - 6

	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color = rgb(inkText)
		a.LineStyle.Width = vg.Points(0.7)
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = vg.Points(4)
		label := textStyle(11.5)
		label.XAlign, label.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = label
		a.Padding = 0
	}
	p.X.Label.Text = f.axis
	label := textStyle(11.5)
	label.XAlign, label.YAlign = p.X.Label.TextStyle.XAlign, p.X.Label.TextStyle.YAlign
	p.X.Label.TextStyle = label
	p.X.Tick.Marker = f.xTicks(mostDateLabels)
	if f.dates == nil {
		p.X.Scale = plot.LogScale{}
	}
	p.X.Min, p.X.Max = f.xRange()
	p.Y.Min, p.Y.Max = f.yMin, f.yMax
	p.Y.Tick.Marker = f.yTicks
	if f.yLog {
		p.Y.Scale = plot.LogScale{}
	}
	p.Add(f)
	p.Draw(c)
}

// mostDateLabels is how many dates have room below a plot.
const mostDateLabels = 4

// xTicks labels the horizontal axis; if it has dates, so many of them at most.
func (f *figure) xTicks(dates int) plot.ConstantTicks {
	if f.dates != nil {
		return dateTicks(f.dates, dates)
	}
	return cpuTicks(f.counts)
}

// xRange leaves room at both ends for markers beside the first and last count.
func (f *figure) xRange() (lo, hi float64) {
	lo, hi = float64(f.counts[0]), float64(f.counts[len(f.counts)-1])
	if f.dates != nil {
		room := 0.5 + 0.06*(hi-lo) // half of a label
		return lo - room, hi + room
	}
	if lo == hi {
		return lo / 2, hi * 2
	}
	half := f.step() * float64(len(f.series)-1) / 2
	room := math.Pow(hi/lo, 0.05+1.2*half)
	return lo / room, hi * room
}

// step is the distance of neighbouring series at one count, as a share of the way
// from the first count to the last.
func (f *figure) step() float64 {
	n := float64(len(f.series))
	switch {
	case len(f.counts) == 1:
		return min(0.12, 0.7/n) // of the whole axis
	}
	room := 1 / (n * float64(min(len(f.counts), 10)))
	if f.wide {
		return min(0.03, 0.7*room)
	}
	return min(0.014, 0.4*room)
}

// place returns where a series is drawn for a count: beside each other, so that
// markers and error bars of equal values don't hide each other.
func (f *figure) place(i int, cpus float64) float64 {
	if f.dates != nil {
		return cpus
	}
	lo, hi := float64(f.counts[0]), float64(f.counts[len(f.counts)-1])
	if lo == hi {
		lo, hi = f.xRange()
	}
	off := float64(i) - float64(len(f.series)-1)/2
	return cpus * math.Pow(hi/lo, off*f.step())
}

// Plot implements plot.Plotter.
func (f *figure) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	grid := draw.LineStyle{Color: rgb(inkGrid), Width: vg.Points(0.7)}
	for _, t := range f.yTicks {
		if t.Label != "" && t.Value > f.yMin && t.Value <= f.yMax {
			c.StrokeLine2(grid, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
	radius := vg.Points(3.6)
	at := func(pt figurePoint) vg.Point {
		return vg.Point{X: x(f.place(pt.series, float64(pt.cpus))), Y: y(pt.y)}
	}
	f.drawFits(&c, x, y)
	// With many counts markers would cover each other and the lines: only those at
	// labelled counts are drawn, and whatever says that something is wrong.
	labelled := make(map[int]bool)
	for _, t := range f.xTicks(mostDateLabels) {
		labelled[int(t.Value)] = t.Label != "" || f.dates == nil
	}
	marked := func(pt figurePoint) bool {
		return len(f.counts) <= maxMarked || labelled[pt.cpus] || pt.wrong || pt.step
	}
	for i, s := range f.series {
		line := draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(1.6), Dashes: s.Dashes}
		bar := draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(1.1)}
		var path []vg.Point
		for _, pt := range f.points {
			if pt.series != i {
				continue
			}
			// A bound isn't a measured value: no line through it.
			if pt.arrow {
				if len(path) > 1 {
					c.StrokeLines(line, path)
				}
				path = nil
				continue
			}
			path = append(path, at(pt))
			if pt.step {
				q := at(pt)
				c.StrokeLine2(draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(2.4)}, q.X, q.Y-stepMark, q.X, q.Y+stepMark)
			}
			if pt.lo < pt.hi && marked(pt) {
				q := at(pt)
				c.StrokeLine2(bar, q.X, y(pt.lo), q.X, y(pt.hi))
				for _, end := range []float64{pt.lo, pt.hi} {
					c.StrokeLine2(bar, q.X-3, y(end), q.X+3, y(end))
				}
			}
		}
		if len(path) > 1 {
			c.StrokeLines(line, path)
		}
	}
	for _, pt := range f.points {
		if !marked(pt) {
			continue
		}
		s, q := f.series[pt.series], at(pt)
		if pt.arrow {
			drawArrow(&c, s, q, radius)
		}
		if pt.wrong && !pt.open { // what was really seen stands out from the bounds
			drawMarker(&c, s, q, 1.8*radius, false)
			continue
		}
		drawMarker(&c, s, q, radius, pt.open)
	}
}

// stepMark is how far the bar of a change point reaches up and down.
const stepMark = 13

// fitLine is how a fit is drawn: dashed and thin, as nothing that was measured is.
func fitLine(colour uint32) draw.LineStyle {
	return draw.LineStyle{Color: rgb(colour), Width: vg.Points(0.9), Dashes: []vg.Length{4, 3}}
}

// drawFits draws the fitted laws over the numbers of CPUs that they are fitted to, and no
// further. What is outside of the plot is left out.
func (f *figure) drawFits(c *draw.Canvas, x, y func(float64) vg.Length) {
	const steps = 60
	for i, s := range f.series {
		fit := f.fits[i]
		if fit == nil {
			continue
		}
		lo, hi := float64(fit.CPUs[0]), float64(fit.CPUs[len(fit.CPUs)-1])
		var path []vg.Point
		for k := range steps + 1 {
			n := lo * math.Pow(hi/lo, float64(k)/steps)
			if v := fit.Law.Throughput(n); f.yMin <= v && v <= f.yMax {
				path = append(path, vg.Point{X: x(f.place(i, n)), Y: y(v)})
			}
		}
		if len(path) > 1 {
			c.StrokeLines(fitLine(s.Colour), path)
		}
	}
}

// drawArrow draws an arrow that points down from a marker.
func drawArrow(c *draw.Canvas, s series, at vg.Point, radius vg.Length) {
	line := draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(1.3)}
	tip := vg.Point{X: at.X, Y: at.Y - 4.2*radius}
	c.StrokeLine2(line, at.X, at.Y, tip.X, tip.Y)
	c.StrokeLines(line, []vg.Point{
		{X: tip.X - 0.8*radius, Y: tip.Y + 1.1*radius}, tip, {X: tip.X + 0.8*radius, Y: tip.Y + 1.1*radius},
	})
}

// drawLegend draws the names of the series in rows from the top and returns the
// bottom.
func (f *figure) drawLegend(c *draw.Canvas, style text.Style) vg.Length {
	const thumb, gap, row = 26, 14, 15
	x, y := c.Min.X, c.Max.Y
	for _, s := range f.series {
		name := fit(style, s.Name, c.Max.X-c.Min.X-thumb)
		width := thumb + style.Width(name)
		if x > c.Min.X && x+width > c.Max.X {
			x, y = c.Min.X, y-row
		}
		middle := y - 6
		c.StrokeLine2(draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(1.6), Dashes: s.Dashes}, x, middle, x+20, middle)
		drawMarker(c, s, vg.Point{X: x + 10, Y: middle}, vg.Points(3.6), false)
		c.FillText(style, vg.Point{X: x + thumb, Y: y}, name)
		x += width + gap
	}
	if len(f.fits) > 0 {
		width := thumb + style.Width(fitName)
		if x > c.Min.X && x+width > c.Max.X {
			x, y = c.Min.X, y-row
		}
		c.StrokeLine2(fitLine(inkText), x, y-6, x+20, y-6)
		c.FillText(style, vg.Point{X: x + thumb, Y: y}, fitName)
	}
	return y - row
}

// fit cuts a text so that it isn't wider than given.
func fit(style text.Style, s string, width vg.Length) string {
	if style.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && style.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// describe says in words what a figure shows, for those who can't see it.
func (f *figure) describe() string {
	var fitted []string
	for i, s := range f.series {
		if f.fits[i] != nil {
			fitted = append(fitted, s.Name)
		}
	}
	if f.dates != nil {
		return fmt.Sprintf("%s. %s. Horizontal: dates, from %s to %s. Series: %s. The CSV below has the numbers.",
			f.title, sentence(f.subtitle), f.dates[0], f.dates[len(f.dates)-1], list(f.names()))
	}
	return fmt.Sprintf("%s. %s. Horizontal: number of %s, from %d to %d. Series: %s.%s The table below has the numbers.",
		f.title, sentence(f.subtitle), f.axis, f.counts[0], f.counts[len(f.counts)-1], list(f.names()), describeFits(fitted))
}
