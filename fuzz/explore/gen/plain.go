package gen

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/packages"
)

// Plain memory is announced where it is accessed: an expression e that reads memory that
// other goroutines may see becomes (*form_.R(&e)), and what is written is announced right
// behind the assignment, or in front of it if only that is possible:
//
//	p.n = f()     p.n = f(); form_.W(&p.n)
//	a, p.n = 1, 2     a, (*form_.W(&p.n)) = 1, 2
//
// Both are no scheduling points, and nobody else runs between an access and its
// announcement. Others may see what is reached through pointers, slices and maps, variables
// of packages, and locals whose address is taken or that a function literal uses.

// sharedLocals returns the locals of a file that others may see while they change: those
// that are assigned to or whose address is taken, besides where they are declared, if a
// function literal uses them or their address is taken.
func sharedLocals(p *packages.Package, f *ast.File) map[types.Object]bool {
	captured, taken, written := make(map[types.Object]bool), make(map[types.Object]bool), make(map[types.Object]bool)
	note := func(to map[types.Object]bool, x ast.Expr) {
		if id := root(p.TypesInfo, x); id != nil {
			if v, ok := p.TypesInfo.Uses[id].(*types.Var); ok {
				to[v] = true
			}
		}
	}
	ast.PreorderStack(f, nil, func(n ast.Node, stack []ast.Node) bool {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(taken, n.X)
			}
		case *ast.AssignStmt:
			for _, x := range n.Lhs {
				note(written, x)
			}
		case *ast.IncDecStmt:
			note(written, n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				note(written, n.Key)
				note(written, n.Value)
			}
		case *ast.Ident:
			v, ok := p.TypesInfo.Uses[n].(*types.Var)
			if !ok || v.IsField() {
				break
			}
			for _, up := range stack {
				if fn, ok := up.(*ast.FuncLit); ok && (v.Pos() < fn.Pos() || fn.End() <= v.Pos()) {
					captured[v] = true
				}
			}
		}
		return true
	})
	shared := taken
	for v := range captured {
		if written[v] {
			shared[v] = true
		}
	}
	return shared
}

// root returns the variable that an expression is part of, nil if it is reached through
// a pointer, or no variable.
func root(info *types.Info, x ast.Expr) *ast.Ident {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e
		case *ast.ParenExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
			if t := info.TypeOf(x); t == nil || !isStruct(t) {
				return nil
			}
		case *ast.IndexExpr:
			x = e.X
			if t := info.TypeOf(x); t == nil || !isArray(t) {
				return nil
			}
		default:
			return nil
		}
	}
}

func isStruct(t types.Type) bool {
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

func isArray(t types.Type) bool {
	_, ok := t.Underlying().(*types.Array)
	return ok
}

// plain announces the plain memory that the file accesses.
func (r *rewriter) plain() {
	if r.g.whole.NoPlain {
		return
	}
	for _, d := range r.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && !unannounced(d) {
				r.stmt(d.Body, false)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			// What initializers do happens before everything, but functions in them
			// may be called later.
			for _, s := range d.Specs {
				for _, v := range s.(*ast.ValueSpec).Values {
					r.literals(v)
				}
			}
		}
	}
}

// literals announces what function literals in an expression access.
func (r *rewriter) literals(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncLit); ok {
			r.stmt(f.Body, false)
			return false
		}
		return true
	})
}

// unannounced reports whether the compiler wants a function as it is.
func unannounced(d *ast.FuncDecl) bool {
	if d.Doc == nil {
		return false
	}
	for _, c := range d.Doc.List {
		switch c.Text {
		case "//go:nosplit", "//go:norace", "//go:nocheckptr":
			return true
		}
	}
	return false
}

// stmt announces what a statement accesses. inBlock says that others may be put behind it.
func (r *rewriter) stmt(s ast.Stmt, inBlock bool) {
	switch s := s.(type) {
	case nil:
	case *ast.BlockStmt:
		if s == nil {
			return
		}
		for _, t := range s.List {
			r.stmt(t, true)
		}
	case *ast.AssignStmt:
		r.assign(s, inBlock)
	case *ast.IncDecStmt:
		r.write(s.X)
	case *ast.ExprStmt:
		r.value(s.X)
	case *ast.SendStmt:
		r.value(s.Chan)
		r.value(s.Value)
	case *ast.GoStmt:
		r.callParts(s.Call)
	case *ast.DeferStmt:
		r.callParts(s.Call)
	case *ast.ReturnStmt:
		for _, x := range s.Results {
			r.value(x)
		}
	case *ast.IfStmt:
		r.stmt(s.Init, false)
		r.value(s.Cond)
		r.stmt(s.Body, false)
		r.stmt(s.Else, false)
	case *ast.ForStmt:
		r.stmt(s.Init, false)
		if s.Cond != nil {
			r.value(s.Cond)
		}
		r.stmt(s.Post, false)
		r.stmt(s.Body, false)
	case *ast.RangeStmt:
		r.ranged(s)
	case *ast.SwitchStmt:
		r.stmt(s.Init, false)
		if s.Tag != nil {
			r.value(s.Tag)
		}
		r.stmt(s.Body, false)
	case *ast.TypeSwitchStmt:
		r.stmt(s.Init, false)
		switch a := s.Assign.(type) {
		case *ast.ExprStmt:
			r.value(a.X)
		case *ast.AssignStmt:
			r.value(a.Rhs[0])
		}
		r.stmt(s.Body, false)
	case *ast.CaseClause:
		for _, x := range s.List {
			r.value(x)
		}
		for _, t := range s.Body {
			r.stmt(t, true)
		}
	case *ast.SelectStmt:
		r.stmt(s.Body, false)
	case *ast.CommClause:
		switch op, _ := caseOf(s); op := op.(type) {
		case *ast.SendStmt:
			r.value(op.Chan)
			r.value(op.Value)
		case *ast.UnaryExpr:
			r.value(op.X)
		}
		for _, t := range s.Body {
			r.stmt(t, true)
		}
	case *ast.LabeledStmt:
		r.stmt(s.Stmt, false)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, s := range d.Specs {
				for _, v := range s.(*ast.ValueSpec).Values {
					r.value(v)
				}
			}
		}
	}
}

func (r *rewriter) ranged(s *ast.RangeStmt) {
	if isArray(r.p.TypesInfo.TypeOf(s.X)) {
		r.address(s.X)
	} else {
		r.value(s.X)
	}
	r.stmt(s.Body, false)
}

func (r *rewriter) assign(s *ast.AssignStmt, inBlock bool) {
	late := s.Tok != token.DEFINE && calls(s)
	if late && inBlock && len(s.Lhs) == 1 && again(s.Lhs[0]) {
		if what := r.announces(s.Lhs[0]); what != "" {
			// Behind whatever closes there, and in front of what opens.
			at := r.offset(s.End())
			r.edits = append(r.edits, edit{from: at, to: at, text: "; " + what, order: -1})
		}
	}
	for _, x := range s.Rhs {
		r.value(x)
	}
	for _, x := range s.Lhs {
		switch {
		case s.Tok == token.DEFINE:
		case late:
			// An announcement in front could come before what orders it.
			r.address(x)
		default:
			r.write(x)
		}
	}
}

// announces returns the call that announces a write to x, as the source spells that, or "".
func (r *rewriter) announces(x ast.Expr) string {
	text := string(r.src[r.offset(x.Pos()):r.offset(x.End())])
	if i, ok := ast.Unparen(x).(*ast.IndexExpr); ok && r.isMap(i.X) {
		r.form = true
		return formName + ".WM(" + string(r.src[r.offset(i.X.Pos()):r.offset(i.X.End())]) + ")"
	}
	if !r.isShared(x) {
		return ""
	}
	r.form = true
	return formName + ".W(&" + text + ")"
}

// again reports whether an expression may be evaluated once more.
func again(x ast.Expr) bool {
	ok := true
	ast.Inspect(x, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CallExpr, *ast.UnaryExpr, *ast.FuncLit, *ast.TypeAssertExpr, *ast.CompositeLit:
			ok = false
		}
		return ok
	})
	return ok
}

// write announces a write in front of it.
func (r *rewriter) write(x ast.Expr) {
	x = ast.Unparen(x)
	if id, ok := x.(*ast.Ident); ok && id.Name == "_" {
		return
	}
	if i, ok := x.(*ast.IndexExpr); ok && r.isMap(i.X) {
		r.form = true
		r.before(i.X.Pos(), formName+".WM(")
		r.after(i.X.End(), ")")
		r.value(i.X)
		r.key(i)
		return
	}
	if r.isShared(x) {
		r.form = true
		r.before(x.Pos(), "(*"+formName+".W(&")
		r.after(x.End(), "))")
	}
	r.address(x)
}

// key announces what the key of a map's element reads, and gives keys that have no order of
// their own a number.
func (r *rewriter) key(i *ast.IndexExpr) {
	if m, ok := r.p.TypesInfo.TypeOf(i.X).Underlying().(*types.Map); ok && !ordered(m.Key()) {
		r.form = true
		r.before(i.Index.Pos(), formName+".Key(")
		r.after(i.Index.End(), ")")
	}
	r.value(i.Index)
}

// ordered reports whether values of a type have an order that doesn't depend on where they
// are in memory.
func ordered(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Kind() != types.UnsafePointer
	case *types.Array:
		return ordered(t.Elem())
	case *types.Struct:
		for i := range t.NumFields() {
			if !ordered(t.Field(i).Type()) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *rewriter) isMap(x ast.Expr) bool {
	t := r.p.TypesInfo.TypeOf(x)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// value announces what is read when an expression is evaluated.
func (r *rewriter) value(x ast.Expr) {
	if x == nil {
		return
	}
	if tv, ok := r.p.TypesInfo.Types[x]; ok && (tv.IsType() || tv.Value != nil || tv.IsBuiltin() || tv.IsNil()) {
		return
	}
	switch e := x.(type) {
	case *ast.ParenExpr:
		r.value(e.X)
	case *ast.Ident, *ast.SelectorExpr, *ast.StarExpr:
		r.read(x)
	case *ast.IndexExpr:
		switch {
		case r.isMap(e.X):
			r.form = true
			r.before(e.X.Pos(), formName+".RM(")
			r.after(e.X.End(), ")")
			r.value(e.X)
			r.value(e.Index)
		case r.isFunc(e.X):
		default:
			r.read(x)
		}
	case *ast.CallExpr:
		r.callParts(e)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			if _, ok := ast.Unparen(e.X).(*ast.CompositeLit); ok {
				r.value(e.X)
			} else {
				r.address(e.X)
			}
			return
		}
		r.value(e.X)
	case *ast.BinaryExpr:
		r.value(e.X)
		r.value(e.Y)
	case *ast.KeyValueExpr:
		r.value(e.Value)
	case *ast.CompositeLit:
		_, isStruct := r.p.TypesInfo.TypeOf(e).Underlying().(*types.Struct)
		for _, el := range e.Elts {
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				if !isStruct {
					r.value(kv.Key)
				}
				r.value(kv.Value)
				continue
			}
			r.value(el)
		}
	case *ast.FuncLit:
		r.stmt(e.Body, false)
	case *ast.SliceExpr:
		if _, isArray := r.p.TypesInfo.TypeOf(e.X).Underlying().(*types.Array); isArray {
			r.address(e.X)
		} else {
			r.value(e.X)
		}
		r.value(e.Low)
		r.value(e.High)
		r.value(e.Max)
	case *ast.TypeAssertExpr:
		r.value(e.X)
	}
}

func (r *rewriter) isFunc(x ast.Expr) bool {
	t := r.p.TypesInfo.TypeOf(x)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Signature)
	return ok
}

// callParts announces what function and arguments of a call read.
func (r *rewriter) callParts(c *ast.CallExpr) {
	fun := ast.Unparen(c.Fun)
	if tv, ok := r.p.TypesInfo.Types[fun]; !ok || !tv.IsType() && !tv.IsBuiltin() {
		switch f := fun.(type) {
		case *ast.SelectorExpr:
			r.selected(f, false)
		default:
			r.value(f)
		}
	}
	if id, ok := fun.(*ast.Ident); ok && r.builtin(id) {
		switch id.Name {
		case "delete", "clear":
			if r.isMap(c.Args[0]) {
				r.form = true
				r.before(c.Args[0].Pos(), formName+".WM(")
				r.after(c.Args[0].End(), ")")
			}
		case "len", "cap":
			if _, isArray := r.p.TypesInfo.TypeOf(c.Args[0]).Underlying().(*types.Array); isArray {
				return
			}
			if r.isMap(c.Args[0]) {
				r.form = true
				r.before(c.Args[0].Pos(), formName+".RM(")
				r.after(c.Args[0].End(), ")")
			}
		}
	}
	for _, a := range c.Args {
		r.value(a)
	}
}

// read announces a read of x if others may see it.
func (r *rewriter) read(x ast.Expr) {
	if sel, ok := x.(*ast.SelectorExpr); ok {
		r.selected(sel, true)
		return
	}
	if r.isShared(x) {
		r.form = true
		r.before(x.Pos(), "(*"+formName+".R(&")
		r.after(x.End(), "))")
	}
	r.address(x)
}

// selected announces what a selector reads, the field itself only if whole.
func (r *rewriter) selected(x *ast.SelectorExpr, whole bool) {
	s := r.p.TypesInfo.Selections[x]
	if s == nil { // qualified
		if r.isShared(x) {
			r.form = true
			r.before(x.Pos(), "(*"+formName+".R(&")
			r.after(x.End(), "))")
		}
		return
	}
	switch s.Kind() {
	case types.FieldVal:
		if r.isShared(x) {
			r.form = true
			r.before(x.Pos(), "(*"+formName+".R(&")
			r.after(x.End(), "))")
		}
		r.address(x)
	case types.MethodVal:
		f, _ := s.Obj().(*types.Func)
		_, byPointer := f.Signature().Recv().Type().(*types.Pointer)
		_, isPointer := s.Recv().Underlying().(*types.Pointer)
		if byPointer && !isPointer {
			r.address(x.X)
		} else {
			r.value(x.X)
		}
	}
}

// address announces what is read to find out where x is.
func (r *rewriter) address(x ast.Expr) {
	switch e := x.(type) {
	case *ast.ParenExpr:
		r.address(e.X)
	case *ast.SelectorExpr:
		if r.p.TypesInfo.Selections[e] == nil {
			return
		}
		if _, isPointer := r.p.TypesInfo.TypeOf(e.X).Underlying().(*types.Pointer); isPointer || !r.addressable(e.X) {
			r.value(e.X)
		} else {
			r.address(e.X)
		}
	case *ast.IndexExpr:
		switch r.p.TypesInfo.TypeOf(e.X).Underlying().(type) {
		case *types.Array:
			if r.addressable(e.X) {
				r.address(e.X)
			} else {
				r.value(e.X)
			}
		default:
			r.value(e.X)
		}
		r.value(e.Index)
	case *ast.StarExpr:
		r.value(e.X)
	case *ast.CompositeLit, *ast.CallExpr:
		r.value(x)
	}
}

func (r *rewriter) addressable(x ast.Expr) bool {
	tv, ok := r.p.TypesInfo.Types[ast.Unparen(x)]
	return ok && tv.Addressable()
}

// isShared reports whether x is memory that others may see.
func (r *rewriter) isShared(x ast.Expr) bool {
	if !r.addressable(x) {
		return false
	}
	if t := r.p.TypesInfo.TypeOf(x); t == nil || weightless(t) {
		return false
	}
	for {
		switch e := ast.Unparen(x).(type) {
		case *ast.Ident:
			v, ok := r.p.TypesInfo.Uses[e].(*types.Var)
			if !ok {
				return false
			}
			return r.shared[v] || v.Parent() == r.p.Types.Scope()
		case *ast.SelectorExpr:
			if r.p.TypesInfo.Selections[e] == nil {
				v, ok := r.p.TypesInfo.Uses[e.Sel].(*types.Var)
				return ok && v.Pkg() != nil && r.isExplored(v.Pkg().Path())
			}
			if _, isPointer := r.p.TypesInfo.TypeOf(e.X).Underlying().(*types.Pointer); isPointer {
				return true
			}
			x = e.X
		case *ast.IndexExpr:
			if _, isArray := r.p.TypesInfo.TypeOf(e.X).Underlying().(*types.Array); !isArray {
				return true
			}
			x = e.X
		case *ast.StarExpr:
			return true
		default:
			return false
		}
	}
}

// weightless reports whether values of a type take no memory: many have one address.
func weightless(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Struct:
		for i := range t.NumFields() {
			if !weightless(t.Field(i).Type()) {
				return false
			}
		}
		return true
	case *types.Array:
		return t.Len() == 0 || weightless(t.Elem())
	}
	return false
}
