package diff

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// specialize returns a function as it is where fields have those values: what depends on them
// alone is worked out, and what is never run is left out.
func specialize(f *ast.FuncDecl, values flags) *ast.FuncDecl {
	c := *f
	c.Doc = nil
	body := values.stmts(f.Body.List)
	if n := len(body); n > 0 && f.Type.Results == nil {
		if r, ok := body[n-1].(*ast.ReturnStmt); ok && len(r.Results) == 0 {
			body = body[:n-1]
		}
	}
	c.Body = &ast.BlockStmt{List: body}
	return &c
}

func (v flags) stmts(list []ast.Stmt) (out []ast.Stmt) {
	for _, s := range list {
		add := v.stmt(s)
		out = append(out, add...)
		if len(add) > 0 && ends(add[len(add)-1]) {
			break
		}
	}
	return out
}

// ends reports whether nothing after a statement is run.
func ends(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.BlockStmt:
		return len(s.List) > 0 && ends(s.List[len(s.List)-1])
	case *ast.ForStmt:
		leaves := s.Cond != nil
		ast.Inspect(s.Body, func(n ast.Node) bool {
			if b, ok := n.(*ast.BranchStmt); ok {
				leaves = leaves || b.Tok == token.BREAK || b.Tok == token.GOTO
			}
			return true
		})
		return !leaves
	}
	return false
}

func (v flags) stmt(s ast.Stmt) []ast.Stmt {
	switch s := s.(type) {
	case *ast.IfStmt:
		cond, known := v.expr(s.Cond)
		var init []ast.Stmt
		if s.Init != nil {
			init = v.stmt(s.Init)
		}
		if known != nil {
			var taken ast.Stmt = s.Body
			if !*known {
				taken = s.Else
			}
			var body []ast.Stmt
			switch taken := taken.(type) {
			case nil:
			case *ast.BlockStmt:
				body = v.stmts(taken.List)
			default:
				body = v.stmt(taken)
			}
			if len(init) > 0 { // what it declares is seen in it alone
				return []ast.Stmt{&ast.BlockStmt{List: append(init, body...)}}
			}
			return body
		}
		c := &ast.IfStmt{Cond: cond, Body: &ast.BlockStmt{List: v.stmts(s.Body.List)}}
		if len(init) == 1 {
			c.Init = init[0]
		}
		if s.Else != nil {
			switch e := v.stmt(s.Else); {
			case len(e) == 1 && isIf(e[0]):
				c.Else = e[0]
			case len(e) > 0:
				c.Else = &ast.BlockStmt{List: flat(e)}
			}
		}
		return []ast.Stmt{c}
	case *ast.SwitchStmt:
		return v.choose(s)
	case *ast.ForStmt:
		c := *s
		if s.Cond != nil {
			cond, known := v.expr(s.Cond)
			switch {
			case known == nil:
				c.Cond = cond
			case *known:
				c.Cond = nil
			default:
				return nil
			}
		}
		c.Body = &ast.BlockStmt{List: v.stmts(s.Body.List)}
		return []ast.Stmt{&c}
	case *ast.RangeStmt:
		c := *s
		c.Body = &ast.BlockStmt{List: v.stmts(s.Body.List)}
		return []ast.Stmt{&c}
	case *ast.BlockStmt:
		return []ast.Stmt{&ast.BlockStmt{List: v.stmts(s.List)}}
	case *ast.ReturnStmt:
		c := &ast.ReturnStmt{}
		for _, r := range s.Results {
			e, _ := v.expr(r)
			c.Results = append(c.Results, e)
		}
		return []ast.Stmt{c}
	case *ast.ExprStmt:
		e, _ := v.expr(s.X)
		return []ast.Stmt{&ast.ExprStmt{X: e}}
	case *ast.AssignStmt:
		c := *s
		c.Rhs = nil
		for _, r := range s.Rhs {
			e, _ := v.expr(r)
			c.Rhs = append(c.Rhs, e)
		}
		return []ast.Stmt{&c}
	}
	return []ast.Stmt{s}
}

func isIf(s ast.Stmt) bool {
	_, ok := s.(*ast.IfStmt)
	return ok
}

// flat returns the statements of a block that is alone.
func flat(list []ast.Stmt) []ast.Stmt {
	if b, ok := list[0].(*ast.BlockStmt); ok && len(list) == 1 {
		return b.List
	}
	return list
}

// choose returns the case that a switch takes, or the switch with its conditions worked out.
func (v flags) choose(s *ast.SwitchStmt) []ast.Stmt {
	field := ""
	if sel, ok := s.Tag.(*ast.SelectorExpr); ok {
		field = sel.Sel.Name
	}
	value, ours := v[field]
	c := &ast.SwitchStmt{Init: s.Init, Tag: s.Tag, Body: &ast.BlockStmt{}}
	var otherwise *ast.CaseClause
	for _, st := range s.Body.List {
		clause := st.(*ast.CaseClause)
		switch {
		case clause.List == nil:
			otherwise = clause
		case ours:
			for _, e := range clause.List {
				if text(e) == value {
					return v.stmts(clause.Body)
				}
			}
			continue
		}
		k := &ast.CaseClause{Body: v.stmts(clause.Body)}
		drop := len(clause.List) > 0
		for _, e := range clause.List {
			e, known := v.expr(e)
			if s.Tag == nil && known != nil && !*known {
				continue
			}
			if drop = false; s.Tag == nil && known != nil { // it is taken in any case
				k.List = nil
				c.Body.List = append(c.Body.List, k)
				return []ast.Stmt{c}
			}
			k.List = append(k.List, e)
		}
		if !drop {
			c.Body.List = append(c.Body.List, k)
		}
	}
	if ours {
		if otherwise == nil {
			return nil
		}
		return v.stmts(otherwise.Body)
	}
	return []ast.Stmt{c}
}

// expr returns an expression, and its value if it depends on the fields alone.
func (v flags) expr(e ast.Expr) (ast.Expr, *bool) {
	is := func(b bool) (ast.Expr, *bool) {
		name := "false"
		if b {
			name = "true"
		}
		return ast.NewIdent(name), &b
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		in, known := v.expr(x.X)
		if known != nil {
			return is(*known)
		}
		if _, ok := in.(*ast.BinaryExpr); !ok {
			return in, nil
		}
		return &ast.ParenExpr{X: in}, nil
	case *ast.SelectorExpr:
		// A field of what the receiver has may be called the same.
		if value, ok := v[x.Sel.Name]; ok && text(x.X) != "" && (value == "true" || value == "") {
			return is(value == "true")
		}
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			in, known := v.expr(x.X)
			if known != nil {
				return is(!*known)
			}
			return &ast.UnaryExpr{Op: token.NOT, X: in}, nil
		}
	case *ast.BinaryExpr:
		if sel, ok := x.X.(*ast.SelectorExpr); ok && (x.Op == token.EQL || x.Op == token.NEQ) {
			if value, ok := v[sel.Sel.Name]; ok && text(x.Y) != "" {
				return is((value == text(x.Y)) == (x.Op == token.EQL))
			}
		}
		if x.Op == token.LAND || x.Op == token.LOR {
			l, lk := v.expr(x.X)
			r, rk := v.expr(x.Y)
			absorbs := x.Op == token.LOR
			switch {
			case lk != nil && *lk == absorbs || rk != nil && *rk == absorbs && lk != nil:
				return is(absorbs)
			case lk != nil:
				return r, rk
			case rk != nil && *rk != absorbs:
				return l, nil
			case rk != nil && !calls(l): // what is on the left does nothing
				return is(absorbs)
			}
			return &ast.BinaryExpr{X: l, Op: x.Op, Y: r}, nil
		}
	case *ast.FuncLit:
		return &ast.FuncLit{Type: x.Type, Body: &ast.BlockStmt{List: v.stmts(x.Body.List)}}, nil
	case *ast.CallExpr:
		c := *x
		c.Args = nil
		for _, a := range x.Args {
			a, _ := v.expr(a)
			c.Args = append(c.Args, a)
		}
		return &c, nil
	}
	return e, nil
}

// calls reports whether an expression may do something.
func calls(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return !found
	})
	return found
}

func TestSpecialize(t *testing.T) {
	for _, tt := range []struct {
		values   flags
		in, want string
	}{
		{flags{"bug": "b1"}, "if c.bug == b1 { return 1 }; return 2", "return 1"},
		{flags{"bug": "b2"}, "if c.bug == b1 { return 1 }; return 2", "return 2"},
		{flags{"bug": "b2"}, "if c.bug != b1 && f() { return 1 }; return 2", "if f() {\n\treturn 1\n}\nreturn 2"},
		{flags{"bug": "b1"}, "if f() { g() } else if c.bug == b1 { h() }", "if f() {\n\tg()\n} else {\n\th()\n}"},
		{flags{"late": "true"}, "if n := f(); !c.late { g(n) }; h(c.all[0].late)", "{\n\tn := f()\n}\nh(c.all[0].late)"},
		{flags{"late": "true"}, "if !c.late { f() }; g()", "g()"},
		{flags{"late": ""}, "if !c.late || x() { f() }; return n == 0 && !c.late", "f()\nreturn n == 0"},
		{flags{"bug": "b1"}, "switch c.bug { case b1: f(); case b2: g(); default: h() }", "f()"},
		{flags{"bug": "b3"}, "switch c.bug { case b1: f(); case b2: g(); default: h() }", "h()"},
		{flags{"bug": "b1"}, "switch { case c.bug == b2: f(); case x: g() }", "switch {\ncase x:\n\tg()\n}"},
		{flags{"bug": "b1"}, "if n < 0 && c.bug != b1 || n > 9 { f() }", "if n > 9 {\n\tf()\n}"},
		{flags{"bug": "b1"}, "if g() && c.bug != b1 { f() }", "if g() && false {\n\tf()\n}"},
		{flags{"bug": "b1"}, "switch { case x: f(); case c.bug == b1: g(); case y: h() }", "switch {\ncase x:\n\tf()\ndefault:\n\tg()\n}"},
		{flags{"bug": "b1"}, "for c.bug == b2 { f() }; for c.bug == b1 { g() }; h()", "for {\n\tg()\n}"},
		{flags{"other": "true"}, "if c.bug == b1 { f() }", "if c.bug == b1 {\n\tf()\n}"},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+tt.in+"\n}", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := format.Node(&b, token.NewFileSet(), specialize(f.Decls[0].(*ast.FuncDecl), tt.values).Body); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(b.String(), "{"), "\n}"), "\n\t", "\n")
		if got = strings.TrimSpace(got); got != tt.want {
			t.Errorf("with %v %q is\n%s\nwant\n%s", tt.values, tt.in, got, tt.want)
		}
	}
}
