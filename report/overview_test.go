package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func pageOf(t *testing.T, s *Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := writePage(&b, s, sections()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// heatsOf returns the maps of a page: each a line for each row, with classes before the texts.
func heatsOf(page string) []string {
	var all []string
	for _, table := range regexp.MustCompile(`(?s)<table class="heat">.*?</table>`).FindAllString(page, -1) {
		var lines []string
		for _, row := range regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(table, -1)[1:] {
			var cells []string
			for _, m := range regexp.MustCompile(`(?s)<t[hd]([^>]*)>(.*?)</t[hd]>`).FindAllStringSubmatch(row, -1) {
				class := regexp.MustCompile(`class="l ?([^"]*)"`).FindStringSubmatch(m[1])
				text := strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[2], ""))
				if class != nil && class[1] != "" {
					text = "[" + class[1] + "] " + text
				}
				cells = append(cells, text)
			}
			lines = append(lines, strings.Join(cells, " | "))
		}
		all = append(all, strings.Join(lines, "\n"))
	}
	return all
}

// The map names the fastest and its lead, a tie as a tie, and where something is wrong.
func TestHeatSaysWhichIsFastest(t *testing.T) {
	ok := "0 violations"
	text := header + samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(5)...) +
		samples("a", 2, ok, near(10)...) + samples("b", 2, ok, near(10.1)...) + samples("c", 2, ok, near(40)...) +
		samples("a", 4, "3 violations", near(1)...) + samples("b", 4, ok, near(10)...) + samples("c", 4, ok, near(100)...) +
		samples("a", 8, "1 shared", near(1)...)
	got := heatsOf(pageOf(t, readBytes(t, []byte(text))))
	const want = "getput | [k1 h2] b 2.0× | [tie] a and b 4.0× | [k1 h4 wrong] ! b 10× | [none] all excluded | 21 !"
	if len(got) != 1 || got[0] != want {
		t.Errorf("the map is\n%s\nwant\n%s", strings.Join(got, "\n\n"), want)
	}
}

// A map shows where the fastest changes as a setting of a workload does, in the order of its
// values, and only for settings that vary.
func TestCrossoverIsByTheValuesOfASetting(t *testing.T) {
	var b strings.Builder
	b.WriteString(header)
	for _, hold := range []int{100, 20, 0} {
		for name, ns := range map[string]float64{"a": 10, "b": 10 + float64(50-hold)/10} {
			for _, v := range near(ns) {
				fmt.Fprintf(&b, "BenchmarkRef/workload=getput/hold=%d/private=1/cpus=2/strategy=%s-2 10 %g ns/op\n", hold, name, v)
			}
		}
	}
	got := heatsOf(pageOf(t, readBytes(t, []byte(b.String()))))
	const want = "0 | [k0 h2] a 1.5× | unchecked\n20 | [k0 h1] a 1.3× | unchecked\n100 | [k1 h2 x] b 2.0× | unchecked"
	if len(got) != 2 || got[1] != want {
		t.Errorf("the maps are\n%s\nwant the second\n%s", strings.Join(got, "\n\n"), want)
	}
}

// Results of two machines stand beside each other: no number of one is averaged with one of
// the other.
func TestMachinesAreNotPooled(t *testing.T) {
	one := header + "cpu: EPYC\ncpus: 2\n" + samples("a", 1, "0 violations", near(10)...)
	two := "cpu: Xeon\ncpus: 8\n" + samples("a", 1, "0 violations", near(30)...)
	s := readBytes(t, []byte(one+two))
	if len(s.Machines) != 2 || s.Machines[1].Name != "Xeon, 8 CPUs" || len(s.Cells()) != 2 {
		t.Fatalf("%d machines with %d cells, want 2 with one each", len(s.Machines), len(s.Cells()))
	}
	for i, want := range []float64{10e-9, 30e-9} {
		c := s.Cells()[i]
		if got := s.Time(c).Center; got < 0.99*want || got > 1.01*want || c.Row.Table.Text != fmt.Sprintf("getput on machine %d", i+1) {
			t.Errorf("%s: %v per operation, want %v", c.Key(), got, want)
		}
	}
	page := pageOf(t, s)
	for _, want := range []string{"Machine 1: EPYC, 2 CPUs</caption>", "Machine 2: Xeon, 8 CPUs</caption>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page doesn't have %q", want)
		}
	}
	if got := screen(t, []byte(one+two)); !strings.Contains(got, "\ngetput on machine 2 ") || !strings.Contains(got, "\nOn machine 2: Xeon, 8 CPUs\n") {
		t.Errorf("the screen doesn't tell the machines apart:\n%s", got)
	}
	// Whoever makes an axis of what tells them apart has chosen where they stand.
	chosen := readAs(t, Options{Column: "/strategy,cpu", Table: "/workload"}, one+two)
	if len(chosen.Tables) != 1 || len(chosen.Cells()) != 2 {
		t.Errorf("with the CPU as a column there are %d tables with %d cells, want 1 with 2", len(chosen.Tables), len(chosen.Cells()))
	}
}

// The numbers of a table are within the page, as CSV.
func TestPageHasItsNumbersAsCSV(t *testing.T) {
	s := readBytes(t, formsFile())
	links := regexp.MustCompile(`href="data:text/csv;charset=utf-8;base64,([^"]+)" download="([^"]+)"`).FindAllStringSubmatch(pageOf(t, s), -1)
	if len(links) != len(s.Tables) {
		t.Fatalf("%d files, want one for each of %d tables", len(links), len(s.Tables))
	}
	for i, l := range links {
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(l[1], "&#43;", "+"))
		if lines := strings.Split(string(text), "\n"); err != nil || len(lines) != 1+9+1 || !strings.Contains(lines[1], strings.Fields(s.Tables[i].Text)[0]) {
			t.Errorf("%s holds %q, %v: want a heading and 9 cells", l[2], text, err)
		}
	}
}

// A page of all strategies, workloads and eight numbers of CPUs is small enough to be sent. It
// grows as the workloads do, so that two of them say it of all.
func TestPageIsSmall(t *testing.T) {
	g := machine(1, 1, 2, 4, 8, 16, 32, 64, 128)
	g.workloads, g.strategies, g.samples = workloadNames()[:2], strategyNames(), 6
	if n, most := len(pageOf(t, readBytes(t, g.bytes()))), 3_000_000*2/len(workloadNames()); n > most {
		t.Errorf("the page of 2 workloads has %d bytes, want at most %d, so that that of %d has 3 MB", n, most, len(workloadNames()))
	}
}

// With one number of CPUs the picture of each strategy is a point that is seen, with one rate; of
// many strategies that are wrong the first are named, and the others counted.
func TestOneCountOfManyStrategies(t *testing.T) {
	g := synthetic{seed: 1, workloads: []string{"getput"}, cpus: []int{1}, samples: 6}
	for i := range 12 {
		g.strategies = append(g.strategies, fmt.Sprintf("s%02d", i))
	}
	page := pageOf(t, readBytes(t, []byte(strings.ReplaceAll(string(g.bytes()), "\t0 violations", "\t5 violations"))))
	if n := len(regexp.MustCompile(`<path id="w1va-\d+" class="l dot" d="M[\d. ]+h0"/>`).FindAllString(page, -1)); n != 12 {
		t.Errorf("%d points are drawn, want 12", n)
	}
	if minis := regexp.MustCompile(`<strong>s\d\d</strong> [\d.]+ M/s</div>`).FindAllString(page, -1); len(minis) < 12 {
		t.Errorf("%d miniatures have one rate, want at least 12", len(minis))
	}
	if want := "by s00, s01, s02, s03, s04, s05, s06, s07 and 4 more."; !strings.Contains(page, want) {
		t.Errorf("the page doesn't say %q", want)
	}
}

// A ratio of the first strategy to itself needs a time: without one there is nothing to compare.
func TestNoTimeHasNoRatio(t *testing.T) {
	s := readBytes(t, []byte(header+samples("a", 1, "1 shared", near(10)...)+samples("b", 1, "0 violations", near(5)...)))
	for _, c := range s.cellsRow(s.Tables[0].Rows[0]).Cells {
		if c.Ratio != "" {
			t.Errorf("%s has the ratio %q to a, which has no time", c.Column, c.Ratio)
		}
	}
}

// Whatever is in a file, screen and page can be read and say what is missing.
func TestBadInputStaysReadable(t *testing.T) {
	forty := synthetic{seed: 1, workloads: []string{"getput"}, cpus: []int{1, 2}, samples: 10}
	for i := range 40 {
		forty.strategies = append(forty.strategies, fmt.Sprintf("strategy%d", i))
	}
	everywhere := strings.ReplaceAll(string(machine(1, 1, 2).bytes()), "\t0 violations", "\t5 violations")
	excluded := strings.ReplaceAll(string(machine(1, 1, 2).bytes()), "\t0 shared", "\t1 shared")
	one := machine(1, 1, 2)
	one.samples = 1
	for _, tt := range []struct{ name, text, screen, page string }{
		{"nothing but excluded samples", excluded, "all excluded", "nothing can be ranked"},
		{"one sample a cell", string(one.bytes()), "too few samples", "too few samples"},
		{"one CPU count", string(machine(1, 1).bytes()), "Processor, 1 CPU, 6.18", "<th scope=\"col\" class=\"l\">1 CPU</th>"},
		{"forty strategies", string(forty.bytes()), "tied", "one for each"},
		{"violations everywhere", everywhere, "all wrong", "<strong>Yes:</strong>"},
		{"names with markup", header + samples("<b>x", 1, "0 violations", near(5)...), "<b>x", "only &lt;b&gt;x"},
		{"a unit that nobody knows", header + samples("a", 1, "7 frobs/op", near(5)...), "only a", "only a"},
		{"mixed machines", header + "cpu: EPYC\ncpus: 2\n" + samples("a", 1, "0 violations", near(5)...) + "cpu: Xeon\ncpus: 8\n" + samples("b", 1, "0 violations", near(5)...),
			"On machine 2: Xeon, 8 CPUs", "2 machines, whose results are never pooled"},
		{"no time", header + "BenchmarkRef/workload=getput/cpus=1/strategy=a-2 10 7 frobs/op\n", "no usable sample", "nothing can be ranked"},
	} {
		s := readBytes(t, []byte(tt.text))
		got := screen(t, []byte(tt.text))
		if !strings.Contains(got, tt.screen) || strings.Count(got, "\n") > ScreenLines {
			t.Errorf("%s: the screen doesn't say %q in %d lines:\n%s", tt.name, tt.screen, ScreenLines, got)
		}
		if page := pageOf(t, s); !strings.Contains(page, tt.page) || strings.Contains(page, "NaN") || strings.Contains(page, "<b>") {
			t.Errorf("%s: the page doesn't say %q", tt.name, tt.page)
		}
	}
}

// Machines stand side by side: a row each for its first and its last number of CPUs, in what
// they differ, and each with its own noise floor and what held there. Two nodes of the same
// kind are two machines.
func TestMachinesStandSideBySide(t *testing.T) {
	ok := "0 violations"
	machine := func(conf string, a, b float64) string {
		return conf + samples("a", 1, ok, near(10)...) + samples("b", 1, ok, near(20)...) + samples("a", 2, ok, near(a)...) + samples("b", 2, ok, near(b)...) +
			samples("a+control", 2, ok, near(1.5*a)...)
	}
	one := machine(header+"cpu: EPYC\ncpus: 2\nnode: n1\nkernel: 6.1\n", 10, 30)
	two := machine("cpu: Xeon\ncpus: 8\nnode: n2\nkernel: 6.1\n", 30, 10)
	three := machine("cpu: EPYC\ncpus: 2\nnode: n3\nkernel: 6.1\n", 10, 10)
	s := readBytes(t, []byte(one+two+three))
	s.Had(Condition{"load", "spoils", "2.5", "slows", s.Paths[0]})
	var b bytes.Buffer
	if err := Text(&b, s); err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(" +").ReplaceAllString(b.String(), " ")
	for _, want := range []string{
		"Which is fastest on which machine\n getput\n machine 1, 1 CPU a 2.0×\n machine 1, 2 CPUs a 3.0×\n machine 2, 1 CPU a 2.0×\n machine 2, 2 CPUs b 3.0×\n machine 3, 1 CPU a 2.0×\n machine 3, 2 CPUs a and b\n",
		"\nIn what the machines differ\n node: n1 (machine 1); n2 (machine 2); n3 (machine 3)\n cpu: EPYC (machines 1 and 3); Xeon (machine 2)\n cpus: 2 (machines 1 and 3); 8 (machine 2)\n\n",
		" machine 1: noise floor 50 % (of 1 cell); spoils: load: 2.5; slows\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	page := pageOf(t, s)
	for _, want := range []string{`id="machines"`, "<li>cpu: EPYC (machines 1 and 3); Xeon (machine 2)</li>", "machine 2, 2 CPUs", "<dt>Machine 2: Xeon, 8 CPUs, n2</dt>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page doesn't have %q", want)
		}
	}
	if alone := pageOf(t, readBytes(t, []byte(one))); strings.Contains(alone, `id="machines"`) {
		t.Error("one machine stands side by side with nobody")
	}
	b.Reset()
	if err := JSON(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"fastest_by_machine": [`, `"machine_differences": [`, `"noise_floor_percent": 50`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("JSON doesn't have %s", want)
		}
	}
}
