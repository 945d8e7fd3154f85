package outside

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
)

// module is refbench's own path.
const module = "github.com/refbench/refbench"

// SourceVariable is the environment variable that names the folder of refbench's source, for programs
// that don't know it: those built with -trimpath, or elsewhere.
const SourceVariable = "REFBENCH_SOURCE"

// Source returns the folder of refbench's own source: the named one, or, for "", the one that
// SourceVariable names, or else the one that this program was built from. A program that was built
// with -trimpath doesn't have its name, so it takes the source that the module of the working
// directory uses.
func Source(named string) (string, error) {
	if named == "" {
		named = os.Getenv(SourceVariable)
	}
	if named != "" {
		dir, err := filepath.Abs(named)
		if err != nil {
			return "", err
		}
		if path := modulePath(dir); path != module {
			return "", inputf("%s isn't the root of refbench's source (its go.mod says %q): name the folder with the go.mod of %s", named, path, module)
		}
		return dir, nil
	}
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(filepath.Dir(filepath.Dir(filepath.FromSlash(file))))
	if !filepath.IsAbs(dir) {
		if dir = used(); dir == "" {
			return "", inputf("this refbench was built with -trimpath, and the module of the working directory has no source of it: name a folder with it, as in --refbench DIR or %s=DIR", SourceVariable)
		}
	}
	if modulePath(dir) != module {
		return "", inputf("the source that this refbench was built from is gone (%s): name a folder with it, as in --refbench DIR or %s=DIR", dir, SourceVariable)
	}
	return dir, nil
}

// used returns the folder of refbench's source that the module of the working directory uses, or "".
func used() string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// modulePath returns what a folder's go.mod says that the module is called, or "".
func modulePath(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	return modfile.ModulePath(data)
}
