package workloads

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// BuiltinBuffers returns n contents for the workload Buffers, always the same for
// a seed. Their sizes are like those of inputs that a fuzzer keeps, many small
// ones and few large ones: log-normal with a median of 128 bytes, between 1 byte
// and 8 KB.
func BuiltinBuffers(n int, seed uint64) [][]byte {
	const median, spread, largest = 128, 1.3, 8 << 10
	r := rand.New(rand.NewPCG(seed, 1))
	contents := make([][]byte, n)
	for i := range contents {
		size := median * math.Exp(spread*r.NormFloat64())
		data := make([]byte, int(min(max(size, 1), largest)))
		for at := range data {
			data[at] = byte(r.Uint32())
		}
		contents[i] = data
	}
	return contents
}

// BufferLimits say how much LoadBuffers reads at most. A field that is zero has
// the value of DefaultBufferLimits.
type BufferLimits struct {
	Files      int   // how many files
	FileBytes  int64 // size of each file
	TotalBytes int64 // size of all files together
}

// DefaultBufferLimits returns limits under which the workload Buffers stays far
// below 256 MB.
func DefaultBufferLimits() BufferLimits {
	return BufferLimits{Files: maxBuffers, FileBytes: 1 << 20, TotalBytes: 48 << 20}
}

// LoadBuffers reads contents for the workload Buffers: all regular files in a
// folder and its subfolders, in the order of their names, without those whose name
// starts with a dot and without notices (see IsNotice). Symbolic links are not
// followed, except dir itself.
//
// It returns an error that says what to do if the folder is missing or not a
// folder, if it or anything in it can't be read, if it has no files, or if there is
// more than the limits allow. Nothing is left out silently.
func LoadBuffers(dir string, limits BufferLimits) ([][]byte, error) {
	d := DefaultBufferLimits()
	if limits.Files == 0 {
		limits.Files = d.Files
	}
	if limits.FileBytes == 0 {
		limits.FileBytes = d.FileBytes
	}
	if limits.TotalBytes == 0 {
		limits.TotalBytes = d.TotalBytes
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("folder of contents %s: it does not exist: name a folder with files", dir)
	case err != nil:
		return nil, fmt.Errorf("folder of contents %s: %w", dir, err)
	case !info.IsDir():
		return nil, fmt.Errorf("folder of contents %s: it is no folder: name the folder that the file is in", dir)
	}
	// WalkDir doesn't follow links, and dir may be one.
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of contents %s: %w", dir, err)
	}
	var contents [][]byte
	var total int64
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("can't read it all: %w: make it readable or choose another folder", err)
		case path != root && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !e.Type().IsRegular() || IsNotice(e.Name()):
			return nil
		}
		if len(contents) == limits.Files {
			return fmt.Errorf("more than %d files: choose a smaller folder", limits.Files)
		}
		data, err := readBuffer(path, limits.FileBytes)
		if err != nil {
			return err
		}
		if total += int64(len(data)); total > limits.TotalBytes {
			return fmt.Errorf("more than %d bytes in all files: choose a smaller folder", limits.TotalBytes)
		}
		contents = append(contents, data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("folder of contents %s: %w", dir, err)
	}
	if len(contents) == 0 {
		return nil, fmt.Errorf("folder of contents %s: there are no files in it: name a folder with files", dir)
	}
	return contents, nil
}

// IsNotice reports whether a file of this name says something about the files
// around it, such as where they come from, and isn't one of them: LICENSE, LICENCE,
// COPYING, NOTICE and SOURCE, with or without .txt or .md.
func IsNotice(name string) bool {
	switch strings.TrimSuffix(strings.TrimSuffix(name, ".txt"), ".md") {
	case "LICENSE", "LICENCE", "COPYING", "NOTICE", "SOURCE":
		return true
	}
	return false
}

// DescribeBuffers returns one line that tells contents apart: how many there are,
// how many bytes they have together, and a digest. That is the SHA-1 of the
// contents' SHA-1s in hexadecimal, sorted, with a line break after each, so it
// doesn't depend on their names or their order:
//
//	267 files, 2462654 bytes, sha1 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
func DescribeBuffers(contents [][]byte) string {
	sums := make([]string, len(contents))
	total := 0
	for i, data := range contents {
		sums[i] = fmt.Sprintf("%x\n", sha1.Sum(data))
		total += len(data)
	}
	slices.Sort(sums)
	all := sha1.Sum([]byte(strings.Join(sums, "")))
	return fmt.Sprintf("%d files, %d bytes, sha1 %x", len(contents), total, all)
}

// readBuffer reads a file that has no more than limit bytes.
func readBuffer(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("can't read a file: %w: make it readable or remove it", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("can't read a file: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("file %s has more than %d bytes: remove it or choose another folder", path, limit)
	}
	return data, nil
}
