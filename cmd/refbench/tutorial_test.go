package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The tutorial is run as it is written. Files and changes of files stand in blocks of Go
// below a comment that says which; commands begin with a dollar sign, and below each stand
// parts of its output, in order, and its exit status if that isn't 0.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles two refbenches, half a minute: run without -short")
	}
	text, err := os.ReadFile("TUTORIAL.md")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	// The test's program is a refbench if it is called so.
	if err := os.Link(exe, filepath.Join(bin, "refbench")); err != nil {
		if err := os.Symlink(exe, filepath.Join(bin, "refbench")); err != nil {
			t.Skipf("no second name for the test's program here: %v", err)
		}
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	setCommit(t)

	commands := 0
	var old string // what is to be replaced
	for _, m := range regexp.MustCompile("(?s)(?:<!-- ([^\n]*) -->\n)?```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		what, kind, block := m[1], m[2], m[3]
		name, isFile := strings.CutPrefix(what, "file ")
		changed, isOld := strings.CutPrefix(what, "replace in ")
		switch {
		case isFile:
			if err := os.WriteFile(filepath.Join(dir, name), []byte(block), 0o666); err != nil {
				t.Fatal(err)
			}
		case isOld:
			old = changed + "\n" + block
		case what == "with":
			name, before, _ := strings.Cut(old, "\n")
			name = filepath.Join(dir, name)
			data, err := os.ReadFile(name)
			if err != nil || !bytes.Contains(data, []byte(before)) {
				t.Fatalf("%s doesn't have what is to be replaced (%v):\n%s", name, err, before)
			}
			if err := os.WriteFile(name, bytes.Replace(data, []byte(before), []byte(block), 1), 0o666); err != nil {
				t.Fatal(err)
			}
		case kind == "console":
			for _, command := range strings.Split(block, "$ ")[1:] {
				line, wants, _ := strings.Cut(command, "\n")
				if to, ok := strings.CutPrefix(line, "cd "); ok {
					dir = filepath.Join(dir, to)
					continue
				}
				commands++
				runAsWritten(t, dir, line, wants)
			}
		}
	}
	if commands < 6 {
		t.Errorf("only %d commands", commands)
	}
}

var statusLine = regexp.MustCompile(`^\(exit status (\d+)\)$`)

// runAsWritten runs a command of the tutorial.
func runAsWritten(t *testing.T, dir, line, wants string) {
	t.Helper()
	words := strings.Fields(line)
	if strings.HasPrefix(words[0], ".") { // as a shell has it
		words[0] = filepath.Join(dir, words[0])
	}
	c := exec.CommandContext(t.Context(), words[0], words[1:]...)
	c.Dir = dir
	saysAsWritten(t, c, line, wants)
}

// saysAsWritten runs a command of a page, which is in a line there with what is wanted below.
func saysAsWritten(t *testing.T, c *exec.Cmd, line, wants string) {
	t.Helper()
	out, err := c.CombinedOutput()
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	want, rest := 0, string(out)
	for part := range strings.Lines(wants) {
		part = strings.TrimRight(part, " \n")
		if m := statusLine.FindStringSubmatch(part); m != nil {
			want, _ = strconv.Atoi(m[1])
			continue
		}
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%s: %q isn't in its output, or not in this order:\n%s", line, part, out)
		}
		rest = after
	}
	if status != want {
		t.Fatalf("%s: exit status %d, want %d\n%s", line, status, want, out)
	}
}
