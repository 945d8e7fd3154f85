package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A copy of a package of the same module is dense: it has neither comments nor blank
// lines, since the original has both. Positions in it are those of the original: in front
// of the first code on a line stands a line directive, unless the line comes right after
// the one before it in the original too.
//
// Copies of other modules' packages keep everything, unless they are for this machine
// alone: no path leads from them to the original that is the same on every machine.
//
// The rewriter works on text. So it marks each line of the source before, by a comment
// with its number, and marks move with the text behind them. Here they become directives
// when the text is formatted.

// original returns the path from the directory of the copy to a file of the package, or
// one that is absolute, "" if neither is wanted.
func (g *generator) original(p *packages.Package, name string) string {
	if p.Module == nil || !p.Module.Main {
		if g.o.Absolute {
			return filepath.ToSlash(name)
		}
		return ""
	}
	if g.o.Root != p.Module.Path && !strings.HasPrefix(g.o.Root, p.Module.Path+"/") {
		return ""
	}
	rel, err := filepath.Rel(filepath.FromSlash(g.new[p.PkgPath]), filepath.FromSlash(p.PkgPath))
	if err != nil {
		return ""
	}
	return path.Join(filepath.ToSlash(rel), filepath.Base(name))
}

func mark(line int) string { return fmt.Sprintf("/*%d*/", line) }

var isMark = regexp.MustCompile(`^/\*(\d+)\*/$`)

// markLines puts a mark in front of the first code on each line. Comments of the source
// that look like marks are left out.
func (r *rewriter) markLines() {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", 1, len(r.src)), r.src, nil, scanner.ScanComments)
	for last := 0; ; {
		pos, tok, text := s.Scan()
		at := int(pos) - 1
		switch line := r.base.Line(r.base.Pos(at)); {
		case tok == token.EOF:
			return
		case tok == token.COMMENT:
			if isMark.MatchString(text) {
				r.edits = append(r.edits, edit{from: at, to: at + len(text), optional: true})
			}
		case tok == token.SEMICOLON && text == "\n":
		case line != last:
			r.edits = append(r.edits, edit{from: at, to: at, text: mark(line), order: foremost, optional: true})
			last = line
		}
	}
}

// foremost is the order of what comes before everything else at one place.
const foremost = -1 << 30

// A word is a token of formatted text, other than those that formatting adds and removes,
// and the line of the original that it is from.
type word struct {
	tok  token.Token
	line int // of the text
	from int // line of the original, 0 if there is no mark
}

// words returns the tokens of the text, with marks or without.
func words(text []byte) []word {
	var ws []word
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", 1, len(text))
	s.Init(file, text, nil, scanner.ScanComments)
	from := 0
	for {
		pos, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return ws
		case token.COMMENT:
			if m := isMark.FindStringSubmatch(lit); m != nil {
				from, _ = strconv.Atoi(m[1])
			}
		case token.SEMICOLON, token.COMMA, token.LPAREN, token.RPAREN:
		default:
			ws = append(ws, word{tok, file.Line(pos), from})
		}
	}
}

// dense returns marked text without comments and blank lines, formatted and with line
// directives for the original.
func dense(text, original string) ([]byte, error) {
	marked := words([]byte(text))
	out, err := format.Source(bare([]byte(text)))
	if err != nil {
		return nil, err
	}
	if out, err = format.Source(oneLiners(out)); err != nil {
		return nil, err
	}
	ws := words(out)
	if len(ws) != len(marked) {
		return nil, fmt.Errorf("%d tokens became %d when they were formatted; report this", len(marked), len(ws))
	}
	lines := bytes.SplitAfter(out, []byte("\n"))
	inFunc := funcLines(out)
	at := 0 // the line of the original that a line of the copy is taken to be without a directive
	for i, k := 0, 0; i < len(lines); i, at = i+1, at+1 {
		begin := k
		for k < len(ws) && ws[k].line == i+1 {
			k++
		}
		if begin == k || !inFunc[i+1] {
			continue
		}
		from := marked[begin].from
		if last := marked[k-1]; ws[begin].tok == token.FUNC && ws[k-1].tok == token.RBRACE && last.from > from {
			from = marked[k-2].from // a body on the same line: what it does matters
		}
		switch ws[begin].tok {
		case token.RBRACE, token.RBRACK, token.CASE, token.DEFAULT:
			continue // formatting would move the directive away; and nothing happens here
		}
		if from == 0 || from == at && original == "" {
			continue
		}
		code := bytes.TrimLeft(lines[i], "\t")
		indent := lines[i][:len(lines[i])-len(code)]
		if len(indent) == 0 {
			// In front of a declaration it would be its documentation.
			var isFunc bool
			if code, isFunc = bytes.CutPrefix(code, []byte("func ")); !isFunc {
				continue
			}
			indent = []byte("func ")
		}
		lines[i] = fmt.Appendf(nil, "%s/*line %s:%d:1*/ %s", indent, original, from, code)
		original = "" // said once: the same from now on
		at = from
	}
	return bytes.Join(lines, nil), nil
}

// funcLines returns the lines of functions: what runs is there.
func funcLines(text []byte) map[int]bool {
	lines := make(map[int]bool)
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
	if err != nil {
		return lines // format.Source has reported it
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			for i := fset.Position(n.Pos()).Line; i <= fset.Position(n.End()).Line; i++ {
				lines[i] = true
			}
		}
		return true
	})
	return lines
}

// bare returns the text without comments, other than those for the go command and the
// compiler, and blank lines.
func bare(text []byte) []byte {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", 1, len(text)), text, nil, scanner.ScanComments)
	var out bytes.Buffer
	at := 0
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok != token.COMMENT || strings.HasPrefix(lit, "//go:") {
			continue
		}
		begin := int(pos) - 1
		out.Write(text[at:begin])
		if strings.Contains(lit, "\n") {
			out.WriteByte('\n')
		} else if strings.HasPrefix(lit, "/*") {
			out.WriteByte(' ')
		}
		at = begin + len(lit)
	}
	out.Write(text[at:])
	return noBlankLines(out.Bytes())
}

// noBlankLines leaves out blank lines that aren't part of a string.
func noBlankLines(text []byte) []byte {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", 1, len(text))
	s.Init(file, text, nil, scanner.ScanComments)
	inString := make(map[int]bool) // lines that a string begins before
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.STRING {
			for i := range strings.Count(lit, "\n") {
				inString[file.Line(pos)+i+1] = true
			}
		}
	}
	var out bytes.Buffer
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		if inString[i+1] || len(bytes.TrimSpace(line)) > 0 {
			out.Write(line)
		}
	}
	return out.Bytes()
}

// oneLiners writes in one line each function whose body is one line, and each literal of
// a package's variable whose lines end with commas. Functions must be short, or else
// formatting undoes it, which it would do only when they have their directives.
func oneLiners(text []byte) []byte {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
	if err != nil {
		return text // format.Source reports it
	}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	oneLine := func(n ast.Node) bool { return fset.Position(n.Pos()).Line == fset.Position(n.End()).Line }
	var out bytes.Buffer
	at := 0
	put := func(from, to int, s string) {
		out.Write(text[at:from])
		out.WriteString(s)
		at = to
	}
	first := true // the first function has the longest directive
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil || len(d.Body.List) != 1 || !oneLine(d.Body.List[0]) {
				continue
			}
			stmt := d.Body.List[0]
			long := offset(d.Body.Lbrace) - offset(d.Pos()) + offset(stmt.End()) - offset(stmt.Pos())
			body := string(text[offset(stmt.Pos()):offset(stmt.End())])
			if first || long > longestLine {
				put(offset(d.Body.Lbrace), offset(d.Body.Rbrace)+1, "{\n"+body+"\n}")
			} else {
				put(offset(d.Body.Lbrace), offset(d.Body.Rbrace)+1, "{ "+body+" }")
			}
			first = false
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				for _, v := range spec.(*ast.ValueSpec).Values {
					if from, to := offset(v.Pos()), offset(v.End()); onlyCommas(v, oneLine) {
						put(from, to, joined(text[from:to]))
					}
				}
			}
		}
	}
	out.Write(text[at:])
	return out.Bytes()
}

// longestLine is how long a function in one line may be. Formatting allows 100, and a
// directive takes some of them.
const longestLine = 80

// onlyCommas reports whether no lines of a value end with anything but a comma or an
// opening bracket: those of functions, operators and long strings do.
func onlyCommas(v ast.Expr, oneLine func(ast.Node) bool) bool {
	ok := true
	ast.Inspect(v, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.BasicLit, *ast.BinaryExpr, *ast.StructType, *ast.InterfaceType:
			ok = ok && oneLine(n)
		}
		return ok
	})
	return ok
}

// joined returns the lines in one.
func joined(text []byte) string {
	var s string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case s == "" || strings.HasSuffix(s, "{") || strings.HasSuffix(s, "("):
			s += line
		case strings.HasPrefix(line, "}") || strings.HasPrefix(line, ")"):
			s = strings.TrimSuffix(s, ",") + line
		default:
			s += " " + line
		}
	}
	return s
}
