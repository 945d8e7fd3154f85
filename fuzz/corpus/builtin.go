//go:build !gofuzz

package corpus

import (
	"embed"
	"io/fs"
	"path"
	"slices"
)

// The folders are those of targets. Beside them lies where their inputs come from.
//
//go:embed Fuzz*
var builtin embed.FS

// Targets returns the names of the targets that [Builtin] has inputs for, sorted.
func Targets() []string {
	paths, err := fs.Glob(builtin, "*/*")
	if err != nil {
		panic(err) // only for a wrong pattern
	}
	for i := range paths {
		paths[i] = path.Dir(paths[i])
	}
	return slices.Compact(paths)
}

// Builtin returns the inputs of a target that are committed here, sorted. A target of
// go test adds them with f.Add; libFuzzer gets them as seeds.
func Builtin(target string) (inputs [][]byte) {
	entries, err := fs.ReadDir(builtin, target)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		data, err := builtin.ReadFile(path.Join(target, e.Name()))
		if err != nil {
			panic(err) // only for a file that isn't there
		}
		inputs = append(inputs, data)
	}
	return Sort(inputs)
}
