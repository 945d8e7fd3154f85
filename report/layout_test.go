package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// readAs reads result lines in a layout of one's own.
func readAs(t *testing.T, o Options, text string) *Set {
	t.Helper()
	s, err := ReadFrom("test.txt", strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const holds = `goos: linux
BenchmarkRef/workload=getput/hold=100/cpus=2/strategy=a-2 10 5 ns/op
BenchmarkRef/workload=getput/hold=20/cpus=2/strategy=a-2 10 4 ns/op
BenchmarkRef/workload=getput/hold=20/cpus=2/strategy=b/dispatch=generic-2 10 4 ns/op
BenchmarkRef/workload=getput/cpus=1/strategy=a-2 10 3 ns/op
`

func TestRowsAndColumnsAreChosen(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string // tables: rows: columns
	}{
		{Options{}, "getput: 1 CPU a 3e-09|getput hold=20: 2 CPUs a 4e-09, 2 CPUs b (generic) 4e-09|getput hold=100: 2 CPUs a 5e-09"},
		{Options{Table: "/workload", Row: "/hold", Column: "/strategy"}, "getput: no hold a 3e-09, hold=20 a 4e-09, hold=20 b 4e-09, hold=100 a 5e-09"},
		{Options{Table: "/workload", Row: "/hold@alpha", Column: "/strategy"}, "getput: no hold a 3e-09, hold=100 a 5e-09, hold=20 a 4e-09, hold=20 b 4e-09"},
		{Options{Table: "/strategy", Row: "goos", Column: "/cpus,/hold"}, "a: goos=linux 1 CPU 3e-09, goos=linux 2 CPUs hold=20 4e-09, goos=linux 2 CPUs hold=100 5e-09|b: goos=linux 2 CPUs hold=20 4e-09"},
		{Options{Row: "/cpus@(2)"}, "getput hold=20: 2 CPUs a 4e-09, 2 CPUs b (generic) 4e-09|getput hold=100: 2 CPUs a 5e-09"},
		// What no axis names stands with the settings.
		{Options{Column: ".file"}, "getput hold=20 strategy=a: 2 CPUs .file=test.txt 4e-09|getput hold=20 strategy=b dispatch=generic: 2 CPUs .file=test.txt 4e-09|getput hold=100 strategy=a: 2 CPUs .file=test.txt 5e-09|getput strategy=a: 1 CPU .file=test.txt 3e-09"},
	} {
		s := readAs(t, tt.o, holds)
		var tables []string
		for _, table := range s.Tables {
			var cells []string
			for _, r := range table.Rows {
				for _, c := range r.Cells {
					cells = append(cells, fmt.Sprintf("%s %s %.3g", r.Text, c.Column().Text, s.Time(c).Center))
				}
			}
			tables = append(tables, table.Text+": "+strings.Join(cells, ", "))
		}
		if got := strings.Join(tables, "|"); got != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.o, got, tt.want)
		}
		makeEverything(t, []byte(holds))
	}
}

// What a layout leaves together that was measured under different conditions is
// named.
func TestResiduesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		o          Options
		text, want string
	}{
		{Options{}, holds, ""},
		{Options{Table: "/workload", Row: "/cpus", Column: "/strategy"}, holds, "their names"},
		{Options{}, "commit: a\n" + holds + "commit: b\n" + holds, "commit"},
		{Options{Table: "/workload", Column: "commit"}, "commit: a\n" + holds + "commit: b\n" + holds, "their names"}, // of strategies
		{Options{Column: "/strategy,/dispatch,commit"}, "commit: a\n" + holds + "commit: b\n" + holds, ""},
		{Options{}, "promise-a: x=1\n" + holds + "promise-a: x=2\n" + holds, ""}, // said of the strategy
		{Options{}, holds + strings.ReplaceAll(holds, "-2 10", "-4 10"), "GOMAXPROCS"},
		{Options{Column: "/strategy,/dispatch,/gomaxprocs"}, holds + strings.ReplaceAll(holds, "-2 10", "-4 10"), ""},
	} {
		s := readAs(t, tt.o, tt.text)
		got := ""
		for _, w := range s.Warnings {
			if rest, ok := strings.CutPrefix(w, "the files mix results that vary in "); ok {
				got, _, _ = strings.Cut(rest, ":")
			}
		}
		if got != tt.want {
			t.Errorf("%+v of\n%s\nvaries in %q, want %q", tt.o, tt.text, got, tt.want)
		}
	}
}

func TestLayoutsThatCantBeRead(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Filter: "("}, `filter "("`},
		{Options{Table: "a@b"}, `table "a@b"`},
		{Options{Row: ".unit"}, `row ".unit"`},
		{Options{Column: "/cpus@(1"}, `column "/cpus@(1"`},
	} {
		if _, err := ReadFrom("x", strings.NewReader(holds), tt.o); err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want one line that begins with %s", tt.o, err, tt.want)
		}
	}
}

// Programs find a cell by the words of its layout.
func TestJSONNamesCells(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, `"workload":"getput","cpus":1,"strategy":"a"`},
		{Options{Table: "/workload", Row: "/hold", Column: "/strategy"}, `"table":"getput","row":"hold=20","column":"a"`},
	} {
		var b bytes.Buffer
		if err := JSON(&b, readAs(t, tt.o, holds)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(b.String()), ""); !strings.Contains(got, tt.want) {
			t.Errorf("%+v: no %s in %s", tt.o, tt.want, got)
		}
	}
}
