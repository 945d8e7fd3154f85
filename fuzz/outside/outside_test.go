package outside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := write(dir, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open opens a workspace with a folder, whose temporary files are in their own place.
func open(t *testing.T, dir string) (*Workspace, error) {
	t.Helper()
	source, err := Source("")
	if err != nil {
		t.Fatal(err)
	}
	with, err := ParseWith(dir)
	if err != nil {
		return nil, err
	}
	w, err := Open(t.Context(), Options{Source: source, With: []With{with}})
	if w != nil {
		t.Cleanup(func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return w, err
}

const goMod = "module example.com/mine\n\ngo 1.26.0\n"

const strategy = `package mine

import "github.com/refbench/refbench/strategies"

var Strategy = &strategies.Strategy{Name: "mine"}
`

// What can't be taken along is one line that says what it is and what to do.
func TestInputErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("it loads and compiles packages with the go command: run without -short")
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		wants []string
	}{
		{"doesn't compile", map[string]string{"go.mod": goMod, "mine.go": strategy + "\nvar X int = true\n"}, []string{"package example.com/mine doesn't compile: ", "mine.go:7:13: ", "go vet shows all"}},
		{"has none", map[string]string{"go.mod": goMod, "mine.go": "package mine\n\nvar Strategy = 1\n"}, []string{"no package there has an exported variable of type *strategies.Strategy", "refbench new"}},
		{"hides them", map[string]string{"go.mod": goMod, "internal/mine/mine.go": strategy}, []string{"its strategies are in example.com/mine/internal/mine, which other modules can't import: move them"}},
		{"needs another Go", map[string]string{"go.mod": "module example.com/mine\n\ngo 1.99.0\n", "mine.go": strategy}, []string{"needs Go 1.99", "install that one"}},
		{"needs what isn't there", map[string]string{"go.mod": goMod, "mine.go": strategy + "\nvar X = nowhere.X\n", "no.go": "package mine\n\nimport nowhere \"example.invalid/nowhere\"\n"}, []string{"example.com/mine", "example.invalid/nowhere", ": "}},
		{"no packages", map[string]string{"go.mod": goMod}, []string{"no packages there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			t.Setenv("TMP", temp)
			t.Setenv("GOPROXY", "off")
			dir := folder(t, c.files)
			w, err := open(t, dir)
			if err == nil {
				err = w.find(t.Context())
			}
			var input *InputError
			if !errors.As(err, &input) {
				t.Fatalf("%v: want an error of what is given", err)
			}
			for _, want := range c.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q isn't in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			if w != nil {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
			if left, err := filepath.Glob(filepath.Join(temp, "refbench-*")); err != nil || len(left) > 0 {
				t.Errorf("%v are left behind (%v)", left, err)
			}
		})
	}
}

// A module that isn't in the cache and can't be fetched leaves nothing behind.
func TestNoNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("it loads and compiles packages with the go command: run without -short")
	}
	t.Setenv("GOPROXY", "off")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	source, err := Source("")
	if err != nil {
		t.Fatal(err)
	}
	with, err := ParseWith("example.invalid/nowhere@v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Source: source, With: []With{with}})
	if err == nil || !strings.Contains(err.Error(), "example.invalid/nowhere@v1.2.3 isn't in the module cache, and can't be downloaded here") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if left, err := filepath.Glob(filepath.Join(temp, "refbench-*")); err != nil || len(left) > 0 {
		t.Errorf("%v are left behind (%v)", left, err)
	}
}

// What has no explored form is named by its place, and what to do.
func TestUnexplorable(t *testing.T) {
	if testing.Short() {
		t.Skip("it loads and compiles packages with the go command: run without -short")
	}
	dir := folder(t, map[string]string{
		"go.mod":        goMod,
		"mine.go":       strategy + "\nimport \"example.com/mine/fast\"\n\nvar X = fast.Add\n",
		"fast/fast.go":  "package fast\n\nfunc Add()\n",
		"fast/fast.s":   "TEXT ·Add(SB), 4, $0-0\n\tRET\n",
		"fast/other.go": "package fast\n\nimport _ \"unsafe\"\n\n//go:linkname now runtime.nanotime\nfunc now() int64\n",
	})
	data := strings.Replace(strategy, "\n\nvar", "\nimport \"example.com/mine/fast\"\n\nvar X = fast.Add\n\nvar", 1)
	if err := write(dir, "mine.go", []byte(data)); err != nil {
		t.Fatal(err)
	}
	w, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	w.found = &found{variables: []variable{{"example.com/mine", "Strategy", false}}}
	err = w.explored(t.Context())
	if err == nil {
		t.Fatal("assembly has an explored form")
	}
	for _, want := range []string{"no explored form: unsupported: assembly in ", "fast.s", "go:linkname in ", "other.go:5", "--explored=false"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q isn't in: %v", want, err)
		}
	}
}

func TestParseWith(t *testing.T) {
	dir := folder(t, map[string]string{"m/go.mod": goMod, "m/below/x.go": "package below\n", "bad/go.mod": "modul x\n", "file": ""})
	w, err := ParseWith(filepath.Join(dir, "m", "below"))
	if err != nil || w.Path != "example.com/mine" || w.Pattern != "example.com/mine/below/..." || w.Version != "" {
		t.Errorf("%+v, %v", w, err)
	}
	w, err = ParseWith("example.com/other@v1.2.3")
	if err != nil || w.Path != "example.com/other" || w.Pattern != "example.com/other/..." || w.Version != "v1.2.3" || w.Dir != "" {
		t.Errorf("%+v, %v", w, err)
	}
	source, err := Source("")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                             "there is no such folder",
		"./nowhere":                    "there is no such folder",
		filepath.Join(dir, "file"):     "it is a file: name the folder",
		filepath.Join(dir, "bad"):      "go.mod:1: unknown directive: modul",
		"not a module":                 "neither a folder nor a module",
		"example.com/x@":               "neither a folder nor a module",
		source:                         "that is refbench itself",
		"github.com/refbench/refbench": "that is refbench itself",
	} {
		if _, err := ParseWith(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Open(context.Background(), Options{Source: source, With: []With{{Text: "a@v1", Path: "a", Version: "v1"}, {Text: "a@v2", Path: "a", Version: "v2"}}}); err == nil || !strings.Contains(err.Error(), "a@v1 and a@v2 are one module, a: name it once") {
		t.Error(err)
	}
	if _, err := Source(dir); err == nil || !strings.Contains(err.Error(), "isn't the root of refbench's source") {
		t.Error(err)
	}
}

const printsSource = "REFBENCH_PRINTS_SOURCE"

func TestMain(m *testing.M) {
	if os.Getenv(printsSource) != "" {
		fmt.Println(Source(""))
		return
	}
	os.Exit(m.Run())
}

// A program that was built with -trimpath doesn't know where its source is: the module of the working
// directory says it, or the environment.
func TestSourceOfTrimmed(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles this package with the go command: run without -short")
	}
	source, err := Source("")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	trimmed := filepath.Join(elsewhere, "trimmed.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-trimpath", "-o", trimmed, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct{ dir, variable, want string }{
		{source, "", source + " <nil>\n"},
		{filepath.Join(source, "fuzz"), "", source + " <nil>\n"},
		{elsewhere, source, source + " <nil>\n"},
		{elsewhere, "", " this refbench was built with -trimpath, and the module of the working directory has no source of it: name a folder with it, as in --refbench DIR or REFBENCH_SOURCE=DIR\n"},
		{source, elsewhere, " " + elsewhere + " isn't the root of refbench's source (its go.mod says \"\"): name the folder with the go.mod of github.com/refbench/refbench\n"},
	} {
		cmd := exec.Command(trimmed)
		cmd.Dir = tt.dir
		cmd.Env = append(os.Environ(), printsSource+"=1", SourceVariable+"="+tt.variable)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != tt.want {
			t.Errorf("in %s with %s=%s: %v, %q, want %q", tt.dir, SourceVariable, tt.variable, err, out, tt.want)
		}
	}
}
