package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Names of fields are in snake_case, and JSON.md says what each of them means.
func TestJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile("JSON.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, quoted := range regexp.MustCompile("`[^`\n]+`").FindAll(page, -1) {
		for _, name := range regexp.MustCompile(`\w+`).FindAll(quoted, -1) {
			documented[string(name)] = true
		}
	}
	seen := make(map[string]bool)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, w := range v {
				walk(w)
			}
		case map[string]any:
			for name, w := range v {
				seen[name] = true
				walk(w)
			}
		}
	}
	for _, name := range []string{"old.json.golden", "compare.json.golden"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		walk(v)
	}
	if len(seen) < 50 {
		t.Fatalf("only %d fields in the golden files", len(seen))
	}
	for name := range seen {
		if !documented[name] {
			t.Errorf("JSON.md doesn't say what the field %s is", name)
		}
		if !regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`).MatchString(name) {
			t.Errorf("the field %s isn't in snake_case", name)
		}
	}
}
