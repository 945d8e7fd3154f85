package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		i := 0
		for i < got.Len() && i < len(want) && got.Bytes()[i] == want[i] {
			i++
		}
		from := max(0, i-60)
		t.Errorf("%s differs from byte %d on (line %d):\n got ...%q\nwant ...%q\nif that is right: go test ./report -update", path, i,
			1+bytes.Count(want[:min(i, len(want))], []byte("\n")), got.Bytes()[from:min(got.Len(), i+60)], want[from:min(len(want), i+60)])
	}
}

func readTestdata(t testing.TB, name string) *Set {
	t.Helper()
	s, err := Read([]string{filepath.ToSlash(filepath.Join("testdata", name))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// old.txt has everything that a report shows: violations with kinds, samples set
// aside, settings, loops through an interface, two modes, an unsupported pair,
// foreign lines, and a last line that was cut off.
func TestGolden(t *testing.T) {
	old := readTestdata(t, "old.txt")
	golden(t, "old.table.golden", func(w io.Writer) error { return Text(w, old) })
	golden(t, "old.json.golden", func(w io.Writer) error { return JSON(w, old) })
	golden(t, "old.html.golden", func(w io.Writer) error { return writePage(w, old, sections()) })
	for _, p := range old.plots() {
		if p.table.Text == "getput" {
			golden(t, p.Name+".svg.golden", p.figure.writeSVG)
		}
	}
	c := Compare(old, readTestdata(t, "new.txt"), CompareOptions{MinEffect: 0.02})
	golden(t, "compare.text.golden", func(w io.Writer) error { return c.Text(w, false) })
	golden(t, "compare.all.golden", func(w io.Writer) error { return c.Text(w, true) })
	golden(t, "compare.markdown.golden", func(w io.Writer) error { return c.Markdown(w, false) })
	golden(t, "compare.csv.golden", c.CSV)
	golden(t, "compare.json.golden", c.JSON)
}

func TestSameFilesGiveTheSameBytes(t *testing.T) {
	text := machine(9, 1, 2, 4).bytes()
	read := func() map[string][]byte {
		dir := t.TempDir()
		s := readBytes(t, text)
		if _, err := Write(dir, s); err != nil {
			t.Fatal(err)
		}
		files := make(map[string][]byte)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
		return files
	}
	first, second := read(), read()
	if len(first) != 13 { // three workloads, two plots, two formats; the page
		t.Errorf("%d files were written, want 13", len(first))
	}
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs from one report to the next", name)
		}
	}
}
