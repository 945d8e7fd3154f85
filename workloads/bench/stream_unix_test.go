//go:build unix

package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPipeIsAStream(t *testing.T) {
	path := fifo(t)
	m := &Machine{Procs: 2}
	_, err := Create(t.Context(), path, m, fileHeader)
	var e *KindError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "nobody reads from it") {
		t.Errorf("without a reader: error %v, want a KindError", err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Create(t.Context(), path, m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Add(testSample(t)), f.Close()); err != nil {
		t.Fatal(err)
	}
	if f.FactsPath() != "" || f.Regular() {
		t.Errorf("a pipe has facts in %q", f.FactsPath())
	}
	got, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(got), "format: ") || !strings.HasSuffix(string(got), " released\n") {
		t.Errorf("through the pipe came (%v)\n%s", err, got)
	}
}

func TestReaderThatStopsReadingHoldsUpNobody(t *testing.T) {
	path := fifo(t)
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Create(ctx, path, &Machine{Procs: 2}, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	time.AfterFunc(50*time.Millisecond, cancel)
	s := testSample(t)
	for n := 0; err == nil; n++ {
		if err = f.Add(s); n > 1<<20 {
			t.Fatal("a pipe that nobody reads from took a million samples")
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v, want that the time is over", err)
	}
}

func TestOnlyFilesAreAddedTo(t *testing.T) {
	m := &Machine{Procs: 2}
	for path, kind := range map[string]string{fifo(t): "a pipe", os.DevNull: "a device", t.TempDir(): "a folder"} {
		_, err := Append(t.Context(), path, m, fileHeader)
		var e *KindError
		if !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%s: error %v, want a KindError that it is %s", path, err, kind)
		}
	}
	if _, err := Create(t.Context(), t.TempDir(), m, fileHeader); !errors.As(err, new(*KindError)) {
		t.Errorf("a folder: error %v, want a KindError", err)
	}
}
