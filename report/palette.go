package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Inks of the plots that lie beside the page. They differ from the series' colours.
const (
	inkText = 0x24292f
	inkGrid = 0xd8dee4
	inkPage = 0xffffff
)

func rgb(c uint32) color.RGBA {
	return color.RGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 0xff}
}

// seriesColours returns colours that stay apart for all common kinds of colour
// blindness (Okabe and Ito, "Color Universal Design", 2008), darkened where lines on
// white would have a contrast below 3:1. Dark are the same hues for a dark page.
func seriesColours() (light, dark []uint32) {
	return []uint32{0x0072b2, 0xcf5a00, 0x009169, 0xc2639a, 0xb07800, 0x2b8fc9, 0x6b6b6b, 0x8c8000},
		[]uint32{0x4aa8e8, 0xff8534, 0x2bcf9f, 0xe79cc6, 0xffc04d, 0x8fd2fa, 0xb4b4b4, 0xf0e442}
}

// A series is how one column is drawn. Colour and shape say the same, so that
// either is enough; their numbers have no common divisor, so that 56 series
// differ.
type series struct {
	Name   string
	Colour uint32
	Place  int // of the column among all
	Shape  shape
	Dashes []vg.Length
}

func newSeries(columns []*Label) []series {
	light, _ := seriesColours()
	shapes := allShapes()
	out := make([]series, 0, len(columns))
	for _, l := range columns {
		i := l.place // the same in all tables
		out = append(out, series{
			Name: l.Text, Place: i, Colour: light[i%len(light)],
			Shape: shapes[i%len(shapes)], Dashes: dashes(i),
		})
	}
	return out
}

// A shape is a closed marker as corners around the origin; its size is about 1.
type shape []vg.Point

func allShapes() []shape {
	polygon := func(n int, radius, turn float64) shape {
		var s shape
		for i := range n {
			a := turn + 2*math.Pi*float64(i)/float64(n)
			s = append(s, vg.Point{X: vg.Length(radius * math.Sin(a)), Y: vg.Length(radius * math.Cos(a))})
		}
		return s
	}
	star := func(n int, outer, inner, turn float64) shape {
		var s shape
		for i := range 2 * n {
			r := outer
			if i%2 == 1 {
				r = inner
			}
			a := turn + math.Pi*float64(i)/float64(n)
			s = append(s, vg.Point{X: vg.Length(r * math.Sin(a)), Y: vg.Length(r * math.Cos(a))})
		}
		return s
	}
	return []shape{
		polygon(20, 0.95, 0),          // disc
		polygon(4, 1.2, math.Pi/4),    // square
		polygon(3, 1.25, 0),           // triangle
		polygon(4, 1.3, 0),            // diamond
		star(4, 1.55, 0.6, math.Pi/4), // cross
		polygon(3, 1.25, math.Pi),     // triangle, point down
		star(5, 1.4, 0.6, 0),          // star
	}
}

// drawMarker draws a shape of the given radius, filled or open.
func drawMarker(c *draw.Canvas, s series, at vg.Point, radius vg.Length, open bool) {
	pts := make([]vg.Point, 0, len(s.Shape)+1)
	for _, p := range s.Shape {
		pts = append(pts, vg.Point{X: at.X + p.X*radius, Y: at.Y + p.Y*radius})
	}
	line := draw.LineStyle{Color: rgb(s.Colour), Width: vg.Points(1.3)}
	if open {
		c.FillPolygon(rgb(inkPage), pts)
		c.StrokeLines(line, append(pts, pts[0], pts[1]))
		return
	}
	c.FillPolygon(rgb(s.Colour), pts)
}
