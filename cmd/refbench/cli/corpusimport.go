package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refbench/refbench/workloads"
)

// A corpusImport copies the files of a folder.
type corpusImport struct {
	from    string
	to      string
	source  string   // where they come from, for the text SOURCE
	targets []string // which ones, with those below them; none: all

	maxBytes int64 // of each file
	maxFiles int   // of each target
}

// corpusDone is what an import did.
type corpusDone struct {
	Targets  []corpusTarget `json:"targets"`
	Files    int            `json:"files"`    // different ones
	Bytes    int64          `json:"bytes"`    // of these
	Present  int            `json:"present"`  // of these, there before
	Repaired int            `json:"repaired"` // of these, there before with other contents
	Twins    int            `json:"twins"`    // not copied: the target has the same contents already
	Large    int            `json:"large"`    // not copied: too large
	Many     int            `json:"many"`     // not copied: the target has enough

	FirstLarge string `json:"-"`
	NoLicence  bool   `json:"-"`
}

// corpusTarget is a folder of files.
type corpusTarget struct {
	Name  string `json:"name"` // with slashes
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// A sourceFile is a file to import.
type sourceFile struct {
	target, path string
	size         int64
}

// mostCorpusFiles ends the search through a folder that can't be meant, such as
// a whole disk.
const mostCorpusFiles = 1 << 20

// run imports. What is wrong with the folder is found before anything is written,
// except for files that can't be read. Each file is written whole under another
// name and gets its own then, so whatever happens, a file with its right name is
// right: unless the system crashes before it has written its caches to the disk,
// which the next import repairs.
func (im corpusImport) run(ctx context.Context) (done corpusDone, err error) {
	files, err := im.scan(ctx)
	if err != nil {
		return done, err
	}
	if files, err = im.choose(files); err != nil {
		return done, err
	}
	if !slices.ContainsFunc(files, func(f sourceFile) bool { return f.size <= im.maxBytes }) {
		return done, usagef("folder %s: all files have more than %d bytes: see --max-bytes", im.from, im.maxBytes)
	}
	notices, err := im.notices()
	if err != nil {
		return done, err
	}
	done.NoLicence = len(notices) == 1
	if err := im.checkOutput(notices); err != nil {
		return done, err
	}
	if err := os.MkdirAll(im.to, 0o777); err != nil {
		return done, failedf("the files can't be written: %w", err)
	}
	tmp, err := os.MkdirTemp(im.to, ".import-")
	if err != nil {
		return done, failedf("the files can't be written: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(tmp); e != nil {
			err = errors.Join(err, failedf("%w", e))
		}
	}()
	// First of all, so that no file ever lies there without them.
	for _, n := range notices {
		if _, err := put(tmp, filepath.Join(im.to, n.name), n.data); err != nil {
			return done, failedf("the files can't be written: %w", err)
		}
	}
	return done, im.copy(ctx, tmp, files, &done)
}

// scan returns the files that there are, by target and path.
func (im corpusImport) scan(ctx context.Context) ([]sourceFile, error) {
	info, err := os.Stat(im.from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("folder %s: it does not exist: name a folder with files", im.from)
	case err != nil:
		return nil, usagef("folder %s: %w", im.from, err)
	case !info.IsDir():
		return nil, usagef("folder %s: it is no folder: name the folder that the file is in", im.from)
	}
	// WalkDir doesn't follow links, and the folder may be one. Its name may be
	// a dot, too.
	root, err := filepath.Abs(im.from)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, usagef("folder %s: %w", im.from, err)
	}
	output, err := os.Stat(im.to)
	if err != nil {
		output = nil // made later
	}
	var files, inCorpus []sourceFile
	err = filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return usagef("can't read it all: %w: make it readable or choose another folder", err)
		case ctx.Err() != nil:
			return failedf("interrupted")
		case name != root && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			if output == nil {
				return nil
			}
			if info, err := e.Info(); err == nil && os.SameFile(info, output) {
				if name == root {
					return usagef("it is the output folder: name another with -o")
				}
				return fs.SkipDir // an earlier import
			}
			return nil
		case !e.Type().IsRegular() || workloads.IsNotice(e.Name()):
			return nil
		case len(files) == mostCorpusFiles:
			return usagef("more than %d files: choose a smaller folder", mostCorpusFiles)
		}
		info, err := e.Info()
		if err != nil {
			return usagef("can't read it all: %w: keep it as it is during the import", err)
		}
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return usagef("%w", err)
		}
		target, corpus := targetOf(rootTarget(root), filepath.ToSlash(rel))
		f := sourceFile{target, name, info.Size()}
		files = append(files, f)
		if corpus {
			inCorpus = append(inCorpus, f)
		}
		return nil
	})
	if err != nil {
		return nil, inFolder(im.from, err)
	}
	if len(files) == 0 {
		return nil, usagef("folder %s: there are no files in it: name a folder with files", im.from)
	}
	if len(inCorpus) > 0 {
		files = inCorpus
	}
	slices.SortFunc(files, func(a, b sourceFile) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.path, b.path))
	})
	return files, nil
}

// inFolder says which folder an error is about, and keeps its status.
func inFolder(dir string, err error) error {
	status := exitFailed
	if se := (*statusError)(nil); errors.As(err, &se) {
		status = se.status
	}
	return &statusError{status, fmt.Errorf("folder %s: %w", dir, err)}
}

// rootTarget returns what the target is called whose files are in the folder root
// itself: by the folder, or by the one around it if that is named corpus. Names
// don't begin with a dot, since readers of a corpus skip such folders.
func rootTarget(root string) string {
	if filepath.Base(root) == "corpus" {
		root = filepath.Dir(root)
	}
	name := strings.TrimLeft(filepath.Base(root), ".")
	if strings.Trim(name, `\/:`) == "" { // a whole disk
		return "files"
	}
	return name
}

// targetOf returns the target of the files in a folder, which is given by its path
// below the root, with slashes. A folder named corpus names none itself:
// "x509/pkix/corpus" is target x509/pkix, and "gopacket/corpus_dns" is
// gopacket/dns. It reports whether there is such a folder.
func targetOf(root, folder string) (target string, corpus bool) {
	var parts []string
	if folder != "." {
		parts = strings.Split(folder, "/")
	}
	for i, p := range parts {
		kind, ok := strings.CutPrefix(p, "corpus")
		if !ok || kind != "" && (len(kind) == 1 || !strings.Contains("_-", kind[:1]) || kind[1] == '.') {
			continue
		}
		before, after := parts[:i:i], parts[i+1:]
		if i == 0 {
			before = []string{root}
		}
		if kind != "" {
			before = append(before, kind[1:])
		}
		return path.Join(append(before, after...)...), true
	}
	if len(parts) == 0 {
		return root, false
	}
	return folder, false
}

// choose returns the files of the targets that were asked for.
func (im corpusImport) choose(files []sourceFile) ([]sourceFile, error) {
	if len(im.targets) == 0 {
		return files, nil
	}
	var chosen []sourceFile
	used := make(map[string]bool)
	var known []string
	for _, f := range files {
		if n := len(known); n == 0 || known[n-1] != f.target {
			known = append(known, f.target)
		}
		in := false
		for _, t := range im.targets {
			name := path.Clean(filepath.ToSlash(t))
			if f.target == name || strings.HasPrefix(f.target, name+"/") {
				used[t], in = true, true
			}
		}
		if in {
			chosen = append(chosen, f)
		}
	}
	for _, t := range im.targets {
		if !used[t] {
			names, more := nearest(t, known), ""
			if len(names) > 8 {
				names, more = names[:8], fmt.Sprintf(" and %d more", len(names)-8)
			}
			return nil, usagef("unknown target %q: there are %s%s", t, strings.Join(names, ", "), more)
		}
	}
	return chosen, nil
}

type notice struct {
	name string
	data []byte
}

// notices returns what lies beside the imported files: SOURCE, and licences and
// notices of the source.
func (im corpusImport) notices() ([]notice, error) {
	entries, err := os.ReadDir(im.from)
	if err != nil {
		return nil, usagef("folder %s: %w", im.from, err)
	}
	var list []notice
	var names []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !workloads.IsNotice(e.Name()) || e.Name() == sourceName {
			continue
		}
		data, err := readUpTo(filepath.Join(im.from, e.Name()), im.maxBytes)
		if err != nil {
			return nil, inFolder(im.from, err)
		}
		list = append(list, notice{e.Name(), data})
		names = append(names, e.Name())
	}
	see := "there is no LICENSE beside them"
	if len(names) > 0 {
		see = "see " + strings.Join(names, ", ")
	}
	text := fmt.Sprintf("The files here were copied by \"refbench corpus import\", unchanged, and named by\ntheir SHA-1. For the terms of use %s.\n\n%s\n", see, im.source)
	return append(list, notice{sourceName, []byte(text)}), nil
}

const sourceName = "SOURCE"

// checkOutput refuses a folder that holds files of another source, whose notices
// would be lost.
func (im corpusImport) checkOutput(notices []notice) error {
	info, err := os.Stat(im.to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usagef("output folder %s: %w", im.to, err)
	case !info.IsDir():
		return usagef("output folder %s: it is no folder: name another with -o", im.to)
	}
	for _, n := range notices {
		have, err := readPresent(filepath.Join(im.to, n.name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return usagef("output folder %s: %w", im.to, err)
		case !bytes.Equal(have, n.data):
			return usagef("output folder %s holds files of another source, by its %s: name another with -o", im.to, n.name)
		}
	}
	return nil
}

// copy copies the files, which are sorted by target.
func (im corpusImport) copy(ctx context.Context, tmp string, files []sourceFile, done *corpusDone) error {
	var t *corpusTarget
	var have map[[sha1.Size]byte]bool // in the target
	for _, f := range files {
		if ctx.Err() != nil {
			return failedf("interrupted after %s: import again to go on", plural(done.Files, "file"))
		}
		if t == nil || t.Name != f.target {
			done.Targets = append(done.Targets, corpusTarget{Name: f.target})
			t, have = &done.Targets[len(done.Targets)-1], make(map[[sha1.Size]byte]bool)
		}
		if t.Files == im.maxFiles {
			done.Many++
			continue
		}
		data, err := readUpTo(f.path, im.maxBytes)
		if errors.As(err, new(*largeError)) {
			if done.Large++; done.Large == 1 {
				done.FirstLarge = f.path
			}
			continue
		}
		if err != nil {
			return inFolder(im.from, err)
		}
		sum := sha1.Sum(data)
		if have[sum] {
			done.Twins++
			continue
		}
		have[sum] = true
		dir := filepath.Join(im.to, filepath.FromSlash(f.target))
		if t.Files == 0 {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return failedf("the files can't be written: %w", err)
			}
		}
		was, err := put(tmp, filepath.Join(dir, fmt.Sprintf("%x", sum)), data)
		if err != nil {
			return failedf("%w, after %s: what was written is whole; import again to go on", err, plural(done.Files, "file"))
		}
		switch was {
		case samePresent:
			done.Present++
		case otherPresent:
			done.Repaired++
		}
		t.Files++
		t.Bytes += int64(len(data))
		done.Files++
		done.Bytes += int64(len(data))
	}
	// Those of which all files were too large.
	done.Targets = slices.DeleteFunc(done.Targets, func(t corpusTarget) bool { return t.Files == 0 })
	return nil
}

// A largeError is a file with more bytes than allowed.
type largeError struct {
	path  string
	limit int64
}

func (e *largeError) Error() string {
	return fmt.Sprintf("file %s has more than %d bytes: see --max-bytes", e.path, e.limit)
}

// readUpTo reads a file that has no more than limit bytes, or returns a
// [*largeError].
func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("can't read a file: %w: make it readable or remove it", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > limit {
		return nil, usagef("%w", &largeError{name, limit})
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, usagef("can't read a file: %w", err)
	}
	// It may have grown.
	if n, err := f.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, usagef("%w", &largeError{name, limit})
	}
	return data, nil
}

// readPresent reads a file that may be there already. What is no regular file isn't
// opened: that could wait for ever.
func readPresent(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: remove it", name)
	}
	return os.ReadFile(name)
}

// presence is what was there before a file was put.
type presence int

const (
	absent presence = iota
	samePresent
	otherPresent
)

// put writes a file unless it is there with the same contents: first into the
// folder tmp, which is on the same file system, whole or not at all.
func put(tmp, name string, data []byte) (was presence, err error) {
	switch have, err := readPresent(name); {
	case err == nil && bytes.Equal(have, data):
		return samePresent, nil
	case err == nil:
		was = otherPresent
	case !errors.Is(err, fs.ErrNotExist):
		return was, err
	}
	whole := filepath.Join(tmp, filepath.Base(name))
	// The error of Close counts too: a network's disk may say only then that
	// it is full.
	if err := os.WriteFile(whole, data, 0o666); err != nil {
		return was, errors.Join(err, os.RemoveAll(whole))
	}
	return was, os.Rename(whole, name)
}
