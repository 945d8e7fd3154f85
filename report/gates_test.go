package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/refbench/refbench/report/gate"
)

func TestGatesOfAComparison(t *testing.T) {
	older := samples("a", 1, "", near(10)...) + samples("b", 1, "", near(10)...) + samples("b", 2, "", near(10)...) + line("v", 10, "0 violations")
	newer := samples("a", 1, "", near(11)...) + samples("b", 1, "", near(20)...) + samples("b", 2, "", near(10)...) + line("v", 10, "2 violations")
	older = strings.ReplaceAll(older, "workload=getput/", "workload=getput/objects=64/")
	newer = strings.ReplaceAll(newer, "workload=getput/", "workload=getput/objects=64/")
	for _, tt := range []struct {
		gate        string
		rows, worse int
	}{
		{"ns/op > 5%", 3, 2},
		{"ns/op > 50%", 3, 1},
		{"ns/op > 150%", 3, 0},
		{"ns/op < -5%", 3, 0},
		{"ns/op{/strategy:b} > 5%", 2, 1},
		{"ns/op{/strategy:b /cpus:2} > 5%", 1, 0},
		{"ns/op{/workload:getput /objects:64 /strategy:a} > 5%", 1, 1},
		{"violations > 0%", 1, 1}, // from none to some is beyond any bound
	} {
		c := compareTexts(t, older, newer, CompareOptions{})
		g, err := gate.Parse(tt.gate)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hold(&g); err != nil {
			t.Errorf("%s: %v", tt.gate, err)
			continue
		}
		if got := c.Gates[0]; got.Rows != tt.rows || len(got.Worse) != tt.worse || c.Beyond() != tt.worse {
			t.Errorf("%s: %d of %d rows beyond it, want %d of %d", tt.gate, len(got.Worse), got.Rows, tt.worse, tt.rows)
		}
		want := "gate \"" + tt.gate + "\": "
		if tt.worse == 0 {
			want += "kept by "
		} else {
			want += "getput objects=64, "
		}
		var w bytes.Buffer
		if err := c.Text(&w, false); err != nil || !strings.Contains(w.String(), want) {
			t.Errorf("%s: the text has no %q:\n%s", tt.gate, want, w.String())
		}
	}
	for _, tt := range []struct{ gate, want string }{
		{"ns/op{/strategy:c} > 5%", "no row of this comparison is meant by it"},
		{"widgets > 5%", "no row of this comparison is meant by it"},
		{"ns/op{/strategy:a} / ns/op{/strategy:b} > 5%", "use refbench ab"},
	} {
		c := compareTexts(t, older, newer, CompareOptions{})
		g, err := gate.Parse(tt.gate)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hold(&g); err == nil || !strings.Contains(err.Error(), tt.want) || len(c.Gates) > 0 {
			t.Errorf("%s: error %v, want %q", tt.gate, err, tt.want)
		}
	}
}

// The more rows a gate means, the less one of them says.
func TestGatesAreCorrectedForTheirRows(t *testing.T) {
	four := func(ns float64, names string) string {
		text := ""
		for _, name := range names {
			text += samples(string(name), 1, "", ns, ns*1.01, ns*1.02, ns*1.03) // 2/70 at least
		}
		return text
	}
	for _, tt := range []struct {
		names string
		worse int
	}{{"a", 1}, {"ab", 0}} { // two rows of four samples can't be beyond anything: 2 × 2/70
		c := compareTexts(t, four(10, tt.names), four(20, tt.names), CompareOptions{})
		g, err := gate.Parse("ns/op > 5%")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hold(&g); err != nil || c.Beyond() != tt.worse {
			t.Errorf("%d rows of four samples: %d beyond the gate, %v; want %d", len(tt.names), c.Beyond(), err, tt.worse)
		}
		var w bytes.Buffer
		if err := c.Text(&w, false); err != nil {
			t.Fatal(err)
		}
		if could := tt.worse > 0; could != (c.Untold() == "") || could == strings.Contains(w.String(), "2 rows had too few samples to tell") || strings.Contains(w.String(), "kept by") {
			t.Errorf("%d rows of four samples, untold gate %q; that a row could be beyond it is %v:\n%s", len(tt.names), c.Untold(), could, w.String())
		}
	}
}
