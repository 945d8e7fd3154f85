package outside

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/format"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/outside/probe"
)

// found is what is taken along.
type found struct {
	variables []variable
	answer    probe.Answer
	version   string // hash of the source
}

// A variable is an exported one.
type variable struct {
	path, name string
	workload   bool
}

// load loads packages by patterns.
func (w *Workspace) load(ctx context.Context, mode packages.LoadMode, patterns ...string) ([]*packages.Package, error) {
	pkgs, err := packages.Load(&packages.Config{Context: ctx, Dir: w.dir, Env: w.env, Mode: mode}, patterns...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, goError(strings.Join(patterns, " "), err.Error(), err)
	}
	return pkgs, nil
}

// find finds out what is taken along.
func (w *Workspace) find(ctx context.Context) error {
	if w.found != nil {
		return nil
	}
	f := new(found)
	for _, with := range w.withs {
		patterns := []string{with.Pattern}
		if len(with.Only) > 0 {
			patterns = with.Only
		}
		pkgs, err := w.load(ctx, packages.NeedName|packages.NeedFiles|packages.NeedCompiledGoFiles|packages.NeedImports|
			packages.NeedTypes|packages.NeedSyntax|packages.NeedTypesInfo|packages.NeedModule, patterns...)
		if err != nil {
			return err
		}
		slices.SortFunc(pkgs, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
		before := len(f.variables)
		var hidden []string
		for _, p := range pkgs {
			if len(p.Errors) > 0 {
				return compileError(p)
			}
			vs := variables(p)
			if len(vs) > 0 && (p.Name == "main" || slices.Contains(strings.Split(p.PkgPath, "/"), "internal")) {
				hidden = append(hidden, p.PkgPath)
				continue
			}
			f.variables = append(f.variables, vs...)
		}
		switch {
		case len(f.variables) > before:
		case len(hidden) > 0:
			return inputf("%s: its strategies are in %s, which other modules can't import: move them, or export a variable with them elsewhere", with.Text, strings.Join(hidden, ", "))
		case len(pkgs) == 0:
			return inputf("%s: no packages there", with.Text)
		default:
			return inputf("%s: no package there has an exported variable of type *strategies.Strategy or *workloads.Workload: add one, as in var Strategy = &strategies.Strategy{...}, or see refbench new", with.Text)
		}
	}
	if err := w.ask(ctx, f); err != nil {
		return err
	}
	w.found = f
	return w.hash(ctx)
}

// compileError is what is wrong with a package, in one line.
func compileError(p *packages.Package) error {
	e := p.Errors[0]
	msg := strings.TrimSpace(e.Msg)
	if lines := strings.Split(msg, "\n"); strings.HasPrefix(lines[0], "# ") && len(lines) > 1 {
		msg = lines[1] // the compiler's
	}
	if err := goError(p.PkgPath, msg, nil); e.Kind == packages.ListError {
		if _, ok := err.(*InputError); ok {
			return err
		}
	}
	if e.Pos != "" && e.Pos != "-" {
		msg = e.Pos + ": " + msg
	}
	return inputf("package %s doesn't compile: %s: mend it, go vet shows all", p.PkgPath, msg)
}

// variables returns those of a package that hold strategies and workloads.
func variables(p *packages.Package) (list []variable) {
	if p.Types == nil {
		return nil
	}
	for _, name := range p.Types.Scope().Names() {
		v, ok := p.Types.Scope().Lookup(name).(*types.Var)
		if !ok || !v.Exported() {
			continue
		}
		switch types.TypeString(v.Type(), nil) {
		case "*" + strategiesPath + ".Strategy":
			list = append(list, variable{p.PkgPath, name, false})
		case "*" + workloadsPath + ".Workload":
			list = append(list, variable{p.PkgPath, name, true})
		}
	}
	return list
}

// imports gives packages names in a generated file.
type imports struct {
	text  bytes.Buffer
	names map[string]string
}

func (im *imports) name(path string) string {
	if im.names == nil {
		im.names = make(map[string]string)
	}
	if im.names[path] == "" {
		im.names[path] = fmt.Sprintf("p%d", len(im.names))
		fmt.Fprintf(&im.text, "\t%s %q\n", im.names[path], path)
	}
	return im.names[path]
}

// ask has a program find out what the variables hold.
func (w *Workspace) ask(ctx context.Context, f *found) error {
	var im imports
	var list strings.Builder
	for _, v := range f.variables {
		field := "Strategy"
		if v.workload {
			field = "Workload"
		}
		fmt.Fprintf(&list, "\t\t{Path: %q, Name: %q, %s: %s.%s},\n", v.path, v.name, field, im.name(v.path), v.name)
	}
	if err := w.main("probe", fmt.Sprintf(`package main

import (
	"os"

	"%[1]s/fuzz/outside/probe"
	"%[1]s/strategies/baseline"
	"%[1]s/strategies/builtin"
%[2]s)

func main() {
	if probe.Write(os.Stdout, append(builtin.All(), baseline.All()...), []probe.Variable{
%[3]s	}) != nil {
		os.Exit(1)
	}
}
`, module, im.text.String(), list.String())); err != nil {
		return err
	}
	exe, err := w.compile(ctx, "probe")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		text, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return inputf("what is taken along ends the process when it is asked what it is (%v): %s", err, text)
	}
	if err := json.Unmarshal(out.Bytes(), &f.answer); err != nil {
		return fmt.Errorf("what is taken along writes to stdout when it is asked what it is: %w", err)
	}
	if len(f.answer.Errors) > 0 {
		return inputf("%s", strings.Join(f.answer.Errors, "\n"))
	}
	return nil
}

// main writes a program of the module.
func (w *Workspace) main(name, text string) error {
	data, err := format.Source([]byte(text))
	if err != nil {
		return fmt.Errorf("the program %s doesn't parse: %w", name, err)
	}
	return w.write(name+"/main.go", data)
}

// compile builds a program of the module and returns its file.
func (w *Workspace) compile(ctx context.Context, name string) (exe string, err error) {
	exe = filepath.Join(w.dir, name+".exe")
	args := []string{"build", "-o", exe}
	if w.race && name != "probe" {
		args = append(args, "-race")
	}
	_, err = w.command(ctx, "building "+name, append(args, "./"+name)...)
	return exe, err
}

// hash makes the version of what is taken along, and the sums of folders. It is of the
// source, wherever that is.
func (w *Workspace) hash(ctx context.Context) error {
	pkgs, err := w.closure(ctx)
	if err != nil {
		return err
	}
	sum := sha256.New()
	sums := make(map[string][]byte)
	for _, p := range pkgs {
		one := sha256.New()
		for _, name := range slices.Concat(p.GoFiles, p.OtherFiles) {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(one, "%s %s %d\n", p.PkgPath, filepath.Base(name), len(data))
			one.Write(data)
		}
		h := one.Sum(nil)
		sum.Write(h)
		if p.Module != nil {
			sums[p.Module.Path] = append(sums[p.Module.Path], h...)
		}
	}
	w.found.version = fmt.Sprintf("%.12x", sum.Sum(nil))
	sumFile, err := os.ReadFile(filepath.Join(w.dir, "go.sum"))
	if err != nil {
		return err
	}
	for i := range w.Modules {
		m := &w.Modules[i]
		if m.Dir != "" {
			m.Sum = fmt.Sprintf("sources %.12x", sha256.Sum256(sums[m.Path]))
			continue
		}
		for line := range strings.Lines(string(sumFile)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == m.Path && f[1] == m.Version {
				m.Sum = f[2]
			}
		}
	}
	return nil
}
