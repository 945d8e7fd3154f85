// Package source finds in Go source what memory is called there.
package source

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Place returns what messages call a line of a file: the file with its folder.
func Place(file string, line int) string {
	dir, name := filepath.Split(filepath.ToSlash(file))
	if dir = filepath.Base(dir); dir != "." && dir != "/" {
		name = dir + "/" + name
	}
	return fmt.Sprintf("%s:%d", name, line)
}

// Files are source files that have been read. The zero value has none.
type Files struct{ files map[string]*file }

type file struct {
	lines []string
	set   *token.FileSet
	root  *ast.File // nil if it can't be parsed
}

func (f *Files) read(name string) *file {
	if x, ok := f.files[name]; ok {
		return x
	}
	x := new(file)
	if f.files == nil {
		f.files = make(map[string]*file)
	}
	f.files[name] = x
	text, err := os.ReadFile(locate(name))
	if err != nil {
		return x // a binary that was built elsewhere
	}
	sc := bufio.NewScanner(strings.NewReader(string(text)))
	sc.Buffer(nil, len(text)+1)
	for sc.Scan() {
		x.lines = append(x.lines, sc.Text())
	}
	set := token.NewFileSet()
	if root, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution); err == nil {
		x.set, x.root = set, root
	}
	return x
}

// locate returns where a file is that a program names. One that was built with -trimpath names the module
// instead of its folder: if it is the module of the working directory, the folder is known.
func locate(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	dir, err := os.Getwd()
	for err == nil {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			if rest, ok := strings.CutPrefix(name, module(string(text))+"/"); ok {
				return filepath.Join(dir, filepath.FromSlash(rest))
			}
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return name
}

// module returns what a go.mod says that the module is called, or "". This package is copied into modules
// that may not have golang.org/x/mod, which reads every form of it: here it is the usual one, on a line.
func module(mod string) string {
	for line := range strings.Lines(mod) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "module" {
			return strings.Trim(words[1], "`\"")
		}
	}
	return ""
}

// Line returns the line without white space around it, "" if it can't be read.
func (f *Files) Line(name string, line int) string {
	x := f.read(name)
	if line < 1 || line > len(x.lines) {
		return ""
	}
	return strings.TrimSpace(x.lines[line-1])
}

// Operands returns what the accesses of one kind on the line are of, in the order of the
// source. methods are the names of methods that make such an access of their receiver,
// and with something behind it, as Int64 in AddInt64, of functions that make one of what
// their first argument points to. The words <-, ->, close and select stand for what they
// look like; -> is a send.
func (f *Files) Operands(name string, line int, methods []string) []string {
	x := f.read(name)
	if x.root == nil {
		return nil
	}
	var all []string
	add := func(e ast.Expr) {
		if s := x.text(e); s != "" {
			all = append(all, s)
		}
	}
	on := func(pos ...token.Pos) bool {
		for _, p := range pos {
			if x.set.PositionFor(p, false).Line == line {
				return true
			}
		}
		return false
	}
	has := func(word string) bool { return slices.Contains(methods, word) }
	ast.Inspect(x.root, func(n ast.Node) bool {
		if n == nil || x.set.PositionFor(n.Pos(), false).Line > line || x.set.PositionFor(n.End(), false).Line < line {
			return false
		}
		switch n := n.(type) {
		case *ast.CallExpr:
			if !on(n.Lparen, n.Fun.End(), n.Pos()) {
				break
			}
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "close" && has("close") && len(n.Args) == 1 {
				add(n.Args[0])
			}
			sel, ok := ast.Unparen(generic(n.Fun)).(*ast.SelectorExpr)
			if !ok {
				break
			}
			for _, m := range methods {
				switch rest, ok := strings.CutPrefix(sel.Sel.Name, m); {
				case !ok:
				case len(n.Args) > 0 && isAddress(n.Args[0]) && isIdent(sel.X):
					add(n.Args[0]) // atomic.AddInt64(&x, 1)
				case rest == "":
					add(sel.X)
				}
			}
		case *ast.SendStmt:
			if has("->") && on(n.Arrow, n.Pos()) {
				add(n.Chan)
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && has("<-") && on(n.OpPos) {
				add(n.X)
			}
		case *ast.RangeStmt:
			if has("<-") && on(n.For) {
				add(n.X)
			}
		case *ast.SelectStmt:
			if has("select") && on(n.Select) {
				for _, c := range n.Body.List {
					if ch := channelOf(c.(*ast.CommClause).Comm); ch != nil {
						add(ch)
					}
				}
			}
		}
		return true
	})
	return all
}

func generic(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.IndexExpr:
		return e.X
	case *ast.IndexListExpr:
		return e.X
	}
	return e
}

func isAddress(e ast.Expr) bool {
	u, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && u.Op == token.AND
}

func isIdent(e ast.Expr) bool {
	_, ok := e.(*ast.Ident)
	return ok
}

// channelOf returns the channel of a case of a select, nil for a default.
func channelOf(s ast.Stmt) ast.Expr {
	var e ast.Expr
	switch s := s.(type) {
	case *ast.SendStmt:
		return s.Chan
	case *ast.ExprStmt:
		e = s.X
	case *ast.AssignStmt:
		e = s.Rhs[0]
	}
	if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && e != nil {
		return u.X
	}
	return nil
}

// text returns the expression as messages show it: without & and * around it.
func (f *file) text(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
			continue
		case *ast.StarExpr:
			e = x.X
			continue
		case *ast.UnaryExpr:
			if x.Op == token.AND {
				e = x.X
				continue
			}
		}
		break
	}
	var b strings.Builder
	if err := printer.Fprint(&b, f.set, e); err != nil || strings.Contains(b.String(), "\n") {
		return ""
	}
	return b.String()
}
