package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

// root is the root of the source.
var root = filepath.Join("..", "..", "..")

// The committed files are those of the committed source, and --check says which
// isn't.
func TestGeneratedIsCurrent(t *testing.T) {
	var out, errOut bytes.Buffer
	gen := func(ss []*strategies.Strategy) int {
		out.Reset()
		errOut.Reset()
		return run([]string{"--check", root}, ss, &out, &errOut)
	}
	if status := gen(builtin.All()); status != exitOK {
		t.Fatalf("status %d: %s", status, errOut.String())
	}
	// A promise that the page of specifications doesn't have.
	ss := builtin.All()
	changed := *ss[0]
	changed.Promise.Underflow = strategies.Refuses
	ss[0] = &changed
	status := gen(ss)
	for _, want := range []string{"SPECIFICATION.md is not current", "1 generated files are not current: run refbench gen"} {
		if status != exitStale || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
			t.Errorf("status %d with another promise, want it to say %q: %s%s", status, want, out.String(), errOut.String())
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{t.TempDir()}, "is not the root of refbench's source"},
		{[]string{"a", "b"}, "gen takes one folder, not 2"},
		{[]string{"--chekc"}, "flag provided but not defined"},
	} {
		var out, errOut bytes.Buffer
		if status := run(c.args, builtin.All(), &out, &errOut); status != exitUsage || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("gen %q: status %d, want %d and %q: %s", c.args, status, exitUsage, c.want, errOut.String())
		}
	}
}

// The generator links nothing that it writes, and nothing that it reads but the list of
// strategies: so it can be built whatever has become of that.
func TestGeneratorLinksNothingThatItWrites(t *testing.T) {
	deps := func(pkg string) []string {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		return strings.Fields(string(out))
	}
	written := func(deps []string) (found []string) {
		for _, d := range deps {
			if d == workloadsPath || under(d, exploredPath) || under(d, widthsPath) || under(d, bugsPath) || d == modulePath+"/workloads/native" {
				found = append(found, d)
			}
		}
		return found
	}
	if found := written(deps(".")); len(found) > 0 {
		t.Errorf("the generator links %s", strings.Join(found, ", "))
	}
	if found := written(deps(modulePath + "/cmd/refbench")); !slices.Contains(found, exploredPath) {
		t.Errorf("of cmd/refbench, which links all, only %q is seen: the test finds nothing", found)
	}
}

// A tree is a copy of the source.
type tree struct {
	t   *testing.T
	dir string
}

// copySource returns a copy of the module, without what belongs to tests only.
func copySource(t *testing.T) tree {
	t.Helper()
	to := tree{t, t.TempDir()}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || strings.HasPrefix(d.Name(), "Fuzz")):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(name)
		if err == nil {
			to.write(rel, string(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func (s tree) write(name, text string) {
	s.t.Helper()
	name = filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// replace changes text in a file, which has it.
func (s tree) replace(name, old, new string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		s.t.Fatalf("%s has no %q to replace", name, old)
	}
	s.write(name, strings.ReplaceAll(string(data), old, new))
}

// generate runs the command that a fresh checkout is completed with.
func (s tree) generate() {
	s.t.Helper()
	if out, err := s.goCommand("run", "./cmd/refbench/gen").CombinedOutput(); err != nil {
		s.t.Fatalf("go run ./cmd/refbench/gen: %v\n%s", err, out)
	}
}

// goCommand is the go command in the copy. What it compiles depends on the text alone and
// not on where the copy is, so that it is in the cache for the next copy. A sixth of that is
// collecting garbage otherwise.
func (s tree) goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false -trimpath", "GOGC=400")
	return cmd
}

// files returns the text of every file, by its name with slashes.
func (s tree) files() map[string]string {
	s.t.Helper()
	text := make(map[string]string)
	err := filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		text[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// same checks that the files are those from before.
func (s tree) same(before map[string]string, what string) {
	s.t.Helper()
	after := s.files()
	for name, text := range before {
		if got, ok := after[name]; !ok {
			s.t.Errorf("%s: %s is missing", what, name)
		} else if got != text {
			s.t.Errorf("%s: %s is another than before", what, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			s.t.Errorf("%s: %s is there, and wasn't before", what, name)
		}
	}
}

// One command brings back all that is generated, removes what nothing is generated of
// any more, and gets along with source that changed under what is generated: a
// strategy that comes and goes, and a workload's function that has another name.
func TestOneCommandMakesItCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator of a copy of the source several times")
	}
	s := copySource(t)
	before := s.files()

	deleted := 0
	for _, r := range rooms {
		names, err := r.files(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(names, filepath.Join(s.dir, "strategies", "SPECIFICATION.md")) {
			if os.Remove(name) == nil {
				deleted++
			}
		}
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "fuzz", "explored")); err != nil {
		t.Fatal(err)
	}
	if deleted < 40 {
		t.Errorf("only %d files were deleted", deleted)
	}
	s.write("workloads/native/gone.go", "package native\n")
	s.write("fuzz/explored/strategies/gone/gone.go", "package gone\n")
	s.generate()
	s.same(before, "after all that is generated was deleted, and two files planted")
	if _, err := os.Stat(filepath.Join(s.dir, "fuzz", "explored", "strategies", "gone")); err == nil {
		t.Error("the folder of a file that was removed is left, and empty")
	}
	if t.Failed() {
		return // what follows would say it again
	}

	// A strategy comes.
	data := before["strategies/lockperatomic/lockperatomic.go"]
	s.write("strategies/planted/planted.go", strings.NewReplacer("package lockperatomic", "package planted", `"lockperatomic"`, `"planted"`).Replace(data))
	list := before["strategies/builtin/builtin.go"]
	s.write("strategies/builtin/builtin.go", strings.NewReplacer(
		`strategies/atomic"`, "strategies/atomic\"\n\t\"github.com/refbench/refbench/strategies/planted\"",
		"atomic.Strategy,\n\t\tsaturating", "atomic.Strategy,\n\t\tplanted.Strategy,\n\t\tsaturating").Replace(list))
	s.generate()
	with := s.files()
	for _, name := range []string{"workloads/native/planted.go", "fuzz/explored/strategies/planted/planted.go"} {
		if with[name] == "" {
			t.Errorf("a strategy came: there is no %s", name)
		}
	}
	// Vet checks all types, and what nothing else imports, which is most of it, isn't compiled.
	if out, err := s.goCommand("vet", "./workloads/native", "./fuzz/explored/...").CombinedOutput(); err != nil {
		t.Errorf("a strategy came: go vet: %v\n%s", err, out)
	}

	// It goes again, and at the same time something in the workloads has another
	// name, so that nothing that is generated compiles.
	if err := os.RemoveAll(filepath.Join(s.dir, "strategies", "planted")); err != nil {
		t.Fatal(err)
	}
	s.write("strategies/builtin/builtin.go", list)
	var renamed []string
	for name := range before {
		if strings.HasPrefix(name, "workloads/") && strings.Contains(before[name], "NewRand(") && !strings.HasPrefix(name, "workloads/native/") {
			renamed = append(renamed, name)
			s.replace(name, "NewRand(", "NewDice(")
		}
	}
	if len(renamed) < 5 {
		t.Errorf("something was renamed in %d files only", len(renamed))
	}
	s.generate()
	after := s.files()
	if text := after["workloads/native/generic.go"]; !strings.Contains(text, "workloads.NewDice(") || strings.Contains(text, "NewRand(") {
		t.Error("a function of the workloads has another name: workloads/native/generic.go calls it by the old one")
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("a strategy went: %s is left of it", name)
		}
	}
	for name, text := range before {
		if got := strings.ReplaceAll(after[name], "NewDice(", "NewRand("); got != text && name != "fuzz/explored/explored.go" {
			t.Errorf("a strategy came and went: %s is another than before", name)
		}
	}
}

// The version is that of all the source which a schedule depends on: another line in the
// explorer or in the scenarios changes it, and one in what only real threads run doesn't.
func TestVersionFollowsWhatExploredCodeRunsOn(t *testing.T) {
	s := copySource(t)
	before := s.files()
	hash := func() string {
		t.Helper()
		var b bytes.Buffer
		if err := hashExplorer(&b, s.dir, nil); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first := hash()
	if again := hash(); again != first {
		t.Error("the same source gives another hash")
	}
	for _, c := range []struct {
		file    string
		follows bool
	}{
		{"fuzz/explore/token.go", true},
		{"fuzz/explore/internal/engine/engine.go", true},
		{"fuzz/scenarios/load.go", true},
		{"fuzz/bugs/matrix/matrix.go", true},
		{"strategies/strategies.go", true},
		{"strategies/spec/spec.go", true},
		{"fuzz/explore/gen/gen.go", false},
		{"workloads/bench/cell.go", false},
		{"report/cell.go", false},
		{"cmd/refbench/cli/cli.go", false},
	} {
		old, ok := before[c.file]
		if !ok {
			t.Fatalf("there is no %s to change", c.file)
		}
		s.write(c.file, old+"\n// Another line.\n")
		if got := hash() != first; got != c.follows {
			t.Errorf("another line in %s: the version changes is %v, want %v", c.file, got, c.follows)
		}
		s.write(c.file, old)
	}
	// What is generated needn't be there.
	if err := os.RemoveAll(filepath.Join(s.dir, "fuzz", "explored")); err != nil {
		t.Fatal(err)
	}
	if hash() != first {
		t.Error("without the explored form the version is another")
	}
}
