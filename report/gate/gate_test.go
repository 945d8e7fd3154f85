package gate

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestGatesThatCannotBeUsedAreRefusedInOneLine(t *testing.T) {
	for _, bad := range []string{"", "ns/op", "ns/op > 5", "> 5%", "ns/op < 5%", "ns/op > -5%", "ns/op{/strategy: > 5%", "ns/op{(} > 5%", "ns/op < -100%", "ns/op{a:b > 5%", "ns/op > 1.2.3%"} {
		if _, err := Parse(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line of error", bad, err)
		}
	}
}

func TestRowsAreThoseThatTheFiltersMean(t *testing.T) {
	keys := []string{"workload=w/cpus=1/strategy=a", "workload=w/cpus=1/strategy=b", "workload=w/cpus=2/strategy=a", "workload=v/objects=64/cpus=2/strategy=b"}
	for _, tt := range []struct{ gate, want string }{
		{"ns/op > 5%", "[{0 -1} {1 -1} {2 -1} {3 -1}]"},
		{"ns/op{/strategy:a} > 5%", "[{0 -1} {2 -1}]"},
		{"ns/op{/strategy:a /cpus:2} > 5%", "[{2 -1}]"},
		{"ns/op{/objects:64} > 5%", "[{3 -1}]"},
		{"ns/op{/strategy:c} > 5%", "[]"},
		{"ns/op{/strategy:a} / ns/op{/strategy:b} > 5%", "[{0 1}]"}, // with 2 CPUs the workloads differ
		{"ns/op{/cpus:2} / ns/op{/cpus:1} > 5%", "[{2 0}]"},
	} {
		g, err := Parse(tt.gate)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(g.Rows(keys)); got != tt.want {
			t.Errorf("%s means %s, want %s", tt.gate, got, tt.want)
		}
	}
}

func TestBeyond(t *testing.T) {
	for _, tt := range []struct {
		gate  string
		ratio float64
		want  bool
	}{
		{"ns/op > 5%", 1.06, true}, {"ns/op > 5%", 1.04, false}, {"ns/op > 5%", 0.5, false}, {"ns/op > 5%", math.Inf(1), true},
		{"ops/s < -5%", 0.94, true}, {"ops/s < -5%", 0.96, false}, {"ops/s < -5%", 2, false}, {"violations > 0%", 1, false},
	} {
		g, err := Parse(tt.gate)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Beyond(tt.ratio); got != tt.want {
			t.Errorf("%s: a ratio of %g is beyond it: %v, want %v", tt.gate, tt.ratio, got, tt.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string][2]string{
		"ns/op > 5%": {"ns/op", ""}, "B/obj{/strategy:a} / ns/op > 5%": {"B/obj", "ns/op"},
	} {
		g, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if over, under := g.Units(); over != want[0] || under != want[1] {
			t.Errorf("%s has units %q and %q, want %q", text, over, under, want)
		}
	}
	if _, err := Parse("speed"); err == nil || !strings.Contains(err.Error(), `gate "speed": want as in`) {
		t.Errorf("the error is %v", err)
	}
}
