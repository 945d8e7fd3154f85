package corpus_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
)

var some = [][]byte{[]byte("Get Put"), []byte("\x00\xff\x80\n\r\"\\`')(\u2028\ufffd"), []byte("a"), bytes.Repeat([]byte{0xff}, 4096)}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func sorted(inputs [][]byte) [][]byte { return corpus.Sort(slices.Clone(inputs)) }

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestBothFormsKeepEveryByte(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	inputs := slices.Clone(some)
	for range 200 {
		data := make([]byte, 1+r.IntN(300))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		inputs = append(inputs, data)
	}
	raw, text := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "go")
	for _, write := range []struct {
		dir   string
		write func(string, [][]byte) (int, error)
	}{{raw, corpus.Write}, {text, corpus.WriteGo}} {
		if added, err := write.write(write.dir, inputs); err != nil || added != len(inputs) {
			t.Fatalf("wrote %d of %d: %v", added, len(inputs), err)
		}
		if added, err := write.write(write.dir, inputs); err != nil || added != 0 {
			t.Errorf("wrote %d again: %v", added, err)
		}
	}
	for what, read := range map[string]func() ([][]byte, error){
		"raw":           func() ([][]byte, error) { return corpus.Read(raw) },
		"raw, any name": func() ([][]byte, error) { return corpus.Collect(raw, corpus.Raw) },
		"Go":            func() ([][]byte, error) { return corpus.Collect(text, corpus.Raw) },
	} {
		if got, err := read(); err != nil || !same(got, sorted(inputs)) {
			t.Errorf("%s: %d inputs of %d, or other ones: %v", what, len(got), len(inputs), err)
		}
	}
}

func TestGoFormIsThatOfTheGoCommand(t *testing.T) {
	// The file that "go test -fuzz" of Go 1.26 wrote for a failing input "0", and
	// the name that it gave it.
	const text, name = "go test fuzz v1\n[]byte(\"0\")\n", "582528ddfad69eb5"
	dir := t.TempDir()
	if _, err := corpus.WriteGo(dir, [][]byte{[]byte("0")}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
		t.Errorf("%q: %v, want %q in %s", got, err, text, name)
	}
}

func TestParseGoTakesWhatTheGoCommandTakes(t *testing.T) {
	for text, want := range map[string]string{
		"go test fuzz v1\n[]byte(\"a\\x00\")":               "a\x00",
		"go test fuzz v1\r\n[]byte(\"a\")\r\n":              "a",
		"go test fuzz v1\n\n  []byte( `a\\x00` )  \n\n":     `a\x00`,
		"go test fuzz v1\n[]byte(\"(\\\")\")\n":             `(")`,
		"go test fuzz v1\n[]byte(\"\")\n":                   "",
		"go test fuzz v1\n[]byte(\"\\u00e9\\xe9\\351ü\")\n": "\u00e9\xe9\351ü",
	} {
		if got, err := corpus.ParseGo([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v: want %q", text, got, err, want)
		}
	}
}

func TestParseGoSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                               "is empty",
		"hello":                                          `doesn't begin with "go test fuzz v1"`,
		"go test fuzz v2\n[]byte(\"a\")":                 `doesn't begin with "go test fuzz v1"`,
		"go test fuzz v1":                                "is cut: there is no argument",
		"go test fuzz v1\n\n":                            "is cut: there is no argument",
		"go test fuzz v1\n[]byte(\"a":                    "is cut: its argument has no end",
		"go test fuzz v1\n[]byte(\"a)":                   "no string literal",
		"go test fuzz v1\n[]byte('a')":                   "no string literal",
		"go test fuzz v1\n[]byte(7)":                     "no string literal",
		"go test fuzz v1\n[]byte()":                      "no string literal",
		"go test fuzz v1\nstring(\"a\")":                 `of type "string"`,
		"go test fuzz v1\nint(7)":                        `of type "int"`,
		"go test fuzz v1\n7":                             "no conversion",
		"go test fuzz v1\n[]byte(\"a\")\n7":              "several arguments",
		"go test fuzz v1\n[]byte(\"\\xzz\")":             "no string literal",
		"go test fuzz v1\n" + strings.Repeat("(", 99999): `of type ""`,
	} {
		if got, err := corpus.ParseGo([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 {
			t.Errorf("%.50q: %q, %v: want one line with %q", text, got, err, want)
		}
	}
}

// A wrong file is named, and the right ones beside it are read.
func TestWrongFilesAreNamedAndNothingElseIsLost(t *testing.T) {
	good := []byte("good")
	const nothing = "the input without bytes"
	huge := bytes.Repeat([]byte("x"), corpus.MaxBytes+1)
	for _, c := range []struct {
		what  string
		plant func(t *testing.T, dir string) (path string)
		read  string // what Read says
		coll  string // what Collect says, or "" if it takes the file
	}{
		{"empty", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name(nil))
			put(t, path, nil)
			return path
		}, "is empty", nothing},
		{"cut to nothing", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name([]byte("lost")))
			put(t, path, nil)
			return path
		}, "is empty", "is empty"},
		{"huge", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name(huge))
			put(t, path, huge)
			return path
		}, "more than 1048576 bytes", "more than 1048576 bytes"},
		{"huger than any form", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "huge")
			put(t, path, nil)
			if err := os.Truncate(path, 1<<40); err != nil {
				t.Fatal(err)
			}
			return path
		}, "more than", "more than"},
		{"wrong name", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "crash-1")
			put(t, path, []byte("other"))
			return path
		}, "isn't named by a SHA-1", ""},
		{"wrong hash", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name([]byte("before")))
			put(t, path, []byte("after"))
			return path
		}, "other contents than its name says", ""},
		{"folder", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name(nil))
			put(t, filepath.Join(path, "file"), good)
			return path
		}, "is a folder", "is a folder"},
		{"link", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, corpus.Name(good)[:39]+"0")
			if err := os.Symlink(filepath.Join(dir, corpus.Name(good)), path); err != nil {
				t.Skip(err) // Windows without the right to
			}
			return path
		}, "is a symbolic link", "is a symbolic link"},
		{"several arguments", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "771e938e4458e983")
			put(t, path, []byte("go test fuzz v1\n[]byte(\"a\")\nint(7)\n"))
			return path
		}, "isn't named by a SHA-1", "several arguments"},
		{"input without bytes", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "seed")
			put(t, path, corpus.FormatGo(nil))
			return path
		}, "isn't named by a SHA-1", nothing},
		{"another type", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "seed")
			put(t, path, []byte("go test fuzz v1\nstring(\"a\")\n"))
			return path
		}, "isn't named by a SHA-1", `of type "string"`},
		{"huge Go form", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "seed")
			put(t, path, corpus.FormatGo(huge))
			return path
		}, "more than", "more than 1048576 bytes"},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "FuzzX")
			put(t, filepath.Join(dir, corpus.Name(good)), good)
			path := c.plant(t, dir)
			check := func(how string, got [][]byte, err error, want string) {
				var p corpus.Problems
				switch {
				case (want == "" || want == nothing) && err != nil:
					t.Errorf("%s: %v, want the file taken", how, err)
				case want == "":
				case want == nothing:
					if !same(got, [][]byte{good}) {
						t.Errorf("%s: %q, want the other input only", how, got)
					}
				case !errors.As(err, &p) || len(p) != 1 || p[0].Path != path:
					t.Errorf("%s: %v, want one problem of %s", how, err, path)
				case !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "file "+path+" "):
					t.Errorf("%s: %q, want the file and %q", how, err, want)
				case !same(got, [][]byte{good}):
					t.Errorf("%s: %q, want the other input", how, got)
				}
			}
			got, err := corpus.Read(dir)
			check("Read", got, err, c.read)
			got, err = corpus.Collect(dir, corpus.Raw)
			check("Collect", got, err, c.coll)
			if c.coll == "" && len(got) != 2 {
				t.Errorf("Collect: %q, want both", got)
			}
		})
	}
}

// An input of the target that reads corpus files is one itself.
func TestRawInputMayLookLikeGoForm(t *testing.T) {
	dir := t.TempDir()
	input := corpus.FormatGo([]byte("a"))
	if _, err := corpus.Write(dir, [][]byte{input}); err != nil {
		t.Fatal(err)
	}
	file := corpus.V2.Encode(input)
	crash := filepath.Join(t.TempDir(), "crash-"+corpus.Name(input))
	put(t, crash, input)
	for _, c := range []struct {
		path   string
		layout corpus.Layout
		want   []byte
	}{
		{dir, corpus.Raw, input},
		{crash, corpus.Raw, input},
		{dir, corpus.V2, input[1:]},
	} {
		if got, err := corpus.Collect(c.path, c.layout); err != nil || !same(got, [][]byte{c.want}) {
			t.Errorf("%s in layout %s: %q, %v: want %q", filepath.Base(c.path), c.layout, got, err, c.want)
		}
	}
	seed := filepath.Join(t.TempDir(), "seed")
	put(t, seed, input)
	if got, err := corpus.Collect(seed, corpus.V2); err != nil || !same(got, [][]byte{[]byte("a")}) {
		t.Errorf("%q, %v: want what is in the Go form", got, err)
	}
	put(t, seed, file)
	if got, err := corpus.Collect(seed, corpus.V2); err != nil || !same(got, [][]byte{input}) {
		t.Errorf("%q, %v: want %q", got, err, input)
	}
}

func TestManyWrongFilesAreCounted(t *testing.T) {
	dir := t.TempDir()
	for i := range 25 {
		put(t, filepath.Join(dir, fmt.Sprint(i)), []byte("x"))
	}
	if _, err := corpus.Read(dir); err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.HasSuffix(err.Error(), "and 5 files more are no inputs") {
		t.Errorf("%v, want twenty lines and how many more", err)
	}
}

func TestMissingFolderIsAnError(t *testing.T) {
	for _, read := range []func() ([][]byte, error){
		func() ([][]byte, error) { return corpus.Read("missing") },
		func() ([][]byte, error) { return corpus.Collect("missing", corpus.Raw) },
	} {
		if _, err := read(); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%v, want the folder named", err)
		}
	}
}

func TestWriteRepairsDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	data := []byte("input")
	put(t, filepath.Join(dir, corpus.Name(data)), nil)
	if added, err := corpus.Write(dir, [][]byte{data}); err != nil || added != 1 {
		t.Errorf("wrote %d: %v", added, err)
	}
	if got, err := corpus.Read(dir); err != nil || !same(got, [][]byte{data}) {
		t.Errorf("%q, %v", got, err)
	}
}

// What is longer than the input is damaged. What is no regular file is neither opened, which
// may take for ever, nor replaced.
func TestWriteReplacesOnlyFiles(t *testing.T) {
	dir := t.TempDir()
	data := []byte("input")
	path := filepath.Join(dir, corpus.Name(data))
	put(t, path, []byte("input and more"))
	if added, err := corpus.Write(dir, [][]byte{data}); err != nil || added != 1 {
		t.Errorf("a longer file: wrote %d: %v", added, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	var alien *corpus.FileError
	if _, err := corpus.Write(dir, [][]byte{data}); !errors.As(err, &alien) {
		t.Errorf("a link was replaced (%v)", err)
	}
	if to, err := os.Readlink(path); to != "elsewhere" {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
}

func TestFailedWriteLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	data := []byte("input")
	if err := os.Mkdir(filepath.Join(dir, corpus.Name(data)), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := corpus.Write(dir, [][]byte{data}); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: want the folder only", entries, err)
	}
}

// Every layout gives the target the input that was encoded.
func TestLayoutsGiveTheInputBack(t *testing.T) {
	for _, l := range corpus.Layouts() {
		for _, data := range append(slices.Clone(some), nil) {
			got, err := l.Decode(l.Encode(data))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("layout %s: %q, %v: want %q", l, got, err, data)
			}
		}
	}
}

func TestLayoutsDecodeWhatFuzzingMade(t *testing.T) {
	for _, c := range []struct {
		layout corpus.Layout
		file   string
		want   string
		fails  bool
	}{
		{corpus.Raw, "", "", false},
		{corpus.V2, "", "", false},
		{corpus.V2, "x", "", false},
		{corpus.V2, "xab", "ab", false},
		{corpus.V1, "", "", true},
		{corpus.V1, "\x00\x00\x00\x01", "", true},
		{corpus.V1, "\x00\x00\x00\x03abc", "abc", false},
		{corpus.V1, "\x00\x00\x00\x04abc", "a", false},   // 4 modulo 3
		{corpus.V1, "\x00\x00\x00\x00abcd", "ab", false}, // 30 modulo 4
		{corpus.V1, "\xff\xff\xff\xffab", "a", false},    // 2^32-1 modulo 2
	} {
		got, err := c.layout.Decode([]byte(c.file))
		if (err != nil) != c.fails || string(got) != c.want {
			t.Errorf("layout %s: %q gives %q, %v: want %q", c.layout, c.file, got, err, c.want)
		}
	}
	if _, err := corpus.ParseLayout("v3"); err == nil || !strings.Contains(err.Error(), "raw, v1, v2") {
		t.Errorf("%v, want the names", err)
	}
}

func TestSeedsAreTheSameBytesInAnyOrder(t *testing.T) {
	for _, l := range corpus.Layouts() {
		var a, b bytes.Buffer
		twice := append(slices.Clone(some), some...)
		slices.Reverse(twice)
		if err := errors.Join(corpus.WriteSeeds(&a, some, l), corpus.WriteSeeds(&b, twice, l)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("layout %s: another order makes another zip", l)
		}
		z, err := zip.NewReader(bytes.NewReader(a.Bytes()), int64(a.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var got [][]byte
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			file, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			data, err := l.Decode(file)
			if err != nil || f.Name != corpus.Name(data) {
				t.Errorf("layout %s: file %s holds %q, %v", l, f.Name, data, err)
			}
			got = append(got, data)
		}
		if !same(sorted(got), sorted(some)) {
			t.Errorf("layout %s: %q", l, got)
		}
	}
}

// letters are the features of a text: its different letters.
func letters(data []byte) ([]corpus.Feature, error) {
	var list []corpus.Feature
	for _, b := range data {
		list = append(list, corpus.Feature(b))
	}
	return list, nil
}

func minimize(t *testing.T, texts ...string) []string {
	t.Helper()
	var inputs [][]byte
	for _, s := range texts {
		inputs = append(inputs, []byte(s))
	}
	m, err := corpus.Minimize(context.Background(), inputs, letters, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, data := range m.Inputs {
		kept = append(kept, string(data))
	}
	return kept
}

func TestMinimizeKeepsTheShortestThatAddSomething(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"aaa", "a", "aa"}, []string{"a"}},
		{[]string{"b", "a", "ab"}, []string{"a", "b"}},
		{[]string{"abc", "ab", "a"}, []string{"abc"}}, // the longest has what the others add
		{[]string{"abcd", "abx", "cdx", "x"}, []string{"abx", "cdx"}},
		{[]string{"z", "z", "z"}, []string{"z"}},
	} {
		if got := minimize(t, c.in...); !slices.Equal(got, c.want) {
			t.Errorf("of %q it keeps %q, want %q", c.in, got, c.want)
		}
	}
}

// Nothing that the inputs have is lost, the order doesn't matter, and once is enough.
func TestMinimizeLosesNoFeature(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		var texts []string
		all := make(map[rune]bool)
		for range r.IntN(40) {
			b := make([]byte, 1+r.IntN(6))
			for i := range b {
				b[i] = 'a' + byte(r.IntN(26))
				all[rune(b[i])] = true
			}
			texts = append(texts, string(b))
		}
		kept := minimize(t, texts...)
		for _, c := range strings.Join(kept, "") {
			delete(all, c)
		}
		if len(all) > 0 {
			t.Fatalf("seed %d, round %d: of %q it keeps %q, and loses %v", seed, round, texts, kept, all)
		}
		r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		if again := minimize(t, texts...); !slices.Equal(again, kept) {
			t.Fatalf("seed %d, round %d: in another order %q it keeps %q, before %q", seed, round, texts, again, kept)
		}
		if again := minimize(t, kept...); !slices.Equal(again, kept) {
			t.Fatalf("seed %d, round %d: of %q it keeps %q", seed, round, kept, again)
		}
	}
}

func TestMinimizeStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := corpus.Minimize(ctx, some, letters, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it to stop", err)
	}
	wrong := errors.New("wrong")
	if _, err := corpus.Minimize(context.Background(), some, func([]byte) ([]corpus.Feature, error) { return nil, wrong }, nil); !errors.Is(err, wrong) {
		t.Errorf("%v, want the error of features", err)
	}
}

// What is committed is what the strict reader takes, of each target and no other
// folder.
func TestCommittedInputsAreWhole(t *testing.T) {
	targets := corpus.Targets()
	if len(targets) == 0 {
		t.Fatal("there are no targets")
	}
	total := 0
	for _, target := range targets {
		want, err := corpus.Read(target)
		if err != nil {
			t.Error(err)
		}
		got := corpus.Builtin(target)
		if len(got) == 0 || !same(got, want) {
			t.Errorf("%s: %d inputs are built in, and %d lie in the folder", target, len(got), len(want))
		}
		for _, data := range got {
			total += len(data)
		}
	}
	if total > 1<<20 {
		t.Errorf("%d bytes of inputs: that is too much to commit", total)
	}
	if got := corpus.Builtin("FuzzNothing"); got != nil {
		t.Errorf("%d inputs of a target that has none", len(got))
	}
}
