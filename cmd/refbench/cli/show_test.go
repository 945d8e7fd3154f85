package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// What was found is printed though the report can't be written, and where it is though
// nobody makes a table.
func TestWhatWasFoundIsShown(t *testing.T) {
	table := func(w io.Writer, files []string, _ bool, around []string) error {
		_, err := fmt.Fprintf(w, "found in %v\n%s\n", files, strings.Join(around, "\n"))
		return err
	}
	report := func(dir string, _ []string) (string, error) { return dir + "/page", nil }
	broken := func(string, []string) (string, error) { return "", errors.New("no space") }
	for _, c := range []struct {
		parts Parts
		want  string
		fails bool
	}{
		{Parts{Table: table, Report: report}, "found in [r.txt]\nresults: r.txt\nreport:  dir/page\n", false},
		{Parts{Table: table, Report: broken}, "found in [r.txt]\nresults: r.txt\n", true},
		{Parts{Report: report}, "results: r.txt\nreport:  dir/page\n", false},
	} {
		var out bytes.Buffer
		cmd := new(cobra.Command)
		cmd.SetOut(&out)
		err := session{parts: c.parts, file: "r.txt", report: "dir"}.show(cmd)
		if out.String() != c.want || (err != nil) != c.fails {
			t.Errorf("it prints %q (%v), want %q and an error: %v", out.String(), err, c.want, c.fails)
		}
	}
}
