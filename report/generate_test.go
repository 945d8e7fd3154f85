package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A synthetic describes a made-up result file.
type synthetic struct {
	seed       uint64
	workloads  []string // with settings: "getput/objects=64"
	cpus       []int
	strategies []string
	samples    int
	speed      float64 // factor on all times
	commit     string
}

// curves are made-up costs: nanoseconds of one operation on one CPU, and how much
// of the work is done by one CPU at a time.
func (g synthetic) curve(strategy string) (ns, serial float64) {
	switch strings.TrimSuffix(strategy, "/dispatch=generic") {
	case "atomic":
		return 12.4, 1.0
	case "saturating":
		return 12.7, 1.05
	case "percpu":
		return 4.0, 0.001
	case "lockperatomic":
		return 28, 1.6
	}
	return 20, 0.3
}

// bytes returns the file. The same seed gives the same bytes.
func (g synthetic) bytes() []byte {
	rng := rand.New(rand.NewPCG(g.seed, 1))
	var b bytes.Buffer
	commit := g.commit
	if commit == "" {
		commit = "1234abcd"
	}
	fmt.Fprintf(&b, "format: refbench/1\ngoos: linux\ngoarch: amd64\ncpu: Intel(R) Xeon(R) Processor\ncpus: %d\nkernel: 6.18\n"+
		"go: go1.26.8\ncommit: %s\nplacement: compact\nbarrier: membarrier\n", g.cpus[len(g.cpus)-1], commit)
	for _, name := range g.strategies {
		if !strings.Contains(name, "/") {
			fmt.Fprintf(&b, "promise-%s: limit=2147483647 overflow=wraps underflow=wraps getonzero=revives zero=immediate tryget=exact count=exact resurrection=yes progress=lockfree bytes=4 graceperiod=no\n", name)
		}
	}
	b.WriteString(`Unit ns/op better=lower
Unit ops/s better=higher
Unit violations better=lower assume=exact
Unit jain better=higher
Unit parallel better=higher
Unit overlap-% better=higher
Unit shared better=lower assume=exact
Unit ops-checked better=higher
`)
	for range g.samples {
		for _, w := range g.workloads {
			for _, n := range g.cpus {
				for _, s := range g.strategies {
					ns, serial := g.curve(s)
					one := ns * (1 + 0.02*math.Abs(rng.NormFloat64()))
					if g.speed != 0 {
						one *= g.speed
					}
					perOp := one * (serial + (1-serial)/float64(n))
					if serial >= 1 && n > 1 {
						perOp = one * serial * (1 + 0.4*math.Log2(float64(n)))
					}
					ops := 1e9 / perOp
					fmt.Fprintf(&b, "BenchmarkRef/workload=%s/cpus=%d/strategy=%s-%d\t%d\t%.4g ns/op\t%.6g ops/s\t%.3f jain\t%.1f overlap-%%\t%.2f parallel\t0 violations\t0 shared\n",
						w, n, s, g.cpus[len(g.cpus)-1], int(ops), perOp, ops, 1-0.05*rng.Float64(), 97+2*rng.Float64(), 1-0.02*rng.Float64())
				}
			}
		}
	}
	return b.Bytes()
}

func fourStrategies() []string { return []string{"atomic", "saturating", "percpu", "lockperatomic"} }

// machine returns a typical file of a machine with some CPUs.
func machine(seed uint64, cpus ...int) synthetic {
	return synthetic{
		seed: seed, workloads: []string{"getput", "handoff", "dstcache"}, cpus: cpus,
		strategies: fourStrategies(), samples: 10,
	}
}

func readBytes(t testing.TB, text []byte) *Set {
	t.Helper()
	s, err := ReadFrom("test.txt", bytes.NewReader(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
