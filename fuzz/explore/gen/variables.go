package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// variables are the variables of a package, made anew for each execution: all are zero
// first, then the initializers run in Go's order, then the functions init. Each
// initializer becomes a function in the file that it is in.
type variables struct {
	order map[ast.Expr]int // what becomes function number i
	n     int
	names []string // that are zero first
	inits []string
	run   []bool // which initializers became functions
}

func newVariables(p *packages.Package) *variables {
	v := &variables{order: make(map[ast.Expr]int)}
	for _, in := range p.TypesInfo.InitOrder {
		v.order[in.Rhs] = v.n
		v.n++
	}
	v.run = make([]bool, v.n)
	return v
}

func initName(i int) string { return fmt.Sprintf("variable%d_", i) }

// variables takes the initializers and functions init of the file out of it, and returns
// functions that do what they did.
func (r *rewriter) variables() string {
	var tail strings.Builder
	inits := 0
	for _, d := range r.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv == nil && d.Name.Name == "init" && d.Body != nil:
				name := fmt.Sprintf("init%d_%d_", r.n, inits)
				inits++
				r.replace(d.Name.Pos(), d.Name.End(), name)
				r.vars.inits = append(r.vars.inits, name)
			case d.Recv == nil && d.Name.Name == "main" && r.p.Name == "main":
				r.replace(d.Name.Pos(), d.Name.End(), "Main_")
			default:
				r.linkname(d)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, s := range d.Specs {
				r.variable(&tail, d, s.(*ast.ValueSpec))
			}
		}
	}
	return tail.String()
}

func (r *rewriter) variable(tail *strings.Builder, d *ast.GenDecl, s *ast.ValueSpec) {
	if embeds(d.Doc) || embeds(s.Doc) {
		return
	}
	var named []*ast.Ident
	for _, n := range s.Names {
		if n.Name != "_" {
			named = append(named, n)
			r.vars.names = append(r.vars.names, n.Name)
		}
	}
	if len(s.Values) == 0 {
		return
	}
	if len(named) == 0 && !calls(s) {
		// It only asks the compiler something.
		typ := ""
		if s.Type != nil {
			typ = r.cut(s.Type)
		}
		var values []string
		for _, x := range s.Values {
			values = append(values, r.cut(x))
		}
		names := strings.TrimSuffix(strings.Repeat("_, ", len(s.Names)), ", ")
		fmt.Fprintf(tail, "\nfunc _() { var %s %s = %s }\n", names, typ, strings.Join(values, ", "))
		last := s.Values[len(s.Values)-1].End()
		r.cutFrom(s.Names[0].Pos(), last)
		r.replace(s.Names[0].Pos(), last, "_ int")
		return
	}
	lhs := func(names []*ast.Ident) string {
		var texts []string
		for _, n := range names {
			texts = append(texts, n.Name)
		}
		return strings.Join(texts, ", ")
	}
	for i, x := range s.Values {
		names := s.Names
		if len(s.Values) == len(s.Names) {
			names = s.Names[i : i+1]
		}
		k, ok := r.vars.order[x]
		if !ok {
			k = r.vars.n // blank, without a place in the order
			r.vars.n++
			r.vars.run = append(r.vars.run, false)
		}
		r.vars.run[k] = true
		value := r.cut(x)
		if len(names) == 1 && names[0].Name == "_" && s.Type != nil {
			value = "(" + r.typ(x.Pos(), r.p.TypesInfo.TypeOf(s.Type)) + ")(" + value + ")"
		}
		fmt.Fprintf(tail, "\nfunc %s() { %s = %s }\n", initName(k), lhs(names), value)
	}
	last := s.Values[len(s.Values)-1].End()
	if s.Type != nil {
		r.replace(s.Type.End(), last, "")
		return
	}
	var decls []string
	known := len(r.g.items)
	for _, n := range named {
		if obj := r.p.TypesInfo.Defs[n]; obj != nil {
			decls = append(decls, n.Name+" "+r.typ(n.Pos(), obj.Type()))
		}
	}
	if len(r.g.items) > known && len(s.Names) == 1 && len(s.Values) == 1 {
		// Its type can't be written, so its value has to say it.
		if value := r.typedBy(s.Values[0]); value != "" {
			r.g.items = r.g.items[:known]
			decls = []string{named[0].Name + " = " + value}
		}
	}
	sep := "; "
	if !d.Lparen.IsValid() {
		sep = "; var "
	}
	text := strings.Join(decls, sep)
	if len(decls) == 0 {
		text = "_ int"
	}
	r.cutFrom(s.Names[0].Pos(), last)
	r.replace(s.Names[0].Pos(), last, text)
}

// typedBy returns an expression of the type of x that does nothing, "" if there is none: x
// itself if that calls nothing, or what a function like the one that x calls would return.
func (r *rewriter) typedBy(x ast.Expr) string {
	text := func(x ast.Expr) string { return string(r.src[r.offset(x.Pos()):r.offset(x.End())]) }
	if !calls(x) {
		return text(x)
	}
	c, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return ""
	}
	switch ast.Unparen(c.Fun).(type) {
	case *ast.Ident, *ast.SelectorExpr:
	default:
		return ""
	}
	sig, ok := r.p.TypesInfo.TypeOf(c.Fun).(*types.Signature)
	if !ok || sig.Params().Len() > 3 || calls(c.Fun) {
		return ""
	}
	r.form = true
	name := fmt.Sprintf("%s.Result%d", formName, sig.Params().Len())
	if sig.Variadic() {
		name += "V"
	}
	return name + "(" + text(c.Fun) + ")"
}

// cutFrom drops the changes that were made between two places, other than marks in front.
func (r *rewriter) cutFrom(from, to token.Pos) {
	a, b := r.offset(from), r.offset(to)
	var out []edit
	for _, e := range r.edits {
		if e.from >= a && e.to <= b && !(e.from == a && e.order == foremost) {
			continue
		}
		out = append(out, e)
	}
	r.edits = out
}

// embeds reports whether the go command fills the variable.
func embeds(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") || strings.HasPrefix(c.Text, "//go:linkname ") {
			return true
		}
	}
	return false
}

// calls reports whether something is called or received there.
func calls(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if _, conversion := ast.Unparen(n.Fun).(*ast.StarExpr); !conversion {
				found = true
			}
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.FuncLit:
			return false
		}
		return !found
	})
	return found
}

// file returns the file that makes all variables anew.
func (v *variables) file(home string, p *packages.Package) []byte {
	var b bytes.Buffer
	name := p.Name
	if name == "main" {
		name = MainName
	}
	fmt.Fprintf(&b, "//go:build go1.21\n\npackage %s\n\nimport %s %q\n", name, formName, home+"/form")
	if p.Imports["net/http"] != nil {
		b.WriteString("import \"net/http\"\n")
	}
	fmt.Fprintf(&b, "\nvar _ = %s.Package(%q, func() {\n", formName, p.PkgPath)
	for _, n := range v.names {
		fmt.Fprintf(&b, "\t%s.Zero(&%s)\n", formName, n)
	}
	for i := range v.n {
		if v.run[i] {
			fmt.Fprintf(&b, "\t%s()\n", initName(i))
		}
	}
	for _, n := range v.inits {
		fmt.Fprintf(&b, "\t%s()\n", n)
	}
	b.WriteString("})\n")
	if p.Imports["net/http"] != nil {
		fmt.Fprintf(&b, "\nvar _ = %s.BeforeReset(func() { http.DefaultServeMux = http.NewServeMux() })\n", formName)
	}
	return b.Bytes()
}

// VariablesFile is the name of the file with Form.Variables.
const VariablesFile = "refbench_variables_.go"
