package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// An emitter writes one file.
type emitter struct {
	src      *source
	strategy *Strategy // whose loops, nil where everything stays generic
	holder   string    // the timed holder that H stands for
	own      []*method // what has a form of its own with the strategy
	imports  map[string]string
	doc      string // of the package
	body     bytes.Buffer
}

func (src *source) emitter() *emitter {
	return &emitter{src: src, imports: make(map[string]string)}
}

// An edit replaces source text.
type edit struct {
	from, to int
	text     string
}

// copy writes a declaration as it is.
func (e *emitter) copy(d *decl) error {
	if v, ok := d.node.(*ast.GenDecl); ok && v.Tok == token.VAR {
		return e.src.errorf(v, "the package variable %s would be a copy in each form: make it a field", d.name)
	}
	e.body.WriteString(d.keyword)
	if err := e.write(d.node, nil); err != nil {
		return err
	}
	e.body.WriteByte('\n')
	return nil
}

// holderType writes a timed holder with the strategy's counter.
func (e *emitter) holderType(h *holder) error {
	defer func(src *source) { e.src = src }(e.src)
	e.src = e.src.home
	name := h.name
	if name == timed && e.strategy.acts() {
		name = timedActing
	}
	obj := e.src.pkg.Types.Scope().Lookup(name)
	d := e.src.decls[obj]
	if d == nil {
		return fmt.Errorf("package %s has no %s", e.src.pkg.PkgPath, name)
	}
	e.holder = h.name
	spec, ok := d.node.(*ast.TypeSpec)
	if !ok {
		return e.src.errorf(d.node, "%s is no type", h.name)
	}
	fmt.Fprintf(&e.body, "type %s ", e.newName(h.name))
	if err := e.write(spec.Type, nil); err != nil {
		return err
	}
	e.body.WriteByte('\n')
	for _, m := range e.src.byType[obj] {
		if err := e.method(m, h.name); err != nil {
			return err
		}
	}
	e.body.WriteByte('\n')
	return nil
}

// loop writes a workload's instance with the strategy's counter.
func (e *emitter) loop(w *workload) error {
	e.holder = w.holder.name
	e.own = w.loop
	name := w.instance.Name()
	fmt.Fprintf(&e.body, "type %s struct{ %s }\n", e.newName(name), e.instance(w.instance))
	for _, m := range w.loop {
		if m.receiver == w.instance {
			if err := e.method(m, name); err != nil {
				return err
			}
		}
	}
	e.body.WriteByte('\n')
	return nil
}

// part writes the methods that the workloads with one holder have in common.
func (e *emitter) part(p *part) error {
	e.holder = p.holder.name
	e.own = p.methods
	name := p.typ.Name()
	fmt.Fprintf(&e.body, "type %s %s\n", e.newName(name), e.instance(p.typ))
	for _, m := range p.methods {
		if err := e.method(m, name); err != nil {
			return err
		}
	}
	e.body.WriteByte('\n')
	return nil
}

// instance returns a generic type with the strategy's counter and the holder.
func (e *emitter) instance(t *types.TypeName) string {
	return fmt.Sprintf("%s[counter.%s, %s]", t.Name(), e.strategy.Type, e.newName(e.holder))
}

// method writes a method for the strategy's own form of a type.
func (e *emitter) method(m *method, name string) error {
	recv := m.decl.Recv.List[0]
	e.body.WriteString("func (")
	if len(recv.Names) > 0 {
		e.body.WriteString(recv.Names[0].Name + " ")
	}
	if _, ok := recv.Type.(*ast.StarExpr); ok {
		e.body.WriteByte('*')
	}
	e.body.WriteString(e.newName(name) + ") " + m.decl.Name.Name)
	edits, err := e.edits(m.decl.Type, m)
	if err != nil {
		return err
	}
	// The text of the signature begins at its parameters.
	e.span(m.decl.Type.Params.Pos(), m.decl.Type.End(), edits)
	e.body.WriteByte(' ')
	return e.write(m.decl.Body, m)
}

// write writes a part of the source with its edits, of a method or nil.
func (e *emitter) write(n ast.Node, m *method) error {
	edits, err := e.edits(n, m)
	if err != nil {
		return err
	}
	e.text(n, edits)
	e.body.WriteByte('\n')
	return nil
}

// receiver returns what the receiver of m must be for a call of another method of
// the package on it, or "" for itself.
func (e *emitter) receiver(m *method, name string, called *method) string {
	typ := called.receiver
	instance := slices.ContainsFunc(e.src.workloads, func(w *workload) bool { return w.instance == m.receiver })
	switch own := slices.Contains(e.own, called); {
	case own && typ != m.receiver:
		return fmt.Sprintf("(*%s)(&%s.%s)", e.newName(typ.Name()), name, typ.Name())
	case !own && !instance:
		// The part's own type has no other methods.
		return fmt.Sprintf("(*%s)(%s)", e.instance(m.receiver), name)
	}
	return ""
}

// parts are the operations of a holder that a [workloads.TimedActing] has in two parts, and
// the names of the first and of what is left.
var parts = map[string][2]string{
	"Get":    {"Take", "GetRest"},
	"TryGet": {"Take", "TryGetRest"},
	"Put":    {"Drop", "PutRest"},
}

// inParts returns the holder and the two parts of a call of one of its operations that the
// strategy's own form has in two parts, or nil.
func (e *emitter) inParts(n *ast.CallExpr) (holder ast.Expr, first, rest string) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || e.strategy == nil || !e.strategy.acts() || !e.src.isHolder(sel) {
		return nil, "", ""
	}
	p, ok := parts[sel.Sel.Name]
	if !ok {
		return nil, "", ""
	}
	return sel.X, p[0], p[1]
}

// called returns a call in an expression, or nil.
func called(x ast.Expr) (at ast.Node) {
	ast.Inspect(x, func(n ast.Node) bool {
		if _, ok := n.(*ast.CallExpr); ok {
			at = n
		}
		return at == nil
	})
	return at
}

// render returns a part of the source with its edits.
func (e *emitter) render(n ast.Node, m *method, failed *error) string {
	edits, err := e.edits(n, m)
	if err != nil && *failed == nil {
		*failed = err
	}
	return e.edited(n.Pos(), n.End(), edits)
}

func (e *emitter) text(n ast.Node, edits []edit) { e.span(n.Pos(), n.End(), edits) }

func (e *emitter) span(from, to token.Pos, edits []edit) {
	e.body.WriteString(e.edited(from, to, edits))
}

func (e *emitter) edited(from, to token.Pos, edits []edit) string {
	var b strings.Builder
	fset := e.src.pkg.Fset
	text := e.src.text[fset.Position(from).Filename]
	at, end := fset.Position(from).Offset, fset.Position(to).Offset
	for _, ed := range edits {
		b.Write(text[at:ed.from])
		b.WriteString(ed.text)
		at = ed.to
	}
	b.Write(text[at:end])
	return b.String()
}

// edits returns what to change in a part of the source, of a method or nil, in order.
func (e *emitter) edits(root ast.Node, m *method) ([]edit, error) {
	var edits []edit
	var failed error
	offset := func(p token.Pos) int { return e.src.pkg.Fset.Position(p).Offset }
	replace := func(from, to token.Pos, text string) {
		edits = append(edits, edit{offset(from), offset(to), text})
	}
	use := func(at ast.Node, path, name string) {
		if err := e.use(path, name); err != nil && failed == nil {
			failed = e.src.errorf(at, "%v", err)
		}
	}
	info, scope := e.src.pkg.TypesInfo, e.src.pkg.Types.Scope()
	var walk func(n ast.Node) bool
	walk = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			// P(&x).M is x.M, which counts for less when the compiler
			// decides what to inline.
			if call, ok := n.X.(*ast.CallExpr); ok && len(call.Args) == 1 && e.strategy != nil {
				id, isName := call.Fun.(*ast.Ident)
				addr, isAddr := call.Args[0].(*ast.UnaryExpr)
				if isName && isAddr && addr.Op == token.AND && typeParam(info.Uses[id]) == "P" {
					replace(call.Pos(), addr.X.Pos(), "")
					replace(addr.X.End(), call.End(), "")
					ast.Inspect(addr.X, walk)
					return false
				}
			}
			if x, ok := n.X.(*ast.Ident); ok && m != nil && e.src.isReceiver(x, m) {
				if f, ok := info.Uses[n.Sel].(*types.Func); ok && e.src.methods[f.Origin()] != nil {
					if r := e.receiver(m, x.Name, e.src.methods[f.Origin()]); r != "" {
						replace(x.Pos(), x.End(), r)
						return false
					}
				}
			}
		case *ast.CallExpr:
			if x, first, rest := e.inParts(n); x != nil {
				// Whatever is in them is written twice, and done twice.
				for _, twice := range []ast.Expr{x, n.Args[0]} {
					if at := called(twice); at != nil && failed == nil {
						failed = e.src.errorf(at, "an operation of the holder on what a call returns: put that in a variable first")
					}
				}
				sel := n.Fun.(*ast.SelectorExpr).Sel
				replace(sel.Pos(), sel.End(), rest)
				more := fmt.Sprintf(", %s.%s(%s)", e.render(x, m, &failed), first, e.render(n.Args[0], m, &failed))
				replace(n.Rparen, n.Rparen, more)
			}
		case *ast.IndexListExpr:
			// A timed holder that another embeds.
			if id, ok := n.X.(*ast.Ident); ok && e.strategy != nil && strings.HasPrefix(id.Name, timed) && info.Uses[id] != nil && info.Uses[id].Parent() == scope {
				replace(n.Pos(), n.End(), e.newName(id.Name))
				return false
			}
		case *ast.Ident:
			obj := info.Uses[n]
			p := typeParam(obj)
			switch {
			case obj == nil:
			case p != "" && e.strategy == nil:
			case p == "T":
				replace(n.Pos(), n.End(), "counter."+e.strategy.Type)
			case p == "H":
				replace(n.Pos(), n.End(), e.newName(e.holder))
			case p != "":
				if failed == nil {
					failed = e.src.errorf(n, "type parameter %s: the counter is T, the holder H, and P is used as P(&x).Method()", p)
				}
			case obj.Parent() == scope && obj.Exported():
				use(n, e.src.pkg.PkgPath, e.src.pkg.Name)
				replace(n.Pos(), n.End(), e.src.pkg.Name+"."+n.Name)
			default:
				if p, ok := obj.(*types.PkgName); ok {
					use(n, p.Imported().Path(), p.Name())
				}
			}
		}
		return true
	}
	ast.Inspect(root, walk)
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	return edits, failed
}

// newName returns the name of the strategy's own form of a type.
func (e *emitter) newName(name string) string {
	return strings.ToLower(name[:1]) + name[1:] + e.strategy.suffix()
}

// typeParam returns the name of the type parameter that obj is, or "".
func typeParam(obj types.Object) string {
	if t, ok := obj.(*types.TypeName); ok {
		if _, ok := t.Type().(*types.TypeParam); ok {
			return t.Name()
		}
	}
	return ""
}

// use records an import.
func (e *emitter) use(path, name string) error {
	if old, ok := e.imports[path]; ok && old != name {
		return fmt.Errorf("import of %s as %s: it is %s elsewhere", path, name, old)
	}
	for other, taken := range e.imports {
		if taken == name && other != path {
			return fmt.Errorf("packages %s and %s are both called %s: native loops import both, so one needs another name", min(path, other), max(path, other), name)
		}
	}
	e.imports[path] = name
	return nil
}
