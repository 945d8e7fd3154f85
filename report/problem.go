package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Problem is a line of a result file that couldn't be used as it stands. The
// rest of the file is used.
type Problem struct {
	File string // as given to Read
	Line int    // from 1
	Text string // what is wrong, and what was done about it
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// maxProblems bounds what one set remembers. A file of another kind can have a
// problem on each of a million lines; the number of all is still counted.
const maxProblems = 1000

// problems collects the problems of one file after the other.
type problems struct {
	list  []Problem
	total int
}

func (p *problems) add(file string, line int, format string, args ...any) {
	p.total++
	if len(p.list) < maxProblems {
		p.list = append(p.list, Problem{clean(file), line, fmt.Sprintf(format, args...)})
	}
}

// sortFrom puts the problems from index i on, which are those of one file, in
// the order of lines: the two readers of a file run at different distances.
func (p *problems) sortFrom(i int) {
	slices.SortStableFunc(p.list[i:], func(a, b Problem) int { return a.Line - b.Line })
}

// maxText bounds a piece of a file that is shown, in bytes.
const maxText = 400

// cleanLong is clean for what is of use only whole, in parts that clean takes whole.
func cleanLong(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := min(len(s), maxText)
		b.WriteString(clean(s[:n]))
		s = s[n:]
	}
	return b.String()
}

// clean makes a piece of a file fit to be shown: result files are untrusted, and
// control characters would reach the terminal.
func clean(s string) string {
	ok := len(s) <= maxText
	for i := 0; ok && i < len(s); i++ {
		ok = ' ' <= s[i] && s[i] <= '~'
	}
	if ok {
		return s
	}
	cut := len(s) > maxText
	if cut {
		s = s[:maxText]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	if cut {
		s += "…"
	}
	return s
}
