package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Cells that have the same warning with other numbers are named together, and one alone has its
// numbers: a run on a busy machine has one such warning in each cell, which once took ten pages of
// paper. The numbers of each stay with the cell.
func TestWarningsOfManyCellsAreSaidOnce(t *testing.T) {
	var b strings.Builder
	for i, name := range []string{"a", "b", "c"} {
		b.WriteString(samples(name, 1, "", near(10)...))
		for range i + 1 {
			b.WriteString(line(name, 1000, fmt.Sprintf("%d ns/op 1 shared", 20+i)))
		}
	}
	b.WriteString(samples("d", 1, "0.5 parallel", near(10)...))
	s := readBytes(t, []byte(header+b.String()))
	var got []string
	for _, g := range s.cellWarnings() {
		got = append(got, fmt.Sprintf("%s: %d", g.Text, len(g.Cells)))
	}
	const want = "samples are excluded: the CPUs were shared with something else: 3; the workers weren't all running: each had 50 % of a CPU: 1"
	if strings.Join(got, "; ") != want {
		t.Errorf("warnings are\n%s\nwant\n%s", strings.Join(got, "; "), want)
	}
	if c := cellOf(t, s, "getput", 1, "c"); len(c.Warnings) != 1 || c.Warnings[0] != "3 samples excluded: the CPUs were shared with something else (22.00 ns to 22.00 ns)" {
		t.Errorf("the warning of c is %q", c.Warnings)
	}
	var text bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	if want := "  getput, 1 CPU, a and 2 more cells: samples are excluded: the CPUs were shared with something else\n"; !strings.Contains(text.String(), want) {
		t.Errorf("the text has no %s:\n%s", want, text.String())
	}
}
