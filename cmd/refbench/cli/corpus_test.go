package cli

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/goproxytest"

	"github.com/refbench/refbench/workloads"
)

// tree makes a folder with files of the given contents, by their paths.
func tree(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "source")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range contents {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// imported returns the files in an output folder, each as target and contents,
// sorted, and checks that all have their right names.
func imported(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || workloads.IsNotice(e.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%x", sha1.Sum(data)); e.Name() != want {
			t.Errorf("%s has the contents %q: want the name %s", path, data, want)
		}
		target, err := filepath.Rel(dir, filepath.Dir(path))
		list = append(list, filepath.ToSlash(target)+"="+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// leftovers returns the names in a folder that begin with a dot.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checkout is laid out as go-fuzz-corpus is.
var checkout = map[string]string{
	"LICENSE":               "terms",
	"README.md":             "not a corpus",
	"png/png.go":            "package png",
	"png/corpus/1-1":        "one",
	"png/corpus/1-2":        "one",
	"png/corpus/2":          "two",
	"png/corpus/.hidden":    "hidden",
	"gob/corpus/1":          "one",
	"gob/corpus/0":          "",
	"x509/pkix/corpus/1":    "key",
	"gopacket/corpus_dns/1": "name",
	"corpuscle/file":        "not a corpus",
}

var checkoutImported = []string{"gob=", "gob=one", "gopacket/dns=name", "png=one", "png=two", "x509/pkix=key"}

func TestImportCopiesEachTargetsFilesOnce(t *testing.T) {
	from, to := tree(t, checkout), filepath.Join(t.TempDir(), "a", "to")
	for i, want := range []string{"6 files, 16 bytes, of which 0 were there", "6 files, 16 bytes, of which 6 were there"} {
		status, stdout, stderr := refbench(t, "corpus", "import", "--dir", from, "-o", to)
		if status != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Fatalf("import %d: status %d, stdout:\n%sstderr:\n%swant %q", i+1, status, stdout, stderr, want)
		}
		if got := imported(t, to); !slices.Equal(got, checkoutImported) {
			t.Errorf("import %d: %q, want %q", i+1, got, checkoutImported)
		}
	}
	if l, err := os.ReadFile(filepath.Join(to, "LICENSE")); err != nil || string(l) != "terms" {
		t.Errorf("LICENSE: %q, %v", l, err)
	}
	if s, err := os.ReadFile(filepath.Join(to, "SOURCE")); err != nil || !strings.Contains(string(s), from) || !strings.Contains(string(s), "see LICENSE") {
		t.Errorf("SOURCE: %q, %v", s, err)
	}
	if l := leftovers(t, to); len(l) > 0 {
		t.Errorf("left behind: %q", l)
	}
	// What it writes is what run --contents reads.
	contents, err := workloads.LoadBuffers(to, workloads.BufferLimits{})
	if err != nil || len(contents) != 6 {
		t.Errorf("LoadBuffers: %d contents, %v", len(contents), err)
	}
}

func TestImportTakesTheTargetsAskedFor(t *testing.T) {
	from := tree(t, checkout)
	for targets, want := range map[string][]string{
		"png":       {"png=one", "png=two"},
		"x509/,gob": {"gob=", "gob=one", "x509/pkix=key"},
	} {
		to := t.TempDir()
		if status, _, stderr := refbench(t, "corpus", "import", "--dir", from, "--target", targets, "-o", to); status != 0 {
			t.Fatalf("%s: status %d: %s", targets, status, stderr)
		}
		if got := imported(t, to); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", targets, got, want)
		}
	}
}

func TestImportTakesAnyFolder(t *testing.T) {
	from, to := tree(t, map[string]string{"a": "1", "sub/b": "2", "sub/.git/c": "3", "NOTICE.txt": "who"}), t.TempDir()
	status, stdout, stderr := refbench(t, "corpus", "import", "--dir", from, "-o", to, "--json")
	var done corpusDone
	if err := json.Unmarshal([]byte(stdout), &done); status != 0 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, stderr)
	}
	if want := []corpusTarget{{"source", 1, 1}, {"sub", 1, 1}}; !slices.Equal(done.Targets, want) || done.Files != 2 {
		t.Errorf("%+v, want the targets %+v", done, want)
	}
	if got, want := imported(t, to), []string{"source=1", "sub=2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestImportLeavesOutWhatIsOverTheLimitsAndSaysSo(t *testing.T) {
	from, to := tree(t, map[string]string{"1": "a", "2": "bb", "3": "ccc", "4": "d", "5": "e"}), t.TempDir()
	status, _, stderr := refbench(t, "corpus", "import", "--dir", from, "-o", to, "--max-bytes", "2", "--max-files", "3")
	if got, want := imported(t, to), []string{"source=a", "source=bb", "source=d"}; status != 0 || !slices.Equal(got, want) {
		t.Errorf("status %d, %q, want %q", status, got, want)
	}
	for _, want := range []string{"left out 1 file with more than 2 bytes, the first: " + filepath.Join(from, "3"), "left out 1 file, since there are more than 3", "there is no LICENSE"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr:\n%swant %q", stderr, want)
		}
	}
}

// An output folder in the folder that is imported isn't imported itself.
func TestImportCanBeRepeatedInItsOwnFolder(t *testing.T) {
	t.Chdir(tree(t, map[string]string{"a": "1"}))
	for range 3 {
		if status, _, stderr := refbench(t, "corpus", "import", "--dir", "."); status != 0 {
			t.Fatal(stderr)
		}
	}
	if got := imported(t, corpusDir); !slices.Equal(got, []string{"source=1"}) {
		t.Errorf("%q", got)
	}
}

func TestImportRepairsDamagedFiles(t *testing.T) {
	from, to := tree(t, checkout), t.TempDir()
	if status, _, stderr := refbench(t, "corpus", "import", "--dir", from, "-o", to); status != 0 {
		t.Fatal(stderr)
	}
	name := filepath.Join(to, "png", fmt.Sprintf("%x", sha1.Sum([]byte("two"))))
	if err := os.WriteFile(name, []byte("tw"), 0o666); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := refbench(t, "corpus", "import", "--dir", from, "-o", to)
	if status != 0 || !strings.Contains(stderr, "1 file in the output folder had other contents") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if got := imported(t, to); !slices.Equal(got, checkoutImported) {
		t.Errorf("%q, want %q", got, checkoutImported)
	}
}

// An interrupt leaves whole files only, and the next import goes on.
func TestInterruptedImportGoesOn(t *testing.T) {
	from, to := tree(t, checkout), t.TempDir()
	for after := range 40 {
		ctx := &endsAfter{Context: t.Context(), left: after}
		var stdout, stderr bytes.Buffer
		status := Run(ctx, Parts{}, []string{"corpus", "import", "--dir", from, "-o", to}, &stdout, &stderr)
		got := imported(t, to)
		if l := leftovers(t, to); len(l) > 0 {
			t.Errorf("after %d looks: left behind: %q", after, l)
		}
		if status == 0 {
			if after < 10 || !slices.Equal(got, checkoutImported) {
				t.Errorf("after %d looks: %q, want %q", after, got, checkoutImported)
			}
			return
		}
		if status != 3 || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("after %d looks: status %d: %s", after, status, stderr.String())
		}
	}
	t.Error("it never went through")
}

// endsAfter is a context that has ended when it was asked so often.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestImportRefusesBadInput(t *testing.T) {
	good, file, empty := tree(t, checkout), filepath.Join(tree(t, map[string]string{"f": "1"}), "f"), t.TempDir()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "SOURCE"), []byte("elsewhere"), 0o666); err != nil {
		t.Fatal(err)
	}
	new := filepath.Join(t.TempDir(), "new")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--dir", filepath.Join(empty, "none")}, "none: it does not exist: name a folder with files"},
		{[]string{"--dir", file}, "f: it is no folder: name the folder that the file is in"},
		{[]string{"--dir", empty}, "there are no files in it: name a folder with files"},
		{[]string{"--dir", tree(t, map[string]string{"LICENSE": "terms", ".x": "y"})}, "there are no files in it"},
		{[]string{"--dir", ""}, "--dir: it was given nothing"},
		{[]string{"--dir", tree(t, map[string]string{"a": "1234", "b": "12345"}), "--max-bytes", "3"}, "all files have more than 3 bytes: see --max-bytes"},
		{[]string{"--dir", tree(t, map[string]string{"a": "1", "LICENSE": "12345"}), "--max-bytes", "3"}, "LICENSE has more than 3 bytes"},
		{[]string{"--dir", good, "--target", "pgn"}, `unknown target "pgn": there are png, gob, `},
		{[]string{"--dir", good, "--target", "pn"}, `unknown target "pn"`},
		{[]string{"--dir", good, "--target", ""}, "--target: it was given nothing"},
		{[]string{"--dir", good, "--target", "png,"}, "--target: there is nothing in one place of its list"},
		{[]string{"--dir", good, "--max-bytes", "0"}, "--max-bytes 0: want at least 1"},
		{[]string{"--dir", good, "--max-files", "-1"}, "--max-files -1: want at least 1"},
		{[]string{"--dir", good, "-o", ""}, "-o: it was given nothing"},
		{[]string{"--dir", good, "-o", file}, "f: it is no folder: name another with -o"},
		{[]string{"--dir", good, "-o", good}, "it is the output folder: name another with -o"},
		{[]string{"--dir", good, "-o", other}, "holds files of another source, by its SOURCE: name another with -o"},
		{[]string{"--dir", good, "-o", filepath.Join(file, "under")}, "not a directory"},
		{[]string{"more"}, `takes no argument "more"`},
	} {
		args := append([]string{"corpus", "import", "-o", new}, c.args...)
		status, stdout, stderr := refbench(t, args...)
		if status != 2 || !strings.Contains(stderr, c.want) || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: status %d, stdout %q, stderr %q: want 2 and one line with %q", args, status, stdout, stderr, c.want)
		}
		if _, err := os.Stat(new); err == nil {
			t.Fatalf("%q: the output folder was made", args)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"corpus"}, "needs a command: there are export, import, minimize\n"},
		{[]string{"corpus", "imprt"}, "unknown command \"imprt\": there are refbench corpus import, export, minimize\n"},
	} {
		if status, _, stderr := refbench(t, c.args...); status != 2 || !strings.HasSuffix(stderr, c.want) {
			t.Errorf("%q: status %d: %s, want %q", c.args, status, stderr, c.want)
		}
	}
}

func TestTargetsAreNamedByFolders(t *testing.T) {
	for folder, want := range map[string]string{
		".":                   "top",
		"a":                   "a",
		"a/b":                 "a/b",
		"a/corpus":            "a*",
		"a/b/corpus":          "a/b*",
		"a/corpus/c":          "a/c*",
		"corpus":              "top*",
		"corpus/c":            "top/c*",
		"a/corpus_dns":        "a/dns*",
		"a/corpus-text":       "a/text*",
		"corpus-text":         "top/text*",
		"a/corpus_..":         "a/corpus_..",
		"a/corpus_":           "a/corpus_",
		"a/corpuscle":         "a/corpuscle",
		"a/corpus/b/corpus/c": "a/b/corpus/c*",
	} {
		got, corpus := targetOf("top", folder)
		if corpus {
			got += "*"
		}
		if got != want {
			t.Errorf("%s: target %s, want %s (* for a corpus)", folder, got, want)
		}
	}
	for root, want := range map[string]string{"/a/png/corpus": "png", "/a/png": "png", "/a/.cache": "cache", "/": "files", "/corpus": "files"} {
		if got := rootTarget(filepath.FromSlash(root)); got != want {
			t.Errorf("root %s: target %s, want %s", root, got, want)
		}
	}
}

// The module that pins the version and what the command fetches are the same.
func TestFetchedModuleIsThePinnedOne(t *testing.T) {
	for name, want := range map[string]string{"go.mod": goFuzzCorpus.gomod, "go.sum": goFuzzCorpus.gosum} {
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "fuzz", "gofuzzcorpus", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("fuzz/gofuzzcorpus/%s:\n%swant\n%s", name, got, want)
		}
	}
	if !strings.Contains(goFuzzCorpus.gomod, goFuzzCorpus.path+" "+goFuzzCorpus.version+"\n") {
		t.Errorf("go.mod doesn't require %s %s", goFuzzCorpus.path, goFuzzCorpus.version)
	}
}

// proxy serves a small module as the network would, with a module cache of its own.
func proxy(t *testing.T) corpusModule {
	t.Helper()
	srv, err := goproxytest.NewServer(tree(t, map[string]string{
		"example.com_files_v1.0.0.txtar": "-- .mod --\nmodule example.com/files\n-- LICENSE --\nterms\n-- png/corpus/1 --\none\n-- png/corpus/2 --\n",
	}), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	t.Setenv("GOPROXY", srv.URL)
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOSUMDB", "off")
	return corpusModule{
		path: "example.com/files", version: "v1.0.0", licence: "none",
		gomod: "module m\n\ngo 1.26.0\n\nrequire example.com/files v1.0.0\n",
	}
}

func TestFetchDownloadsTheModule(t *testing.T) {
	m := proxy(t)
	dir, err := m.fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	im := corpusImport{from: dir, to: to, source: m.source(), maxBytes: 100, maxFiles: 100}
	if _, err := im.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := imported(t, to); !slices.Equal(got, []string{"png=", "png=one\n"}) {
		t.Errorf("%q", got)
	}
	if s, err := os.ReadFile(filepath.Join(to, "SOURCE")); err != nil || !strings.Contains(string(s), "module: example.com/files\nversion: v1.0.0\n") {
		t.Errorf("SOURCE: %q, %v", s, err)
	}
	// A second time without a network.
	t.Setenv("GOPROXY", "off")
	if again, err := m.fetch(t.Context()); err != nil || again != dir {
		t.Errorf("from the cache: %s, %v", again, err)
	}
}

// Minimizing says which files of the module are no inputs.
func TestMinimizeSaysWhatItLeavesOut(t *testing.T) {
	real := goFuzzCorpus
	goFuzzCorpus = proxy(t)
	defer func() { goFuzzCorpus = real }()
	to := filepath.Join(t.TempDir(), "small")
	var out, errOut bytes.Buffer
	if status := Run(t.Context(), Builtin(), []string{"corpus", "minimize", "--go-fuzz-corpus", "-o", to, "FuzzSequential"}, &out, &errOut); status != 0 {
		t.Fatalf("status %d: %s", status, &errOut)
	}
	if want := filepath.Join("png", "corpus", "2") + " is empty"; !strings.Contains(errOut.String(), "refbench: left out 1 file of example.com/files, the first: ") || !strings.Contains(errOut.String(), want) {
		t.Errorf("it says\n%s, want that %s", &errOut, want)
	}
}

func TestFetchSaysWhatIsMissing(t *testing.T) {
	m := proxy(t)
	forged := m
	forged.gosum = "example.com/files v1.0.0 h1:" + strings.Repeat("A", 43) + "=\n"
	other := m
	other.gomod = strings.ReplaceAll(m.gomod, "v1.0.0", "v1.2.3")
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		name string
		m    corpusModule
		ctx  context.Context
		env  map[string]string
		want string
	}{
		{"no go", m, t.Context(), map[string]string{"PATH": t.TempDir()}, "fetched by the go command, which isn't here: install Go, or get the files yourself and name their folder with --dir"},
		{"no network", m, t.Context(), map[string]string{"GOPROXY": "off"}, "can't be fetched: module lookup disabled by GOPROXY=off"},
		{"nobody listens", m, t.Context(), map[string]string{"GOPROXY": "http://127.0.0.1:1"}, "connection refused"},
		{"other files", forged, t.Context(), nil, "checksum mismatch"},
		{"no such version", other, t.Context(), nil, "v1.2.3"},
		{"no temporary folder", m, t.Context(), map[string]string{"TMPDIR": "/none"}, "/none"},
		{"interrupted", m, ended, nil, "interrupted while fetching"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env["TMPDIR"] != "" && runtime.GOOS == "windows" {
				t.Skip("Windows has no TMPDIR")
			}
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, err := c.m.fetch(c.ctx)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, c.want)
			}
			if se, ok := err.(*statusError); !ok || se.status != exitFailed {
				t.Errorf("error %#v, want status %d", err, exitFailed)
			}
		})
	}
}

// The real files, over the network unless the module cache has them.
func TestImportGoFuzzCorpus(t *testing.T) {
	if os.Getenv("REFBENCH_NETWORK") != "1" {
		t.Skip("fetches 46 MB: set REFBENCH_NETWORK=1 to run it")
	}
	to, begin := t.TempDir(), time.Now()
	status, stdout, stderr := refbench(t, "corpus", "import", "-o", to, "--json")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var done corpusDone
	if err := json.Unmarshal([]byte(stdout), &done); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d bytes, %d targets, %d large ones and %d twins left out, in %.1f s",
		done.Files, done.Bytes, len(done.Targets), done.Large, done.Twins, time.Since(begin).Seconds())
	targets := make(map[string]int)
	for _, n := range done.Targets {
		targets[n.Name] = n.Files
	}
	for _, name := range []string{"png", "gob", "x509/pkix", "gopacket/dns"} {
		if targets[name] == 0 {
			t.Errorf("no files of target %s: %v", name, slices.Sorted(maps.Keys(targets)))
		}
	}
	if got := len(imported(t, to)); got != done.Files {
		t.Errorf("%d files, said to be %d", got, done.Files)
	}
	licence, err := os.ReadFile(filepath.Join(to, "LICENSE"))
	if err != nil || !bytes.Contains(licence, []byte("Apache License")) {
		t.Errorf("LICENSE: %.40q, %v", licence, err)
	}
	// By default an import fits into a run.
	if _, err := workloads.LoadBuffers(to, workloads.BufferLimits{}); err != nil {
		t.Error(err)
	}
}
