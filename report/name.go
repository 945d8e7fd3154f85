package report

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A Key names a cell.
type Key struct {
	Workload string // the workload and its settings: "getput", "getput objects=64"
	CPUs     int
	Strategy string // the strategy's name, "percpu (generic)" for loops that call through an interface
}

func (k Key) String() string {
	return fmt.Sprintf("%s, %s, %s", k.Workload, plural(k.CPUs, "CPU"), k.Strategy)
}

// maxCPUs bounds the number of CPUs in a name: more is a damaged line.
const maxCPUs = 1 << 20

// errOther means that a line is of a benchmark that isn't refbench's.
var errOther = errors.New("another benchmark")

// parseName takes the name of a result line apart:
//
//	Ref/workload=getput/objects=64/cpus=2/strategy=percpu/dispatch=generic-2
//
// Keys stand in any order. Those that aren't known are settings of the workload.
// procs is the GOMAXPROCS suffix with its dash.
func parseName(n benchfmt.Name) (key Key, procs string, err error) {
	base, parts := n.Parts()
	if string(base) != "Ref" {
		return Key{}, "", errOther
	}
	var settings []string
	var dispatch string
	seen := make(map[string]bool)
	for _, p := range parts {
		part := string(p)
		if part[0] == '-' {
			procs = part
			continue
		}
		part = part[1:]
		name, value, isPair := strings.Cut(part, "=")
		if isPair && seen[name] {
			return Key{}, "", fmt.Errorf("%s= stands twice in the name", clean(name))
		}
		seen[name] = isPair
		switch {
		case isPair && name == "workload":
			key.Workload = value
		case isPair && name == "cpus":
			if key.CPUs, err = strconv.Atoi(value); err != nil || key.CPUs < 1 || key.CPUs > maxCPUs {
				return Key{}, "", fmt.Errorf("cpus=%s is not a number from 1 to %d", shorten(value), maxCPUs)
			}
		case isPair && name == "strategy":
			key.Strategy = value
		case isPair && name == "dispatch":
			dispatch = value
		default:
			settings = append(settings, part)
		}
	}
	for _, must := range []struct {
		name string
		have bool
	}{{"workload", key.Workload != ""}, {"cpus", key.CPUs != 0}, {"strategy", key.Strategy != ""}} {
		if !must.have {
			return Key{}, "", fmt.Errorf("the name has no %s=", must.name)
		}
	}
	if len(settings) > 0 {
		key.Workload += " " + strings.Join(settings, " ")
	}
	if dispatch != "" {
		key.Strategy += " (" + dispatch + ")"
	}
	key.Workload, key.Strategy = clean(key.Workload), clean(key.Strategy)
	return key, procs, nil
}

// natural orders names as people do: digits by their value, so that "objects=64"
// stands before "objects=128".
func natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, ny := digits(x), digits(y)
		if nx > 0 && ny > 0 {
			vx, vy := strings.TrimLeft(x[:nx], "0"), strings.TrimLeft(y[:ny], "0")
			if c := cmp.Or(len(vx)-len(vy), strings.Compare(vx, vy)); c != 0 {
				return c
			}
			x, y = x[nx:], y[ny:]
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(len(x)-len(y), strings.Compare(a, b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
