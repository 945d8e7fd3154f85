// Package gen writes the native form of workloads: their loops with a strategy's
// concrete counter type filled in.
//
// A compiler that knows the concrete type calls or inlines the strategy's
// methods directly. Through Go's generics, an interface or a closure the same
// loop pays for an indirect call with each operation, which is a quarter of an
// uncontended atomic pair and several times a per-CPU pair. An instance of the
// generic workload with concrete types won't do: Go compiles one function for all
// types of the same shape, which finds the strategy's methods in a dictionary.
//
// # What it writes
//
//   - generic.go: what the workloads' instances are made of, as it stands in the
//     source, still generic. It is there once, whatever the number of strategies.
//   - For each strategy a file with its timed holders, and for each workload a type
//     that embeds the generic instance and has methods of its own in place of those
//     that lead from Work to an operation of the count. In these T is the counter
//     type and H is the holder, so the compiler knows both. Everything else is
//     promoted from the generic instance: setup, roles, books, and what Work calls
//     that never comes to a count.
//   - loops.go: the list of all loops, and what makes instances of them.
//
// The text is edited, not printed from a syntax tree, so the generated loops read
// like their source. They have no doc comments: those stand at the source.
//
// # Actors
//
// A strategy that has words for actors (strategies.PowerActor) has the holder TimedActing
// in place of Timed, and calls of its Get, TryGet and Put are in two parts: w.holder.Get(o)
// is w.holder.GetRest(o, w.holder.Take(o)). Both are inlined, where one function with both
// would be too large for that. So holder and object are written twice, and may not be what
// a call returns.
//
// # Why there is a copy
//
// A method of a generated type can only reach the fields of the instance from within
// its package. The loops could stand in package workloads for that. Then whoever
// imports workloads would link every built-in strategy, package workloads wouldn't
// compile as soon as one of them is renamed, the generator of the explored form
// would have to tell its files apart, and generated and written files would lie in
// one folder. A copy of the generic part costs some lines once, and keeps generated
// code in a room of its own that can be deleted as a whole.
//
// # What a workload's source must look like
//
// A variable of type *Workload has a constant Name, and its New names the type of its
// instances, instantiated with Dynamic and a timed holder: getPut[Dynamic,
// DynamicTimed]. That type isn't exported. Workloads that need powers have holders of their own, such as
// TimedResurrect, for a DynamicResurrect; a strategy that lacks a power which a
// workload Needs has no such loop, nor one whose Kill waits if the workload has a NoWait,
// which is a constant.
//
// Types that hold counts have the type parameters [T any] or [T any, H Holder[T]], by
// these names, with any constraint on H. Holders have [T any, P strategies.Ref[T]],
// with any constraint on P, and call the counter as P(&x).Method().
//
// From Work on, whatever comes to an operation of the count is a method of the
// instance's type, or of a type that it embeds, and uses its receiver only to
// reach fields and methods. Methods whose names end in Wrong are for the known-wrong
// variant: nobody times them, and they stay generic.
package gen

import (
	"bytes"
	"fmt"
	"go/format"
	"go/types"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies"
)

// A File is a generated file.
type File struct {
	Name string // without a folder
	Data []byte
}

// A Strategy says which counter type to fill in.
type Strategy struct {
	Name string // strategies.Strategy.Name
	Path string // import path of the counter type's package
	Type string // name of the counter type

	// Powers are strategies.Strategy.Powers.
	Powers []strategies.Power
	// Waits says that Kill waits, so that there are no loops of workloads with a NoWait.
	Waits bool
	// Baseline says that it is no count, so that there are loops of workloads with
	// Baselines only.
	Baseline bool
}

// StrategyOf returns the strategy's counter type. It must have a name and not be
// generic.
func StrategyOf(s *strategies.Strategy) (Strategy, error) {
	t := reflect.TypeOf(s.New())
	if t.Kind() != reflect.Pointer || t.Elem().Name() == "" || strings.Contains(t.Elem().Name(), "[") {
		return Strategy{}, fmt.Errorf("strategy %s: the counter is a %v: want a pointer to a named type without type parameters", s.Name, t)
	}
	return Strategy{Name: s.Name, Path: t.Elem().PkgPath(), Type: t.Elem().Name(), Powers: s.Powers(), Waits: s.Promise.Zero == strategies.Waits, Baseline: s.Baseline != ""}, nil
}

// acts reports whether the counter has words for actors.
func (s Strategy) acts() bool { return slices.Contains(s.Powers, strategies.PowerActor) }

// suffix ends the names of what is the strategy's own.
func (s Strategy) suffix() string { return strings.ToUpper(s.Name[:1]) + s.Name[1:] }

// Header begins every generated file.
const Header = "// Code generated by refbench gen from package workloads; DO NOT EDIT.\n\n"

// What each package of native loops declares.
const (
	loopFunc = "loop"
	loopsVar = "Loops"
)

// The files that aren't of a strategy.
const (
	genericFile = "generic.go"
	listFile    = "loops.go"
)

// Options say what to write.
type Options struct {
	// Dir is a folder in the module that the workloads are in, or in one that requires
	// it.
	Dir string
	// Path is the import path of the workloads' package.
	Path string
	// Home is the import path of package workloads, which declares Workload, Dynamic and
	// the holders. Empty means Path.
	Home string
	// Env is the environment of the go command; nil means that of the process.
	Env []string

	Strategies []Strategy
}

// Native returns the files of package native, sorted by name.
func Native(o Options) ([]File, error) {
	ss := o.Strategies
	src, err := load(o)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(ss)+2)
	for _, s := range ss {
		if name := s.Name + ".go"; name == genericFile || name == listFile {
			return nil, fmt.Errorf("strategy %s: its loops would be in workloads/native/%s, which is another file: give it another name", s.Name, name)
		}
		f, err := src.loops(s)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	generic, err := src.generic()
	if err != nil {
		return nil, err
	}
	list, err := src.list(ss)
	if err != nil {
		return nil, err
	}
	files = append(files, generic, list)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// generic returns the file with what all loops share.
func (src *source) generic() (File, error) {
	e := src.emitter()
	for _, d := range src.shared() {
		if d.name == loopFunc || d.name == loopsVar {
			return File{}, src.errorf(d.node, "%s is the name of something in each package of native loops: give it another name", d.name)
		}
		if err := e.copy(d); err != nil {
			return File{}, err
		}
	}
	return e.file(genericFile)
}

// loops returns the file with every workload's loop for one strategy.
func (src *source) loops(s Strategy) (File, error) {
	e := src.emitter()
	e.strategy = &s
	e.imports[s.Path] = "counter"
	for _, h := range src.holders {
		if !h.supports(s) {
			continue // its counter doesn't have the holder's operations
		}
		if err := e.holderType(h); err != nil {
			return File{}, err
		}
	}
	for _, p := range src.parts {
		if p.supports(s) {
			if err := e.part(p); err != nil {
				return File{}, err
			}
		}
	}
	written := make(map[*types.TypeName]bool) // instances
	for _, w := range src.workloads {
		if w.supports(s) && !written[w.instance] {
			written[w.instance] = true
			if err := e.loop(w); err != nil {
				return File{}, err
			}
		}
	}
	pkg := src.home.pkg.Name
	if err := e.use(src.home.pkg.PkgPath, pkg); err != nil {
		return File{}, err
	}
	fmt.Fprintf(&e.body, "var loops%s = []%s.Loop{\n", s.suffix(), pkg)
	for _, w := range src.workloads {
		if w.supports(s) {
			fmt.Fprintf(&e.body, "\tloop(%q, %q, func() %s.Load[counter.%s, %s] { return new(%s) }),\n",
				w.name, s.Name, pkg, s.Type, e.newName(w.holder.name), e.newName(w.instance.Name()))
		}
	}
	e.body.WriteString("}\n")
	return e.file(s.Name + ".go")
}

// list returns the file with the list of all loops.
func (src *source) list(ss []Strategy) (File, error) {
	e := src.emitter()
	e.doc = `// Package native holds the workloads with each built-in strategy's counter type
// filled in: the loops that are timed. All of it but the tests is written by refbench
// gen; package workloads/native/gen says how it differs from its source.
`
	if err := e.use(src.home.pkg.PkgPath, src.home.pkg.Name); err != nil {
		return File{}, err
	}
	e.imports["slices"] = "slices"
	e.body.WriteString("// Loops lists the native form of every workload with every built-in strategy that\n// has the powers it needs.\n")
	e.body.WriteString("var Loops = slices.Concat(\n")
	for _, s := range ss {
		fmt.Fprintf(&e.body, "\tloops%s,\n", s.suffix())
	}
	e.body.WriteString(")\n")
	e.body.WriteString(strings.ReplaceAll(`
// loop returns the loop whose instances make returns, not yet ready.
func loop[T any, H workloads.Holder[T]](workload, strategy string, make func() workloads.Load[T, H]) workloads.Loop {
	kit := workloads.Kit[T, H]{Holder: func(string) (timed H) { return timed }}
	return workloads.Loop{Workload: workload, Strategy: strategy, New: func(c workloads.Config) (workloads.Instance, error) {
		l := make()
		if err := l.Setup(c, kit); err != nil {
			return nil, err
		}
		return l, nil
	}}
}
`, "workloads.", src.home.pkg.Name+"."))
	return e.file(listFile)
}

// file returns the file with what was written so far.
func (e *emitter) file(name string) (File, error) {
	var b bytes.Buffer
	b.WriteString(Header)
	b.WriteString(e.doc)
	b.WriteString("package native\n\n")
	paths := make([]string, 0, len(e.imports))
	for p := range e.imports {
		paths = append(paths, p)
	}
	// The standard library first, as gofmt keeps groups but makes none.
	slices.SortFunc(paths, func(a, c string) int {
		if x, y := strings.Contains(a, "."), strings.Contains(c, "."); x != y {
			if x {
				return 1
			}
			return -1
		}
		return strings.Compare(a, c)
	})
	if len(paths) > 0 {
		b.WriteString("import (\n")
		for i, p := range paths {
			if i > 0 && strings.Contains(p, ".") && !strings.Contains(paths[i-1], ".") {
				b.WriteByte('\n')
			}
			n := e.imports[p] + " "
			if strings.HasSuffix(p, "/"+e.imports[p]) || p == e.imports[p] {
				n = ""
			}
			fmt.Fprintf(&b, "\t%s%s\n", n, strconv.Quote(p))
		}
		b.WriteString(")\n\n")
	}
	b.Write(e.body.Bytes())
	data, err := format.Source(b.Bytes())
	if err != nil {
		return File{}, fmt.Errorf("generated %s doesn't parse: %w", name, err)
	}
	return File{Name: name, Data: data}, nil
}
