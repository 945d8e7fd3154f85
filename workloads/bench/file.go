package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads/bench/lock"
)

// A File is a result file that samples are added to. Each sample is one line,
// written in one piece and on disk before the next sample begins. One File at a time
// adds to a file: it has its lock, which ends with the process at the latest.
//
// Samples whose CPUs were shared go to another file, beside it: see [File.AsidePath]. So
// readers of the format that don't know the unit "shared" never average them in. What is
// no regular file has no other beside it: there such a sample stands between config lines
// that set and unset [SetAside].
type File struct {
	f       disk
	path    string
	info    fs.FileInfo // of the file that is open
	regular bool
	procs   int

	// Samples whose CPUs were shared stand in a file beside it, which is made
	// when there is the first one: nil until then.
	aside     *File
	makeAside func(path string) (*File, error) // makes it

	// Unlocked is why the file could not be locked, nil if it was: the file
	// system has no locks.
	Unlocked error

	stopped func() bool // no longer waits for the context
}

// disk is what a File needs of its *os.File.
type disk interface {
	io.WriteCloser
	io.Seeker
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	SetWriteDeadline(time.Time) error
}

// An ExistsError is a result file that is already there.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + " exists already" }

// An InUseError is a result file that another run is adding to.
type InUseError struct {
	Path string
	Err  *lock.HeldError
}

func (e *InUseError) Error() string {
	who := "another run"
	if e.Err.Process != 0 {
		who = fmt.Sprintf("process %d", e.Err.Process)
	}
	return fmt.Sprintf("%s: %s is adding to it: wait until that has ended, or name another file", e.Path, who)
}
func (e *InUseError) Unwrap() error { return e.Err }

// A KindError is something that no results can be written to, because it isn't a
// regular file.
type KindError struct {
	Path string
	Kind string // "a block device"
	Want string
}

func (e *KindError) Error() string { return fmt.Sprintf("%s is %s: %s", e.Path, e.Kind, e.Want) }

// A GoneError is a result file that was removed, renamed or replaced while samples were
// added to it. Those that were added are where it was moved to, if it still is anywhere.
type GoneError struct{ Path string }

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s was removed, renamed or replaced by something else during the run: what was measured from then on would be lost", e.Path)
}

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
	return fmt.Sprintf("%s was measured with %s: use another file", e.Path, e.Difference())
}

// Difference says what differs.
func (e *MismatchError) Difference() string {
	return fmt.Sprintf("%s %q, this run has %s %q", e.Key, orNone(e.Have), e.Key, orNone(e.Want))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Create makes a new result file, and the folders on its path, and writes the
// header and what the units mean. If there is a file already, it returns an
// [*ExistsError]. A pipe that somebody reads from, or a device such as /dev/stdout, is
// written to as it is, without waiting for ever: when ctx ends, so does writing. What is
// neither is a [*KindError].
func Create(ctx context.Context, path string, m *Machine, header []Config) (*File, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(asidePath(path)); err == nil {
			return nil, &ExistsError{asidePath(path)}
		}
	}
	f, err := create(ctx, path, m, header)
	if err == nil {
		f.makeAside = func(path string) (*File, error) { return create(ctx, path, m, asideHeader(header)) }
	}
	return f, err
}

// create is Create for one file alone. What it can't write its header to it removes, if it
// has made it.
func create(ctx context.Context, path string, m *Machine, header []Config) (*File, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE | os.O_EXCL
	regular := true
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if kind := kindOf(info); kind != pipe && kind != device {
			return nil, &KindError{path, kind, "name a file"}
		}
		flags, regular = os.O_WRONLY|os.O_APPEND|nonblocking, false
	}
	osf, err := os.OpenFile(path, flags, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, &ExistsError{path}
	case err != nil && !regular && errors.Is(err, noReader):
		return nil, &KindError{path, "a pipe or a socket", "nobody reads from it: start its reader first"}
	case err != nil:
		return nil, err
	}
	f, err := newFile(ctx, osf, path, regular, m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, c := range header {
		fmt.Fprintf(&b, "%s: %s\n", c.Key, c.Value)
	}
	w := benchfmt.NewWriter(&b)
	for _, r := range unitRecords() {
		if err := w.Write(r); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	b.WriteByte('\n')
	if err := f.write(b.Bytes()); err != nil {
		err = errors.Join(err, f.Close())
		if regular {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, err
	}
	return f, nil
}

// newFile returns a File for what was opened, with its lock if it is a regular file. On an
// error it is closed.
func newFile(ctx context.Context, osf *os.File, path string, regular bool, m *Machine) (*File, error) {
	f := &File{f: osf, path: path, regular: regular, procs: m.Procs, stopped: func() bool { return true }}
	if !regular {
		// A reader that doesn't read would hold up everything.
		f.stopped = context.AfterFunc(ctx, func() { _ = osf.SetWriteDeadline(time.Unix(1, 0)) })
		return f, nil
	}
	err := lock.Take(osf)
	var held *lock.HeldError
	switch {
	case errors.As(err, &held):
		err = &InUseError{path, held}
	case errors.Is(err, lock.ErrUnsupported):
		f.Unlocked, err = err, nil
	}
	if err == nil {
		f.info, err = osf.Stat()
	}
	if err != nil {
		return nil, errors.Join(err, osf.Close())
	}
	return f, nil
}

// Append opens a result file to add samples to. Its header must be the same, or
// it returns a [*MismatchError]: samples of another machine, another commit or
// another format are never mixed. If another run is adding to it, it returns an
// [*InUseError], and if it is no regular file a [*KindError]. A sample's line that
// was cut off at the end is removed. No more of the file is read
// than its header and its end. The same goes for the samples excluded.
func Append(ctx context.Context, path string, m *Machine, header []Config) (*File, error) {
	f, err := add(ctx, path, m, header)
	if err != nil {
		return nil, err
	}
	f.makeAside = func(path string) (*File, error) { return create(ctx, path, m, asideHeader(header)) }
	if f.aside, err = addAside(ctx, f.AsidePath(), m, asideHeader(header)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// addAside is add for the samples excluded. It returns nil if there are none: a writer
// that was killed may leave the file empty.
func addAside(ctx context.Context, path string, m *Machine, header []Config) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return nil, os.Remove(path)
	}
	return add(ctx, path, m, header)
}

// add is Append for one file alone.
func add(ctx context.Context, path string, m *Machine, header []Config) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &KindError{path, kindOf(info), "only to a file can be added"}
	}
	osf, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	f, err := newFile(ctx, osf, path, true, m)
	if err != nil {
		return nil, err
	}
	have, err := readHeader(osf, path)
	if err == nil {
		err = compareHeader(path, have, header)
	}
	if err == nil {
		err = f.endLine(osf)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// endLine sees to a last line without its end. A sample's line that was cut off is
// removed: what of it is whole would be taken for a sample. Anything else is ended.
func (f *File) endLine(osf *os.File) error {
	info, err := osf.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	tail := make([]byte, min(info.Size(), longestLine))
	if _, err := osf.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return err
	}
	last := string(tail[bytes.LastIndexByte(tail, '\n')+1:])
	const begin = "BenchmarkRef/"
	isSample := strings.HasPrefix(last, begin) || strings.HasPrefix(begin, last)
	switch {
	case last == "":
		return nil
	case isSample && len(last) < len(tail) && !isWhole(last):
		return f.f.Truncate(info.Size() - int64(len(last)))
	}
	return f.write([]byte("\n"))
}

// longestLine is more than any line of a sample has, in bytes.
const longestLine = 64 << 10

// isWhole reports whether a sample's line has its last unit.
func isWhole(line string) bool {
	kinds := kinds()
	for _, p := range Probes() {
		if strings.HasSuffix(line, " "+p.lastUnit()) {
			return true
		}
	}
	return strings.HasSuffix(line, " "+UnitReleased) || strings.HasSuffix(line, " "+kinds[len(kinds)-1])
}

// The kinds of files that samples are written to though they aren't regular.
const (
	pipe   = "a pipe"
	device = "a device"
)

// sizes returns how many bytes a file that is regular has, and how many the one beside it,
// else 0.
func (f *File) sizes() (own, aside int64, err error) {
	for _, of := range []struct {
		f    *File
		size *int64
	}{{f, &own}, {f.aside, &aside}} {
		if of.f == nil || !of.f.regular {
			continue
		}
		info, err := of.f.f.Stat()
		if err != nil {
			return 0, 0, err
		}
		*of.size = info.Size()
	}
	return own, aside, nil
}

// kindOf says what something is that is no regular file.
func kindOf(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return pipe
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeCharDevice != 0:
		return device
	case mode&fs.ModeDevice != 0:
		return "a block device"
	}
	return "no regular file"
}

// readHeader returns the config lines before the first result.
func readHeader(r io.Reader, path string) (header []Config, err error) {
	// The reader has the config lines with a result, and there may be none yet.
	const end = "\nBenchmarkEnd 1 1 ns/op\n"
	br := benchfmt.NewReader(io.MultiReader(r, strings.NewReader(end)), path)
	for br.Scan() {
		res, ok := br.Result().(*benchfmt.Result)
		if !ok {
			continue // a unit, or a line that is none of the format
		}
		for _, c := range res.Config {
			if c.File {
				header = append(header, Config{c.Key, string(c.Value)})
			}
		}
		return header, nil
	}
	if err := br.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, &MismatchError{Path: path, Alien: true}
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return nil, nil
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

// SetAside is the config line of samples that are excluded, and its value says why.
// Readers that tell results apart by their configuration, as benchstat does, don't average
// them in even if they read both files.
const SetAside = "set-aside"

// asideHeader returns the header of the samples excluded.
func asideHeader(header []Config) []Config {
	return append(header[:len(header):len(header)], Config{SetAside, UnitShared})
}

// AsidePath returns the name of the file with the samples excluded: results.shared.txt
// for results.txt, and NAME.shared for one whose name doesn't end in .txt. A file that
// isn't regular has none: "".
func (f *File) AsidePath() string {
	if !f.regular {
		return ""
	}
	return asidePath(f.path)
}

func asidePath(path string) string {
	if stem, ok := strings.CutSuffix(path, ".txt"); ok {
		return stem + "." + UnitShared + ".txt"
	}
	return path + "." + UnitShared
}

// IsAside reports whether a name is one that samples excluded get.
func IsAside(path string) bool {
	return strings.HasSuffix(strings.TrimSuffix(path, ".txt"), "."+UnitShared)
}

// Add writes the sample's line and waits until it is on disk.
func (f *File) Add(s Sample) error { return f.AddResult(s.Result(f.procs)) }

// AddResult is Add of a line that another process has made of its sample.
func (f *File) AddResult(r *benchfmt.Result) error {
	var b bytes.Buffer
	if err := benchfmt.NewWriter(&b).Write(r); err != nil {
		return err
	}
	if shared, _ := r.Value(UnitShared); shared != 0 {
		return f.setAside(b.Bytes())
	}
	return f.write(b.Bytes())
}

// setAside writes the line of a sample whose CPUs were shared.
func (f *File) setAside(line []byte) error {
	if !f.regular {
		return f.write(slices.Concat([]byte(SetAside+": "+UnitShared+"\n"), line, []byte(SetAside+":\n")))
	}
	if err := f.inPlace(); err != nil {
		return err
	}
	if f.aside == nil {
		var err error
		if f.aside, err = f.makeAside(f.AsidePath()); err != nil {
			return err
		}
	}
	return f.aside.write(line)
}

// write appends whole lines. If the disk takes only a part, what it took is
// taken back, so that the file ends with a whole line.
func (f *File) write(lines []byte) error {
	if err := f.inPlace(); err != nil {
		return err
	}
	if n, err := f.f.Write(lines); err != nil {
		if f.regular {
			err = errors.Join(err, f.takeBack(n))
		}
		return err
	}
	if !f.regular {
		return nil // devices and pipes have nothing to sync
	}
	return f.f.Sync()
}

// takeBack removes the n bytes that were written last, unless something else was written
// after them: where there are no locks, another run may add to the file too.
func (f *File) takeBack(n int) error {
	if n == 0 {
		return nil
	}
	end, err := f.f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	info, err := f.f.Stat()
	if err != nil || info.Size() != end {
		return err
	}
	return f.f.Truncate(end - int64(n))
}

// inPlace returns a [*GoneError] if the file is no longer the one of its name.
func (f *File) inPlace() error {
	if !f.regular {
		return nil
	}
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, f.info) {
		return &GoneError{f.path}
	}
	return err
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
	// At once, where the system lets one, so that nothing stays behind whatever
	// ends the process.
	removed := os.Remove(tmp.Name()) == nil
	defer func() {
		err = errors.Join(err, tmp.Close())
		if !removed {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
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

// Close closes the file, and with it gives back the lock.
func (f *File) Close() error {
	f.stopped()
	err := f.f.Close()
	if f.aside != nil {
		err = errors.Join(err, f.aside.Close())
	}
	return err
}

// Regular reports whether samples go to a regular file, which can be read again.
func (f *File) Regular() bool { return f.regular }
