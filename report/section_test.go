package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plantedSection is a section that the report doesn't have: how many samples there are.
func plantedSection() section {
	return section{
		text: func(w *bufio.Writer, s *Set) { fmt.Fprintf(w, "\nCounted: %d lines\n", s.Lines) },
		json: func(s *Set) []jsonField {
			return []jsonField{{"planted_count", s.Lines}, {"planted_list", jsonList(func(yield func(any) bool) { _ = yield("a") && yield("<b>") })}}
		},
		page: func(s *Set) []part {
			return []part{{ID: "counted", Nav: "Counted", Title: "What was counted", Data: []string{"<lines>", fmt.Sprint(s.Lines)}}}
		},
		html: "<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>\n",
		files: func(s *Set) []file {
			return []file{{"counted.txt", func(w io.Writer) error { _, err := fmt.Fprint(w, s.Lines); return err }}}
		},
	}
}

// A section is a value in the list and nothing else: wherever it stands in the list,
// it has its place in every form of the report, and the others are as they were.
func TestSectionIsOneValueInTheList(t *testing.T) {
	s := readTestdata(t, "old.txt")
	s.plotted = 1
	var before [3]bytes.Buffer
	forms := func(all []section, b *[3]bytes.Buffer) {
		t.Helper()
		for i, write := range []func(io.Writer, *Set, []section) error{writeText, writeReportJSON, writePage} {
			if err := write(&b[i], s, all); err != nil {
				t.Fatal(err)
			}
		}
	}
	forms(sections(), &before)
	for i := range len(sections()) + 1 {
		all := sections()
		all = append(all[:i:i], append([]section{plantedSection()}, all[i:]...)...)
		var after [3]bytes.Buffer
		forms(all, &after)
		for j, added := range [][]string{
			{"\nCounted: 312 lines\n"},
			{",\n  \"planted_count\": 312,\n  \"planted_list\": [\n    \"a\",\n    \"<b>\"\n  ]"},
			{`<a href="#counted">Counted</a>`, "<section id=\"counted\" aria-labelledby=\"counted-h\">\n<h2 id=\"counted-h\">What was counted</h2>\n<ul><li>&lt;lines&gt;</li><li>312</li></ul>\n</section>\n"},
		} {
			rest := after[j].String()
			for _, text := range added {
				if strings.Count(rest, text) != 1 {
					t.Fatalf("form %d, place %d: not once in it: %q", j, i, text)
				}
				rest = strings.Replace(rest, text, "", 1)
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if squeeze(rest) != squeeze(before[j].String()) {
				t.Errorf("form %d, place %d: the other sections aren't as they were", j, i)
			}
		}
		if !json.Valid(after[1].Bytes()) {
			t.Errorf("place %d: no JSON", i)
		}
	}
	dir := t.TempDir()
	if _, err := write(dir, s, append(sections(), plantedSection())); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "counted.txt")); string(text) != "312" {
		t.Errorf("the section's file holds %q, %v", text, err)
	}
	if entries, err := os.ReadDir(dir); len(entries) != 6 || err != nil { // two plots in two forms, the page
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// A file that can't be written leaves all the others as they were.
func TestFilesAreReplacedTogether(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error { _, werr := io.WriteString(w, text); return errOr(err, werr) }
	}
	err := writeFiles(dir, []file{{"a.txt", text("new", nil)}, {"b.txt", text("half", io.ErrShortWrite)}})
	if err == nil || !strings.Contains(err.Error(), io.ErrShortWrite.Error()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line: %v", err, io.ErrShortWrite)
	}
	check := func(want string, files int) {
		t.Helper()
		if got, err := os.ReadFile(old); string(got) != want {
			t.Errorf("the file holds %q, %v; want %q", got, err, want)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != files {
			t.Errorf("the folder holds %v, want %d files", entries, files)
		}
	}
	check("old", 1)
	if err := writeFiles(dir, []file{{"a.txt", text("new", nil)}, {"b.txt", text("whole", nil)}}); err != nil {
		t.Fatal(err)
	}
	check("new", 2)
}

func errOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// The page leaves out what a browser can't show, and says so once; the text has all.
func TestPageOfManyCells(t *testing.T) {
	for name, want := range map[string]int{"tables": 1, "rows": 1, "columns": 1} {
		s := readBytes(t, shapes[name](maxPageCells+1))
		s.plotted = 0
		var page, text bytes.Buffer
		if err := writePage(&page, s, sections()); err != nil {
			t.Fatal(err)
		}
		if err := Text(&text, s); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(page.String(), "This page shows the first 10000 of 10001 cells, because a browser can&#39;t show so many."); n != want {
			t.Errorf("%s: the page says %d times what it leaves out, want %d", name, n, want)
		}
		if n := strings.Count(page.String(), `<th scope="row" class="l name">`); n != maxPageCells {
			t.Errorf("%s: the page has %d cells, want %d", name, n, maxPageCells)
		}
		if n := strings.Count(text.String(), "/s "); n < maxPageCells {
			t.Errorf("%s: the text has %d cells, want all", name, n)
		}
	}
	small := readBytes(t, shapes["tables"](10))
	small.plotted = 0
	var page bytes.Buffer
	if err := writePage(&page, small, sections()); err != nil || strings.Contains(page.String(), "This page shows the first") {
		t.Errorf("a small page says that it leaves something out, or %v", err)
	}
}
