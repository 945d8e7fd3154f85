package draw

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/source"
)

// The page is one SVG between a headline and a token, in units of CSS pixels.
const (
	laneWidth  = 316 // 36 characters and the mark
	leftMargin = 64
	rowHeight  = 38
	gapHeight  = 26
	topMargin  = 46
	valueWidth = 190
	nodeX      = 20 // of the mark in its lane
)

// threadColours are distinguishable with the common colour-vision deficiencies
// (Okabe and Ito: "Color Universal Design", 2008), without their black and yellow.
var threadColours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"}

func colour(t int) string {
	if t == engine.Outside {
		return "#555"
	}
	return threadColours[t%len(threadColours)]
}

// HTML draws the schedule as a page that needs nothing else: time runs down,
// there is a lane for each CPU, a mark for each access (hollow: a read, full: a
// write), a dashed line where a thread is preempted, and the value at the right.
func HTML(w io.Writer, p *Picture) error {
	b := bufio.NewWriter(w)
	esc := html.EscapeString
	rows, lanes := p.rows(), p.lanes()
	values := false
	for _, ev := range rows {
		values = values || ev.Value != ""
	}
	width := leftMargin + lanes*laneWidth
	if values {
		width += valueWidth
	}
	// Where a thread is preempted there is room for saying so.
	ys := make([]int, len(rows))
	y, height := topMargin+rowHeight/2, 0
	for i, ev := range rows {
		if i > 0 && rows[i-1].Thread != ev.Thread && p.preempts(rows[i-1].Step, ev.Step) {
			y += gapHeight
		}
		ys[i] = y
		y += rowHeight
	}
	height = y
	fmt.Fprintf(b, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%s: %s</title>
<style>
body{font:15px/1.4 system-ui,sans-serif;margin:24px;color:#1a1a1a;background:#fff}
h1{font-size:20px;margin:0 0 6px}
.rule{font-size:16px;margin:0 0 10px;padding:8px 12px;border-left:5px solid #c00000;background:#fdf0f0}
.facts{margin:0 0 14px;color:#444}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
svg text{font:13px ui-monospace,monospace;fill:#1a1a1a}
svg .src{font-size:11px;fill:#666}
svg .head{font:600 14px system-ui,sans-serif}
svg .step{fill:#888;text-anchor:end}
svg .pre{font:italic 12px system-ui,sans-serif;fill:#8a4b00}
svg .bad{font:600 13px system-ui,sans-serif;fill:#b00000}
.key span{display:inline-block;margin-right:18px}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%%;margin-right:6px;vertical-align:baseline}
</style></head><body>
<h1>%s</h1>
<p class="rule">%s</p>
<p class="facts">%s%s, %s, %s</p>
`, esc(p.Title), esc(p.Rule), esc(p.Title), esc(p.Rule), program(p), number(p.Threads, "thread"), number(p.Preemptions, "preemption"), number(p.Migrations, "migration"))
	fmt.Fprint(b, `<p class="key">`)
	for i := range p.Threads {
		fmt.Fprintf(b, `<span><i class="dot" style="background:%s"></i>T%d</span>`, colour(i), i)
	}
	fmt.Fprint(b, "<span>hollow: reads</span><span>full: writes</span><span>dashed: preempted</span></p>\n")
	fmt.Fprintf(b, `<svg role="img" width="%d" height="%d" viewBox="0 0 %d %d" aria-label="schedule">`+"\n", width, height, width, height)
	for i := range lanes {
		x := leftMargin + i*laneWidth
		if i%2 == 0 {
			fmt.Fprintf(b, `<rect x="%d" y="0" width="%d" height="%d" fill="#f6f7f9"/>`+"\n", x, laneWidth, height)
		}
		fmt.Fprintf(b, `<text class="head" x="%d" y="24">CPU %d</text>`+"\n", x+nodeX-6, i)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#d5d9e0"/>`+"\n", x+nodeX, x+nodeX, topMargin-8, height-10)
	}
	if values {
		fmt.Fprintf(b, `<text class="head" x="%d" y="24">value</text>`+"\n", leftMargin+lanes*laneWidth+16)
	}
	fmt.Fprintf(b, `<text class="step" x="%d" y="24">point</text>`+"\n", leftMargin-12)
	var files source.Files
	px, py, prev, last, value := 0, 0, -1, 0, ""
	for i, ev := range rows {
		lane := min(ev.CPU, lanes-1)
		x, y := leftMargin+lane*laneWidth+nodeX, ys[i]
		c := colour(ev.Thread)
		switch {
		case prev < 0:
		case prev == ev.Thread && px == x:
			fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="3"/>`+"\n", px, py+7, x, y-7, c)
		case p.preempts(last, ev.Step):
			mid := y - rowHeight/2 - gapHeight/2 + 2
			fmt.Fprintf(b, `<path d="M%d %d V%d H%d V%d" stroke="#8a4b00" stroke-width="1.5" stroke-dasharray="5 4" fill="none"/>`+"\n", px, py+7, mid, x, y-7)
			fmt.Fprintf(b, `<text class="pre" x="%d" y="%d">%s is preempted</text>`+"\n", min(px, x)+14, mid-5, thread(prev))
		default:
			// To another lane between the rows, so as to strike out no text.
			stroke, strokeWidth := "#b8bec8", "1"
			if prev == ev.Thread {
				stroke, strokeWidth = c, "3"
			}
			fmt.Fprintf(b, `<path d="M%d %d V%d H%d V%d" stroke="%s" stroke-width="%s" fill="none"/>`+"\n", px, py+7, y-15, x, y-7, stroke, strokeWidth)
		}
		px, py, prev, last = x, y, ev.Thread, ev.Step
		fmt.Fprintf(b, `<g><title>%s</title>`, esc(strings.TrimSpace(strings.Join([]string{label(ev), ev.Where, place(ev), line(&files, ev), ev.Func}, "\n"))))
		class := ""
		switch ev.Kind {
		case engine.OpFail:
			class = "bad"
			fmt.Fprintf(b, `<path d="M%d %d l10 10 m0 -10 l-10 10" stroke="#b00000" stroke-width="3"/>`, x-5, y-5)
		case engine.OpNote, engine.OpEnd, engine.OpYield, engine.OpSleep:
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="8" height="8" fill="%s"/>`, x-4, y-4, c)
		default:
			fill := "#fff"
			if ev.Wrote {
				fill = c
			}
			fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="6" fill="%s" stroke="%s" stroke-width="2.5"/>`, x, y, fill, c)
		}
		says, at := thread(ev.Thread)+" "+label(ev), x+14
		if ev.Kind == engine.OpFail {
			// The rule is in full above; here it may begin further left.
			room := (width - leftMargin) / 8
			says = clip(says, room)
			at = max(leftMargin+4, min(at, width-8*len([]rune(says))))
			if at < x+14 {
				y += 16
			}
		} else {
			says = clip(says, 36)
		}
		fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`, class, at, y+1, esc(says))
		if s := place(ev); s != "" && ev.Kind != engine.OpFail {
			fmt.Fprintf(b, `<text class="src" x="%d" y="%d">%s</text>`, x+14, y+14, esc(clip(s+"  "+line(&files, ev), 40)))
		}
		fmt.Fprint(b, "</g>\n")
		fmt.Fprintf(b, `<text class="step" x="%d" y="%d">%d</text>`+"\n", leftMargin-12, y+4, ev.Step)
		if ev.Value != "" && ev.Kind != engine.OpFail {
			weight := ""
			if ev.Value != value {
				weight = ` font-weight="700"`
			}
			fmt.Fprintf(b, `<text x="%d" y="%d"%s>%s</text>`+"\n", leftMargin+lanes*laneWidth+16, y+4, weight, esc(clip(ev.Value, 24)))
			value = ev.Value
		}
	}
	fmt.Fprint(b, "</svg>\n")
	if p.Token != "" {
		fmt.Fprintf(b, "<p>replay token<br><code>%s</code></p>\n", esc(p.Token))
	}
	fmt.Fprint(b, "</body></html>\n")
	return b.Flush()
}

func program(p *Picture) string {
	if p.Program == "" {
		return ""
	}
	return "program <code>" + html.EscapeString(p.Program) + "</code>, "
}
