package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"
)

// What OSS-Fuzz and ClusterFuzzLite are given is seen by nobody until they run it. So
// it is compared here with the targets that there are, and with what the images and
// actions take.

// elsewhere are targets that aren't built for libFuzzer, and which one that is does what
// they do. Such a one is of an external test package, or gives its
// testing.F away, which the builder can't follow.
var elsewhere = map[string]string{
	"strategies/akaros.Fuzz":            "fuzz.FuzzSequential",
	"strategies/arc.Fuzz":               "fuzz.FuzzSequential",
	"strategies/atomic.Fuzz":            "fuzz.FuzzSequential",
	"strategies/biased.Fuzz":            "fuzz.FuzzSequential",
	"strategies/drained.Fuzz":           "fuzz.FuzzSequential",
	"strategies/evenodd.Fuzz":           "fuzz.FuzzSequential",
	"strategies/fdmutex.Fuzz":           "fuzz.FuzzSequential",
	"strategies/fileref.Fuzz":           "fuzz.FuzzSequential",
	"strategies/freebsd.Fuzz":           "fuzz.FuzzSequential",
	"strategies/freezable.Fuzz":         "fuzz.FuzzSequential",
	"strategies/lockperatomic.Fuzz":     "fuzz.FuzzSequential",
	"strategies/lockref.Fuzz":           "fuzz.FuzzSequential",
	"strategies/mutexed.Fuzz":           "fuzz.FuzzSequential",
	"strategies/percpu.Fuzz":            "fuzz.FuzzSequential",
	"strategies/rcuref.Fuzz":            "fuzz.FuzzSequential",
	"strategies/refcountfull.Fuzz":      "fuzz.FuzzSequential",
	"strategies/refusing.Fuzz":          "fuzz.FuzzSequential",
	"strategies/rundown.Fuzz":           "fuzz.FuzzSequential",
	"strategies/rundowncpu.Fuzz":        "fuzz.FuzzSequential",
	"strategies/xnupcpu.Fuzz":           "fuzz.FuzzSequential",
	"strategies/sloppy.Fuzz":            "fuzz.FuzzSequential",
	"strategies/snzi.Fuzz":              "fuzz.FuzzSequential",
	"strategies/refcache.Fuzz":          "fuzz.FuzzSequential",
	"strategies/ownerbiased.Fuzz":       "fuzz.FuzzSequential",
	"strategies/localcount.Fuzz":        "fuzz.FuzzSequential",
	"strategies/tlref.Fuzz":             "fuzz.FuzzSequential",
	"strategies/owned.Fuzz":             "fuzz.FuzzSequential",
	"strategies/rseq.Fuzz":              "fuzz.FuzzSequential",
	"strategies/saturating.Fuzz":        "fuzz.FuzzSequential",
	"strategies/sticky.Fuzz":            "fuzz.FuzzSequential",
	"strategies/strategytest.FuzzSound": "fuzz.FuzzSequential",
}

const (
	cflite  = ".clusterfuzzlite/"
	ossfuzz = "ossfuzz/"
	buildSh = cflite + "build.sh"
	ciFuzz  = ".ci/fuzz"
)

// A fuzzFunc is a fuzz target in the source.
type fuzzFunc struct {
	dir, name, file string
	bytes           bool // it takes one []byte
}

// fuzzFuncs returns the targets of all test files.
func fuzzFuncs(fsys fs.FS) ([]fuzzFunc, error) {
	var list []fuzzFunc
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata/") {
			return err
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && isTarget(d) {
				list = append(list, fuzzFunc{path.Dir(name), d.Name.Name, name, takesBytes(d)})
			}
		}
		return nil
	})
	return list, err
}

func isTarget(d *ast.FuncDecl) bool {
	if d.Recv != nil || !regexp.MustCompile(`^Fuzz([^a-z].*)?$`).MatchString(d.Name.Name) || len(d.Type.Params.List) != 1 {
		return false
	}
	return source(d.Type.Params.List[0].Type) == "*testing.F"
}

// takesBytes reports whether all calls of f.Fuzz in the target are given a function of
// a *testing.T and one []byte, and whether there is one.
func takesBytes(d *ast.FuncDecl) bool {
	calls, right := 0, 0
	ast.Inspect(d.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Fuzz" || len(call.Args) != 1 {
			return true
		}
		calls++
		if f, ok := call.Args[0].(*ast.FuncLit); ok {
			var types []string
			for _, p := range f.Type.Params.List {
				for range max(1, len(p.Names)) {
					types = append(types, source(p.Type))
				}
			}
			if slices.Equal(types, []string{"*testing.T", "[]byte"}) {
				right++
			}
		}
		return true
	})
	return calls == 1 && right == 1
}

// source returns the text of a simple type.
func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return "*" + source(e.X)
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		if e.Len == nil {
			return "[]" + source(e.Elt)
		}
	}
	return "?"
}

// key is what build.sh calls a target.
func (f fuzzFunc) key() string { return f.dir + "." + f.name }

// builtTargets returns the list in build.sh: each target with its folder.
func builtTargets(fsys fs.FS) ([]string, error) {
	text, err := fs.ReadFile(fsys, buildSh)
	if err != nil {
		return nil, err
	}
	m := regexp.MustCompile(`(?m)^targets=\( # folder and function\n((?:\t[\w/]+\.\w+\n)*)\)$`).FindSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%s: no list of targets, one on a line", buildSh)
	}
	return strings.Fields(string(m[1])), nil
}

// fuzzBuild returns what is wrong with the files for OSS-Fuzz and ClusterFuzzLite.
func fuzzBuild(fsys fs.FS) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	read := func(name string) string {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			add("%v", err)
		}
		return string(text)
	}
	built, err := builtTargets(fsys)
	if err != nil {
		return []string{err.Error()}
	}
	funcs, err := fuzzFuncs(fsys)
	if err != nil {
		return []string{err.Error()}
	}
	known := make(map[string]fuzzFunc)
	for _, f := range funcs {
		known[f.key()] = f
		instead, ok := elsewhere[f.key()]
		switch {
		case ok && slices.Contains(built, f.key()):
			add("%s is built, and elsewhere says that it isn't", f.key())
		case ok && !slices.Contains(built, instead):
			add("%s is not built, and %s, which is said to do the same, isn't either", f.key(), instead)
		case !ok && !slices.Contains(built, f.key()):
			add("%s is not in %s: list it, or say in elsewhere which target does the same", f.key(), buildSh)
		}
	}
	for key := range elsewhere {
		if _, ok := known[key]; !ok {
			add("elsewhere has %s, which isn't there", key)
		}
	}
	wrong = append(wrong, builtOnes(fsys, built, known)...)
	wrong = append(wrong, settings(fsys, names(built))...)
	wrong = append(wrong, images(read)...)
	wrong = append(wrong, projects(read)...)
	return append(wrong, workflows(fsys)...)
}

// names returns the functions of targets without their folders.
func names(built []string) []string {
	var list []string
	for _, key := range built {
		_, name, _ := strings.Cut(key, ".")
		list = append(list, name)
	}
	return list
}

// builtOnes checks that the builder can build each target, and what is beside it.
func builtOnes(fsys fs.FS, built []string, known map[string]fuzzFunc) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for i, key := range built {
		f, ok := known[key]
		if !ok {
			add("%s: there is no %s", buildSh, key)
			continue
		}
		for j, other := range names(built) {
			if j != i && strings.HasPrefix(other, f.name) {
				add("%s begins as %s does, and their files or the builder would take one for the other", other, f.name)
			}
		}
		for _, other := range known {
			if other != f && strings.HasPrefix(other.name, f.name) && strings.HasPrefix(other.dir+"/", f.dir+"/") {
				add("%s begins as %s does, and lies below it, where the builder finds both", other.key(), key)
			}
		}
		if !strings.HasSuffix(f.file, "_fuzz_test.go") {
			add("%s is in %s: name the file as in corpus_fuzz_test.go", f.name, f.file)
		}
		if !f.bytes {
			add("%s doesn't call f.Fuzz once, with a function literal of *testing.T and []byte", f.name)
		}
		if files := mentions(fsys, f.dir, f.name); len(files) != 1 {
			add("%s is in %s: of the files with targets only one may have it", f.name, strings.Join(files, ", "))
		}
		wrong = append(wrong, targetFile(fsys, f)...)
		inputs := 0
		for _, dir := range []string{"fuzz/corpus/", "fuzz/testdata/fuzz/", "fuzz/shard/testdata/fuzz/", "report/testdata/fuzz/"} {
			entries, _ := fs.ReadDir(fsys, dir+f.name)
			inputs += len(entries)
		}
		if inputs == 0 {
			add("%s has no committed inputs to start from, since libFuzzer doesn't see those of f.Add", f.name)
		}
	}
	return wrong
}

// mentions returns the files with targets below a folder that have the name. build.sh
// takes it out of all others.
func mentions(fsys fs.FS, dir, name string) []string {
	var files []string
	fs.WalkDir(fsys, dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(p, "_fuzz_test.go") {
			return err
		}
		if text, err := fs.ReadFile(fsys, p); err == nil && strings.Contains(string(text), name) {
			files = append(files, p)
		}
		return nil
	})
	return files
}

// targetFile checks that the builder can take a file with targets out of its tests.
func targetFile(fsys fs.FS, target fuzzFunc) (wrong []string) {
	name := target.file
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return []string{err.Error()}
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	if err != nil {
		return []string{err.Error()}
	}
	if f.Name.Name != path.Base(target.dir) {
		wrong = append(wrong, fmt.Sprintf("%s is of package %s, and the builder compiles it into package %s", name, f.Name.Name, path.Base(target.dir)))
	}
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && regexp.MustCompile(`^(Test|Benchmark|Example)`).MatchString(d.Name.Name) {
			wrong = append(wrong, fmt.Sprintf("%s has %s: keep it in another file", name, d.Name.Name))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if t := source(sel); strings.HasPrefix(t, "testing.") && t != "testing.F" && t != "testing.T" {
				wrong = append(wrong, fmt.Sprintf("%s uses %s, which the builder's testing package hasn't got", name, t))
			}
		}
		return true
	})
	return wrong
}

// settings checks the options and dictionaries of libFuzzer.
func settings(fsys fs.FS, built []string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	option := regexp.MustCompile(`^(max_len|timeout|rss_limit_mb|len_control) = [1-9][0-9]*$`)
	// A name, and a text in quotes with \\, \" and \xAB: libFuzzer's format.
	entry := regexp.MustCompile(`^\w+="([^"\\]|\\[\\"]|\\x[0-9a-f]{2})+"$`)
	entries, err := fs.ReadDir(fsys, path.Clean(cflite))
	if err != nil {
		return []string{err.Error()}
	}
	for _, name := range built {
		if _, err := fs.Stat(fsys, cflite+name+".options"); err != nil {
			add("%s has no %s.options", name, name)
		}
	}
	for _, e := range entries {
		kind := path.Ext(e.Name())
		if kind != ".options" && kind != ".dict" {
			continue
		}
		if !slices.Contains(built, strings.TrimSuffix(e.Name(), kind)) {
			add("%s is of no target", e.Name())
		}
		text, err := fs.ReadFile(fsys, cflite+e.Name())
		if err != nil {
			add("%v", err)
			continue
		}
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		if kind == ".options" {
			if lines[0] != "[libfuzzer]" || len(lines) == 1 {
				add("%s doesn't begin with [libfuzzer] and options", e.Name())
			}
			lines = lines[1:]
		}
		for _, line := range lines {
			right := option.MatchString(line)
			if kind == ".dict" {
				right = line == "" || line[0] == '#' || entry.MatchString(line)
			}
			if !right {
				add("%s: libFuzzer can't read %q", e.Name(), line)
			}
		}
	}
	return wrong
}

// images checks that both images build the same with the same tools.
func images(read func(string) string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	checkout := regexp.MustCompile(`git clone https://github.com/AdamKorcz/go-118-fuzz-build \$SRC/go-118-fuzz-build && \\\n +git -C \$SRC/go-118-fuzz-build checkout [0-9a-f]{40}\n`)
	var tools []string
	for _, dir := range []string{cflite, ossfuzz} {
		text := read(dir + "Dockerfile")
		if !regexp.MustCompile(`(?m)^FROM gcr\.io/oss-fuzz-base/base-builder-go$`).MatchString(text) {
			add("%sDockerfile isn't made from base-builder-go", dir)
		}
		if !strings.Contains(text, "WORKDIR $SRC/refbench\n") {
			add("%sDockerfile doesn't work in $SRC/refbench, where build.sh is run", dir)
		}
		tools = append(tools, checkout.FindString(text))
	}
	if tools[0] == "" || tools[0] != tools[1] {
		add("the Dockerfiles don't take the same commit of go-118-fuzz-build")
	} else {
		wrong = append(wrong, builders(read, regexp.MustCompile(`[0-9a-f]{40}`).FindString(tools[0])[:12])...)
	}
	if text := read(cflite + "Dockerfile"); !strings.Contains(text, "COPY . $SRC/refbench\nCOPY "+buildSh+" $SRC/build.sh\n") {
		add("%sDockerfile doesn't copy the work tree and build.sh", cflite)
	}
	if text := read(ossfuzz + "Dockerfile"); !strings.Contains(text, "COPY build.sh $SRC/") || !strings.Contains(text, "git clone --depth 1 https://github.com/refbench/refbench $SRC/refbench") {
		add("%sDockerfile doesn't clone the repository and copy build.sh", ossfuzz)
	}
	commands := regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(read(ossfuzz+"build.sh"), -1)
	if !slices.Equal(commands, []string{"export REFBENCH_WITHOUT=FuzzStress", `exec bash -eu "$SRC/refbench/` + buildSh + `"`}) {
		add("%sbuild.sh does something else than run %s, without the target of real threads", ossfuzz, buildSh)
	}
	for _, name := range []string{"Dockerfile", "build.sh"} {
		// The presubmit check of OSS-Fuzz looks for it.
		if !strings.Contains(read(ossfuzz+name), "http://www.apache.org/licenses/LICENSE-2.0") {
			add("%s%s doesn't name the licence", ossfuzz, name)
		}
	}
	return wrong
}

// builders checks that it is said why .ci/fuzz builds with another version than the images,
// of which commit and of which layout of seeds.
func builders(read func(string) string, commit string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	ci := read(ciFuzz)
	version := regexp.MustCompile(`(?m)^version=(v[0-9.]+-[0-9]{14}-([0-9a-f]{12}))$`).FindStringSubmatch(ci)
	if version == nil {
		add("%s names no version of go-118-fuzz-build", ciFuzz)
		return wrong
	}
	if version[2] == commit {
		if strings.Contains(ci, "REFBENCH_LAYOUT") {
			add("%s and the Dockerfiles take the same commit of go-118-fuzz-build, so there is one layout: delete the other", ciFuzz)
		}
		return wrong
	}
	for _, name := range []string{commit, version[1]} {
		if !strings.Contains(read(ossfuzz+"README.md"), name) {
			add("%sREADME.md doesn't say why one is built with %s and the other isn't", ossfuzz, name)
		}
	}
	if text := read("fuzz/corpus/layout.go"); !strings.Contains(text, commit) || !strings.Contains(text, version[2]) {
		add("fuzz/corpus/layout.go doesn't say that its layouts are those of commits %s and %s", version[2], commit)
	}
	return wrong
}

// projects checks both project.yaml.
func projects(read func(string) string) (wrong []string) {
	for dir, keys := range map[string][]string{
		cflite:  {"fuzzing_engines", "language", "main_repo", "sanitizers"},
		ossfuzz: {"fuzzing_engines", "homepage", "language", "main_repo", "primary_contact", "sanitizers"},
	} {
		name := dir + "project.yaml"
		var p map[string]any
		if err := yaml.Unmarshal([]byte(read(name)), &p); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		if got := slices.Sorted(maps.Keys(p)); !slices.Equal(got, keys) {
			wrong = append(wrong, fmt.Sprintf("%s has %v, want %v", name, got, keys))
		}
		for key, want := range map[string]string{
			"language": "go", "fuzzing_engines": "[libfuzzer]", "sanitizers": "[address]", // the only ones for Go
			"main_repo": "https://github.com/refbench/refbench",
		} {
			if got := fmt.Sprint(p[key]); got != want {
				wrong = append(wrong, fmt.Sprintf("%s: %s is %s, want %s", name, key, got, want))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// workflows checks that each mode of ClusterFuzzLite is run, with what it takes.
func workflows(fsys fs.FS) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	files, err := fs.Glob(fsys, ".github/workflows/cflite_*.yml")
	if err != nil || len(files) == 0 {
		return []string{"there are no workflows for ClusterFuzzLite"}
	}
	modes := make(map[string]string)
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			add("%v", err)
			continue
		}
		var w struct {
			Name string
			On   map[string]any
			Jobs map[string]struct {
				RunsOn string `yaml:"runs-on"`
				Steps  []struct {
					Uses string
					With map[string]string
				}
			}
		}
		if err := yaml.Unmarshal(text, &w); err != nil {
			add("%s: %v", file, err)
			continue
		}
		for name, job := range w.Jobs {
			at := file + ", job " + name
			if len(job.Steps) != 2 || job.RunsOn == "" {
				add("%s: want two steps, that build and that run the targets", at)
				continue
			}
			for i, action := range []struct {
				uses  string
				takes []string
			}{
				{"google/clusterfuzzlite/actions/build_fuzzers@v1", []string{"language", "sanitizer", "github-token", "upload-build"}},
				{"google/clusterfuzzlite/actions/run_fuzzers@v1", []string{"language", "sanitizer", "github-token", "mode", "fuzz-seconds", "output-sarif"}},
			} {
				step := job.Steps[i]
				if step.Uses != action.uses {
					add("%s: step %d uses %s, want %s", at, i+1, step.Uses, action.uses)
				}
				for key := range step.With {
					if !slices.Contains(action.takes, key) {
						add("%s: %s takes no %s", at, action.uses, key)
					}
				}
				if step.With["language"] != "go" || step.With["github-token"] != "${{ secrets.GITHUB_TOKEN }}" {
					add("%s: %s isn't given the language and the token", at, action.uses)
				}
			}
			build, run := job.Steps[0].With, job.Steps[1].With
			mode, sanitizer := run["mode"], "address"
			if mode == "coverage" {
				sanitizer = "coverage"
			}
			if build["sanitizer"] != sanitizer || run["sanitizer"] != sanitizer {
				add("%s: mode %s wants sanitizer %s", at, mode, sanitizer)
			}
			on := slices.Sorted(maps.Keys(w.On))
			want := []string{"schedule", "workflow_dispatch"}
			if mode == "code-change" {
				want = []string{"pull_request"}
			}
			if !slices.Equal(on, want) {
				add("%s: mode %s is run on %v, want %v", at, mode, on, want)
			}
			modes[mode] = at
		}
	}
	if got := slices.Sorted(maps.Keys(modes)); !slices.Equal(got, []string{"batch", "code-change", "coverage", "prune"}) {
		add("the workflows run modes %v, want batch, code-change, coverage and prune", got)
	}
	slices.Sort(wrong)
	return wrong
}

// fuzzBuildFiles are those of the repository that fuzzBuild looks at.
func fuzzBuildFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	root := os.DirFS("../..")
	files := make(fstest.MapFS)
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (name == ".git" || name == "fuzz/gofuzzcorpus"):
			return fs.SkipDir
		case e.IsDir():
			return nil
		case name == ciFuzz, strings.HasPrefix(name, cflite), strings.HasPrefix(name, ossfuzz), strings.HasPrefix(name, ".github/workflows/"),
			strings.HasPrefix(name, "fuzz/corpus/Fuzz"), strings.Contains(name, "testdata/fuzz/"),
			strings.HasPrefix(name, "fuzz/") && strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			data, err := fs.ReadFile(root, name)
			files[name] = &fstest.MapFile{Data: data}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFuzzTargetsAreBuiltForLibFuzzer(t *testing.T) {
	for _, w := range fuzzBuild(fuzzBuildFiles(t)) {
		t.Error(w)
	}
}

func TestWrongFuzzBuildIsSeen(t *testing.T) {
	files := fuzzBuildFiles(t)
	const target = "fuzz/corpus_fuzz_test.go" // an example that is there
	for _, c := range []struct {
		what      string
		file      string
		old, new  string // replaced in the file; no old: the file is new or replaced whole
		gone      bool   // the file is removed
		wantError string
	}{
		{what: "a target that isn't listed", file: buildSh, old: "\tfuzz.FuzzCorpusFile\n", wantError: "fuzz.FuzzCorpusFile is not in .clusterfuzzlite/build.sh"},
		{what: "a target that isn't there", file: buildSh, old: "\tfuzz.FuzzCorpusFile\n", new: "\tfuzz.FuzzCorpusFile\n\tfuzz.FuzzNothing\n", wantError: "there is no fuzz.FuzzNothing"},
		{what: "a target twice", file: buildSh, old: "\tfuzz.FuzzCorpusFile\n", new: "\tfuzz.FuzzCorpusFile\n\tfuzz.FuzzCorpusFile\n", wantError: "FuzzCorpusFile begins as FuzzCorpusFile does"},
		{what: "no list", file: buildSh, old: "targets=(", new: "targets=\"", wantError: "no list of targets"},
		{what: "a new target elsewhere", file: "workloads/new_test.go", new: "package workloads\nfunc FuzzNew(f *testing.F) {}\n", wantError: "workloads.FuzzNew is not in "},
		{what: "a target elsewhere that is gone", file: "strategies/atomic/atomic_test.go", gone: true, wantError: "elsewhere has strategies/atomic.Fuzz, which isn't there"},
		{what: "a prefix", file: "fuzz/new_fuzz_test.go", new: "package fuzz\nfunc FuzzCorpusFiles(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }\n", wantError: "FuzzCorpusFile is in fuzz/corpus_fuzz_test.go, fuzz/new_fuzz_test.go"},
		{what: "a prefix below", file: "fuzz/explore/new_test.go", new: "package explore\nfunc FuzzCorpusFiles(f *testing.F) {}\n", wantError: "fuzz/explore.FuzzCorpusFiles begins as fuzz.FuzzCorpusFile does"},
		{what: "a mention", file: "fuzz/new_fuzz_test.go", new: "package fuzz\n\n// See FuzzCorpusFile.\n", wantError: "of the files with targets only one may have it"},
		{what: "two arguments", file: target, old: "file []byte)", new: "file []byte, n int)", wantError: "FuzzCorpusFile doesn't call f.Fuzz once"},
		{what: "a string", file: target, old: "file []byte)", new: "file string)", wantError: "FuzzCorpusFile doesn't call f.Fuzz once"},
		{what: "an external test", file: target, old: "package fuzz\n", new: "package fuzz_test\n", wantError: "is of package fuzz_test"},
		{what: "a test beside it", file: target, old: "// FuzzCorpusFile:", new: "func TestMore(t *testing.T) {}\n\n// FuzzCorpusFile:", wantError: "has TestMore"},
		{what: "a testing.TB", file: target, old: "// FuzzCorpusFile:", new: "var x testing.TB\n\n// FuzzCorpusFile:", wantError: "uses testing.TB"},
		{what: "no options", file: cflite + "FuzzCorpusFile.options", gone: true, wantError: "has no FuzzCorpusFile.options"},
		{what: "an unknown option", file: cflite + "FuzzCorpusFile.options", old: "timeout", new: "time_out", wantError: `can't read "time_out = 10"`},
		{what: "options without a section", file: cflite + "FuzzCorpusFile.options", old: "[libfuzzer]", new: "[afl]", wantError: "doesn't begin with [libfuzzer]"},
		{what: "a dictionary of no target", file: cflite + "FuzzNothing.dict", new: "a=\"b\"\n", wantError: "FuzzNothing.dict is of no target"},
		{what: "an escape that libFuzzer hasn't got", file: cflite + "FuzzCorpusFile.dict", new: "a=\"b\\n\"\n", wantError: "can't read"},
		{what: "no inputs", file: "fuzz/corpus/FuzzCorpusFile", gone: true, wantError: "FuzzCorpusFile has no committed inputs"},
		{what: "another builder", file: ossfuzz + "Dockerfile", old: "checkout fc5dc53b", new: "checkout 00000000", wantError: "don't take the same commit"},
		{what: "a branch", file: cflite + "Dockerfile", old: "checkout fc5dc53b", new: "checkout v2 #", wantError: "don't take the same commit"},
		{what: "another version in CI", file: ciFuzz, old: "-a70c2aa677fa\n", new: "-000000000000\n", wantError: "README.md doesn't say why one is built with v0.0.0-20250520111509-000000000000"},
		{what: "no version in CI", file: ciFuzz, old: "\nversion=", new: "\nedition=", wantError: "names no version"},
		{what: "one version and two layouts", file: ciFuzz, old: "-a70c2aa677fa\n", new: "-fc5dc53b9db8\n", wantError: "so there is one layout: delete the other"},
		{what: "another layout", file: "fuzz/corpus/layout.go", old: "fc5dc53b9db8", new: "000000000000", wantError: "layout.go doesn't say that its layouts are those of commits a70c2aa677fa and fc5dc53b9db8"},
		{what: "another image", file: cflite + "Dockerfile", old: "base-builder-go\n", new: "base-builder\n", wantError: "isn't made from base-builder-go"},
		{what: "another folder", file: cflite + "Dockerfile", old: "WORKDIR $SRC/refbench", new: "WORKDIR $SRC", wantError: "doesn't work in"},
		{what: "a second build script", file: ossfuzz + "build.sh", old: "exec bash", new: "compile_native_go_fuzzer_v2 x FuzzX x\nexec bash", wantError: "does something else"},
		{what: "real threads upstream", file: ossfuzz + "build.sh", old: "export REFBENCH_WITHOUT=FuzzStress\n", new: "", wantError: "without the target of real threads"},
		{what: "no licence", file: ossfuzz + "build.sh", old: "apache.org", new: "example.org", wantError: "doesn't name the licence"},
		{what: "another sanitizer", file: ossfuzz + "project.yaml", old: "- address", new: "- memory", wantError: "sanitizers is [memory]"},
		{what: "another language", file: cflite + "project.yaml", old: "language: go", new: "language: c++", wantError: "language is c++"},
		{what: "an unknown key", file: cflite + "project.yaml", old: "language", new: "sprache", wantError: "project.yaml has ["},
		{what: "no YAML", file: ossfuzz + "project.yaml", old: "language: go", new: "language: [go", wantError: "project.yaml: "},
		{what: "no batch fuzzing", file: ".github/workflows/cflite_batch.yml", gone: true, wantError: "the workflows run modes [code-change coverage prune]"},
		{what: "an unknown mode", file: ".github/workflows/cflite_batch.yml", old: "mode: batch", new: "mode: bulk", wantError: "run modes [bulk"},
		{what: "an unknown input", file: ".github/workflows/cflite_pr.yml", old: "fuzz-seconds", new: "seconds", wantError: "takes no seconds"},
		{what: "another action", file: ".github/workflows/cflite_pr.yml", old: "run_fuzzers@v1", new: "run_fuzzers@v2", wantError: "run_fuzzers@v2, want"},
		{what: "coverage of another build", file: ".github/workflows/cflite_cron.yml", old: "sanitizer: coverage", new: "sanitizer: address", wantError: "mode coverage wants sanitizer coverage"},
		{what: "pull requests on a schedule", file: ".github/workflows/cflite_pr.yml", old: "  pull_request:\n", new: "  push:\n", wantError: "mode code-change is run on [push]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			broken := maps.Clone(files)
			switch have := broken[c.file]; {
			case c.gone:
				maps.DeleteFunc(broken, func(name string, _ *fstest.MapFile) bool {
					return name == c.file || strings.HasPrefix(name, c.file+"/")
				})
				if len(broken) == len(files) {
					t.Fatalf("there is no %s", c.file)
				}
			case c.old == "":
				broken[c.file] = &fstest.MapFile{Data: []byte(c.new)}
			case have == nil || !strings.Contains(string(have.Data), c.old):
				t.Fatalf("%s hasn't got %q", c.file, c.old)
			default:
				broken[c.file] = &fstest.MapFile{Data: []byte(strings.Replace(string(have.Data), c.old, c.new, 1))}
			}
			wrong := fuzzBuild(broken)
			if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.wantError) }) {
				t.Errorf("it found %q, want %q", wrong, cmp.Or(c.wantError, "something"))
			}
		})
	}
}
