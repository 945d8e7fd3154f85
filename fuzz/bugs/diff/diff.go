// Package diff has the source of the planted bugs as differences to their twins: what is wrong,
// and what is right in its place. A bug and its twin are one source with a flag, so that a test
// works them out by giving the flag its values (go test ./fuzz/bugs/diff -update).
package diff

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed *.diff
var files embed.FS

// Of returns the difference of a bug, by its name, to its twin: lines with - are the bug's, and
// those with + the twin's. It is "" if there is none.
func Of(bug string) string {
	text, err := files.ReadFile(bug + ".diff")
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return string(text)
}
