package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A setting has a map as soon as two tables differ in it, and in nothing else.
func TestTwoValuesAreAScale(t *testing.T) {
	var text strings.Builder
	for _, workload := range []string{"getput/hold=0", "getput/hold=20", "churn/batch=1", "peergc", "buffers/zipf=1/hot=1", "buffers/zipf=2/hot=2"} {
		for _, strategy := range []string{"atomic", "percpu"} {
			fmt.Fprintf(&text, "BenchmarkRef/workload=%s/cpus=1/strategy=%s-2\t1000\t12 ns/op\n", workload, strategy)
		}
	}
	s, err := ReadFrom("test.txt", strings.NewReader(text.String()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range s.knobs() {
		got = append(got, fmt.Sprintf("%s: %s of %q", k.rest, k.name, k.values))
	}
	if want := []string{`getput: hold of ["0" "20"]`}; !slices.Equal(got, want) {
		t.Errorf("the scales are %q, want %q", got, want)
	}
}
