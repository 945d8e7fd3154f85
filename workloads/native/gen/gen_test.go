package gen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads/native/gen"
)

const workloadsPath = "github.com/refbench/refbench/workloads"

func builtins(t *testing.T) []gen.Strategy {
	t.Helper()
	var ss []gen.Strategy
	for _, s := range builtin.All() {
		g, err := gen.StrategyOf(s)
		if err != nil {
			t.Fatal(err)
		}
		ss = append(ss, g)
	}
	return ss
}

// The committed loops are what the generator writes today.
func TestCommittedLoopsAreCurrent(t *testing.T) {
	files, err := gen.Native(".", workloadsPath, builtins(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"native.go": true} // written by hand
	for _, f := range files {
		want[f.Name] = true
		got, err := os.ReadFile(filepath.Join("..", f.Name))
		if err != nil {
			t.Errorf("%v: run refbench gen", err)
		} else if string(got) != string(f.Data) {
			t.Errorf("workloads/native/%s is not what refbench gen writes: run it", f.Name)
		}
	}
	committed, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range committed {
		if name = filepath.Base(name); !want[name] && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("workloads/native/%s is not written by refbench gen any more: remove it", name)
		}
	}
}

// A change to the source shows in what is generated, so that the test above
// can fail.
func TestGeneratedLoopsFollowTheStrategy(t *testing.T) {
	ss := builtins(t)
	files, err := gen.Native(".", workloadsPath, ss[:1])
	if err != nil {
		t.Fatal(err)
	}
	ss[0].Type = "Other"
	changed, err := gen.Native(".", workloadsPath, ss[:1])
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if files[i].Name == ss[0].Name+".go" {
			if string(files[i].Data) == string(changed[i].Data) {
				t.Errorf("%s: same text for another counter type", files[i].Name)
			}
			if strings.Contains(string(files[i].Data), "P(") || strings.Contains(string(files[i].Data), "[T") {
				t.Errorf("%s: a type parameter is left", files[i].Name)
			}
		}
	}
}

// module writes a module whose package workloads is the given source and the
// scaffold that every such package has.
func module(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		"workload.go": `package workloads
type Workload struct { Name string; Needs []string; New func() any }
type Ref[T any] interface { *T; Get() }
type Dynamic struct{}
func (*Dynamic) Get() {}
type Holder[T any] interface { Get(*T) }
type Timed[T any, P Ref[T]] struct{}
func (Timed[T, P]) Get(t *T) { P(t).Get() }
type Kit[T any, H Holder[T]] struct { Holder H }
func TimedKit[T any, P Ref[T]](prepare func(*T)) Kit[T, Timed[T, P]] { return Kit[T, Timed[T, P]]{} }
type dynamicTimed = Timed[Dynamic, *Dynamic]
`,
		"source.go": "package workloads\n" + source,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A workload that needs a power has a holder of its own: strategies with the
// power have loops with it, and the others have none.
func TestPowersHaveHoldersOfTheirOwn(t *testing.T) {
	dir := module(t, `
const powerOne = "ifone"
type LeapRef[T any] interface { Ref[T]; Leap() }
type LeapHolder[T any] interface { Holder[T]; Leap(*T) }
type TimedLeap[T any, P LeapRef[T]] struct{}
func (TimedLeap[T, P]) Get(t *T) { P(t).Get() }
func (TimedLeap[T, P]) Leap(t *T) { P(t).Leap() }
func TimedLeapKit[T any, P LeapRef[T]](prepare func(*T)) Kit[T, TimedLeap[T, P]] { return Kit[T, TimedLeap[T, P]]{} }
type DynamicLeap struct{}
func (*DynamicLeap) Get() {}
func (*DynamicLeap) Leap() {}
type dynamicTimedLeap = TimedLeap[DynamicLeap, *DynamicLeap]

var W = &Workload{Name: "w", New: func() any { return newW[Dynamic, dynamicTimed] }}
var V = &Workload{Name: "v", Needs: []string{powerOne}, New: func() any { return newV[DynamicLeap, dynamicTimedLeap] }}
type part[T any] struct { t T }
type w[T any, H Holder[T]] struct { p part[T]; h H }
type v[T any, H LeapHolder[T]] struct { p part[T]; h H }
func newW[T any, H Holder[T]](k Kit[T, H]) any { x := new(w[T, H]); x.h = k.Holder; x.h.Get(&x.p.t); return x }
func newV[T any, H LeapHolder[T]](k Kit[T, H]) any { x := new(v[T, H]); x.h = k.Holder; x.h.Leap(&x.p.t); return x }
`)
	files, err := gen.Native(dir, "example.com/m", []gen.Strategy{
		{Name: "leaping", Path: "example.com/leaping", Type: "Count", Powers: []strategies.Power{strategies.PowerMulti, strategies.PowerOnePutter}},
		{Name: "plain", Path: "example.com/plain", Type: "Count", Powers: []strategies.Power{strategies.PowerMulti}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, f := range files {
		got[f.Name] = string(f.Data)
	}
	for _, c := range []struct {
		file string
		want bool
		text string
	}{
		{"leaping.go", true, "type TimedLeaping struct"},
		{"leaping.go", true, "type TimedLeapLeaping struct"},
		{"leaping.go", true, "func TimedLeapKitLeaping(prepare func(*counter.Count)) KitLeapLeaping"},
		{"leaping.go", true, "func newWLeaping(k KitLeaping) any"},
		{"leaping.go", true, "func newVLeapLeaping(k KitLeapLeaping) any"},
		{"plain.go", true, "func newWPlain(k KitPlain) any"},
		{"plain.go", false, "Leap"},
		{"loops.go", true, `{Workload: "v", Strategy: "leaping"`},
		{"loops.go", false, `{Workload: "v", Strategy: "plain"`},
		{"loops.go", true, "newVLeapLeaping(c, TimedLeapKitLeaping(nil))"},
	} {
		if strings.Contains(got[c.file], c.text) != c.want {
			t.Errorf("%s: %q in it is %v, want %v:\n%s", c.file, c.text, !c.want, c.want, got[c.file])
		}
	}
	if n := strings.Count(got["leaping.go"], "type partLeaping struct"); n != 1 {
		t.Errorf("leaping.go: partLeaping is declared %d times", n)
	}
}

// What can't be generated right is refused with its place.
func TestRefusals(t *testing.T) {
	const good = `
var W = &Workload{Name: "w", New: func() any { return newW[Dynamic, dynamicTimed] }}
type w[T any, H Holder[T]] struct { t T; h H }
func newW[T any, H Holder[T]](k Kit[T, H]) any { x := new(w[T, H]); x.h = k.Holder; x.h.Get(&x.t); return x }
`
	for _, c := range []struct{ name, source, want string }{
		{"accepted", good, ""},
		{"no workload", "", "no variable of type *Workload"},
		{"no constructor", `var W = &Workload{Name: "w"}`, "source.go:2:5: workload W: no constant Name, or New instantiates no generic constructor"},
		{"does not compile", good + "var x int = \"\"\n", "source.go"},
		{"other parameters", `
var W = &Workload{Name: "w", New: func() any { return newW[Dynamic]() }}
func newW[C any, P Ref[C]]() any { return nil }
`, "source.go:4:1: type parameters [C, P] of newW: want [T any]"},
		{"embedded", good + `
type part[T any] struct{ t T }
type v[T any] struct { part[T] }
func (x *w[T, H]) use(y v[T]) {}
`, "part is embedded"},
		{"package variable", good + `
var hidden int
func (x *w[T, H]) use() { hidden++ }
`, "the package variable hidden would be a copy"},
		{"other arguments", good + `
type box[T any] struct{ t T }
func (x *w[T, H]) use(y box[int]) {}
`, "box is instantiated with something else than its own T"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := gen.Native(module(t, c.source), "example.com/m", []gen.Strategy{{Name: "s", Path: "example.com/s", Type: "Count"}})
			if c.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

type unnamed = struct{ strategies.Counter }

// The counter must be a type that generated code can name.
func TestStrategyOfRefusesTypesWithoutName(t *testing.T) {
	s := &strategies.Strategy{Name: "x", New: func() strategies.Counter { return &unnamed{} }}
	if g, err := gen.StrategyOf(s); err == nil {
		t.Errorf("StrategyOf gave %+v for a counter without a name", g)
	}
}
