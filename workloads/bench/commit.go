package bench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// commitVariable is the environment variable that tells the commit where nothing in the
// program does.
const commitVariable = "REFBENCH_COMMIT"

// What told the commit: see [Commit].
const (
	fromBuild       = "build"
	fromVersion     = "version"
	fromEnvironment = "environment"
	fromGit         = "git"
)

// Commit returns the commit that the program was built from, and what told it. "build" is
// what the Go command recorded; "version" the version of the module where it was
// installed by that; "environment" the variable REFBENCH_COMMIT; "git" what the main
// module's source folder has checked out, if it is on this machine and hasn't changed since
// the program was built. Else the commit is "unknown", and nothing told it: "". "+dirty"
// stands for changes that are in no commit.
func Commit() (commit, from string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	if commit, from = recorded(info, os.Getenv(commitVariable)); from != "" {
		return commit, from
	}
	if file := sourceFile(info.Main.Path); file != "" {
		if commit = checkedOut(file); commit != "" {
			return commit, fromGit
		}
	}
	return "unknown", ""
}

// recorded returns what the program itself and its environment tell.
func recorded(info *debug.BuildInfo, environment string) (commit, from string) {
	var rev, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	switch v := info.Main.Version; {
	case rev != "":
		return rev + dirty, fromBuild
	case v != "" && v != "(devel)":
		return v, fromVersion
	case environment != "":
		return environment, fromEnvironment
	}
	return "", ""
}

// sourceFile returns a source file of the main module: the outermost one on the stack. It
// returns "" if the program was built without paths.
func sourceFile(module string) string {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	file := ""
	for {
		f, more := frames.Next()
		inMain := strings.HasPrefix(f.Function, "main.") || module != "" && strings.HasPrefix(f.Function, module+"/")
		if inMain && filepath.IsAbs(f.File) && !strings.HasPrefix(filepath.Base(f.File), "_") {
			file = f.File // not _testmain.go, which the go command makes
		}
		if !more {
			return file
		}
	}
}

// longestGit is how long git may take: it asks the disk for every file.
const longestGit = 10 * time.Second

var (
	gitMu        sync.Mutex
	gitSaid      = make(map[string]string) // by folder
	gitVariables = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
)

// checkedOut is askGit for this program. Git is asked once for each folder.
func checkedOut(file string) string {
	gitMu.Lock()
	defer gitMu.Unlock()
	dir := filepath.Dir(file)
	commit, ok := gitSaid[dir]
	if !ok {
		if exe, err := os.Executable(); err == nil {
			commit = askGit(file, exe)
		}
		gitSaid[dir] = commit
	}
	return commit
}

// askGit returns the commit of the git work tree that a source file of a program belongs
// to, "" if it is in none or was changed since the program was built.
func askGit(file, exe string) string {
	ctx, cancel := context.WithTimeout(context.Background(), longestGit)
	defer cancel()
	git := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", filepath.Dir(file)}, args...)...)
		// Not the work tree that a hook of git's is about, and no lock in it.
		cmd.Env = slices.DeleteFunc(append(os.Environ(), "GIT_OPTIONAL_LOCKS=0"), func(v string) bool {
			name, _, _ := strings.Cut(v, "=")
			return slices.Contains(gitVariables, name)
		})
		return cmd.Output()
	}
	// A file that git doesn't know is in somebody else's work tree.
	if _, err := git("ls-files", "--error-unmatch", "--", filepath.Base(file)); err != nil {
		return ""
	}
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return ""
	}
	files, err := git("-C", strings.TrimSpace(string(top)), "ls-files", "-z", "--", "*.go", "*go.mod", "*go.sum")
	if err != nil || changedSince(exe, strings.TrimSpace(string(top)), files) {
		return ""
	}
	status, err := git("status", "--porcelain=v2", "--branch")
	if err != nil {
		return ""
	}
	commit, dirty := "", ""
	for line := range bytes.Lines(status) {
		line := strings.TrimSpace(string(line))
		oid, ok := strings.CutPrefix(line, "# branch.oid ")
		switch {
		case ok && oid != "(initial)":
			commit = oid
		case !strings.HasPrefix(line, "#"):
			dirty = "+dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}

// changedSince reports whether a file of those below a folder is newer than a program. The go
// command builds what it runs anew if need be, so its programs are as their source.
func changedSince(exe, top string, files []byte) bool {
	if strings.Contains(filepath.ToSlash(exe), "/go-build") || strings.HasSuffix(strings.TrimSuffix(exe, ".exe"), ".test") {
		return false
	}
	built, err := os.Stat(exe)
	if err != nil {
		return true
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join(top, name))
		if err == nil && info.ModTime().After(built.ModTime()) {
			return true
		}
	}
	return false
}
