package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// probedFile returns a file with timed samples and with such as a probe takes.
func probedFile() string {
	var b strings.Builder
	b.WriteString(header)
	for i := range 7 {
		for _, s := range []string{"atomic", "percpu"} {
			name := "BenchmarkRef/workload=getput/cpus=2/strategy=" + s + "-2 1000"
			fmt.Fprintf(&b, "%s 100.%d ns/op 0 shared %d round 0 violations 500 ops-checked\n", name, i, i+1)
			fmt.Fprintf(&b, "%s 0 shared %d round 0 violations %d p50-ns 90 p99-ns 2000 p99.9-ns %d max-ns 20 timer-ns 300 latencies\n", name, i+1, 40+i, 5000+i)
		}
		fmt.Fprintf(&b, "BenchmarkRef/workload=getput/cpus=2/strategy=atomic-2 1000 0 shared %d round 0 violations 12.5 cycles/op 30 instructions/op 0.25 cache-misses/op 100 counted-%%\n", i+1)
	}
	return b.String()
}

// What probes found stands in text, page and JSON, and changes nothing about the times.
func TestProbesStandBesideTimes(t *testing.T) {
	s := readBytes(t, []byte(probedFile()))
	for _, c := range s.Cells() {
		if c.Samples != 7 || s.Time(c).Center != 100.3e-9 || len(c.Warnings) > 0 {
			t.Errorf("%s: %d samples, %v s, warnings %q; want the 7 timed ones and 100.3 ns", c.Key(), c.Samples, s.Time(c).Center, c.Warnings)
		}
	}
	var text, page, asJSON bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := writePage(&page, s, sections()); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&asJSON, s); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{"text": text.String(), "page": page.String()} {
		for _, want := range []string{"Latency of single operations", "43.00 ns", "90.00 ns", "2.000 µs", "5.006 µs", "Hardware counters", "12.5", "0.25"} {
			if !strings.Contains(got, want) {
				t.Errorf("the %s has no %q", what, want)
			}
		}
	}
	var doc struct {
		Latency, Counters []struct {
			Strategy string
			Values   map[string]float64
		}
	}
	if err := json.Unmarshal(asJSON.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Latency) != 2 || len(doc.Counters) != 1 || fmt.Sprintf("%.6g", doc.Latency[1].Values["slowest_ns"]) != "5006" || doc.Counters[0].Values["cycles"] != 12.5 {
		t.Errorf("the JSON has %+v", doc)
	}
}

// Where nothing was probed nothing is said of it.
func TestNothingIsSaidOfProbesThatWereNotMade(t *testing.T) {
	s := readBytes(t, []byte(twice(0)))
	var text bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	for _, p := range probes() {
		if strings.Contains(text.String(), p.title) || len(s.probed(p)) > 0 {
			t.Errorf("%s is reported, though nothing was probed", p.id)
		}
	}
}
