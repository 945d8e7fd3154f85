// Package skeleton is what refbench new writes: a strategy, or an adapter that makes one of
// a count with methods of its own.
package skeleton

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed files/*.tmpl
var files embed.FS

// A Kind is what the count is that one begins with.
type Kind struct {
	// Name identifies it in flags.
	Name string

	// Doc says in one line what it is: no capital at the start, no period at the end.
	Doc string

	// adapts says that it makes a strategy of a count that is there already.
	adapts bool
}

// Kinds returns the kinds.
func Kinds() []Kind {
	return []Kind{
		{"own", "a count of your own, from the first line", false},
		{"incref", "an adapter of IncRef, TryIncRef and DecRef, which calls what it is given for the last reference", true},
		{"reffree", "an adapter of Ref, TryRef and Free, which reports the last reference", true},
		{"acquire", "an adapter of Acquire and Release, which may both refuse", true},
		{"destructor", "an adapter of a count that calls a destructor which it was given in the beginning", true},
		{"errors", "an adapter of a count that returns errors in place of booleans", true},
		{"notryget", "an adapter of a count that has no TryGet, and of the lock that its users need for that", true},
	}
}

// A File is one of the module.
type File struct {
	Name string
	Data []byte
}

// What the templates are filled in with.
type subject struct {
	Module, Package string
	Kind            Kind
}

// Adapts reports whether there is a count to adapt.
func (s subject) Adapts() bool { return s.Kind.adapts }

// Files returns the files of a module beside go.mod and go.sum. The package and the
// strategy have the same name.
func Files(k Kind, module, pkg string) ([]File, error) {
	s := subject{module, pkg, k}
	list := []struct{ name, from string }{
		{pkg + ".go", k.Name + ".go"},
		{pkg + "_test.go", "test.go"},
		{"README.md", "README.md"},
	}
	if k.adapts {
		list = append(list, struct{ name, from string }{"counted/counted.go", k.Name + "-counted.go"})
	}
	var out []File
	for _, f := range list {
		data, err := fill(f.from, s)
		if err != nil {
			return nil, err
		}
		out = append(out, File{filepath.FromSlash(f.name), data})
	}
	return out, nil
}

func fill(name string, s subject) ([]byte, error) {
	t, err := template.ParseFS(files, "files/"+name+".tmpl")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".go") {
		return b.Bytes(), nil
	}
	data, err := format.Source(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}
