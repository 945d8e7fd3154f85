package outside

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Forms say which forms a program has.
type Forms struct {
	Explored bool
	// Warn is told what has no native loops, and why.
	Warn func(string)
}

// Refbench builds a refbench with all that is taken along, and returns its file, which
// Close removes.
func (w *Workspace) Refbench(ctx context.Context, f Forms) (exe string, err error) {
	if err := w.find(ctx); err != nil {
		return "", err
	}
	if f.Explored {
		if err := w.explored(ctx); err != nil {
			return "", err
		}
	}
	native, err := w.native(f.Warn)
	if err != nil {
		return "", err
	}
	var im imports
	var body strings.Builder
	for _, m := range w.Modules {
		fmt.Fprintf(&body, "\tparts.Modules = append(parts.Modules, cli.Module{Path: %q, Version: %q, Dir: %q, Sum: %q})\n", m.Path, m.Version, m.Dir, m.Sum)
	}
	for _, s := range w.found.answer.Strategies {
		v := w.found.variables[s.Variable]
		fmt.Fprintf(&body, "\tparts.AddStrategy(%s.%s)\n", im.name(v.path), v.name)
		if f.Explored {
			fmt.Fprintf(&body, "\tparts.Explored.Strategies = append(parts.Explored.Strategies, %s.%s)\n", im.name(exploredPath+"/"+v.path), v.name)
		}
	}
	for _, x := range w.found.answer.Workloads {
		v := w.found.variables[x.Variable]
		fmt.Fprintf(&body, "\tparts.Workloads = append(parts.Workloads, %s.%s)\n", im.name(v.path), v.name)
		if f.Explored {
			fmt.Fprintf(&body, "\tparts.Explored.Workloads = append(parts.Explored.Workloads, %s.%s)\n", im.name(exploredPath+"/"+v.path), v.name)
		}
	}
	for _, path := range native {
		fmt.Fprintf(&body, "\tparts.Loops = append(parts.Loops, %s.Loops...)\n", im.name(path))
	}
	if err := w.main("refbench", fmt.Sprintf(`package main

import (
	"os"

	"%s/cmd/refbench/cli"
%s)

func main() {
	parts := cli.Builtin()
	parts.Program = os.Args[0]
	parts.Explored.Version += " %s"
%s	cli.Main(parts)
}
`, module, im.text.String(), w.found.version, body.String())); err != nil {
		return "", err
	}
	exe, err = w.compile(ctx, "refbench")
	return exe, explainSize(err)
}

// explainSize says what it may be if the explored form alone doesn't compile.
func explainSize(err error) error {
	var input *InputError
	if err == nil || errors.As(err, &input) || !strings.Contains(err.Error(), exploredPath) {
		return err
	}
	return inputf("the explored form doesn't compile, though the source does: in it atomics and locks have other sizes, so put what checks a size into a test: %v", err)
}
