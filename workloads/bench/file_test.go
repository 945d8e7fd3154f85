package bench

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
)

var fileHeader = []Config{{"format", Format}, {"cpu", "test cpu"}, {"commit", "abc"}}

func testFile(t *testing.T) (*Machine, *File) {
	t.Helper()
	m := &Machine{Procs: 2}
	f, err := Create(t.Context(), filepath.Join(t.TempDir(), "new", "results.txt"), m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return m, f
}

func testSample(t *testing.T) Sample {
	return Sample{
		Cell: oneCell(t, 2, nil), Ops: 300, Window: time.Microsecond, Overlap: 0.995, Jain: 1,
		Parallel: 0.987654321, Books: workloads.Books{Lives: 3, Released: 2, Kinds: [judge.Kinds]uint64{judge.Leak: 1}},
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLineHasEveryUnit(t *testing.T) {
	_, f := testFile(t)
	if err := f.Add(testSample(t)); err != nil {
		t.Fatal(err)
	}
	const want = "BenchmarkRef/workload=load/cpus=2/strategy=plain/dispatch=generic-2 300 3.33333 ns/op 3e+08 ops/s 1 jain 99.5 overlap-% 0.987654 parallel 0 shared 1 violations 3 lives 2 released\n"
	if got := content(t, f.Path()); !strings.HasSuffix(got, "\n\n"+want) {
		t.Errorf("file:\n%s\nwant it to end with:\n%s", got, want)
	}
	if n := len(results(t, f.Path())); n != 1 {
		t.Errorf("%d results, want 1", n)
	}
}

func TestExistingFileIsNotTouched(t *testing.T) {
	m, f := testFile(t)
	before := content(t, f.Path())
	_, err := Create(t.Context(), f.Path(), m, fileHeader)
	var e *ExistsError
	if !errors.As(err, &e) {
		t.Errorf("error %v, want an ExistsError", err)
	}
	if after := content(t, f.Path()); after != before {
		t.Errorf("the file changed:\n%s", after)
	}
}

func TestAppendNeedsTheSameHeader(t *testing.T) {
	m, f := testFile(t)
	f.Close()
	for _, tt := range []struct {
		header []Config
		key    string
	}{
		{fileHeader, ""},
		{[]Config{{"format", "refbench/2"}, {"cpu", "test cpu"}, {"commit", "abc"}}, "format"},
		{[]Config{{"format", Format}, {"cpu", "another"}, {"commit", "abc"}}, "cpu"},
		{[]Config{{"format", Format}, {"cpu", "test cpu"}, {"commit", "def"}}, "commit"},
		{[]Config{{"format", Format}, {"cpu", "test cpu"}}, "commit"},
		{append(fileHeader[:3:3], Config{"promise-new", "x"}), "promise-new"},
	} {
		before := content(t, f.Path())
		g, err := Append(t.Context(), f.Path(), m, tt.header)
		if tt.key == "" {
			if err != nil {
				t.Fatalf("same header: %v", err)
			}
			if err := g.Add(testSample(t)); err != nil {
				t.Fatal(err)
			}
			g.Close()
			if got := content(t, f.Path()); !strings.HasPrefix(got, before) || strings.Count(got, "\n") != strings.Count(before, "\n")+1 {
				t.Errorf("appended:\n%s\nwant one more line than:\n%s", got, before)
			}
			continue
		}
		var e *MismatchError
		if !errors.As(err, &e) || e.Key != tt.key || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want a MismatchError for %q in one line", err, tt.key)
		}
		if after := content(t, f.Path()); after != before {
			t.Errorf("%s: the refused file changed", tt.key)
		}
	}
}

func TestAppendRemovesALineThatWasCutOff(t *testing.T) {
	m, f := testFile(t)
	if err := f.Add(testSample(t)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	whole := content(t, f.Path())
	begin := strings.LastIndex(strings.TrimSuffix(whole, "\n"), "\n") + 1
	for cut := begin; cut < len(whole); cut++ {
		want := whole[:begin] // without the line
		if cut == len(whole)-1 {
			want = whole // only its end was missing
		}
		if err := os.WriteFile(f.Path(), []byte(whole[:cut]), 0o666); err != nil {
			t.Fatal(err)
		}
		g, err := Append(t.Context(), f.Path(), m, fileHeader)
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, f.Path()); got != want {
			t.Fatalf("after %q the file ends with %q, want %q", whole[begin:cut], got[min(begin, len(got)):], want[begin:])
		}
		if err := errors.Join(g.Add(testSample(t)), g.Close()); err != nil {
			t.Fatal(err)
		}
		if got := content(t, f.Path()); got != want+whole[begin:] {
			t.Fatalf("after %q the next sample gives %q, want %q behind it", whole[begin:cut], got[begin:], whole[begin:])
		}
	}
}

// One run at a time adds to a file, also to one that the other has just made.
func TestSecondWriterIsRefused(t *testing.T) {
	m, f := testFile(t)
	if f.Unlocked != nil {
		t.Skip(f.Unlocked)
	}
	before := content(t, f.Path())
	link := filepath.Join(t.TempDir(), "link.txt")
	if err := os.Link(f.Path(), link); err != nil {
		link = f.Path()
	}
	for _, path := range []string{f.Path(), link} {
		_, err := Append(t.Context(), path, m, fileHeader)
		var e *InUseError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "is adding to it") {
			t.Errorf("%s: error %v, want an InUseError", path, err)
		}
	}
	if after := content(t, f.Path()); after != before {
		t.Errorf("the file changed:\n%s", after)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := Append(t.Context(), f.Path(), m, fileHeader)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	g.Close()
}

// faultyDisk is a disk that takes a part of the next write only, and notes what is done.
type faultyDisk struct {
	*os.File
	room  int    // bytes of the next write that it takes, -1 for all
	after func() // what happens then
	did   []string
}

var errFull = errors.New("planted: no space left")

func (d *faultyDisk) Write(b []byte) (int, error) {
	d.did = append(d.did, "write")
	if d.room < 0 || d.room >= len(b) {
		return d.File.Write(b)
	}
	n, err := d.File.Write(b[:d.room])
	if d.after != nil {
		d.after()
	}
	return n, errors.Join(err, errFull)
}

func (d *faultyDisk) Sync() error {
	d.did = append(d.did, "sync")
	return d.File.Sync()
}

func TestSampleIsOnDiskBeforeTheNext(t *testing.T) {
	_, f := testFile(t)
	d := &faultyDisk{File: f.f.(*os.File), room: -1}
	f.f = d
	for range 2 {
		if err := f.Add(testSample(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(d.did, " "), "write sync write sync"; got != want {
		t.Errorf("two samples did %q, want %q", got, want)
	}
}

func TestPartOfALineIsTakenBack(t *testing.T) {
	for _, room := range []int{0, 1, 40} {
		_, f := testFile(t)
		if err := f.Add(testSample(t)); err != nil {
			t.Fatal(err)
		}
		before := content(t, f.Path())
		d := &faultyDisk{File: f.f.(*os.File), room: room}
		f.f = d
		if err := f.Add(testSample(t)); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: error %v, want that of the disk", room, err)
		}
		if after := content(t, f.Path()); after != before {
			t.Errorf("room for %d bytes: the file has\n%s\nwant as before\n%s", room, after, before)
		}
		d.room = -1
		if err := f.Add(testSample(t)); err != nil {
			t.Fatal(err)
		}
		if n := len(results(t, f.Path())); n != 2 {
			t.Errorf("room for %d bytes: %d results after there was room again, want 2", room, n)
		}
	}
}

// Where there are no locks, what somebody else has added meanwhile stays.
func TestNothingOfOthersIsTakenBack(t *testing.T) {
	_, f := testFile(t)
	const other = "\nBenchmarkOther 1 1 ns/op\n"
	f.f = &faultyDisk{File: f.f.(*os.File), room: 10, after: func() {
		g, err := os.OpenFile(f.Path(), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		if _, err := g.WriteString(other); err != nil {
			t.Fatal(err)
		}
	}}
	if err := f.Add(testSample(t)); !errors.Is(err, errFull) {
		t.Errorf("error %v, want that of the disk", err)
	}
	if got := content(t, f.Path()); !strings.HasSuffix(got, other) {
		t.Errorf("the file has\n%s\nwithout what another run added: %q", got, other)
	}
}

func TestRemovedFileIsNoticed(t *testing.T) {
	for name, do := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o666))
		},
	} {
		_, f := testFile(t)
		if err := do(f.Path()); err != nil {
			t.Fatal(err)
		}
		var e *GoneError
		if err := f.Add(testSample(t)); !errors.As(err, &e) {
			t.Errorf("%s: error %v, want a GoneError", name, err)
		}
	}
}

// Only the header is read, however much comes after it.
func TestAppendReadsTheHeaderOnly(t *testing.T) {
	m, f := testFile(t)
	if err := f.Add(testSample(t)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Truncate(f.Path(), 4<<30); err != nil { // one line of 4 GB
		t.Skipf("no large file can be made here: %v", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g, err := Append(t.Context(), f.Path(), m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes of memory were used for a header", used)
	}
	var last [1]byte
	if _, err := g.f.(*os.File).ReadAt(last[:], 4<<30); err != nil || last[0] != '\n' {
		t.Errorf("the cut line ends with %q (%v), want a line break", last, err)
	}
}

func TestAppendWantsAHeader(t *testing.T) {
	dir := t.TempDir()
	m := &Machine{Procs: 2}
	var header string
	for _, c := range fileHeader {
		header += c.Key + ": " + c.Value + "\n"
	}
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"no results yet":         {header, true},
		"cut in the header":      {strings.TrimSuffix(header, "\n"), true},
		"a line of none":         {header + "junk\nBenchmarkX 1 1 ns/op\n", true},
		"empty":                  {"", false},
		"a long line before it":  {strings.Repeat("x", 1<<20) + "\n" + header, false},
		"the header after all":   {"BenchmarkX 1 1 ns/op\n" + header, false},
		"a value that is longer": {header + "more: 1\n", false},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(path, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := Append(t.Context(), path, m, fileHeader)
		if err == nil {
			f.Close()
		}
		var e *MismatchError
		if tt.ok && err != nil || !tt.ok && !errors.As(err, &e) {
			t.Errorf("%s: error %v, want a MismatchError: %v", name, err, !tt.ok)
		}
	}
}

func TestNoTwoFilesShareTheirFacts(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"a.txt", "a", "a.out", "a.facts.txt", "a.facts", "a.txt.txt", ".txt", "a.TXT", "a.txt.facts"} {
		facts := (&File{path: name, regular: true}).FactsPath()
		if other := seen[facts]; other != "" {
			t.Errorf("%s and %s both have their facts in %s", name, other, facts)
		}
		seen[facts] = name
	}
	if got := (&File{path: "dir.d/a.txt", regular: true}).FactsPath(); got != "dir.d/a.json" {
		t.Errorf("facts of dir.d/a.txt in %s", got)
	}
}

// Facts that another run wrote meanwhile stay, and a damaged file is left alone.
func TestFactsOfOtherRunsStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	if err := writeFacts(path, []Facts{{ID: "old"}}); err != nil {
		t.Fatal(err)
	}
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.save(Facts{ID: "own"}); err != nil {
		t.Fatal(err)
	}
	if said := l.touched(); said != "" {
		t.Errorf("nobody else has written, and it says %q", said)
	}
	if err := writeFacts(path, []Facts{{ID: "old"}, {ID: "own"}, {ID: "other"}}); err != nil {
		t.Fatal(err)
	}
	if first, second := l.touched(), l.touched(); !strings.Contains(first, "changed by somebody else") || second != "" {
		t.Errorf("it says %q, then %q: want once that the file was changed", first, second)
	}
	want := "old other own"
	ids := func() string {
		runs, err := ReadFacts(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, r := range runs {
			list = append(list, r.ID)
		}
		return strings.Join(list, " ")
	}
	if err := l.save(Facts{ID: "own"}); err != nil || ids() != want {
		t.Errorf("runs %q, error %v, want %q", ids(), err, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.save(Facts{ID: "own"}); err != nil || ids() != want {
		t.Errorf("after the file was removed: runs %q, error %v, want %q", ids(), err, want)
	}
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := l.save(Facts{ID: "own"}); err == nil || content(t, path) != "{" {
		t.Errorf("error %v, damaged facts are now %q: want them left alone", err, content(t, path))
	}
}

func TestFactsAreReplacedWhole(t *testing.T) {
	_, f := testFile(t)
	path := f.FactsPath()
	if filepath.Base(path) != "results.json" {
		t.Errorf("facts of results.txt in %s", path)
	}
	for n := range 3 {
		if err := writeFacts(path, make([]Facts, n+1)); err != nil {
			t.Fatal(err)
		}
		if runs, err := ReadFacts(path); err != nil || len(runs) != n+1 {
			t.Errorf("%d runs, error %v, want %d", len(runs), err, n+1)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("the folder has %v (%v), want the results and their facts", left, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFacts(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged facts: error %v, want one that names the file", err)
	}
}
