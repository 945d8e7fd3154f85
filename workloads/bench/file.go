package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// A File is a result file that samples are added to. Each sample is one line,
// written in one piece and on disk before the next sample begins.
type File struct {
	f       *os.File
	path    string
	size    int64 // up to the end of the last whole line
	regular bool
	procs   int
}

// An ExistsError is a result file that is already there.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + " exists already" }

// A MismatchError is a file that samples of this run can't be added to.
type MismatchError struct {
	Path  string
	Key   string // the config line that differs
	Have  string // in the file
	Want  string // of this run
	Alien bool   // it isn't a result file at all
}

func (e *MismatchError) Error() string {
	if e.Alien {
		return fmt.Sprintf("%s is no result file of refbench: it has no line \"format: %s\"", e.Path, Format)
	}
	return fmt.Sprintf("%s was measured with %s %q, this run has %s %q: use another file", e.Path, e.Key, orNone(e.Have), e.Key, orNone(e.Want))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Create makes a new result file, and the folders on its path, and writes the
// header and what the units mean. If there is a file already, it returns an
// [*ExistsError]. A device such as /dev/stdout is written to as it is.
func Create(path string, m *Machine, header []Config) (*File, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE | os.O_EXCL
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		flags = os.O_WRONLY | os.O_APPEND
	}
	osf, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, &ExistsError{path}
	}
	if err != nil {
		return nil, err
	}
	f := &File{f: osf, path: path, regular: flags&os.O_CREATE != 0, procs: m.Procs}
	var b bytes.Buffer
	for _, c := range header {
		fmt.Fprintf(&b, "%s: %s\n", c.Key, c.Value)
	}
	w := benchfmt.NewWriter(&b)
	for _, r := range unitRecords() {
		if err := w.Write(r); err != nil {
			return nil, errors.Join(err, osf.Close())
		}
	}
	b.WriteByte('\n')
	if err := f.write(b.Bytes()); err != nil {
		return nil, errors.Join(err, osf.Close())
	}
	return f, nil
}

// Append opens a result file to add samples to. Its header must be the same, or
// it returns a [*MismatchError]: samples of another machine, another commit or
// another format are never mixed. A line at the end that was cut off is ended, so
// that a reader loses that line only.
func Append(path string, m *Machine, header []Config) (*File, error) {
	osf, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	have, whole, err := readHeader(osf)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), osf.Close())
	}
	if err := compareHeader(path, have, header); err != nil {
		return nil, errors.Join(err, osf.Close())
	}
	info, err := osf.Stat()
	if err != nil {
		return nil, errors.Join(err, osf.Close())
	}
	f := &File{f: osf, path: path, size: info.Size(), regular: info.Mode().IsRegular(), procs: m.Procs}
	if !whole {
		if err := f.write([]byte("\n")); err != nil {
			return nil, errors.Join(err, osf.Close())
		}
	}
	return f, nil
}

// readHeader returns the config lines before the first result, and whether the
// file ends with a whole line.
func readHeader(r io.Reader) (header []Config, whole bool, err error) {
	br := bufio.NewReader(r)
	whole = true
	for results := false; ; {
		line, err := br.ReadString('\n')
		if line != "" {
			whole = strings.HasSuffix(line, "\n")
			results = results || strings.HasPrefix(line, "Benchmark")
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !results && !strings.ContainsAny(key, " \t") {
				header = append(header, Config{key, value})
			}
		}
		if err == io.EOF {
			return header, whole, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

func compareHeader(path string, have, want []Config) error {
	value := func(cs []Config, key string) string {
		for _, c := range cs {
			if c.Key == key {
				return c.Value
			}
		}
		return ""
	}
	if value(have, "format") == "" {
		return &MismatchError{Path: path, Alien: true}
	}
	for _, c := range append(want[:len(want):len(want)], have...) {
		h, w := value(have, c.Key), strings.TrimSpace(value(want, c.Key))
		if h != w {
			return &MismatchError{Path: path, Key: c.Key, Have: h, Want: w}
		}
	}
	return nil
}

// Path returns the file's name.
func (f *File) Path() string { return f.path }

// Add writes the sample's line and waits until it is on disk.
func (f *File) Add(s Sample) error {
	var b bytes.Buffer
	if err := benchfmt.NewWriter(&b).Write(s.Result(f.procs)); err != nil {
		return err
	}
	return f.write(b.Bytes())
}

// write appends whole lines. If the disk takes only a part, what it took is
// taken back, so that the file ends with a whole line.
func (f *File) write(lines []byte) error {
	if _, err := f.f.Write(lines); err != nil {
		if f.regular {
			err = errors.Join(err, f.f.Truncate(f.size))
		}
		return err
	}
	f.size += int64(len(lines))
	if !f.regular {
		return nil // devices and pipes have nothing to sync
	}
	return f.f.Sync()
}

// syncTime finds out how long it takes until a line is on this disk: the median
// of some tries with another file, 0 for a file that isn't regular.
func (f *File) syncTime() (d time.Duration, err error) {
	if !f.regular {
		return 0, nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.path), ".sync-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	var took []float64
	line := bytes.Repeat([]byte{'\n'}, 200)
	for range 5 {
		begin := time.Now()
		if _, err := tmp.Write(line); err != nil {
			return 0, err
		}
		if err := tmp.Sync(); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(begin)))
	}
	return time.Duration(median(took)), nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
