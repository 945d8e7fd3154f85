//go:build unix

package report

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no regular file may never end, and opening it may wait for ever: it is
// refused before that.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	fifo, link, zero := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "zero")
	sock := filepath.Join(dir, "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, err := range []error{syscall.Mkfifo(fifo, 0o600), os.Symlink(fifo, link), os.Symlink("/dev/zero", zero)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		fifo: "it is a pipe: give a regular file", link: "it is a pipe: give a regular file",
		zero: "it is a device: give a regular file", "/dev/zero": "it is a device: give a regular file",
		sock: "it is a socket: give a regular file", dir: "it is a directory: give a regular file",
	} {
		if _, err := Read([]string{path}, Options{}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("Read(%s): error %v, want %q", path, err, want)
		}
	}
}
