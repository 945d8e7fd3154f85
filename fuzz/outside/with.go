package outside

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	xmodule "golang.org/x/mod/module"
)

// A With is code to take along.
type With struct {
	Text string // as it was named

	// Path is the module's, Pattern what matches its packages.
	Path, Pattern string

	// Only, if not empty, are the packages whose variables are taken along.
	Only []string

	// Version is empty for the newest, and for a folder.
	Version string

	// Dir is the root of a module that is a folder.
	Dir  string
	file *modfile.File // its go.mod
}

// ParseWith returns what a text names: MODULE, MODULE@VERSION, or a folder, which is
// the root of a module or below one. Folders begin with a dot or a slash, or are there.
func ParseWith(text string) (With, error) {
	w := With{Text: text}
	if info, err := os.Stat(text); err == nil || isPath(text) {
		switch {
		case err != nil:
			return w, inputf("%s: there is no such folder", text)
		case !info.IsDir():
			return w, inputf("%s: it is a file: name the folder with its go.mod", text)
		}
		return w.folder()
	}
	w.Path, w.Version, _ = strings.Cut(text, "@")
	if err := xmodule.CheckPath(w.Path); err != nil || strings.HasSuffix(text, "@") {
		return w, inputf("%s: neither a folder nor a module, as example.com/mine or example.com/mine@v1.2.3", text)
	}
	if w.Path == module {
		return w, inputf("%s: that is refbench itself, whose strategies are built in", text)
	}
	w.Pattern = w.Path + "/..."
	return w, nil
}

// isPath reports whether a text can't be meant as a module.
func isPath(text string) bool {
	return text == "" || text[0] == '.' || filepath.IsAbs(text) || strings.ContainsRune(text, '\\')
}

// folder completes what is known of a folder.
func (w With) folder() (With, error) {
	dir, err := filepath.Abs(w.Text)
	if err != nil {
		return w, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return w, err
	}
	for w.Dir = dir; ; w.Dir = filepath.Dir(w.Dir) {
		name := filepath.Join(w.Dir, "go.mod")
		data, err := os.ReadFile(name)
		if err == nil {
			if w.file, err = modfile.Parse(name, data, nil); err != nil {
				return w, inputf("%s: %v", w.Text, err)
			}
			break
		}
		if w.Dir == filepath.Dir(w.Dir) {
			return w, inputf("%s: no go.mod there or above: make one with go mod init, or begin with refbench new", w.Text)
		}
	}
	if w.file.Module == nil {
		return w, inputf("%s: the go.mod names no module", w.Text)
	}
	w.Path = w.file.Module.Mod.Path
	if w.Path == module {
		return w, inputf("%s: that is refbench itself, whose strategies are built in", w.Text)
	}
	rel, err := filepath.Rel(w.Dir, dir)
	if err != nil {
		return w, err
	}
	w.Pattern = strings.TrimSuffix(w.Path+"/"+filepath.ToSlash(rel), "/.") + "/..."
	return w, nil
}
