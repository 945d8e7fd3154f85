// Package corpus keeps inputs of fuzz targets, in the three forms that there are of
// them.
//
//   - Raw: the bytes that the target gets, in a file named by their SHA-1. That is
//     how go-fuzz and libFuzzer keep a corpus, and how the inputs of this repository
//     lie here, each below the name of its target: FuzzSequential/0a4d55a8d778….
//   - Go: a text that begins with "go test fuzz v1", as in testdata/fuzz of a package
//     and in the go command's cache of what fuzzing found.
//   - Seeds: a zip that libFuzzer starts from. What its files hold depends on the
//     tool that builds the target: see [Layout].
//
// All targets take one argument, a []byte, so that any input has each of the forms.
// The input without bytes has none: every target is given it anyway.
package corpus

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxBytes is what an input has at most. Programs are decoded from far less; a larger
// file is something else.
const MaxBytes = 1 << 20

// A FileError says which file of a corpus is wrong, why, and what to do.
type FileError struct {
	Path, Reason, Fix string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("file %s %s: %s", e.Path, e.Reason, e.Fix)
}

// Name is what the file of a raw input is called: the input's SHA-1 in hexadecimal.
func Name(data []byte) string { return fmt.Sprintf("%x", sha1.Sum(data)) }

// Compare orders inputs: the shorter one first, then by bytes.
func Compare(a, b []byte) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b))
}

// Sort sorts inputs by [Compare] and drops those that are there twice.
func Sort(inputs [][]byte) [][]byte {
	slices.SortFunc(inputs, Compare)
	return slices.CompactFunc(inputs, bytes.Equal)
}

// Read returns the raw inputs of a folder, sorted. It is strict, since the folder is
// one that only this package writes: what isn't an input named by its SHA-1 is an
// error. The error has one line for each such file, and the inputs are those of the
// other files.
func Read(dir string) ([][]byte, error) {
	return readFolder(dir, func(path string) ([]byte, error) {
		data, err := readFile(path, MaxBytes)
		if err != nil {
			return nil, err
		}
		switch name := filepath.Base(path); {
		case len(name) != 2*sha1.Size || strings.Trim(name, "0123456789abcdef") != "":
			return nil, &FileError{path, "isn't named by a SHA-1", "import it, or remove it"}
		case len(data) == 0:
			return nil, &FileError{path, "is empty", "remove it"}
		case name != Name(data):
			return nil, &FileError{path, "has other contents than its name says, whose SHA-1 is " + Name(data), "restore it or remove it"}
		}
		return data, nil
	})
}

// Collect returns the inputs of a file, or of all files of a folder, sorted. They may
// have any names. A file whose name ends with the SHA-1 of what it holds, as those of
// go-fuzz and libFuzzer do, is raw and has the given layout, whatever it looks like;
// another one that begins as the Go form does is of that form; and all others are raw
// too. Files that begin with a dot are left out, and so is the input without bytes. As
// with [Read], the error has one line for each file that is no input, and the inputs are
// those of the others.
func Collect(path string, layout Layout) ([][]byte, error) {
	one := func(path string) ([]byte, error) {
		data, err := readFile(path, maxText)
		if err != nil {
			return nil, err
		}
		named := strings.HasSuffix(filepath.Base(path), Name(data))
		decode, fix := layout.Decode, "name its layout, or remove it"
		switch {
		case len(data) == 0 && !named:
			// Somebody's input was lost there.
			return nil, &FileError{path, "is empty", "restore it, or leave it out"}
		case IsGo(data) && !named:
			decode, fix = ParseGo, "remove it"
		}
		if data, err = decode(data); err != nil {
			return nil, &FileError{path, err.Error(), fix}
		}
		if len(data) > MaxBytes {
			return nil, tooLarge(path, MaxBytes)
		}
		return data, nil
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return readFolder(path, one)
	}
	data, err := one(path)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return [][]byte{data}, nil
}

// readFolder reads all files of a folder. Unreadable ones end it.
func readFolder(dir string, read func(path string) ([]byte, error)) (inputs [][]byte, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of inputs: %w", err)
	}
	var bad Problems
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		data, err := read(filepath.Join(dir, e.Name()))
		if fe, ok := err.(*FileError); ok {
			bad = append(bad, fe)
		} else if err != nil {
			return nil, err
		} else if len(data) > 0 {
			inputs = append(inputs, data)
		}
	}
	if len(bad) > 0 {
		return Sort(inputs), bad
	}
	return Sort(inputs), nil
}

// Problems are the files of a folder that are no inputs.
type Problems []*FileError

// Error has one line for each file, for twenty at most.
func (p Problems) Error() string {
	const most = 20
	var lines []string
	for _, e := range p[:min(len(p), most)] {
		lines = append(lines, e.Error())
	}
	if len(p) > most {
		lines = append(lines, fmt.Sprintf("and %d files more are no inputs", len(p)-most))
	}
	return strings.Join(lines, "\n")
}

func tooLarge(path string, limit int) *FileError {
	return &FileError{path, fmt.Sprintf("has more than %d bytes", limit), "it is no input of these targets, leave it out"}
}

// regular returns what the file is, or a FileError if it is no regular file. A link isn't
// followed: what it points to isn't part of the corpus.
func regular(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &FileError{path, "is a folder", "name it itself, or remove it"}
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &FileError{path, "is a symbolic link", "put the file itself there"}
	case !info.Mode().IsRegular():
		return nil, &FileError{path, "is no regular file", "remove it"}
	}
	return info, nil
}

// readFile reads a regular file that has no more than limit bytes.
func readFile(path string, limit int) ([]byte, error) {
	info, err := regular(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > int64(limit) {
		return nil, tooLarge(path, limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit { // it has grown
		return nil, tooLarge(path, limit)
	}
	return data, nil
}

// Write adds raw inputs to a folder and returns how many weren't there. A file with
// the right name and other contents, as a full disk or a crash leaves it, is
// replaced. Each file is whole whenever it has its name.
func Write(dir string, inputs [][]byte) (added int, err error) {
	return write(dir, inputs, func(data []byte) (string, []byte) { return Name(data), data })
}

// WriteGo adds inputs in Go form to a folder, which is named testdata/fuzz/FuzzName
// for go test to find it, and returns how many weren't there.
func WriteGo(dir string, inputs [][]byte) (added int, err error) {
	return write(dir, inputs, func(data []byte) (string, []byte) {
		text := FormatGo(data)
		return nameOfText(text), text
	})
}

func write(dir string, inputs [][]byte, file func([]byte) (name string, contents []byte)) (added int, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, err
	}
	for _, data := range inputs {
		if len(data) == 0 {
			continue
		}
		name, contents := file(data)
		path := filepath.Join(dir, name)
		if _, err := regular(path); errors.As(err, new(*FileError)) {
			return added, fmt.Errorf("%w; %d files were written before", err, added)
		}
		if have, err := readFile(path, len(contents)); err == nil && bytes.Equal(have, contents) {
			continue
		}
		if err := WriteFile(path, contents); err != nil {
			return added, fmt.Errorf("%w, after %d files: what was written is whole", err, added)
		}
		added++
	}
	return added, nil
}

// WriteFile writes a file such that it is whole whenever it has its name: under
// another one first, which readers of a corpus skip.
func WriteFile(path string, contents []byte) error {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	err := os.WriteFile(tmp, contents, 0o666)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}
