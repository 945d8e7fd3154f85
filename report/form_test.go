package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
)

func writtenAs(t *testing.T, file []byte, f Form) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteAs(&b, readBytes(t, file), f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func formsFile() []byte {
	return synthetic{
		seed: 3, samples: 7, cpus: []int{1, 2, 4},
		strategies: []string{"atomic", "percpu", "lockperatomic"},
		workloads:  []string{"getput", "a-workload-with-quite-a-long-name/objects=64/hold=100"},
	}.bytes()
}

// Mail is ASCII, and its lines have at most 72 columns.
func TestASCIIFitsIntoMail(t *testing.T) {
	got := writtenAs(t, formsFile(), FormASCII)
	for _, line := range strings.Split(got, "\n") {
		if len(line) > mailColumns {
			t.Errorf("%d columns: %q", len(line), line)
		}
		for _, r := range line {
			if r > 126 || r < 32 {
				t.Errorf("%q has %q", line, r)
			}
		}
	}
	if !strings.Contains(got, "percpu 3") || !strings.Contains(got, "x") {
		t.Errorf("it doesn't say what is fastest:\n%s", got)
	}
}

// Markdown has what the screen says and the numbers, and names can't break out of a table.
func TestMarkdown(t *testing.T) {
	got := writtenAs(t, formsFile(), FormMarkdown)
	for _, want := range []string{"| workload | 1 CPU | 2 CPUs | 4 CPUs | violations |", "| getput | percpu ", "\n### getput\n", "| CPUs | atomic | percpu | lockperatomic |", "\n- On Intel"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	evil := strings.ReplaceAll(string(formsFile()), "strategy=atomic", "strategy=a|b")
	for _, line := range strings.Split(writtenAs(t, []byte(evil), FormMarkdown), "\n") {
		if strings.Contains(line, "a|b") {
			t.Errorf("a name ends a column: %q", line)
		}
	}
}

// CSV has a line for each cell, with the numbers in base units.
func TestCSV(t *testing.T) {
	lines, err := csv.NewReader(strings.NewReader(writtenAs(t, formsFile(), FormCSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1+2*3*3 || lines[0][0] != "workload" || lines[0][3] != "ns_per_operation" {
		t.Fatalf("%d lines, first %q; want a heading and 18 cells", len(lines), lines[0])
	}
	s := readBytes(t, formsFile())
	for i, c := range s.Cells() {
		got := lines[1+i]
		want := []string{c.Row.Table.Text, c.Row.Short, c.Column().Text}
		for j := range want {
			if got[j] != want[j] {
				t.Errorf("cell %s: line %q", c.Key(), got)
			}
		}
		if got[10] != "7" || got[13] != "0" {
			t.Errorf("cell %s: %s samples and %s violations, want 7 and 0", c.Key(), got[10], got[13])
		}
	}
}
