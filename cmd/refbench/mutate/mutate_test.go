package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is a function of the source in which each kind of change occurs.
const source = `package p

func (c *Count[T]) Put(n int) bool {
	if c.n < 1 && n == 0 {
		c.warn()
		return true
	}
	for {
		c.n -= n
		c.n = 7
		break
	}
	defer c.done()
	c.k++
	return false
}
`

func TestEachKindOfChange(t *testing.T) {
	all, err := changes("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, strings.TrimPrefix(c.name(), "p.go Count.Put: "))
		if changed := string(c.apply([]byte(source))); changed == source || len(changed)-len(source) != len(c.New)-len(c.Old) {
			t.Errorf("%s was not applied:\n%s", c.name(), changed)
		}
	}
	want := []string{
		"c.n < 1 && n == 0 -> !(c.n < 1 && n == 0) #1",
		"c.n < 1 && n == 0 -> c.n < 1 || n == 0 #1",
		"c.n < 1 -> c.n <= 1 #1",
		"1 -> 2 #1",
		"n == 0 -> n != 0 #1",
		"0 -> 1 #1",
		"c.warn() -> #1",
		"true -> false #1",
		"c.n -= n -> c.n += n #1",
		"c.n = 7 -> _ = 7 #1",
		"7 -> 8 #1",
		"break -> continue #1",
		"defer c.done() -> #1",
		"c.k++ -> c.k-- #1",
		"false -> true #1",
	}
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// The folders and changes that this program names are there.
func TestNamesAreOfThisSource(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	names := make(map[string]bool)
	for _, g := range groups {
		for _, dir := range g.dirs {
			files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
			if err != nil || len(files) == 0 {
				t.Errorf("group %q: no source in %s (%v)", g.name, dir, err)
			}
			for _, file := range files {
				source, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				name, err := filepath.Rel(root, file)
				if err != nil {
					t.Fatal(err)
				}
				all, err := changes(filepath.ToSlash(name), source)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range all {
					names[c.name()] = true
				}
			}
		}
	}
	for line := range strings.Lines(equivalents) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, why, ok := strings.Cut(line, " :: ")
		if !ok || why == "" {
			t.Errorf("equivalent.txt: %q has no reason: want NAME :: REASON", line)
		} else if !names[name] {
			t.Errorf("equivalent.txt: there is no such change any more: %s", name)
		}
	}
}

// What failed first is named with the part of it that failed.
func TestFirstFailure(t *testing.T) {
	for said, want := range map[string]string{
		"ok\n--- FAIL: TestScripts (1.0s)\n    --- FAIL: TestScripts/ab (0.9s)\n        no match\n--- FAIL: TestOther (0s)\n": "TestScripts/ab",
		"--- FAIL: TestFirst (1.0s)\n--- FAIL: TestFirstly (0s)\n":                                                            "TestFirst",
		"panic: test timed out after 3m\n\nrunning tests:\n":                                                                  "panic: test timed out after 3m",
		"--- FAIL: TestA (0s)\npanic: no\n":                                                                                   "TestA",
		"cmd/refbench/x.go:1: syntax error\n":                                                                                 "failed",
	} {
		if got := firstFailure(said); got != want {
			t.Errorf("firstFailure(%q) = %q, want %q", said, got, want)
		}
	}
}

// Every script of the command is run.
func TestScriptsAreQuickOrSlow(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("..", "testdata", "script", "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(filepath.Base(name), ".txtar")
	}
	run := strings.Split(quickScripts+"|"+slowScripts, "|")
	slices.Sort(run)
	if !slices.Equal(names, run) {
		t.Errorf("the scripts are %q, and run are %q", names, run)
	}
}
