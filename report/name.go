package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// maxCPUs bounds the number of CPUs in a name: more is a damaged line.
const maxCPUs = 1 << 20

// errOther means that a line is of a benchmark that isn't refbench's.
var errOther = errors.New("another benchmark")

// checkName returns an error if a name isn't of the form
//
//	Ref/workload=getput/objects=64/cpus=2/strategy=percpu/dispatch=generic-2
//
// Keys stand in any order. Those that aren't known are settings of the workload.
func checkName(n benchfmt.Name) error {
	base, parts := n.Parts()
	if string(base) != "Ref" {
		return errOther
	}
	values := make(map[string]string)
	for _, p := range parts {
		name, value, isPair := strings.Cut(strings.TrimPrefix(string(p), "/"), "=")
		if !isPair {
			continue
		}
		if _, ok := values[name]; ok {
			return fmt.Errorf("%s= stands twice in the name", clean(name))
		}
		values[name] = value
	}
	if text, ok := values["cpus"]; ok {
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > maxCPUs {
			return fmt.Errorf("cpus=%s is not a number from 1 to %d", shorten(text), maxCPUs)
		}
	}
	for _, must := range []string{"workload", "cpus", "strategy"} {
		if values[must] == "" {
			return fmt.Errorf("the name has no %s=", must)
		}
	}
	return nil
}
