package workloads_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A cache that is as large as its files reads each of them once; a smaller one
// evicts.
func TestBuffersEvictsOnlyForWantOfRoom(t *testing.T) {
	for _, c := range []struct {
		settings  string
		min, max  int64
		wantReads string
	}{
		{"files=50,capacity=100,skew=0,shards=7", 50, 50, "each file once"},
		{"files=50,capacity=20,skew=0,shards=7", 1000, 3000, "most reads from the file"},
	} {
		var s seen
		inst := start(t, workloads.Buffers, c.settings, 1, &s)
		inst.Work(0, 3000)
		if n := s.inits.Load(); n < c.min || n > c.max {
			t.Errorf("%s: %d buffers filled, want %s", c.settings, n, c.wantReads)
		}
		if err := inst.Close().Err(); err != nil {
			t.Errorf("%s: %v", c.settings, err)
		}
	}
}

// CLOCK keeps what is read often.
func TestBuffersKeepsPopularFiles(t *testing.T) {
	fills := make(map[string]int64)
	for _, settings := range []string{"skew=0", "skew=100"} {
		var s seen
		inst := start(t, workloads.Buffers, "files=200,capacity=20,"+settings, 1, &s)
		inst.Work(0, 5000)
		inst.Close()
		fills[settings] = s.inits.Load()
	}
	if fills["skew=100"] > fills["skew=0"]/2 {
		t.Errorf("%d of 5000 reads missed with a skew, %d without", fills["skew=100"], fills["skew=0"])
	}
}

// Readers verify what they hold: a count that gives a buffer away too early shows
// as wrong contents, even where no operation is judged.
func TestChecksumsShowStolenBuffers(t *testing.T) {
	knobs, err := workloads.Buffers.ParseSettings("files=4,verify=1")
	if err != nil {
		t.Fatal(err)
	}
	inst, err := workloads.Buffers.Start(workloads.Buffers.New, workloads.Config{
		Workers: 1, Knobs: knobs,
		NewCounter: func() strategies.Counter { return &broken{flaw: "always last"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	inst.Work(0, 1000)
	if err := inst.Close().Err(); err == nil || !strings.Contains(err.Error(), "wrong contents while worker 0 held them") {
		t.Errorf("no wrong contents: %v", err)
	}
}

// Contents of the caller's are used instead of the built-in ones.
func TestBuffersReadsGivenContents(t *testing.T) {
	var s seen
	inst, err := workloads.Buffers.Start(workloads.Buffers.New, workloads.Config{
		Workers: 1, Checked: true, Contents: [][]byte{nil, []byte("a"), make([]byte, 100_000)},
		Knobs:      workloads.Settings{"capacity": 100, "verify": 1},
		NewCounter: func() strategies.Counter { return &probe{newAtomic(), &s} },
	})
	if err != nil {
		t.Fatal(err)
	}
	inst.Work(0, 1000)
	if n := s.inits.Load(); n != 3 {
		t.Errorf("%d buffers for 3 contents", n)
	}
	if err := inst.Close().Err(); err != nil {
		t.Error(err)
	}
	_, err = workloads.Buffers.Start(workloads.Buffers.New, workloads.Config{
		Workers: 1, Contents: make([][]byte, 1<<16+1), NewCounter: newAtomic,
	})
	if err == nil || !strings.Contains(err.Error(), "65537 contents: want at most 65536") {
		t.Errorf("too many contents: %v", err)
	}
}

func TestBuiltinBuffersAreFixedBySeed(t *testing.T) {
	a, b, c := workloads.BuiltinBuffers(500, 1), workloads.BuiltinBuffers(500, 1), workloads.BuiltinBuffers(500, 2)
	if !slices.EqualFunc(a, b, bytes.Equal) {
		t.Error("the same seed gives other contents")
	}
	if slices.EqualFunc(a, c, bytes.Equal) {
		t.Error("another seed gives the same contents")
	}
	small, large := 0, 0
	for _, data := range a {
		if len(data) < 1 || len(data) > 8<<10 {
			t.Errorf("%d bytes, want 1 .. 8192", len(data))
		}
		if len(data) < 128 {
			small++
		}
		if len(data) > 1024 {
			large++
		}
	}
	if small < 200 || small > 300 || large == 0 || large > 100 {
		t.Errorf("%d of 500 below 128 bytes, %d above 1 KB: want about a half, and a few", small, large)
	}
}

// files makes a folder with files of the given contents.
func files(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range contents {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadBuffersReadsAllFilesInOrder(t *testing.T) {
	dir := files(t, map[string]string{"b": "2", "a/y": "1", "a/x": "0", "c": "", ".git/x": "hidden", ".x": "hidden"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, link} {
		got, err := workloads.LoadBuffers(d, workloads.BufferLimits{})
		if err != nil {
			t.Fatal(err)
		}
		if text := string(bytes.Join(got, []byte("|"))); text != "0|1|2|" {
			t.Errorf("contents %q, want %q", text, "0|1|2|")
		}
	}
}

func TestLoadBuffersSaysWhatIsWrong(t *testing.T) {
	dir := files(t, map[string]string{"a": "123", "b": "12345678"})
	for _, c := range []struct {
		dir    string
		limits workloads.BufferLimits
		want   string
	}{
		{filepath.Join(dir, "none"), workloads.BufferLimits{}, "none: it does not exist: name a folder with files"},
		{filepath.Join(dir, "a"), workloads.BufferLimits{}, "a: it is no folder"},
		{t.TempDir(), workloads.BufferLimits{}, "there are no files in it"},
		{dir, workloads.BufferLimits{FileBytes: 7}, "b has more than 7 bytes: remove it or choose another folder"},
		{dir, workloads.BufferLimits{TotalBytes: 10}, "more than 10 bytes in all files"},
		{dir, workloads.BufferLimits{Files: 1}, "more than 1 files"},
	} {
		got, err := workloads.LoadBuffers(c.dir, c.limits)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("LoadBuffers(%s, %+v): %d contents, error %v, want one line with %q", c.dir, c.limits, len(got), err, c.want)
		}
	}
	// What is exactly as large as the limits is read.
	if _, err := workloads.LoadBuffers(dir, workloads.BufferLimits{Files: 2, FileBytes: 8, TotalBytes: 11}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

func TestLoadBuffersRefusesWhatItCannotRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can read everything")
	}
	dir := files(t, map[string]string{"a": "1", "sub/b": "2"})
	for _, name := range []string{"a", "sub", "."} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		_, err = workloads.LoadBuffers(dir, workloads.BufferLimits{})
		if err := os.Chmod(path, info.Mode()); err != nil {
			t.Fatal(err)
		}
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s unreadable: error %v", name, err)
		}
	}
}
