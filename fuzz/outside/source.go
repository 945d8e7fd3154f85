package outside

import (
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

// module is refbench's own path.
const module = "github.com/refbench/refbench"

// Source returns the folder of refbench's own source: the named one, or, for "", the one
// that this program was built from.
func Source(named string) (string, error) {
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
	if !filepath.IsAbs(dir) || modulePath(dir) != module {
		return "", inputf("the source that this refbench was built from is gone (%s): name a folder with it, as in --refbench DIR", dir)
	}
	return dir, nil
}

// modulePath returns what a folder's go.mod says that the module is called, or "".
func modulePath(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	return modfile.ModulePath(data)
}
