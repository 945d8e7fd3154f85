package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/testrun"
)

// What a test is told and what it tells.
type (
	// Trial says how to run one test.
	Trial = testrun.Options
	// Report says what came of it.
	Report = testrun.Report
)

// The verdicts of a Report.
const (
	Passed           = testrun.Passed
	Once             = testrun.Once
	Failed           = testrun.Failed
	Skipped          = testrun.Skipped
	Unsupported      = testrun.Unsupported
	TooLong          = testrun.TooLong
	Hangs            = testrun.Hangs
	Nondeterministic = testrun.Nondeterministic
)

// Build builds the test program of a package that has tests and no Err.
func (w *Work) Build(ctx context.Context, p *Package) error {
	dir, err := os.MkdirTemp(w.dir, "p")
	if err != nil {
		return err
	}
	replace := maps.Clone(p.sources.links)
	for i, name := range slices.Sorted(maps.Keys(p.sources.data)) {
		file := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(name)))
		if err := os.WriteFile(file, p.sources.data[name], 0o666); err != nil {
			return err
		}
		replace[name] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o666); err != nil {
		return err
	}
	p.binary = filepath.Join(dir, "tests.exe")
	args := []string{"build", "-overlay=" + list, "-o=" + p.binary, "-ldflags=-s -w"}
	args = append(args, w.flags()...)
	_, err = goCommand(ctx, w.o.Dir, append(args, p.program)...)
	if err != nil && w.mod != "" && wantsGoMod(err) {
		// Copies of other modules' packages are the main module's now. What they import has
		// to stand in its go.mod, which before Go 1.17 names only what it imports itself.
		var mod string
		if mod, err = w.copyMod(dir); err != nil {
			return err
		}
		_, err = goCommand(ctx, w.o.Dir, append(args, "-mod=mod", "-modfile="+mod, p.program)...)
	}
	p.sources = nil
	if err != nil {
		return fmt.Errorf("its explored form doesn't compile: %s", firstError(err.Error()))
	}
	return nil
}

// wantsGoMod reports whether the go command would have to change go.mod.
func wantsGoMod(err error) bool {
	return strings.Contains(err.Error(), "updates to go.mod needed") || strings.Contains(err.Error(), "from implicitly required module")
}

// copyMod copies go.mod and go.sum into a folder, where the go command may complete them.
func (w *Work) copyMod(dir string) (string, error) {
	to := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(w.mod)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(to, data, 0o666); err != nil {
		return "", err
	}
	data, err = os.ReadFile(filepath.Join(filepath.Dir(w.mod), "go.sum"))
	if errors.Is(err, fs.ErrNotExist) {
		return to, nil
	}
	if err != nil {
		return "", err
	}
	return to, os.WriteFile(filepath.Join(dir, "go.sum"), data, 0o666)
}

// firstError returns the first line that says what is wrong.
func firstError(text string) string {
	if strings.HasPrefix(text, "package ") {
		return strings.Join(strings.Fields(text), " ") // a chain of imports
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return text
}

// grace is how much longer than asked for a test program may take before it is ended: it
// finishes an execution and makes what it found small.
const grace = 5 * time.Minute

// Try runs one test of a package that was built.
func (p *Package) Try(ctx context.Context, o Trial) (*Report, error) {
	o.Version = p.Version
	arg, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if o.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Time+grace)
		defer cancel()
	}
	c := exec.CommandContext(ctx, p.binary, string(arg))
	c.Dir = p.Dir
	// What tests leave behind goes when everything temporary does.
	c.Env = append(os.Environ(), "TMPDIR="+filepath.Dir(p.binary))
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	err = c.Run()
	r := new(Report)
	if json.Unmarshal(out.Bytes(), r) == nil && r.Test == o.Test {
		return r, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	text := strings.TrimSpace(out.String())
	if text == "" {
		text = strings.TrimSpace(errOut.String())
	}
	if text == "" && err != nil {
		text = "the test program ended: " + err.Error()
	}
	if i := strings.Index(text, "\n"); i >= 0 && len(text) > 2000 {
		text = text[:2000]
	}
	return nil, errors.New(text)
}

// Native reports whether go test passes the test, without the explorer.
func (w *Work) Native(ctx context.Context, p *Package, test string, short bool) bool {
	args := []string{"test", "-count=1", "-run=^" + test + "$"}
	if short {
		args = append(args, "-short")
	}
	_, err := goCommand(ctx, w.o.Dir, append(append(args, w.flags()...), p.Path)...)
	return err == nil
}
