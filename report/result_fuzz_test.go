package report

import (
	"bytes"
	"testing"
)

// FuzzResultFile: no input makes reading or any output panic, and what is read is
// consistent.
//
// It stands here and not with the other targets, because an engine's cost for each
// input grows with the code that is linked into the test, and reports link a lot.
func FuzzResultFile(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadFrom("fuzz", bytes.NewReader(text), Options{})
		if err != nil {
			return
		}
		inTables := 0
		for _, table := range s.Tables {
			for _, row := range table.Rows {
				inTables += len(row.Cells)
			}
		}
		if inTables != len(s.Cells()) || s.Lines < 1 {
			t.Fatalf("%d cells in the tables, %d in all, of %d lines", inTables, len(s.Cells()), s.Lines)
		}
		// Drawing takes a hundred times as long as all the rest, so it's done for
		// some inputs only: those of certain lengths.
		s.plotted = 0
		if len(text)%16 == 0 {
			s.plotted = 1
		}
		var b bytes.Buffer
		c := Compare(s, s, CompareOptions{})
		for _, write := range []func() error{
			func() error { return Text(&b, s) }, func() error { return JSON(&b, s) },
			func() error { return c.Text(&b, true) }, func() error { return c.Markdown(&b, true) },
			func() error { return c.CSV(&b) }, func() error { return c.JSON(&b) },
			func() error { return writePage(&b, s, sections()) },
		} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
		if bytes.IndexByte(b.Bytes(), 0x1b) >= 0 {
			t.Fatal("output has an escape character")
		}
	})
}
