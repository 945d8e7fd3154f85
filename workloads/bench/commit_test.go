package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestCommitIsWhatTheProgramRecorded(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}}
	dirty := append(vcs[:2:2], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for _, tt := range []struct {
		info         debug.BuildInfo
		environment  string
		commit, from string
	}{
		{debug.BuildInfo{}, "", "", ""},
		{debug.BuildInfo{}, "env", "env", fromEnvironment},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "env", "env", fromEnvironment},
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "env", "v1.2.3", fromVersion},
		{debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-2026-abc"}, Settings: vcs}, "env", "abc", fromBuild},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: dirty}, "", "abc+dirty", fromBuild},
	} {
		if commit, from := recorded(&tt.info, tt.environment); commit != tt.commit || from != tt.from {
			t.Errorf("version %q, settings %v, environment %q: %q from %q, want %q from %q",
				tt.info.Main.Version, tt.info.Settings, tt.environment, commit, from, tt.commit, tt.from)
		}
	}
}

// gitRepo makes a git work tree with one commit, and returns its folder, the commit, and what
// runs git there.
func gitRepo(t *testing.T) (dir, commit string, git func(args ...string) string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("there is no git to make a repository with, and refbench asks none then: %v", err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir = t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	write(t, dir, "go.mod", "module example.com/mine\n")
	write(t, dir, "cmd/main.go", "package main\n")
	git("add", ".")
	git("commit", "-qm", "one")
	return dir, git("rev-parse", "HEAD"), git
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGitTellsTheCommitOfTheSource(t *testing.T) {
	dir, commit, git := gitRepo(t)
	file, exe := filepath.Join(dir, "cmd", "main.go"), write(t, t.TempDir(), "program", "")
	check := func(what, file, want string) {
		t.Helper()
		if got := askGit(file, exe); got != want {
			t.Errorf("%s: commit %q, want %q", what, got, want)
		}
	}
	later := func(path string, by time.Duration) {
		t.Helper()
		at := time.Now().Add(by)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	later(exe, time.Hour)
	check("committed", file, commit)
	for _, name := range gitVariables { // as where a hook runs the program
		t.Setenv(name, filepath.Join(dir, "elsewhere"))
	}
	check("run by a hook of another work tree", file, commit)
	for _, name := range gitVariables {
		os.Unsetenv(name)
	}
	write(t, dir, "cmd/main.go", "package main // changed\n")
	check("changed", file, commit+"+dirty")
	git("checkout", "-q", "cmd/main.go")
	write(t, dir, "cmd/more.go", "package main\n")
	check("with a file more", file, commit+"+dirty")
	check("of a file that isn't git's", filepath.Join(dir, "cmd", "more.go"), "")
	if err := os.Remove(filepath.Join(dir, "cmd", "more.go")); err != nil {
		t.Fatal(err)
	}
	later(file, 2*time.Hour)
	check("changed since the program was built", file, "")
	exe = filepath.Join(t.TempDir(), "go-build1", "program") // what go run and go test make
	check("built by the go command for this run", file, commit)
	check("in no work tree", write(t, t.TempDir(), "main.go", ""), "")
	check("gone", filepath.Join(dir, "gone", "main.go"), "")
}

// However this test is run, it is a program of this module, and its source is there.
func TestCommitIsKnownWhereTheSourceIs(t *testing.T) {
	t.Setenv(commitVariable, "")
	here, err := os.Getwd() // go test runs in the package's folder
	if err != nil {
		t.Fatal(err)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("no build information")
	}
	for _, s := range info.Settings {
		if s.Key == "-trimpath" {
			if file := sourceFile(info.Main.Path); file != "" {
				t.Errorf("source file %q of a program that was built without paths, want none", file)
			}
			return
		}
	}
	if file := sourceFile(info.Main.Path); filepath.Dir(file) != here {
		t.Errorf("source file %q, want one in %s", file, here)
	}
	commit, from := Commit()
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		if commit != "unknown" || from != "" {
			t.Errorf("commit %q from %q where git says %v, want unknown", commit, from, err)
		}
		return
	}
	want := regexp.MustCompile("^" + strings.TrimSpace(string(head)) + `(\+dirty)?$`)
	if !want.MatchString(commit) || from == "" {
		t.Errorf("commit %q from %q, want %s", commit, from, want)
	}
}
