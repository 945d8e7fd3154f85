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
		s, err := ReadFrom("fuzz", bytes.NewReader(text))
		if err != nil {
			return
		}
		if len(s.Cells()) != len(s.cells) || s.Lines < 1 {
			t.Fatalf("%d cells in order, %d in all, of %d lines", len(s.Cells()), len(s.cells), s.Lines)
		}
		// Drawing takes a hundred times as long as all the rest, so it's done for
		// some inputs only: those of certain lengths.
		plots := s.plots()[:min(2, len(s.plots()))]
		if len(text)%16 != 0 {
			plots = nil
		}
		var b bytes.Buffer
		c := Compare(s, s, CompareOptions{})
		for _, write := range []func() error{
			func() error { return Text(&b, s) }, func() error { return JSON(&b, s) },
			func() error { return c.Text(&b) }, func() error { return c.Markdown(&b) },
			func() error { return c.CSV(&b) }, func() error { return c.JSON(&b) },
			func() error { return s.writeHTML(&b, plots) },
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
