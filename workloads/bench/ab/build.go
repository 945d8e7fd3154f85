package ab

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Side is one of the two programs that are compared.
type Side struct {
	Name     string   // "old" or "new"
	Spec     string   // what it was called
	Commit   string   // "" for a binary
	Programs []string // the same source in several layouts, or one binary
}

// String says what the side is.
func (s *Side) String() string {
	if s.Commit != "" && !strings.HasPrefix(s.Commit, s.Spec) {
		return fmt.Sprintf("%s (commit %.12s)", s.Spec, s.Commit)
	}
	return s.Spec
}

// A SpecError is a side that can't be found or built.
type SpecError struct {
	Spec string
	Text string
	Err  error
}

func (e *SpecError) Error() string { return fmt.Sprintf("%s: %s", e.Spec, e.Text) }
func (e *SpecError) Unwrap() error { return e.Err }

// A Builder makes sides out of commits of a repository.
type Builder struct {
	Repository string // a folder in it
	Dir        string // where programs go, each side's in a folder of its own, and work trees
	Layouts    int    // of each commit
	// Package is what is built, as it is called at the root of the repository.
	Package string
	// Say is told what is being done.
	Say func(format string, args ...any)
}

// Sides returns the two sides that are named. It says what may surprise: that they are the
// same, or that the work tree has changes that are in neither.
func (b *Builder) Sides(ctx context.Context, older, newer string) (o, n *Side, err error) {
	if o, err = b.side(ctx, "old", older); err != nil {
		return nil, nil, err
	}
	if commit, err := b.commit(ctx, newer); err == nil && commit == o.Commit {
		n = &Side{Name: "new", Spec: newer, Commit: commit, Programs: o.Programs}
	} else if n, err = b.side(ctx, "new", newer); err != nil {
		return nil, nil, err
	}
	if o.same(n) {
		b.Say("both sides are the same: what differs is noise")
	}
	head, err := b.commit(ctx, "HEAD")
	if err == nil && (head == o.Commit || head == n.Commit) && b.dirty(ctx) {
		b.Say("the work tree has changes that are in no commit: they aren't compared")
	}
	return o, n, nil
}

// same reports whether two sides are one commit or one file.
func (s *Side) same(t *Side) bool {
	if s.Commit != "" || t.Commit != "" {
		return s.Commit == t.Commit
	}
	// Two links to a program may be two programs: what it does may depend on its name.
	a, err := os.Lstat(s.Programs[0])
	if err != nil {
		return false
	}
	b, err := os.Lstat(t.Programs[0])
	return err == nil && os.SameFile(a, b)
}

// listed returns the paths of what is in a folder.
func listed(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths, err
}

// commit is the commit that spec names. What is the name of a file names no commit.
func (b *Builder) commit(ctx context.Context, spec string) (string, error) {
	if _, err := os.Stat(spec); err == nil {
		return "", fs.ErrExist
	}
	return b.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", spec+"^{commit}")
}

// programs returns the binary that spec names, or those in the folder that it names: a
// source in several layouts, as --keep leaves them. It returns none if there is no such
// file.
func programs(spec string) ([]string, error) {
	info, err := os.Stat(spec)
	if err != nil {
		return nil, nil // it may be a commit
	}
	names := []string{spec}
	if info.IsDir() {
		if names, err = listed(spec); err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, &SpecError{spec, "it is an empty folder: name a refbench binary, a folder of some, or a commit", nil}
		}
	}
	for i, name := range names {
		if names[i], err = filepath.Abs(name); err != nil {
			return nil, err
		}
		if _, err := exec.LookPath(names[i]); err != nil {
			return nil, &SpecError{name, "it can't be run: name a refbench binary, a folder of some, or a commit", err}
		}
	}
	return names, nil
}

// side returns the side that spec names: a file that can be run, or else a commit, which
// it builds.
func (b *Builder) side(ctx context.Context, name, spec string) (*Side, error) {
	if programs, err := programs(spec); err != nil {
		return nil, err
	} else if len(programs) > 0 {
		return &Side{Name: name, Spec: spec, Programs: programs}, nil
	}
	commit, err := b.commit(ctx, spec)
	if err != nil {
		return nil, &SpecError{spec, "it is neither a commit of this repository nor a program here: name one of the two", err}
	}
	s := &Side{Name: name, Spec: spec, Commit: commit}
	tree := filepath.Join(b.Dir, name+"-source")
	if _, err := b.git(ctx, "worktree", "add", "--quiet", "--detach", tree, commit); err != nil {
		return nil, &SpecError{spec, "its source can't be checked out: " + err.Error(), err}
	}
	defer func() {
		// Even if the context has ended: a work tree is known to the repository.
		_, _ = b.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", tree)
	}()
	for i := range b.Layouts {
		b.Say("building %s, layout %d of %d", s, i+1, b.Layouts)
		program := filepath.Join(b.Dir, name, fmt.Sprintf("layout-%d", i+1))
		// The order of functions in memory is drawn by the linker: what a change of
		// it costs or gains isn't the change's own. Neither is the name of the folder, which
		// is left out: so what the commits have in common is compiled once.
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", fmt.Sprintf("-ldflags=-s -w -randlayout=%d", i+1), "-o", program, b.Package)
		cmd.Dir = tree
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, &SpecError{spec, "it doesn't build: " + firstLines(said.String(), 3), err}
		}
		s.Programs = append(s.Programs, program)
	}
	return s, nil
}

// dirty reports whether the work tree has changes that are in no commit.
func (b *Builder) dirty(ctx context.Context) bool {
	text, err := b.git(ctx, "status", "--porcelain", "--untracked-files=no")
	return err == nil && text != ""
}

// git runs git in the repository and returns what it prints.
func (b *Builder) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = b.Repository
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if text := oneLine(errOut.String()); text != "" {
			return "", fmt.Errorf("git: %s", text)
		}
		return "", fmt.Errorf("git: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

// firstLines is the beginning of a compiler's output on one line, without the lines that
// name a package.
func firstLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), n)], "; ")
}
