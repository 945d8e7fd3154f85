package cli

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/cmd/refbench/advice"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/workloads/bench/ab"
)

// jsonFields returns the paths of the fields that encoding/json writes for a type.
func jsonFields(t reflect.Type, path string) (paths []string) {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonFields(t.Elem(), path)
	case reflect.Slice:
		return jsonFields(t.Elem(), path+"[]")
	case reflect.Struct:
	default:
		return []string{path}
	}
	switch failure := t == reflect.TypeFor[explore.Failure](); {
	case t == reflect.TypeFor[time.Time]():
		return []string{path}
	case path != "" && (failure || t == reflect.TypeFor[check.Result]()):
		return []string{path} // it has a section of its own
	case failure:
		paths = append(paths, "schedule") // MarshalJSON adds it
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			paths = append(paths, jsonFields(f.Type, path)...)
		case f.IsExported() && name != "-":
			if path != "" {
				name = path + "." + name
			}
			paths = append(paths, jsonFields(f.Type, name)...)
		}
	}
	return paths
}

// TestJSONIsDocumented: JSON.md names each field that programs may read, and no other.
func TestJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../JSON.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string][]string)
	section := ""
	field := regexp.MustCompile("^\\| `([^`]+)` \\| .+ \\|$")
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
			documented[section] = nil
		} else if m := field.FindStringSubmatch(line); m != nil {
			documented[section] = append(documented[section], m[1])
		}
	}
	for section, v := range map[string]any{
		"A failure":            explore.Failure{},
		"A result":             check.Result{},
		"explore":              exploration{},
		"replay of a history":  replayedHistory{},
		"replay of a program":  replayedProgram{},
		"check":                checked{},
		"bugs":                 detection{},
		"bugs --list":          []describedBug{},
		"corpus import":        corpusDone{},
		"corpus import --fuzz": importedInputs{},
		"corpus export":        []exportedInputs{},
		"corpus minimize":      minimizedInputs{},
		"ab":                   ab.Document{},
		"doctor":               examined{},
		"A file of shards": struct {
			shard.Header
			Findings []shard.Finding `json:"findings"`
		}{},
		"advise": advice.Advice{},
	} {
		want := jsonFields(reflect.TypeOf(v), "")
		got, ok := documented[section]
		if !ok {
			t.Errorf("JSON.md has no section %q", section)
		}
		delete(documented, section)
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("JSON.md, section %s: no field `%s`", section, name)
			}
		}
		for i, name := range got {
			if !slices.Contains(want, name) || slices.Contains(got[:i], name) {
				t.Errorf("JSON.md, section %s: `%s` is no field, or there twice", section, name)
			}
		}
	}
	for section := range documented {
		t.Errorf("JSON.md has a section %q of which this test knows no type", section)
	}
}
