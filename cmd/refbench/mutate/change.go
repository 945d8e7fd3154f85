package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A change is one small change of one source file.
type change struct {
	File string `json:"file"` // from the root of the source
	Func string `json:"func"` // the function that it is in
	Old  string `json:"old"`
	New  string `json:"new"`
	Nth  int    `json:"nth"`  // of the places in Func with the same Old and New, from 1
	Line int    `json:"line"` // for the reader: it is no part of the name

	start, end int // the bytes of the file that are Old
}

// name tells a change from all others, and stays the same when lines move.
func (c change) name() string {
	return fmt.Sprintf("%s %s: %s -> %s #%d", c.File, c.Func, oneLine(c.Old), oneLine(c.New), c.Nth)
}

func (c change) apply(source []byte) []byte {
	return slices.Concat(source[:c.start], []byte(c.New), source[c.end:])
}

// oneLine is source on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// swaps are operators and what stands for each of them in a changed source.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD,
	token.MUL: token.QUO, token.QUO: token.MUL,
	token.AND: token.OR, token.OR: token.AND,
	token.SHL: token.SHR, token.SHR: token.SHL,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
	token.INC: token.DEC, token.DEC: token.INC,
}

// changes are all small changes of a file's functions, in the order of the file:
//
//   - an operator of swaps becomes its partner;
//   - an if takes the other branch;
//   - a whole number grows by one;
//   - true and false that are returned or assigned change places;
//   - a statement goes: a call, a defer, an assignment (whose right side stays);
//   - a break becomes a continue, and the other way round.
//
// Some don't compile: they are no changes.
func changes(file string, source []byte) ([]change, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	var all []change
	for _, decl := range tree.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		seen := make(map[string]int)
		add := func(from, to token.Pos, text string) {
			c := change{
				File: file, Func: funcName(fn), New: text, Line: fset.Position(from).Line,
				start: fset.Position(from).Offset, end: fset.Position(to).Offset,
			}
			c.Old = string(source[c.start:c.end])
			key := c.Old + "\x00" + c.New
			seen[key]++
			c.Nth = seen[key]
			all = append(all, c)
		}
		code := func(n ast.Node) string {
			return string(source[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset])
		}
		// with is code of n in which the token at pos is another.
		with := func(n ast.Node, pos token.Pos, old, text string) string {
			at := int(pos - n.Pos())
			s := code(n)
			return s[:at] + text + s[at+len(old):]
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if other, ok := swaps[n.Op]; ok {
					add(n.Pos(), n.End(), with(n, n.OpPos, n.Op.String(), other.String()))
				}
			case *ast.IncDecStmt:
				add(n.Pos(), n.End(), with(n, n.TokPos, n.Tok.String(), swaps[n.Tok].String()))
			case *ast.IfStmt:
				add(n.Cond.Pos(), n.Cond.End(), "!("+code(n.Cond)+")")
			case *ast.BasicLit:
				if v, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
					add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
				}
			case *ast.Ident:
				switch n.Name {
				case "true":
					add(n.Pos(), n.End(), "false")
				case "false":
					add(n.Pos(), n.End(), "true")
				}
			case *ast.ExprStmt:
				if _, ok := n.X.(*ast.CallExpr); ok {
					add(n.Pos(), n.End(), "")
				}
			case *ast.DeferStmt:
				add(n.Pos(), n.End(), "")
			case *ast.AssignStmt:
				other, ok := swaps[n.Tok]
				switch {
				case ok:
					add(n.Pos(), n.End(), with(n, n.TokPos, n.Tok.String(), other.String()))
				case n.Tok == token.ASSIGN && len(n.Lhs) == len(n.Rhs) && !allBlank(n.Lhs):
					blanks := strings.TrimSuffix(strings.Repeat("_, ", len(n.Lhs)), ", ")
					add(n.Pos(), n.End(), blanks+" "+code(n)[n.TokPos-n.Pos():])
				}
			case *ast.BranchStmt:
				if n.Label == nil && n.Tok == token.BREAK {
					add(n.Pos(), n.End(), "continue")
				} else if n.Label == nil && n.Tok == token.CONTINUE {
					add(n.Pos(), n.End(), "break")
				}
			}
			return true
		})
	}
	return all, nil
}

func allBlank(exprs []ast.Expr) bool {
	return !slices.ContainsFunc(exprs, func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return !ok || id.Name != "_"
	})
}

// funcName is a function's name with its receiver's type: Type.Method.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	expr := fn.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
			continue
		case *ast.IndexExpr:
			expr = e.X
			continue
		case *ast.IndexListExpr:
			expr = e.X
			continue
		case *ast.Ident:
			return e.Name + "." + fn.Name.Name
		}
		return fn.Name.Name
	}
}
