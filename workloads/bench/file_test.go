package bench

import (
	"errors"
	"os"
	"path/filepath"
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
	f, err := Create(filepath.Join(t.TempDir(), "new", "results.txt"), m, fileHeader)
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
	_, err := Create(f.Path(), m, fileHeader)
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
		g, err := Append(f.Path(), m, tt.header)
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

func TestAppendEndsALineThatWasCutOff(t *testing.T) {
	m, f := testFile(t)
	if err := f.Add(testSample(t)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(f.Path(), info.Size()-30); err != nil {
		t.Fatal(err)
	}
	g, err := Append(f.Path(), m, fileHeader)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := g.Add(testSample(t)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(content(t, f.Path())), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "BenchmarkRef/") || !strings.HasSuffix(last, "released") {
		t.Errorf("last line %q, want a whole one", last)
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
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".facts-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFacts(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged facts: error %v, want one that names the file", err)
	}
}
