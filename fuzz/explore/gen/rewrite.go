package gen

import (
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// The names under which generated files import the explorer.
const (
	exploreName = "explored_"
	channelName = "channel_"
)

// A rewriter changes one file by editing its text. Edits are insertions and
// replacements of single tokens, so that nested constructs don't get into each
// other's way.
type rewriter struct {
	g     *generator
	p     *packages.Package
	file  *ast.File
	src   []byte
	base  *token.File
	edits []edit

	explore, channel bool // the file needs the import
	form, bridge     bool
	gos              int
	loops            int
	selects          []*ast.SelectStmt
	comm             map[ast.Node]bool // sends and receives that are a case of a select

	// Of a whole program.
	going      map[*ast.CallExpr]bool // calls of builtin functions in go statements
	n          int                    // which of the package's files it is
	vars       *variables             // of the package
	shared     map[types.Object]bool  // locals that others may see
	extra      []string               // packages that the form imports besides
	uses, gone map[*types.PkgName]int // uses of an import, and how many of them are left out
}

func (r *rewriter) unsupported(pos token.Pos, what string) { r.g.unsupported(r.p.Fset, pos, what) }

func (r *rewriter) offset(p token.Pos) int { return r.base.Offset(p) }

func (r *rewriter) replace(from, to token.Pos, text string) {
	r.edits = append(r.edits, edit{from: r.offset(from), to: r.offset(to), text: text})
}

// before inserts in front of what is there, after behind what ends there: text
// that closes comes before text that opens.
func (r *rewriter) before(p token.Pos, text string) {
	r.edits = append(r.edits, edit{from: r.offset(p), to: r.offset(p), text: text, order: -1})
}

func (r *rewriter) after(p token.Pos, text string) {
	// An inner construct ends before an outer one: and is visited later.
	r.edits = append(r.edits, edit{from: r.offset(p), to: r.offset(p), text: text, order: -1 - len(r.edits)})
}

func (r *rewriter) rewriteImports() {
	for _, im := range r.file.Imports {
		from, _ := strconv.Unquote(im.Path.Value)
		to := r.g.dropIns[from]
		if to == "" {
			to = r.g.new[from]
		}
		if to == "" {
			continue
		}
		if im.Name != nil && im.Name.Name == "." && r.g.whole == nil {
			r.unsupported(im.Pos(), "dot import of "+from)
			continue
		}
		r.replace(im.Path.Pos(), im.Path.End(), strconv.Quote(to))
	}
}

// addImports adds the explorer's own imports behind the package clause, on the
// same line.
func (r *rewriter) addImports() {
	text := ""
	if r.explore {
		text += fmt.Sprintf("; import %s %q", exploreName, r.g.home)
	}
	if r.channel {
		text += fmt.Sprintf("; import %s %q", channelName, r.g.home+"/channel")
	}
	if text != "" {
		r.edits = append(r.edits, edit{from: r.offset(r.file.Name.End()), to: r.offset(r.file.Name.End()), text: text})
	}
}

func (r *rewriter) node(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.File:
		// Whether imports are needed is known at the end only.
		ast.Inspect(n, func(m ast.Node) bool {
			switch m := m.(type) {
			case *ast.GoStmt:
				r.explore = true
			case *ast.ChanType, *ast.SelectStmt:
				r.channel = true
			case *ast.CallExpr:
				if id, ok := m.Fun.(*ast.Ident); ok && r.builtin(id) && slices.Contains([]string{"close", "len", "cap"}, id.Name) && len(m.Args) == 1 && r.isChan(m.Args[0]) {
					r.channel = true
				}
			}
			return true
		})
		if r.g.whole == nil {
			r.addImports()
		}
	case *ast.Ident:
		if r.g.whole == nil {
			r.ident(n)
		} else if pn, ok := r.p.TypesInfo.Uses[n].(*types.PkgName); ok {
			r.uses[pn]++
		}
	case *ast.SelectorExpr:
		if r.g.whole != nil {
			r.qualified(n)
			r.function(n.Sel, n)
		}
	case *ast.SelectStmt:
		r.selects = append(r.selects, n)
		for _, c := range n.Body.List {
			op, _ := caseOf(c.(*ast.CommClause))
			if op == nil {
				continue
			}
			r.comm[op] = true
			if r.g.whole != nil {
				switch op := op.(type) {
				case *ast.SendStmt:
					r.channelValue(op.Chan)
				case *ast.UnaryExpr:
					r.channelValue(op.X)
				}
			}
		}
	case *ast.GoStmt:
		r.goStmt(n)
	case *ast.SendStmt:
		if r.comm[n] {
			return
		}
		r.channelOperand(n.Chan)
		r.replace(n.Arrow, n.Arrow+2, ".Send(")
		r.after(n.End(), ")")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW && !r.comm[n] {
			r.replace(n.OpPos, n.OpPos+2, "")
			if r.twoValues(n, stack) {
				r.after(n.End(), ".Receive2()")
			} else {
				r.after(n.End(), ".Receive()")
			}
			r.channelOperand(n.X)
		}
	case *ast.BinaryExpr:
		if r.g.whole != nil {
			r.addresses(n)
		}
	case *ast.RangeStmt:
		switch {
		case r.g.whole != nil && r.isChan(n.X):
			r.channel = true
			r.loop(n, channelName+".Each")
			r.channelValue(n.X)
		case r.g.whole != nil && r.isMap(n.X):
			r.form = true
			r.loop(n, formName+".Iter")
		case r.isChan(n.X):
			r.parens(n.X)
			r.after(n.X.End(), ".All()")
		}
	case *ast.CallExpr:
		if r.g.whole != nil {
			r.size(n, stack)
		}
		r.call(n)
	case *ast.ChanType:
		if c, ok := stack[len(stack)-1].(*ast.CallExpr); ok && r.g.whole != nil && r.isMake(c) {
			return // call does it
		}
		if spec, ok := stack[len(stack)-1].(*ast.TypeSpec); ok && r.g.whole != nil && r.hasMethods(spec) {
			r.namedChannel(spec, n)
			return
		}
		if r.g.whole == nil {
			switch up := stack[len(stack)-1].(type) {
			case *ast.TypeSpec:
				if !up.Assign.IsValid() {
					r.unsupported(n.Pos(), "named channel type "+up.Name.Name)
				}
			case *ast.CallExpr:
				if r.isMake(up) {
					return // call does it
				}
				r.unsupported(n.Pos(), "conversion to a channel type")
			case *ast.BinaryExpr, *ast.UnaryExpr, *ast.InterfaceType:
				r.unsupported(n.Pos(), "channel type in a constraint")
			}
		}
		r.replace(n.Pos(), n.Value.Pos(), "*"+channelName+".Chan[")
		r.after(n.End(), "]")
	}
}

// unmodelled are functions of the standard library that switch goroutines, block, or
// make channels by themselves, in packages that are otherwise of use.
var unmodelled = map[string][]string{
	"io":      {"Pipe"},
	"iter":    {"Pull", "Pull2"},
	"reflect": {"ChanOf", "MakeChan", "Select"},
}

// ident refuses what a drop-in doesn't have.
func (r *rewriter) ident(id *ast.Ident) {
	obj := r.p.TypesInfo.Uses[id]
	if obj == nil || obj.Pkg() == nil {
		return
	}
	if f, ok := obj.(*types.Func); ok && r.g.dropIns[f.Pkg().Path()] == "" && r.g.new[f.Pkg().Path()] == "" && passes(f.Signature()) {
		r.unsupported(id.Pos(), f.Pkg().Path()+"."+f.Name()+", which has a context or a channel and is not among the packages to explore,")
	}
	if obj.Parent() != obj.Pkg().Scope() {
		return
	}
	path := obj.Pkg().Path()
	if r.g.dropIns[path] != "" && !slices.Contains(r.g.exports[path], obj.Name()) {
		r.unsupported(id.Pos(), obj.Pkg().Name()+"."+obj.Name())
	}
	switch {
	case slices.Contains(unmodelled[path], obj.Name()):
		r.unsupported(id.Pos(), path+"."+obj.Name())
	case path == "math/rand" || path == "math/rand/v2":
		// The functions of the package draw from a source that is seeded
		// by chance.
		if _, isFunc := obj.(*types.Func); isFunc && !strings.HasPrefix(obj.Name(), "New") {
			r.unsupported(id.Pos(), path+"."+obj.Name())
		}
	}
}

// passes reports whether a function takes or returns a context or a channel: those of
// explored code are of other types.
func passes(s *types.Signature) bool {
	for _, t := range []*types.Tuple{s.Params(), s.Results()} {
		for v := range t.Variables() {
			switch t := types.Unalias(v.Type()).(type) {
			case *types.Chan:
				return true
			case *types.Named:
				if o := t.Obj(); o.Pkg() != nil && o.Pkg().Path() == "context" && o.Name() == "Context" {
					return true
				}
			}
		}
	}
	return false
}

func (r *rewriter) builtin(id *ast.Ident) bool {
	_, ok := r.p.TypesInfo.Uses[id].(*types.Builtin)
	return ok
}

func (r *rewriter) isChan(x ast.Expr) bool {
	tv, ok := r.p.TypesInfo.Types[x]
	if !ok || tv.Type == nil {
		return false
	}
	return chanOf(tv.Type) != nil
}

// chanOf returns what a type is as a channel, nil if it is none. A type parameter is one if
// all its types are.
func chanOf(t types.Type) *types.Chan {
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		c, _ := t.Underlying().(*types.Chan)
		return c
	}
	i, ok := p.Constraint().Underlying().(*types.Interface)
	if !ok || i.NumEmbeddeds() != 1 {
		return nil
	}
	switch e := i.EmbeddedType(0).(type) {
	case *types.Union:
		if e.Len() == 1 {
			return chanOf(e.Term(0).Type())
		}
		return nil
	default:
		return chanOf(e)
	}
}

func (r *rewriter) isMake(c *ast.CallExpr) bool {
	id, ok := c.Fun.(*ast.Ident)
	return ok && id.Name == "make" && r.builtin(id)
}

// parens puts an operand that a selector would bind differently to in
// parentheses.
func (r *rewriter) parens(x ast.Expr) {
	switch x.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.ParenExpr:
		return
	}
	r.before(x.Pos(), "(")
	r.after(x.End(), ")")
}

// twoValues reports whether a receive is asked whether the value was sent.
func (r *rewriter) twoValues(n ast.Expr, stack []ast.Node) bool {
	tv := r.p.TypesInfo.Types[n]
	t, ok := tv.Type.(*types.Tuple)
	return ok && t.Len() == 2
}

// loop turns a range over a channel or a map into a loop of three clauses, in which
// variables are as new in each turn as the language version has them.
//
//	for it0_, k, v := form_.Iter(m); it0_.Next(&k, &v); {
func (r *rewriter) loop(n *ast.RangeStmt, start string) {
	it := fmt.Sprintf("it%d_", r.loops)
	r.loops++
	isMap := r.isMap(n.X)
	vars, next := it, ""
	for i, x := range []ast.Expr{n.Key, n.Value} {
		if i > 0 && !isMap {
			break
		}
		name, arg := "_", "nil"
		if x != nil {
			text := string(r.src[r.offset(x.Pos()):r.offset(x.End())])
			if text != "_" {
				arg = "&" + text
				if n.Tok == token.DEFINE {
					name = text
				}
			}
		}
		vars += ", " + name
		if i > 0 {
			next += ", "
		}
		next += arg
	}
	from := n.Range
	if n.Key != nil {
		from = n.Key.Pos()
	}
	r.replace(from, n.X.Pos(), vars+" := "+start+"(")
	r.after(n.X.End(), "); "+it+".Next("+next+"); ")
}

// channelOperand prepares an expression for a method of what channels are in explored form.
func (r *rewriter) channelOperand(x ast.Expr) {
	if r.g.whole == nil || !r.channelValue(x) {
		r.parens(x)
	}
}

// channelValue converts an expression to the plain type of channels, if it is of another
// type, and reports whether it is.
func (r *rewriter) channelValue(x ast.Expr) bool {
	t := r.p.TypesInfo.TypeOf(x)
	if _, plain := types.Unalias(t).(*types.Chan); plain {
		return false
	}
	c := chanOf(t)
	if c == nil {
		return false
	}
	r.channel = true
	r.before(x.Pos(), "("+r.typ(x.Pos(), types.NewChan(types.SendRecv, c.Elem()))+")(")
	r.after(x.End(), ")")
	return true
}

// hasMethods reports whether a type is declared that has methods.
func (r *rewriter) hasMethods(s *ast.TypeSpec) bool {
	obj := r.p.TypesInfo.Defs[s.Name]
	if obj == nil || s.Assign.IsValid() || s.TypeParams != nil {
		return false
	}
	n, ok := obj.Type().(*types.Named)
	return ok && n.NumMethods() > 0
}

// namedChannel turns
//
//	type C chan T
//
// into
//
//	type C = *C_elem; type C_elem channel_.Chan[T]
//
// so that C can have methods.
func (r *rewriter) namedChannel(s *ast.TypeSpec, c *ast.ChanType) {
	name, sep := s.Name.Name, "; "
	for _, d := range r.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE && !g.Lparen.IsValid() && slices.Contains(g.Specs, ast.Spec(s)) {
			sep = "; type "
		}
	}
	r.replace(s.Name.Pos(), c.Value.Pos(), name+" = *"+name+"_elem"+sep+name+"_elem "+channelName+".Chan[")
	r.after(c.End(), "]")
}

func (r *rewriter) call(c *ast.CallExpr) {
	if r.g.whole != nil {
		r.contexts(c)
	}
	id, ok := c.Fun.(*ast.Ident)
	if !ok || !r.builtin(id) {
		return
	}
	if r.going[c] {
		return
	}
	switch id.Name {
	case "close", "len", "cap":
		if len(c.Args) == 1 && r.isChan(c.Args[0]) {
			if r.g.whole != nil {
				r.channelValue(c.Args[0])
			}
			r.replace(id.Pos(), id.End(), channelName+"."+strings.ToUpper(id.Name[:1])+id.Name[1:])
		}
	case "make":
		if !r.isChan(c.Args[0]) {
			return
		}
		ct, ok := c.Args[0].(*ast.ChanType)
		if !ok && r.g.whole != nil {
			r.channel = true
			elem := chanOf(r.p.TypesInfo.TypeOf(c.Args[0])).Elem()
			text := "(" + channelName + ".Make[" + r.typ(c.Pos(), elem) + "]("
			r.replace(c.Pos(), c.Args[0].Pos(), "")
			if len(c.Args) == 2 {
				r.replace(c.Args[0].End(), c.Args[1].Pos(), text+"int(")
				r.after(c.Rparen, "))")
			} else {
				r.after(c.Args[0].End(), text+"0)")
			}
			return
		}
		if !ok {
			r.unsupported(c.Pos(), "make of a named channel type")
			return
		}
		r.replace(c.Pos(), ct.Value.Pos(), channelName+".Make[")
		if len(c.Args) == 2 {
			r.replace(ct.End(), c.Args[1].Pos(), "](")
			if t, ok := r.p.TypesInfo.TypeOf(c.Args[1]).Underlying().(*types.Basic); ok && t.Kind() != types.Int && t.Info()&types.IsUntyped == 0 {
				r.before(c.Args[1].Pos(), "int(")
				r.after(c.Args[1].End(), ")")
			}
		} else {
			r.after(ct.End(), "](0")
		}
	}
}

// goStmt turns
//
//	go f(a, b)
//
// into
//
//	{ f0, a0, a1 := f, a, b; explored_.Go(func() { f0(a0, a1) }) }
//
// so that function and arguments are evaluated where they were; and a function
// literal without arguments into explored_.Go(func() {...}).
func (r *rewriter) goStmt(n *ast.GoStmt) {
	c := n.Call
	if lit, ok := c.Fun.(*ast.FuncLit); ok && len(c.Args) == 0 && (r.g.whole == nil || lit.Type.Results.NumFields() == 0) {
		r.replace(n.Go, lit.Pos(), exploreName+".Go(")
		if t := lit.Type.Results; t != nil && t.NumFields() > 0 {
			r.unsupported(lit.Pos(), "go statement with a function that returns something")
		}
		r.replace(c.Lparen, c.Rparen+1, ")")
		return
	}
	if id, ok := c.Fun.(*ast.Ident); ok && r.builtin(id) {
		if r.g.whole == nil {
			r.unsupported(n.Pos(), "go "+id.Name)
		} else {
			r.goBuiltin(n, id)
		}
		return
	}
	sig, ok := r.p.TypesInfo.TypeOf(c.Fun).Underlying().(*types.Signature)
	if !ok {
		r.unsupported(n.Pos(), "go statement with a conversion")
		return
	}
	if len(c.Args) == 1 {
		if t, isTuple := r.p.TypesInfo.TypeOf(c.Args[0]).(*types.Tuple); isTuple {
			if r.g.whole == nil {
				r.unsupported(n.Pos(), "go statement with arguments from a function of several results")
				return
			}
			k := r.gos
			r.gos++
			var names []string
			for i := range t.Len() {
				names = append(names, fmt.Sprintf("go%d_%d", k, i))
			}
			f, list := fmt.Sprintf("go%d_f", k), strings.Join(names, ", ")
			r.replace(n.Go, c.Fun.Pos(), "{ "+f+" := ")
			r.instantiate(c.Fun)
			r.replace(c.Lparen, c.Lparen+1, "; "+list+" := ")
			r.dropComma(c)
			r.replace(c.Rparen, c.Rparen+1, fmt.Sprintf("; %s.Go(func() { %s(%s) }) }", exploreName, f, list))
			return
		}
	}
	k := r.gos
	r.gos++
	names := []string{fmt.Sprintf("go%d_f", k)}
	for i := range c.Args {
		names = append(names, fmt.Sprintf("go%d_%d", k, i))
	}
	r.replace(n.Go, c.Fun.Pos(), "{ "+strings.Join(names, ", ")+" := ")
	r.instantiate(c.Fun)
	if len(c.Args) == 0 {
		r.replace(c.Lparen, c.Lparen+1, "")
	} else {
		r.replace(c.Lparen, c.Lparen+1, ", ")
	}
	for i, a := range c.Args {
		// A constant or nil would take its default type.
		tv := r.p.TypesInfo.Types[a]
		basic, _ := tv.Type.(*types.Basic)
		if tv.Value == nil && !(basic != nil && basic.Info()&types.IsUntyped != 0) && !types.IsInterface(r.param(sig, i, c)) {
			continue
		}
		r.before(a.Pos(), "("+r.typeText(a.Pos(), r.param(sig, i, c))+")(")
		r.after(a.End(), ")")
	}
	dots := ""
	if c.Ellipsis.IsValid() {
		dots = "..."
		r.replace(c.Ellipsis, c.Ellipsis+3, "")
	}
	r.dropComma(c)
	r.replace(c.Rparen, c.Rparen+1, fmt.Sprintf("; %s.Go(func() { %s(%s%s) }) }", exploreName, names[0], strings.Join(names[1:], ", "), dots))
}

// goBuiltin turns
//
//	go panic(x)
//
// into
//
//	{ go0_0 := any(x); explored_.Go(func() { panic(go0_0) }) }
func (r *rewriter) goBuiltin(n *ast.GoStmt, id *ast.Ident) {
	c, k := n.Call, r.gos
	r.gos++
	var names []string
	for i, a := range c.Args {
		names = append(names, fmt.Sprintf("go%d_%d", k, i))
		if id.Name == "panic" {
			r.before(a.Pos(), "any(")
			r.after(a.End(), ")")
		}
	}
	r.going[c] = true
	name := id.Name
	if name == "close" {
		r.channel = true
		name = channelName + ".Close"
	}
	head := "{ "
	if len(names) > 0 {
		head += strings.Join(names, ", ") + " := "
	}
	r.replace(n.Go, c.Lparen+1, head)
	r.dropComma(c)
	r.replace(c.Rparen, c.Rparen+1, fmt.Sprintf("; %s.Go(func() { %s(%s) }) }", exploreName, name, strings.Join(names, ", ")))
}

// instantiate gives a generic function the type arguments that the call infers: as a
// value it needs all of them.
func (r *rewriter) instantiate(fun ast.Expr) {
	x, given, end := fun, 0, fun.End()
	switch i := x.(type) {
	case *ast.IndexExpr:
		x, given, end = i.X, 1, i.Rbrack
	case *ast.IndexListExpr:
		x, given, end = i.X, len(i.Indices), i.Rbrack
	}
	if s, ok := x.(*ast.SelectorExpr); ok {
		x = s.Sel
	}
	id, ok := x.(*ast.Ident)
	if !ok {
		return
	}
	args := r.p.TypesInfo.Instances[id].TypeArgs
	if args.Len() <= given {
		return
	}
	var texts []string
	for i := given; i < args.Len(); i++ {
		texts = append(texts, r.typeText(fun.Pos(), args.At(i)))
	}
	if text := strings.Join(texts, ", "); given > 0 {
		r.after(end, ", "+text)
	} else {
		r.after(end, "["+text+"]")
	}
}

// dropComma removes the comma behind the last argument: what was an argument list
// becomes the right side of an assignment.
func (r *rewriter) dropComma(c *ast.CallExpr) {
	if len(c.Args) == 0 {
		return
	}
	var s scanner.Scanner
	from, to := r.offset(c.Args[len(c.Args)-1].End()), r.offset(c.Rparen)
	src := r.src[from:to]
	s.Init(token.NewFileSet().AddFile("", 1, len(src)), src, nil, 0)
	for {
		switch pos, tok, _ := s.Scan(); tok {
		case token.COMMA:
			at := from + int(pos) - 1
			r.edits = append(r.edits, edit{from: at, to: at + 1})
			return
		case token.EOF:
			return
		}
	}
}

// param returns the type that argument i is assigned to.
func (r *rewriter) param(sig *types.Signature, i int, c *ast.CallExpr) types.Type {
	n := sig.Params().Len()
	if sig.Variadic() && i >= n-1 && !c.Ellipsis.IsValid() {
		return sig.Params().At(n - 1).Type().(*types.Slice).Elem()
	}
	return sig.Params().At(i).Type()
}

// typeText writes a type that the source doesn't spell out.
func (r *rewriter) typeText(pos token.Pos, t types.Type) string {
	if r.g.whole != nil {
		return r.typ(pos, t)
	}
	text := types.TypeString(t, r.qualify(pos))
	if chanWord.MatchString(text) {
		r.unsupported(pos, "go statement with an argument whose type "+text+" must be written")
	}
	return text
}

var chanWord = regexp.MustCompile(`\bchan\b`)

// qualify names packages as the file does.
func (r *rewriter) qualify(pos token.Pos) types.Qualifier {
	return func(p *types.Package) string {
		if p == r.p.Types {
			return ""
		}
		for _, im := range r.file.Imports {
			if path, _ := strconv.Unquote(im.Path.Value); path == p.Path() {
				if im.Name != nil {
					return im.Name.Name
				}
				return p.Name()
			}
		}
		r.unsupported(pos, "go statement with an argument of type "+p.Name()+".…, a package that the file doesn't import")
		return p.Name()
	}
}

// caseOf returns the send or receive of a case and what a receive is assigned to, if
// it is; nil of the default.
func caseOf(c *ast.CommClause) (op ast.Node, to *ast.AssignStmt) {
	switch s := c.Comm.(type) {
	case *ast.SendStmt:
		return s, nil
	case *ast.ExprStmt:
		return ast.Unparen(s.X), nil
	case *ast.AssignStmt:
		return ast.Unparen(s.Rhs[0]), s
	}
	return nil, nil
}

// rewriteSelects turns select statements into switch statements, as package channel
// says. It comes when everything else has been changed, because the operands of cases
// move to the top of the statement; inner ones come before outer ones.
func (r *rewriter) rewriteSelects() {
	for k := len(r.selects) - 1; k >= 0; k-- {
		r.rewriteSelect(k, r.selects[k])
	}
}

func (r *rewriter) rewriteSelect(k int, n *ast.SelectStmt) {
	var names, ops []string
	how := "Select"
	for _, s := range n.Body.List {
		c := s.(*ast.CommClause)
		op, to := caseOf(c)
		if op == nil {
			how = "Poll"
			continue
		}
		i := len(names)
		name := fmt.Sprintf("select%d_%d", k, i)
		names = append(names, name)
		text := fmt.Sprintf("case %d:", i)
		switch op := op.(type) {
		case *ast.SendStmt:
			ops = append(ops, fmt.Sprintf("%s.To(%s).Sending(%s)", channelName, r.cut(op.Chan), r.cut(op.Value)))
		case *ast.UnaryExpr:
			ops = append(ops, fmt.Sprintf("%s.Receiving(%s)", channelName, r.cut(op.X)))
			if to == nil {
				break
			}
			value := ".Value()"
			var left []string
			for _, l := range to.Lhs {
				left = append(left, r.cut(l))
			}
			if len(left) == 2 {
				value = ".Value2()"
			}
			text += " " + strings.Join(left, ", ") + " " + to.Tok.String() + " " + name + value + ";"
		}
		r.replace(c.Case, c.Colon+1, text)
	}
	head := fmt.Sprintf("%s.%s(%s) ", channelName, how, strings.Join(names, ", "))
	if len(names) > 0 {
		head = strings.Join(names, ", ") + " := " + strings.Join(ops, ", ") + "; " + head
	}
	r.replace(n.Select, n.Body.Lbrace, "switch "+head)
	if how == "Select" {
		// A select needs no default to be the last statement of a function.
		if r.g.whole != nil && len(n.Body.List) == 0 {
			r.before(n.Body.Rbrace, "default: panic(\"unreachable\"); ")
		} else if r.g.whole != nil {
			r.before(n.Body.Rbrace, "; default: panic(\"unreachable\"); ")
		} else {
			r.before(n.Body.Rbrace, "\ndefault: panic(\"unreachable\")\n")
		}
	}
}

// cut returns the text of an expression with the changes that were made to it, which
// are no longer there then.
func (r *rewriter) cut(x ast.Expr) string {
	from, to := r.offset(x.Pos()), r.offset(x.End())
	var in, out []edit
	for _, e := range r.edits {
		if e.from >= from && e.to <= to {
			in = append(in, e)
		} else {
			out = append(out, e)
		}
	}
	r.edits = out
	text, err := apply(r.src, from, to, in)
	if err != nil {
		r.unsupported(x.Pos(), "select: "+err.Error())
	}
	return text
}
