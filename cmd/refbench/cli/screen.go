package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/refbench/refbench/report"
)

// A grid says something short about each of some names and headings.
type grid struct {
	first string // heading of the names
	heads []string
	rows  []gridRow
}

type gridRow struct {
	name  string
	cells []string
}

// lines returns the grid, its heading first, in lines of so many columns at most. A heading
// goes on in a second line if its column has no room for it, and is cut there.
func (g grid) lines(columns int) []string {
	names := utf8.RuneCountInString(g.first)
	widest := 3
	for _, r := range g.rows {
		names = max(names, utf8.RuneCountInString(r.name))
		for _, c := range r.cells {
			widest = max(widest, utf8.RuneCountInString(c))
		}
	}
	for _, h := range g.heads {
		widest = max(widest, utf8.RuneCountInString(h))
	}
	names = min(names, columns/3)
	each := min((columns-names)/max(len(g.heads), 1), widest+1)
	line := func(name string, cells []string) string {
		var b strings.Builder
		b.WriteString(text.Pad(cut(name, names), names, ' '))
		for _, c := range cells {
			b.WriteString(" " + text.Pad(cut(c, each-1), each-1, ' '))
		}
		return strings.TrimRight(b.String(), " ")
	}
	first, second := make([]string, len(g.heads)), make([]string, len(g.heads))
	for i, h := range g.heads {
		r := []rune(h)
		n := min(len(r), max(each-1, 1))
		first[i], second[i] = string(r[:n]), string(r[n:min(len(r), 2*n)])
	}
	lines := []string{line(g.first, first)}
	if strings.Join(second, "") != "" {
		lines = append(lines, line("", second))
	}
	for _, r := range g.rows {
		lines = append(lines, line(r.name, r.cells))
	}
	return lines
}

// cut cuts a line to so many columns.
func cut(s string, columns int) string { return text.Snip(s, columns, "…") }

// folded breaks a text into at most so many lines of a screen.
func folded(s string, most int) []string {
	lines := strings.Split(text.WrapSoft(strings.ReplaceAll(s, "\n", " "), report.ScreenColumns), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = cut(lines[most-1]+"…", report.ScreenColumns)
	}
	return lines
}

// excerpt returns the beginning and the end of a text in at most so many lines of a screen,
// and between them how many are left out and what has them.
func excerpt(s string, most int, where string) []string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	if most = max(most, 1); len(lines) > most {
		end := (most - 1) / 3
		head := most - 1 - end
		left := fmt.Sprintf("… %s: %s", plural(len(lines)-head-end, "more line"), where)
		lines = slices.Concat(lines[:head], []string{left}, lines[len(lines)-end:])
	}
	for i, l := range lines {
		lines[i] = cut(strings.TrimRight(l, " "), report.ScreenColumns)
	}
	return lines
}

func printLines(w io.Writer, lines []string) error {
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// A painter writes lines to a terminal and colours the words that say how it went. They say
// the same without.
type painter struct {
	w     io.Writer
	rest  []byte // of a line that isn't whole
	plain bool   // it is JSON
}

// painted returns w, or a painter of it if it is a terminal that has colours. Whoever wants
// none sets NO_COLOR (https://no-color.org).
func painted(w io.Writer) io.Writer {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return w
	}
	return &painter{w: w}
}

var (
	badWords  = regexp.MustCompile(`\b(BAD|BROKEN|BREAKS?|FLAGGED|VIOLATIONS?|violation|missed)\b|^! .*|\S+ !$`)
	goodWords = regexp.MustCompile(`\b(ok|kept|passed|passes|found)\b`)
)

// Write implements io.Writer.
func (p *painter) Write(b []byte) (int, error) {
	if p.plain = p.plain || bytes.HasPrefix(b, []byte("{")) || bytes.HasPrefix(b, []byte("[")); p.plain {
		return p.w.Write(b)
	}
	p.rest = append(p.rest, b...)
	i := bytes.LastIndexByte(p.rest, '\n')
	if i < 0 {
		return len(b), nil
	}
	var out strings.Builder
	for line := range strings.Lines(string(p.rest[:i+1])) {
		line = strings.TrimSuffix(line, "\n")
		line = goodWords.ReplaceAllString(line, "\x1b[32m$0\x1b[0m")
		out.WriteString(badWords.ReplaceAllString(line, "\x1b[1;31m$0\x1b[0m") + "\n")
	}
	p.rest = append(p.rest[:0], p.rest[i+1:]...)
	_, err := io.WriteString(p.w, out.String())
	return len(b), err
}

// Flush writes what is left of a line that has no end.
func (p *painter) Flush() error {
	_, err := p.w.Write(p.rest)
	p.rest = nil
	return err
}
