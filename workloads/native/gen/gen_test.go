package gen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/baseline"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads/native/gen"
)

const workloadsPath = "github.com/refbench/refbench/workloads"

func builtins(t *testing.T) []gen.Strategy {
	t.Helper()
	var ss []gen.Strategy
	for _, s := range append(baseline.All(), builtin.All()...) {
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
	files, err := gen.Native(gen.Options{Dir: ".", Path: workloadsPath, Strategies: builtins(t)})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]bool)
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
	files, err := gen.Native(gen.Options{Dir: ".", Path: workloadsPath, Strategies: ss[:1]})
	if err != nil {
		t.Fatal(err)
	}
	ss[0].Type = "Other"
	changed, err := gen.Native(gen.Options{Dir: ".", Path: workloadsPath, Strategies: ss[:1]})
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
type Workload struct { Name, NoWait string; Needs []string; New func() any }
type Ref[T any] interface { *T; Get() }
type Dynamic struct{}
func (*Dynamic) Get() {}
type Object[T any] struct { Ref T }
type Holder[T any] interface { Get(*Object[T]) }
type Timed[T any, P Ref[T]] struct{}
func (Timed[T, P]) Get(o *Object[T]) { P(&o.Ref).Get() }
type dynamicTimed = Timed[Dynamic, *Dynamic]
type DynamicTimed = dynamicTimed
`,
		"source.go": "package workloads\n" + source,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// native returns the files for package workloads in a module that module wrote, by
// their names.
func native(t *testing.T, dir string, ss ...gen.Strategy) map[string]string {
	t.Helper()
	files, err := gen.Native(gen.Options{Dir: dir, Path: "example.com/m", Strategies: ss})
	if err != nil {
		t.Fatal(err)
	}
	text := make(map[string]string)
	for _, f := range files {
		text[f.Name] = string(f.Data)
	}
	return text
}

// contains checks whether files have some text in them.
func contains(t *testing.T, files map[string]string, file, text string, want bool) {
	t.Helper()
	if strings.Contains(files[file], text) != want {
		t.Errorf("%s: %q in it is %v, want %v:\n%s", file, text, !want, want, files[file])
	}
}

// A workload of another module has native loops in a package of their own, with the holders
// of package workloads; two that have one type of instances share it.
func TestOutsideWorkload(t *testing.T) {
	dir := module(t, "var W = 1\n")
	if err := os.MkdirAll(filepath.Join(dir, "load"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "load", "load.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const source = `package load
import w "example.com/m"
var A = &w.Workload{Name: "a", New: func() any { return new(one[w.Dynamic, w.DynamicTimed]) }}
var B = &w.Workload{Name: "b", New: func() any { return new(one[w.Dynamic, w.DynamicTimed]) }}
type one[T any, H w.Holder[T]] struct { h H; o w.Object[T] }
func (x *one[T, H]) Work() { x.h.Get(&x.o) }
`
	native := func() (map[string]string, error) {
		files, err := gen.Native(gen.Options{Dir: dir, Path: "example.com/m/load", Home: "example.com/m", Strategies: []gen.Strategy{{Name: "s", Path: "example.com/s", Type: "Count"}}})
		text := make(map[string]string)
		for _, f := range files {
			text[f.Name] = string(f.Data)
		}
		return text, err
	}
	write(strings.ReplaceAll(strings.ReplaceAll(source, `w "example`, `"example`), "w.", "workloads."))
	files, err := native()
	if err != nil {
		t.Fatal(err)
	}
	contains(t, files, "s.go", `loop("a", "s", func() workloads.Load[counter.Count, timedS] { return new(oneS) })`, true)
	contains(t, files, "s.go", `loop("b", "s", func() workloads.Load[counter.Count, timedS] { return new(oneS) })`, true)
	contains(t, files, "s.go", "func (timedS) Get(o *workloads.Object[counter.Count])", true)
	if n := strings.Count(files["s.go"], "type oneS struct"); n != 1 {
		t.Errorf("oneS is declared %d times:\n%s", n, files["s.go"])
	}
	contains(t, files, "generic.go", "type one[T any, H workloads.Holder[T]] struct", true)

	write(strings.ReplaceAll(source, "one[", "One["))
	if _, err := native(); err == nil || !strings.Contains(err.Error(), "declare it in this package, with a lower-case letter first") {
		t.Errorf("%v", err)
	}
}

// Only what leads from Work to an operation of the count is written for a strategy;
// the rest is written once, and stays generic.
func TestOnlyTheLoopIsConcrete(t *testing.T) {
	files := native(t, module(t, `
var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
type base[T any, H Holder[T]] struct { t Object[T]; h H; n int }
func (b *base[T, H]) take() { b.h.Get(&b.t); b.note() }
func (b *base[T, H]) note() { b.n++ }
type w[T any, H Holder[T]] struct { base[T, H]; wrong bool }
func (x *w[T, H]) Setup() { x.close() }
func (x *w[T, H]) Work() { if x.wrong { x.takeWrong() }; x.step(); x.count() }
func (x *w[T, H]) step() { x.take(); x.pair(1) }
func (x *w[T, H]) pair(n int) { if n > 0 { x.again(n - 1) } else { x.last() } }
func (x *w[T, H]) last() { x.h.Get(&x.t) }
func (x *w[T, H]) again(n int) { x.pair(n) }
func (x *w[T, H]) count() { x.n += limit }
func (x *w[T, H]) takeWrong() { x.h.Get(&x.t) }
func (x *w[T, H]) close() { x.h.Get(&x.t) }
func (x *w[T, H]) Close() { x.pair(0) }
const limit = 3
`), gen.Strategy{Name: "s", Path: "example.com/s", Type: "Count"})
	for _, c := range []struct {
		file string
		want bool
		text string
	}{
		{"s.go", true, "type wS struct{ w[counter.Count, timedS] }"},
		{"s.go", true, "func (x *wS) Work()"},
		{"s.go", true, "func (x *wS) step() { (*baseS)(&x.base).take(); x.pair(1) }"},
		{"s.go", true, "func (x *wS) pair(n int)"},
		{"s.go", true, "func (x *wS) again(n int) { x.pair(n) }"},
		{"s.go", true, "type baseS base[counter.Count, timedS]"},
		{"s.go", true, "func (b *baseS) take() { b.h.Get(&b.t); (*base[counter.Count, timedS])(b).note() }"},
		{"s.go", true, `loop("w", "s", func() workloads.Load[counter.Count, timedS] { return new(wS) })`},
		{"s.go", false, ") count()"},
		{"s.go", false, ") note()"},
		{"s.go", false, ") takeWrong()"},
		{"s.go", false, ") close()"},
		{"generic.go", true, "type w[T any, H workloads.Holder[T]] struct"},
		{"generic.go", true, "const limit = 3"},
		{"generic.go", true, ") count()"},
		{"generic.go", true, ") note()"},
		{"generic.go", true, ") takeWrong()"},
		{"generic.go", true, ") close()"},
		// Close calls it as well.
		{"generic.go", true, ") pair(n int)"},
		{"generic.go", false, ") Work()"},
		{"generic.go", false, ") step()"},
		{"loops.go", true, "loopsS,"},
	} {
		contains(t, files, c.file, c.text, c.want)
	}
}

// A workload that needs a power has a holder of its own: strategies with the
// power have loops with it, and the others have none.
func TestPowersHaveHoldersOfTheirOwn(t *testing.T) {
	dir := module(t, `
const powerOne = "oneputter"
type LeapRef[T any] interface { Ref[T]; Leap() }
type LeapHolder[T any] interface { Holder[T]; Leap(*Object[T]) }
type TimedLeap[T any, P LeapRef[T]] struct { Timed[T, P] }
func (TimedLeap[T, P]) Leap(o *Object[T]) { P(&o.Ref).Leap() }
type DynamicLeap struct{}
func (*DynamicLeap) Get() {}
func (*DynamicLeap) Leap() {}
type dynamicTimedLeap = TimedLeap[DynamicLeap, *DynamicLeap]

var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
var V = &Workload{Name: "v", Needs: []string{powerOne}, New: func() any { return new(v[DynamicLeap, dynamicTimedLeap]) }}
type part[T any] struct { t Object[T] }
type w[T any, H Holder[T]] struct { p part[T]; h H }
type v[T any, H Holder[T]] struct { p part[T]; h H }
func (x *w[T, H]) Work() { x.h.Get(&x.p.t) }
func (x *v[T, H]) Work() { x.h.Get(&x.p.t) }
`)
	files := native(t, dir,
		gen.Strategy{Name: "leaping", Path: "example.com/leaping", Type: "Count", Powers: []strategies.Power{strategies.PowerMulti, strategies.PowerOnePutter}},
		gen.Strategy{Name: "plain", Path: "example.com/plain", Type: "Count", Powers: []strategies.Power{strategies.PowerMulti}},
	)
	for _, c := range []struct {
		file string
		want bool
		text string
	}{
		{"leaping.go", true, "type timedLeaping struct"},
		{"leaping.go", true, "type timedLeapLeaping struct{ timedLeaping }"},
		{"leaping.go", true, "func (timedLeapLeaping) Leap(o *workloads.Object[counter.Count]) { o.Ref.Leap() }"},
		{"leaping.go", true, "w[counter.Count, timedLeaping]"},
		{"leaping.go", true, "v[counter.Count, timedLeapLeaping]"},
		{"leaping.go", true, `loop("v", "leaping"`},
		{"plain.go", true, "w[counter.Count, timedPlain]"},
		{"plain.go", false, "Leap"},
		{"plain.go", false, `loop("v"`},
	} {
		contains(t, files, c.file, c.text, c.want)
	}
	// One whose Kill waits has loops where that ends.
	waiting := native(t, module(t, `
const why = "nobody would ever come"
var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
var V = &Workload{Name: "v", NoWait: "as " + why, New: func() any { return new(v[Dynamic, dynamicTimed]) }}
type w[T any, H Holder[T]] struct { t Object[T]; h H }
type v[T any, H Holder[T]] struct { t Object[T]; h H }
func (x *w[T, H]) Work() { x.h.Get(&x.t) }
func (x *v[T, H]) Work() { x.h.Get(&x.t) }
`), gen.Strategy{Name: "waiting", Path: "example.com/s", Type: "Count", Waits: true}, gen.Strategy{Name: "plain", Path: "example.com/s", Type: "Count"})
	contains(t, waiting, "waiting.go", `loop("w"`, true)
	contains(t, waiting, "waiting.go", `loop("v"`, false)
	contains(t, waiting, "plain.go", `loop("v"`, true)
	if n := strings.Count(files["generic.go"], "type part[T any] struct"); n != 1 {
		t.Errorf("generic.go: part is declared %d times", n)
	}
}

// acting is a workload's source with the holder for counts that have words for actors.
const acting = `
type TimedActing[T any, P Ref[T]] struct{ number int }
func (h TimedActing[T, P]) Get(o *Object[T]) { P(&o.Ref).Get() }
func (h TimedActing[T, P]) Take(o *Object[T]) bool { return h.number == 1 }
func (TimedActing[T, P]) GetRest(o *Object[T], took bool) { if !took { P(&o.Ref).Get() } }
var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
type w[T any, H Holder[T]] struct { t [2]Object[T]; h H }
`

// Where the strategy has words for actors, loops have the holder that counts on them, and its
// operations in two parts. Others don't.
func TestActorsCountInTwoParts(t *testing.T) {
	files := native(t, module(t, acting+"func (x *w[T, H]) Work() { for i := range 2 { x.h.Get(&x.t[i]) } }\n"),
		gen.Strategy{Name: "acting", Path: "example.com/s", Type: "Count", Powers: []strategies.Power{strategies.PowerActor}},
		gen.Strategy{Name: "plain", Path: "example.com/s", Type: "Count"},
	)
	for _, c := range []struct {
		file, text string
		want       bool
	}{
		{"acting.go", "type timedActing struct{ number int }", true},
		{"acting.go", "x.h.GetRest(&x.t[i], x.h.Take(&x.t[i]))", true},
		{"acting.go", "x.h.Get(", false},
		{"plain.go", "x.h.Get(&x.t[i])", true},
		{"plain.go", "Take", false},
	} {
		contains(t, files, c.file, c.text, c.want)
	}
	_, err := gen.Native(gen.Options{
		Dir:  module(t, acting+"func (x *w[T, H]) at() *Object[T] { return &x.t[0] }\nfunc (x *w[T, H]) Work() { x.h.Get(x.at()) }\n"),
		Path: "example.com/m",
		Strategies: []gen.Strategy{
			{Name: "acting", Path: "example.com/s", Type: "Count", Powers: []strategies.Power{strategies.PowerActor}},
		},
	})
	if want := "an operation of the holder on what a call returns: put that in a variable first"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an object that a call returns: error %v, want one with %q", err, want)
	}
}

// What can't be generated right is refused with its place.
func TestRefusals(t *testing.T) {
	const good = `
var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
type w[T any, H Holder[T]] struct { t Object[T]; h H }
func (x *w[T, H]) Work() { x.step() }
`
	const step = good + "func (x *w[T, H]) step() { x.h.Get(&x.t) }\n"
	for _, c := range []struct{ name, source, want string }{
		{"accepted", step, ""},
		{"no workload", "", "no variable of type *Workload"},
		{"no instance", `var W = &Workload{Name: "w"}`, "source.go:2:5: workload W: no constant Name, or New names no generic type"},
		{"does not compile", step + "var x int = \"\"\n", "source.go"},
		{"no work", `
var W = &Workload{Name: "w", New: func() any { return new(w[Dynamic, dynamicTimed]) }}
type w[T any, H Holder[T]] struct { t Object[T]; h H }
`, "source.go:4:6: w has no method Work"},
		{"no operation", good + "func (x *w[T, H]) step() {}\n", "source.go:5:1: Work of workload w comes to no operation of its holder"},
		{"another's method", good + `
func (x *w[T, H]) step() { a := actor[T, H]{h: x.h}; a.take(&x.t) }
type actor[T any, H Holder[T]] struct { h H }
func (a *actor[T, H]) take(t *Object[T]) { a.h.Get(t) }
`, "source.go:9:1: (actor).take takes or drops references on behalf of workload w: make it a method of w, or embed actor there"},
		{"function", good + `
func (x *w[T, H]) step() { take(x.h, &x.t) }
func take[T any, H Holder[T]](h H, t *Object[T]) { h.Get(t) }
`, "source.go:8:1: take takes or drops references on behalf of workload w: make it a method of w"},
		{"receiver as value", good + `
func (x *w[T, H]) step() { y := x; y.h.Get(&x.t) }
`, "source.go:7:33: the receiver of (w).step is used as a value"},
		{"not the receiver", good + `
func (x *w[T, H]) step() { var y w[T, H]; y.take(); x.take() }
func (x *w[T, H]) take() { x.h.Get(&x.t) }
`, "source.go:7:43: take is called, but not as a method of the receiver of (w).step"},
		{"package variable", step + `
var hidden int
func (x *w[T, H]) Close() { hidden++ }
`, "source.go:8:1: the package variable hidden would be a copy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := gen.Native(gen.Options{Dir: module(t, c.source), Path: "example.com/m", Strategies: []gen.Strategy{{Name: "s", Path: "example.com/s", Type: "Count"}}})
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
	_, err := gen.Native(gen.Options{Dir: module(t, step), Path: "example.com/m", Strategies: []gen.Strategy{{Name: "loops", Path: "example.com/s", Type: "Count"}}})
	if err == nil || !strings.Contains(err.Error(), "strategy loops: its loops would be in workloads/native/loops.go, which is another file") {
		t.Errorf("a strategy called as a file that isn't its own: error %v", err)
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
