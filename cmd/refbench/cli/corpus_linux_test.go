package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody calls f on a thread that may read and write only what everybody may,
// even if the tests run as root.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			// Not unlocked: the thread ends with the goroutine.
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				t.Error(err)
				return
			}
		}
		f()
	}()
	<-done
}

func TestImportRefusesWhatItCannotRead(t *testing.T) {
	for _, c := range []struct {
		unreadable string
		args       []string
		status     int
		want       string
	}{
		{"png", nil, 2, "png: permission denied: make it readable or choose another folder"},
		{".", nil, 2, "permission denied"},
		{"png/corpus/2", nil, 2, "2: permission denied: make it readable or remove it"},
		{"LICENSE", nil, 2, "LICENSE: permission denied: make it readable or remove it"},
		{"png", []string{"--target", "gob"}, 2, "png: permission denied"},
		{"../to", nil, 3, "the files can't be written: .*permission denied"},
	} {
		t.Run(filepath.Base(c.unreadable), func(t *testing.T) {
			from := tree(t, checkout)
			to := filepath.Join(filepath.Dir(from), "to")
			if err := os.Mkdir(to, 0o777); err != nil {
				t.Fatal(err)
			}
			// The folders of a test are for its user only.
			for dir := filepath.Dir(from); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(to, 0o777); err != nil {
				t.Fatal(err)
			}
			mode := os.FileMode(0)
			path := filepath.Join(from, c.unreadable)
			if path == to {
				mode = 0o555
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(path, 0o777)
			var stdout, stderr bytes.Buffer
			var status int
			asNobody(t, func() {
				status = Run(t.Context(), Parts{}, append([]string{"corpus", "import", "--dir", from, "-o", to}, c.args...), &stdout, &stderr)
			})
			// The lines of the warnings that follow from what was copied
			// before are no matter here.
			want, more, _ := strings.Cut(c.want, ".*")
			if got := stderr.String(); status != c.status || !strings.Contains(got, want) || !strings.Contains(got, more) || stdout.Len() > 0 {
				t.Errorf("status %d, stdout %q, stderr %q: want %d and %q", status, &stdout, got, c.status, c.want)
			}
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
			imported(t, to)
			if l := leftovers(t, to); len(l) > 0 {
				t.Errorf("left behind: %q", l)
			}
		})
	}
}

func TestRunRefusesContentsThatItCannotRead(t *testing.T) {
	for _, unreadable := range []string{".", "png", "png/corpus/2"} {
		from := tree(t, checkout)
		if err := os.Chmod(filepath.Dir(filepath.Dir(from)), 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(from, unreadable)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(path, 0o777)
		results := filepath.Join(t.TempDir(), "r.txt")
		var stdout, stderr bytes.Buffer
		var status int
		asNobody(t, func() {
			status = Run(t.Context(), Builtin(), []string{"run", "--workload", "buffers", "--contents", from, "-o", results}, &stdout, &stderr)
		})
		if got := stderr.String(); status != 2 || !strings.Contains(got, "permission denied") || strings.Count(got, "\n") != 1 || !strings.Contains(got, "make it readable") {
			t.Errorf("%s: status %d, stderr %q: want 2 and one line that says what to do", unreadable, status, got)
		}
		if _, err := os.Stat(results); err == nil {
			t.Errorf("%s: a result file was made", unreadable)
		}
	}
}
