package cli

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
	"time"

	"github.com/google/renameio/v2/maybe"
)

// openInput opens a file to read. A pipe is read as a stream, until ctx ends; what is
// neither is refused before it is opened, which could wait for ever.
func openInput(ctx context.Context, path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("can't read %s: %w", path, reason(err))
	}
	if kind := otherThanStream(info); kind != "" {
		return nil, usagef("can't read %s: it is %s, want a file", path, kind)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, usagef("can't read %s: %w", path, reason(err))
	}
	in := &input{f: f, ctx: ctx}
	in.stop = context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	in.buf = bufio.NewReader(inContext{in})
	if info.Mode().IsRegular() {
		return in, nil
	}
	if _, err := in.buf.Peek(1); err == io.EOF {
		return nil, errors.Join(usagef("can't read %s: it is a pipe that nobody writes to: start its writer first", path), in.Close())
	}
	return in, nil
}

// An input is a file that is read until its context ends.
type input struct {
	f    *os.File
	ctx  context.Context
	stop func() bool
	buf  *bufio.Reader // of inContext
}

func (in *input) Read(b []byte) (int, error) { return in.buf.Read(b) }

// inContext reads the file of an input.
type inContext struct{ *input }

func (in inContext) Read(b []byte) (int, error) {
	if in.ctx.Err() != nil {
		return 0, failedf("interrupted")
	}
	n, err := in.f.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = failedf("interrupted")
	}
	return n, err
}

func (in *input) Close() error {
	in.stop()
	return in.f.Close()
}

// otherThanStream says what something is that is neither a regular file nor a pipe, "" if
// it is one of them.
func otherThanStream(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsRegular(), mode&fs.ModeNamedPipe != 0:
		return ""
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// reason is an error without the name of the file, which stands before it.
func reason(err error) error {
	if pe := new(fs.PathError); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// errNameAFile is the error of a name of something else that nothing can be written to.
var errNameAFile = errors.New("name a file")

// badPlace reports whether an error is about where something was to be written: the user
// can name another place.
func badPlace(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errNameAFile)
}

// writeFile writes a file that is whole whenever it has its name. A pipe that somebody
// reads from, or a device such as /dev/stdout, is written to as it is.
func writeFile(name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	// The file that a link leads to is replaced, not the link.
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Mode().IsRegular():
		return maybe.WriteFile(name, b.Bytes(), 0o644)
	case info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0:
		return fmt.Errorf("%s is %s: %w", name, otherThanStream(info), errNameAFile)
	}
	w, err := os.OpenFile(name, os.O_WRONLY|nonblocking, 0)
	if err != nil {
		return err // of a pipe that nobody reads from: no such device or address
	}
	_, err = w.Write(b.Bytes())
	return errors.Join(err, w.Close())
}
