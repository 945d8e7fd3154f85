package skeleton

import (
	"bytes"
	"go/format"
	"strings"
	"testing"
)

// Every kind has a strategy with tests and a README, formatted and filled in; adapters have
// the count that they adapt.
func TestFiles(t *testing.T) {
	names := make(map[string]bool)
	for _, k := range Kinds() {
		if names[k.Name] || k.Doc == "" || strings.HasSuffix(k.Doc, ".") {
			t.Errorf("kind %q: used twice, or its doc is %q", k.Name, k.Doc)
		}
		names[k.Name] = true
		files, err := Files(k, "example.com/a/mine", "mine")
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		got := make(map[string]string)
		for _, f := range files {
			name := strings.ReplaceAll(f.Name, "\\", "/")
			got[name] = string(f.Data)
			if strings.Contains(got[name], "{{") || strings.Contains(got[name], "<no value>") {
				t.Errorf("%s: %s isn't filled in:\n%s", k.Name, name, got[name])
			}
			if strings.HasSuffix(name, ".go") {
				if data, err := format.Source(f.Data); err != nil || !bytes.Equal(data, f.Data) {
					t.Errorf("%s: %s isn't formatted (%v)", k.Name, name, err)
				}
			}
		}
		for name, want := range map[string]string{
			"mine.go":      `Name: "mine",`,
			"mine_test.go": "strategytest.Explore(t, mine.Strategy)",
			"README.md":    "# example.com/a/mine\n\nThis is " + k.Doc,
		} {
			if !strings.Contains(got[name], want) {
				t.Errorf("%s: %q isn't in %s:\n%s", k.Name, want, name, got[name])
			}
		}
		if adapts := got["counted/counted.go"] != "" && strings.Contains(got["mine.go"], `"example.com/a/mine/counted"`); adapts != (k.Name != "own") {
			t.Errorf("%s: it adapts package counted: %v", k.Name, adapts)
		}
	}
}
