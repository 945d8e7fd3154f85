package outside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/dropins"
	exploregen "github.com/refbench/refbench/fuzz/explore/gen"
	nativegen "github.com/refbench/refbench/workloads/native/gen"
)

// Import paths.
const (
	strategiesPath = module + "/strategies"
	workloadsPath  = module + "/workloads"
	exploredOwn    = module + "/fuzz/explored"
	exploredPath   = build + "/explored"
)

// kept are refbench's packages that are the same in both forms, as in cmd/refbench/gen.
var kept = []string{strategiesPath, strategiesPath + "/judge", workloadsPath + "/spin"}

// closure returns the packages that the variables are in, and all of other modules but
// refbench that these import, sorted.
func (w *Workspace) closure(ctx context.Context) ([]*packages.Package, error) {
	var roots []string
	for _, v := range w.found.variables {
		roots = append(roots, v.path)
	}
	slices.Sort(roots)
	pkgs, err := w.load(ctx, packages.NeedName|packages.NeedFiles|packages.NeedImports|packages.NeedDeps|packages.NeedModule, slices.Compact(roots)...)
	if err != nil {
		return nil, err
	}
	var list []*packages.Package
	own := func(p *packages.Package) bool { return p.Module != nil && p.Module.Path == module }
	packages.Visit(pkgs, func(p *packages.Package) bool { return !own(p) }, func(p *packages.Package) {
		if p.Module != nil && !own(p) {
			list = append(list, p)
		}
	})
	slices.SortFunc(list, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	return list, nil
}

// toExplore returns the packages that need an explored form, and what replaces those of
// refbench that they import.
func (w *Workspace) toExplore(ctx context.Context) (patterns []string, replace map[string]string, err error) {
	all, err := w.closure(ctx)
	if err != nil {
		return nil, nil, err
	}
	replace = dropins.Replace()
	for _, p := range all {
		for to, q := range p.Imports {
			if q.Module == nil || q.Module.Path != module || slices.Contains(kept, to) || replace[to] != "" {
				continue
			}
			rel := strings.TrimPrefix(to, module+"/")
			if _, err := os.Stat(filepath.Join(w.source, "fuzz", "explored", filepath.FromSlash(rel))); err == nil {
				replace[to] = path.Join(exploredOwn, rel)
			}
		}
	}
	own := make(map[string]bool)
	for _, v := range w.found.variables {
		own[v.path] = true
	}
	for _, m := range w.Modules {
		own[m.Path] = true
	}
	memo := make(map[*packages.Package]bool)
	var synchronizes func(p *packages.Package) bool
	synchronizes = func(p *packages.Package) bool {
		if yes, ok := memo[p]; ok {
			return yes
		}
		memo[p] = false
		for to, q := range p.Imports {
			switch {
			case to == "sync" || to == "sync/atomic" || to == "context" || replace[to] != "":
				memo[p] = true
			case q.Module != nil && q.Module.Path != module && synchronizes(q):
				memo[p] = true
			}
		}
		return memo[p]
	}
	for _, p := range all {
		if own[p.PkgPath] || own[p.Module.Path] || synchronizes(p) {
			patterns = append(patterns, p.PkgPath)
		}
	}
	return patterns, replace, nil
}

// explored writes the explored form.
func (w *Workspace) explored(ctx context.Context) error {
	patterns, replace, err := w.toExplore(ctx)
	if err != nil {
		return err
	}
	files, err := exploregen.Packages(exploregen.Options{
		Dir: w.dir, Env: w.env, Patterns: patterns, Keep: kept, Replace: replace, Root: exploredPath, Absolute: true,
	})
	var unsupported *exploregen.UnsupportedError
	if errors.As(err, &unsupported) {
		return inputf("no explored form: %s: what can't be modelled goes into a package that isn't explored, or leave schedules out with --explored=false",
			strings.Join(unsupported.Items, "\nno explored form: "))
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := w.write("explored/"+f.Path, f.Data); err != nil {
			return err
		}
	}
	return nil
}

// native writes the native loops, and returns the import paths of their packages. What
// has none is told to warn, with the reason.
func (w *Workspace) native(warn func(string)) (paths []string, err error) {
	var outside, all []nativegen.Strategy
	for _, s := range w.found.answer.Builtin {
		all = append(all, nativegen.Strategy{Name: s.Name, Path: s.Path, Type: s.Type, Powers: s.Powers, Waits: s.Waits, Baseline: s.Baseline})
	}
	for _, s := range w.found.answer.Strategies {
		if s.Type == "" {
			warn(fmt.Sprintf("strategy %s has no native loops, so that its lines say dispatch=generic: %s", s.Name, s.Unnamed))
			continue
		}
		outside = append(outside, nativegen.Strategy{Name: s.Name, Path: s.Path, Type: s.Type, Powers: s.Powers, Waits: s.Waits, Baseline: s.Baseline})
	}
	all = append(all, outside...)
	add := func(path string, ss []nativegen.Strategy) error {
		files, err := nativegen.Native(nativegen.Options{Dir: w.dir, Env: w.env, Path: path, Home: workloadsPath, Strategies: ss})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("native%d", len(paths))
		for _, f := range files {
			if err := w.write(name+"/"+f.Name, f.Data); err != nil {
				return err
			}
		}
		paths = append(paths, build+"/"+name)
		return nil
	}
	if len(outside) > 0 {
		if err := add(workloadsPath, outside); err != nil {
			return nil, err
		}
	}
	seen := make(map[string]bool)
	for _, x := range w.found.answer.Workloads {
		from := w.found.variables[x.Variable].path
		if seen[from] {
			continue
		}
		seen[from] = true
		if err := add(from, all); err != nil {
			warn(fmt.Sprintf("workloads of %s have no native loops, so that their lines say dispatch=generic: %v", from, err))
		}
	}
	return paths, nil
}
