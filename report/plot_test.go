package report

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"strings"
	"testing"
	"time"
)

// A number of any size in a file is drawn, and in bounded time.
func TestPlotsOfExtremeNumbers(t *testing.T) {
	for _, values := range [][]string{
		{"1e308 ops/s", "1 ops/s"}, {"1e30 ops/s"}, {"1e30 ops/s", "1e-300 ops/s"}, {"1e30 ops/s", "1e-60 ops/s"}, {"9e-61 ops/s", "1 ops/s"}, {"5e-324 ops/s"}, {"0 ops/s"}, {"1e15 ops/s", "1 ops/s"},
		{"1 ops/s", "1.0000000001 ops/s"}, {"0.3 ops/s"}, {"1e30 violations 1 ops-checked"},
		{"0 violations 1e30 ops-checked"}, {"1 violations 1e-308 ops-checked"}, {"1e30 violations 1e-60 ops-checked"}, {"1e-300 violations 1e30 ops-checked"},
	} {
		var b strings.Builder
		for i, v := range values {
			for range 6 {
				fmt.Fprintf(&b, "BenchmarkRef/workload=w/cpus=%d/strategy=a-2 10 %s\n", 1+i*1_000_000, v)
			}
		}
		start := time.Now()
		s := readBytes(t, []byte(b.String()))
		for _, p := range s.plots() {
			var w bytes.Buffer
			if err := p.figure.writePNG(&w); err != nil {
				t.Errorf("%v: %v", values, err)
			}
			if _, err := png.Decode(&w); err != nil {
				t.Errorf("%v: %v", values, err)
			}
			svg, err := p.figure.svg()
			if err != nil || bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
				t.Errorf("%v: %s has a point that is nowhere (%v)", values, p.Name, err)
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%v: took %v", values, d)
		}
	}
}

func TestCPUTicks(t *testing.T) {
	for _, tt := range []struct {
		counts []int
		want   string
	}{
		{[]int{1}, "1"},
		{[]int{3}, "3"},
		{[]int{1, 2, 4, 8, 16, 32, 64, 128, 256}, "1 2 4 8 16 32 64 128 256"},
		{[]int{1, 2, 3, 4, 6, 8}, "1 2 3 4 6 8"},
		{[]int{65, 66, 67, 68, 69, 70, 71, 72, 73, 100}, "65 100"},
		{upTo(96), "1 2 4 8 16 32 64 96"},
		{upTo(256), "1 2 4 8 16 32 64 128 256"},
	} {
		var got []string
		for _, tick := range cpuTicks(tt.counts) {
			got = append(got, tick.Label)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("ticks of %v are %s, want %s", tt.counts, s, tt.want)
		}
	}
}

func upTo(n int) []int {
	var out []int
	for i := 1; i <= n; i++ {
		out = append(out, i)
	}
	return out
}

func TestTicksCoverTheirRange(t *testing.T) {
	for _, limit := range []float64{1e-60, 0.003, 1, 1.4, 2.9, 7.1, 9.99, 123456, 5.1e8, 1e30} {
		ticks, end := linearTicks(limit)
		if end < limit*(1-1e-9) || end > 2*limit || len(ticks) < 3 || len(ticks) > 9 {
			t.Errorf("linearTicks(%g): %d ticks to %g", limit, len(ticks), end)
		}
		logs, from, to := logTicks(limit, limit*50, plainLabel)
		if from > limit*(1+1e-9) || to < limit*50*(1-1e-9) || len(logs) < 2 {
			t.Errorf("logTicks(%g): %d ticks from %g to %g", limit, len(logs), from, to)
		}
	}
}

// Series that one plot can hold differ in shape or in colour, and neighbours in both.
func TestSeriesDiffer(t *testing.T) {
	var columns []*Label
	for i := range 20 {
		columns = append(columns, &Label{Text: fmt.Sprintf("s%d", i), place: i})
	}
	all := newSeries(columns)
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Colour == b.Colour && &a.Shape[0] == &b.Shape[0] || a.Colour == b.Colour && fmt.Sprint(a.Shape) == fmt.Sprint(b.Shape) {
				t.Errorf("%s and %s look the same", a.Name, b.Name)
			}
		}
		if i > 0 && (a.Colour == all[i-1].Colour || fmt.Sprint(a.Shape) == fmt.Sprint(all[i-1].Shape)) {
			t.Errorf("%s and %s share colour or shape", all[i-1].Name, a.Name)
		}
	}
}

// What has a colour of its own can be told by it: no two inks or series' colours are equal.
func TestColoursAreDistinct(t *testing.T) {
	light, dark := seriesColours()
	if len(light) != len(dark) {
		t.Fatalf("%d colours for light pages, %d for dark", len(light), len(dark))
	}
	seen := make(map[uint32]bool)
	for _, c := range append([]uint32{inkText, inkGrid, inkPage}, light...) {
		if seen[c] {
			t.Errorf("colour %06x is used twice", c)
		}
		seen[c] = true
	}
}

func TestUpperBound(t *testing.T) {
	// Of 1,000,000 trials with a rate of 3e-6, none is seen with probability
	// (1-3e-6)^1e6 = 4.98 %: the bound holds at 95 %.
	if got := math.Pow(1-upperBound(1e6), 1e6); got > 0.05 || got < 0.049 {
		t.Errorf("the bound for 1e6 trials leaves %v, want just below 5 %%", got)
	}
	if got := bound(upperBound(1.2e9)); got != "2.5 per 10^9" {
		t.Errorf("bound for 1.2e9 is %q, want 2.5 per 10^9", got)
	}
}

func (f *figure) svg() ([]byte, error) {
	var b bytes.Buffer
	err := f.writeSVG(&b)
	return b.Bytes(), err
}
