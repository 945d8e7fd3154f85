package report

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// inline draws a figure for the page: without a header of its own, scaled by
// the page, with colours that follow light and dark.
func (f *figure) inline() template.HTML {
	svg, err := f.svg()
	if err != nil {
		panic(err) // a buffer takes everything
	}
	start := bytes.Index(svg, []byte("<svg"))
	end := start + bytes.IndexByte(svg[start:], '>') + 1
	body := string(svg[end:])
	body = regexp.MustCompile(`#[0-9A-Fa-f]{6}`).ReplaceAllStringFunc(body, cssColour)
	body = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`).ReplaceAllString(body, "")
	// The description stands in aria-label: a <title> would show as a tool tip all
	// over the plot.
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">%s`,
		float64(plotWidth), float64(plotHeight), template.HTMLEscapeString(f.describe()), body))
}

// cssColour replaces a colour of a plot by the page's variable for it.
func cssColour(hex string) string {
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return hex
	}
	light, _ := seriesColours()
	switch uint32(v) {
	case inkText:
		return "var(--text)"
	case inkGrid:
		return "var(--grid)"
	case inkPage:
		return "var(--plot)"
	}
	if i := slices.Index(light, uint32(v)); i >= 0 {
		return "var(--s" + strconv.Itoa(i) + ")"
	}
	return hex
}

// seriesCSS defines the variables of the series' colours.
func seriesCSS() string {
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
	return b.String()
}
