// Package probe is what a program that package outside writes calls to find out what can't
// be read from source: what strategies and workloads say of themselves.
package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A Variable is an exported variable of a package.
type Variable struct {
	Path, Name string // import path, and name in the package

	Strategy *strategies.Strategy
	Workload *workloads.Workload
}

// An Answer is what the variables hold.
type Answer struct {
	// Builtin are refbench's own strategies.
	Builtin []Strategy
	// Strategies and Workloads are in the order of the variables. What a second variable
	// holds again is left out.
	Strategies []Strategy
	Workloads  []Workload
	// Errors say why they can't be used, all reasons.
	Errors []string
}

// A Strategy is one of the variables, or a built-in one.
type Strategy struct {
	Name     string
	Variable int // its index
	Powers   []strategies.Power
	Waits    bool // Kill waits
	Baseline bool // it is no count
	// Path and Type are the counter's type. They are empty if other packages can't name
	// it, and Unnamed says why.
	Path, Type, Unnamed string
}

// A Workload is one of the variables.
type Workload struct {
	Name     string
	Variable int
}

// Write writes the answer about the variables as JSON. builtin are refbench's own
// strategies.
func Write(w io.Writer, builtin []*strategies.Strategy, vs []Variable) error {
	return json.NewEncoder(w).Encode(ask(builtin, vs))
}

func ask(builtin []*strategies.Strategy, vs []Variable) (a Answer) {
	where := make(map[string]string) // by kind and name
	strategiesOf := make(map[*strategies.Strategy]bool)
	workloadsOf := make(map[*workloads.Workload]bool)
	for _, s := range builtin {
		a.Builtin = append(a.Builtin, strategy(s, 0))
		where["strategy "+s.Name] = "a built-in one"
		strategiesOf[s] = true // somebody gives it another variable
	}
	for _, w := range workloads.All {
		where["workload "+w.Name] = "a built-in one"
		workloadsOf[w] = true
	}
	refuse := func(v Variable, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			a.Errors = append(a.Errors, fmt.Sprintf("%s.%s: %s", v.Path, v.Name, line))
		}
	}
	name := func(v Variable, kind, name string) {
		key := kind + " " + name
		if other, ok := where[key]; ok {
			refuse(v, fmt.Sprintf("%s name %q: %s has it too: give one of them another name", kind, name, other))
		}
		where[key] = v.Path + "." + v.Name
	}
	for i, v := range vs {
		switch {
		case v.Strategy != nil && !strategiesOf[v.Strategy]:
			strategiesOf[v.Strategy] = true
			if err := strategies.Validate([]*strategies.Strategy{v.Strategy}); err != nil {
				refuse(v, err.Error())
				continue
			}
			name(v, "strategy", v.Strategy.Name)
			a.Strategies = append(a.Strategies, strategy(v.Strategy, i))
		case v.Workload != nil && !workloadsOf[v.Workload]:
			workloadsOf[v.Workload] = true
			if err := workloads.Validate([]*workloads.Workload{v.Workload}); err != nil {
				refuse(v, err.Error())
				continue
			}
			name(v, "workload", v.Workload.Name)
			a.Workloads = append(a.Workloads, Workload{v.Workload.Name, i})
		case v.Strategy == nil && v.Workload == nil:
			refuse(v, "the variable is nil")
		}
	}
	return a
}

func strategy(s *strategies.Strategy, variable int) Strategy {
	a := Strategy{Name: s.Name, Variable: variable, Powers: s.Powers(), Waits: s.Promise.Zero == strategies.Waits, Baseline: s.Baseline != ""}
	t := reflect.TypeOf(s.New())
	switch {
	case t.Kind() != reflect.Pointer || t.Elem().Name() == "":
		a.Unnamed = fmt.Sprintf("its counter is a %v: want a pointer to a named type", t)
	case strings.Contains(t.Elem().Name(), "["):
		a.Unnamed = fmt.Sprintf("its counter is a %v, which has type parameters: give it a type without", t)
	case strings.Contains("/"+t.Elem().PkgPath()+"/", "/internal/") && !strings.HasPrefix(t.Elem().PkgPath(), own):
		a.Unnamed = fmt.Sprintf("its counter is a %v in an internal package: move the type out of it", t)
	case t.Elem().Name()[0] < 'A' || t.Elem().Name()[0] > 'Z':
		a.Unnamed = fmt.Sprintf("its counter is a %v: export the type", t)
	default:
		a.Path, a.Type = t.Elem().PkgPath(), t.Elem().Name()
	}
	return a
}

const own = "github.com/refbench/refbench/"
