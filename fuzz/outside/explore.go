package outside

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// Explorer builds a program that explores the strategies that are taken along, and returns
// its file, which Close removes. Package explorer says what it does.
func (w *Workspace) Explorer(ctx context.Context) (exe string, err error) {
	if err := w.find(ctx); err != nil {
		return "", err
	}
	if err := w.explored(ctx); err != nil {
		return "", err
	}
	var im imports
	var list strings.Builder
	for _, s := range w.found.answer.Strategies {
		v := w.found.variables[s.Variable]
		fmt.Fprintf(&list, "%s.%s, ", im.name(exploredPath+"/"+v.path), v.name)
	}
	if err := w.main("explorer", fmt.Sprintf(`package main

import (
	"%[1]s/fuzz/outside/explorer"
	"%[1]s/strategies"
%[2]s)

func main() { explorer.Main([]*strategies.Strategy{%[3]s}, "%[4]s") }
`, module, im.text.String(), list.String(), w.found.version)); err != nil {
		return "", err
	}
	exe, err = w.compile(ctx, "explorer")
	return exe, explainSize(err)
}

// An Exploration is what an explorer found out.
type Exploration struct {
	Broken bool
	Reason string // why it wasn't found out
	Tried  string
	Found  []struct{ What, Detail, Token string }
}

// Explore runs an explorer.
func Explore(ctx context.Context, exe string, args ...string) (x Exploration, err error) {
	cmd := exec.CommandContext(ctx, exe, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return x, fmt.Errorf("the program that explores: %w: %s", err, strings.TrimSpace(said.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &x); err != nil {
		return x, fmt.Errorf("what the program that explores says: %w", err)
	}
	return x, nil
}
