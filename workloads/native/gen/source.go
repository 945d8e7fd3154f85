package gen

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/strategies"
)

const (
	// timed begins the names of the holders that H stands for in native loops.
	timed = "Timed"
	// timedActing is in place of Timed where the strategy has words for actors.
	timedActing = "TimedActing"
	// dynamic begins the names of the counters in the generic form.
	dynamic = "Dynamic"
	// wrong ends the names of the methods of known-wrong variants, which nobody
	// times.
	wrong = "Wrong"
)

// A workload is a variable of type *Workload.
type workload struct {
	name      string          // its Name field
	instance  *types.TypeName // the generic type of its instances
	holder    *holder         // the timed holder that New instantiates it with
	needs     []strategies.Power
	noWait    bool // it has a NoWait
	baselines bool // it has Baselines

	// loop is what leads from Work to an operation of the count, in the order
	// of the source.
	loop []*method
	// parts are the types that instance embeds with some of these.
	parts []*part
}

// supports reports whether the strategy can run under the workload.
func (w *workload) supports(s Strategy) bool {
	for _, p := range w.needs {
		if !slices.Contains(s.Powers, p) {
			return false
		}
	}
	return !(w.noWait && s.Waits) && (w.baselines || !s.Baseline)
}

// A holder is a timed holder: Timed, or one with powers.
type holder struct {
	name  string
	users []*workload
}

// supports reports whether the strategy can run under some workload with the holder.
func (h *holder) supports(s Strategy) bool {
	if h.name == timed {
		return true // the others embed it
	}
	return slices.ContainsFunc(h.users, func(w *workload) bool { return w.supports(s) })
}

// A part is a type that instances of workloads embed, with the methods of their
// loops.
type part struct {
	typ     *types.TypeName
	holder  *holder
	users   []*workload
	methods []*method // in the order of the source
}

// supports reports whether the strategy can run under some workload with the part.
func (p *part) supports(s Strategy) bool {
	return slices.ContainsFunc(p.users, func(w *workload) bool { return w.supports(s) })
}

// A decl is a package-level declaration.
type decl struct {
	name    string
	node    ast.Node // *ast.FuncDecl, *ast.GenDecl, or a spec of one
	keyword string   // what to write before a spec: "type ", "var ", "const "
	doc     *ast.CommentGroup
}

// A method is a method of the package, or a function.
type method struct {
	decl     *ast.FuncDecl
	receiver *types.TypeName // its type's, nil of a function

	touches bool   // it calls an operation of the holder
	calls   []call // of methods and functions of the package
}

// A call is where a method or a function is mentioned.
type call struct {
	of *types.Func
	on ast.Expr // what it is a method of, nil for a function
	at ast.Node
}

// A source is a package with workloads, analyzed.
type source struct {
	pkg       *packages.Package
	home      *source           // package workloads, which may be this one
	text      map[string][]byte // by file name
	decls     map[types.Object]*decl
	methods   map[*types.Func]*method
	byType    map[types.Object][]*method // methods by their receiver's type
	whole     map[*ast.FuncDecl]*decl    // methods
	workloads []*workload
	holders   []*holder // Timed first
	parts     []*part
}

func load(o Options) (*source, error) {
	cfg := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
		Dir: o.Dir, Env: o.Env,
	}
	paths := []string{o.Path}
	if o.Home != "" && o.Home != o.Path {
		paths = append(paths, o.Home)
	}
	pkgs, err := packages.Load(cfg, paths...)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", o.Path, err)
	}
	if len(pkgs) != len(paths) {
		return nil, fmt.Errorf("loading %s: %d packages, want %d", strings.Join(paths, " "), len(pkgs), len(paths))
	}
	var src, home *source
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("loading %s: %w", p.PkgPath, p.Errors[0])
		}
		s, err := read(p)
		if err != nil {
			return nil, err
		}
		if p.PkgPath == o.Home {
			home = s
		} else {
			src = s
		}
	}
	if src == nil || home == nil { // they are one
		src = cmp.Or(src, home)
		home = src
	}
	src.home, home.home = home, home
	if err := src.findWorkloads(); err != nil {
		return nil, err
	}
	for i, w := range src.workloads {
		for _, other := range src.workloads[:i] {
			if other.instance == w.instance && other.holder != w.holder {
				return nil, fmt.Errorf("%s: workloads %s and %s have one type of instances, %s, and two holders: give each a type of its own", o.Path, other.name, w.name, w.instance.Name())
			}
		}
		if err := src.findLoop(w); err != nil {
			return nil, err
		}
		src.findParts(w)
	}
	return src, src.check()
}

// read returns a package with its declarations.
func read(p *packages.Package) (*source, error) {
	src := &source{
		pkg:     p,
		text:    make(map[string][]byte),
		decls:   make(map[types.Object]*decl),
		methods: make(map[*types.Func]*method),
		byType:  make(map[types.Object][]*method),
		whole:   make(map[*ast.FuncDecl]*decl),
	}
	return src, src.readDecls()
}

// errorf returns an error that names the place.
func (src *source) errorf(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", src.pkg.Fset.Position(at.Pos()), fmt.Sprintf(format, args...))
}

// readDecls records every package-level declaration and method.
func (src *source) readDecls() error {
	info := src.pkg.TypesInfo
	for _, f := range src.pkg.Syntax {
		name := src.pkg.Fset.Position(f.Pos()).Filename
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		src.text[name] = text
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				whole := &decl{name: d.Name.Name, node: d, doc: d.Doc}
				if d.Recv == nil {
					src.decls[info.Defs[d.Name]] = whole
					if f, ok := info.Defs[d.Name].(*types.Func); ok {
						src.methods[f] = src.readMethod(d, nil)
					}
					continue
				}
				receiver := src.pkg.Types.Scope().Lookup(receiverName(d.Recv.List[0].Type).Name).(*types.TypeName)
				m := src.readMethod(d, receiver)
				src.byType[receiver] = append(src.byType[receiver], m)
				src.methods[info.Defs[d.Name].(*types.Func)] = m
				src.whole[d] = whole
			case *ast.GenDecl:
				var group *decl // of constants or variables
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						doc := spec.Doc
						if doc == nil {
							doc = d.Doc
						}
						src.decls[info.Defs[spec.Name]] = &decl{name: spec.Name.Name, node: spec, keyword: "type ", doc: doc}
					case *ast.ValueSpec:
						// A group may use iota or leave out
						// values, so it goes as a whole.
						if group == nil {
							group = &decl{name: spec.Names[0].Name, node: d, doc: d.Doc}
						}
						for _, n := range spec.Names {
							src.decls[info.Defs[n]] = group
						}
					}
				}
			}
		}
	}
	return nil
}

// readMethod finds out what a method or function calls.
func (src *source) readMethod(d *ast.FuncDecl, receiver *types.TypeName) *method {
	m := &method{decl: d, receiver: receiver}
	info := src.pkg.TypesInfo
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if f, ok := info.Uses[id].(*types.Func); ok && f.Parent() == src.pkg.Types.Scope() {
				m.calls = append(m.calls, call{of: f, at: id})
			}
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		s := info.Selections[sel]
		if s == nil || s.Kind() == types.FieldVal {
			return true
		}
		if src.isHolder(sel) {
			m.touches = true
			return true
		}
		if f := s.Obj().(*types.Func).Origin(); f.Pkg() == src.pkg.Types {
			m.calls = append(m.calls, call{f, sel.X, sel})
		}
		return true
	})
	return m
}

// isHolder reports whether a method is one of a holder, whose type is H.
func (src *source) isHolder(sel *ast.SelectorExpr) bool {
	s := src.pkg.TypesInfo.Selections[sel]
	if s == nil || s.Kind() == types.FieldVal {
		return false
	}
	p, ok := s.Recv().(*types.TypeParam)
	return ok && p.Obj().Name() == "H"
}

// findWorkloads finds the variables of type *Workload, in the order of file
// names and then of the source.
func (src *source) findWorkloads() error {
	info := src.pkg.TypesInfo
	scope := src.home.pkg.Types.Scope()
	wtype := scope.Lookup("Workload")
	if wtype == nil || scope.Lookup(dynamic) == nil || scope.Lookup(timed) == nil {
		return fmt.Errorf("%s: no types Workload, Dynamic and Timed", src.home.pkg.PkgPath)
	}
	src.holders = []*holder{{name: timed}}
	for _, f := range src.pkg.Syntax {
		for _, d := range f.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				if len(spec.Values) != 1 || !types.Identical(info.TypeOf(spec.Values[0]), types.NewPointer(wtype.Type())) {
					continue
				}
				w, err := src.workload(spec)
				if err != nil {
					return err
				}
				src.workloads = append(src.workloads, w)
			}
		}
	}
	if len(src.workloads) == 0 {
		return fmt.Errorf("%s: no variable of type *Workload", src.pkg.PkgPath)
	}
	return nil
}

func (src *source) workload(spec *ast.ValueSpec) (*workload, error) {
	w := new(workload)
	info := src.pkg.TypesInfo
	ast.Inspect(spec.Values[0], func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			switch key, ok := n.Key.(*ast.Ident); {
			case ok && key.Name == "Name" && w.name == "":
				if v := info.Types[n.Value].Value; v != nil && v.Kind() == constant.String {
					w.name = constant.StringVal(v)
				}
			case ok && key.Name == "NoWait":
				v := info.Types[n.Value].Value
				w.noWait = v != nil && v.Kind() == constant.String && constant.StringVal(v) != ""
			case ok && key.Name == "Baselines":
				v := info.Types[n.Value].Value
				w.baselines = v != nil && v.Kind() == constant.Bool && constant.BoolVal(v)
			case ok && key.Name == "Needs":
				if list, ok := n.Value.(*ast.CompositeLit); ok {
					for _, e := range list.Elts {
						if v := info.Types[e].Value; v != nil && v.Kind() == constant.String {
							w.needs = append(w.needs, strategies.Power(constant.StringVal(v)))
						}
					}
				}
			}
		case *ast.Ident:
			t, isType := info.Uses[n].(*types.TypeName)
			args := info.Instances[n].TypeArgs
			if w.instance == nil && isType && args.Len() == 2 &&
				strings.HasPrefix(src.typeName(args.At(0)), dynamic) && strings.HasPrefix(src.typeName(args.At(1)), timed) {
				w.instance = t
				w.holder = src.holder(src.typeName(args.At(1)))
			}
		}
		return true
	})
	if w.instance != nil && (w.instance.Exported() || w.instance.Pkg() != src.pkg.Types) {
		return w, src.errorf(spec, "workload %s: native loops have a type of their own for instances in place of %s: declare it in this package, with a lower-case letter first", spec.Names[0].Name, w.instance.Name())
	}
	if w.name == "" || w.instance == nil {
		return w, src.errorf(spec, "workload %s: no constant Name, or New names no generic type with a Dynamic counter and a Timed holder", spec.Names[0].Name)
	}
	w.holder.users = append(w.holder.users, w)
	return w, nil
}

// holder returns the holder with the name.
func (src *source) holder(name string) *holder {
	for _, h := range src.holders {
		if h.name == name {
			return h
		}
	}
	h := &holder{name: name}
	src.holders = append(src.holders, h)
	return h
}

// typeName returns the name of a type that package workloads declares, or "".
func (src *source) typeName(t types.Type) string {
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Parent() == src.home.pkg.Types.Scope() {
		return n.Obj().Name()
	}
	return ""
}

// findLoop finds what leads from the workload's Work to an operation of the count.
func (src *source) findLoop(w *workload) error {
	own := src.embedded(w.instance)
	work, _, _ := types.LookupFieldOrMethod(types.NewPointer(w.instance.Type()), false, src.pkg.Types, "Work")
	f, ok := work.(*types.Func)
	if !ok {
		return src.errorf(src.decls[w.instance].node, "%s has no method Work", w.instance.Name())
	}
	on := make(map[*method]bool)
	leads := make(map[*method]bool)
	var visit func(m *method) bool
	// visit reports whether m comes to an operation of the count.
	visit = func(m *method) bool {
		if on[m] {
			return leads[m]
		}
		on[m] = true
		leads[m] = leads[m] || m.touches
		for _, c := range m.calls {
			if next := src.methods[c.of]; next != nil && !strings.HasSuffix(c.of.Name(), wrong) && visit(next) {
				leads[m] = true
			}
		}
		return leads[m]
	}
	// Methods that call each other may take some rounds.
	for before := -1; before != count(leads); {
		before = count(leads)
		clear(on)
		visit(src.methods[f.Origin()])
	}
	for m := range leads {
		if !leads[m] {
			continue
		}
		if m.receiver == nil {
			return src.errorf(m.decl, "%s takes or drops references on behalf of workload %s: make it a method of %s", m.decl.Name.Name, w.name, w.instance.Name())
		}
		if !slices.Contains(own, m.receiver) {
			return src.errorf(m.decl, "(%s).%s takes or drops references on behalf of workload %s: make it a method of %s, or embed %[1]s there",
				m.receiver.Name(), m.decl.Name.Name, w.name, w.instance.Name())
		}
		w.loop = append(w.loop, m)
	}
	slices.SortFunc(w.loop, func(a, b *method) int { return src.order(a.decl, b.decl) })
	if len(w.loop) == 0 {
		return src.errorf(src.methods[f.Origin()].decl, "Work of workload %s comes to no operation of its holder", w.name)
	}
	return nil
}

// findParts adds the methods of the workload's loop that are of a type which its
// instances embed.
func (src *source) findParts(w *workload) {
	for _, m := range w.loop {
		if m.receiver == w.instance {
			continue
		}
		at := slices.IndexFunc(src.parts, func(p *part) bool { return p.typ == m.receiver && p.holder == w.holder })
		if at < 0 {
			at = len(src.parts)
			src.parts = append(src.parts, &part{typ: m.receiver, holder: w.holder})
		}
		p := src.parts[at]
		if !slices.Contains(p.users, w) {
			p.users = append(p.users, w)
			w.parts = append(w.parts, p)
		}
		if !slices.Contains(p.methods, m) {
			p.methods = append(p.methods, m)
			slices.SortFunc(p.methods, func(a, b *method) int { return src.order(a.decl, b.decl) })
		}
	}
}

func count(m map[*method]bool) (n int) {
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}

// embedded returns a type and those of the package that it embeds, which its
// methods are promoted from.
func (src *source) embedded(t *types.TypeName) []*types.TypeName {
	all := []*types.TypeName{t}
	s, ok := t.Type().Underlying().(*types.Struct)
	if !ok {
		return all
	}
	for f := range s.Fields() {
		if n, ok := types.Unalias(f.Type()).(*types.Named); ok && f.Embedded() && n.Obj().Pkg() == src.pkg.Types {
			all = append(all, src.embedded(n.Obj())...)
		}
	}
	return all
}

// check refuses what generated code would get wrong.
func (src *source) check() error {
	info := src.pkg.TypesInfo
	for _, w := range src.workloads {
		for _, m := range w.loop {
			if names := m.decl.Recv.List[0].Names; len(names) == 1 {
				if at := src.usedWhole(m.decl.Body, info.Defs[names[0]]); at != nil {
					return src.errorf(at, "the receiver of (%s).%s is used as a value: it has another type in native loops", m.receiver.Name(), m.decl.Name.Name)
				}
			}
			for _, c := range m.calls {
				// Whatever isn't reached through the receiver would be
				// the generic method.
				if !slices.Contains(w.loop, src.methods[c.of]) {
					continue
				}
				if x, ok := c.on.(*ast.Ident); !ok || !src.isReceiver(x, m) {
					return src.errorf(c.at, "%s is called, but not as a method of the receiver of (%s).%s", c.of.Name(), m.receiver.Name(), m.decl.Name.Name)
				}
			}
		}
	}
	return nil
}

// isReceiver reports whether an identifier is the receiver of the method.
func (src *source) isReceiver(x *ast.Ident, m *method) bool {
	names := m.decl.Recv.List[0].Names
	return len(names) == 1 && src.pkg.TypesInfo.Uses[x] != nil && src.pkg.TypesInfo.Uses[x] == src.pkg.TypesInfo.Defs[names[0]]
}

// usedWhole returns where a variable is used otherwise than to select from, or nil.
func (src *source) usedWhole(body ast.Node, v types.Object) (at ast.Node) {
	selected := make(map[*ast.Ident]bool)
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				selected[x] = true
			}
		case *ast.Ident:
			if src.pkg.TypesInfo.Uses[n] == v && v != nil && !selected[n] && at == nil {
				at = n
			}
		}
		return true
	})
	return at
}

// shared returns the declarations that instances need and that other packages can't
// name, in the order of the source: their types, what Instance asks for beside Work,
// and what that and the loops call.
func (src *source) shared() []*decl {
	info, scope := src.pkg.TypesInfo, src.pkg.Types.Scope()
	seen := make(map[*decl]bool)
	var all []*decl
	var mentions func(n ast.Node) // adds what n mentions
	add := func(d *decl) {
		if d != nil && !seen[d] {
			seen[d] = true
			all = append(all, d)
			mentions(d.node)
		}
	}
	mentions = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			switch obj := info.Uses[id].(type) {
			case nil:
			case *types.Func:
				if m := src.methods[obj.Origin()]; m != nil && m.receiver != nil && !m.receiver.Exported() {
					add(src.whole[m.decl])
				} else if obj.Parent() == scope && !obj.Exported() {
					add(src.decls[obj])
				}
			default:
				if obj.Parent() == scope && !obj.Exported() {
					add(src.decls[obj])
				}
			}
			return true
		})
	}
	loops := make(map[*ast.FuncDecl]bool)
	for _, w := range src.workloads {
		for _, m := range w.loop {
			loops[m.decl] = true
		}
	}
	for _, w := range src.workloads {
		add(src.decls[w.instance])
		for _, name := range []string{"Setup", "Roles", "Close"} {
			m, _, _ := types.LookupFieldOrMethod(types.NewPointer(w.instance.Type()), false, src.pkg.Types, name)
			if f, ok := m.(*types.Func); ok {
				add(src.whole[src.methods[f.Origin()].decl])
			}
		}
		for _, m := range w.loop {
			// The methods of loops that only loops call aren't needed.
			ast.Inspect(m.decl, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if f, ok := info.Uses[id].(*types.Func); !ok || src.methods[f.Origin()] == nil || !loops[src.methods[f.Origin()].decl] {
						mentions(id)
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b *decl) int { return src.order(a.node, b.node) })
	return all
}

// order compares places in the source.
func (src *source) order(a, b ast.Node) int {
	pa, pb := src.pkg.Fset.Position(a.Pos()), src.pkg.Fset.Position(b.Pos())
	if c := strings.Compare(pa.Filename, pb.Filename); c != 0 {
		return c
	}
	return pa.Offset - pb.Offset
}

func receiverName(t ast.Expr) *ast.Ident {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiverName(t.X)
	case *ast.IndexExpr:
		return receiverName(t.X)
	case *ast.IndexListExpr:
		return receiverName(t.X)
	case *ast.ParenExpr:
		return receiverName(t.X)
	}
	return t.(*ast.Ident)
}
