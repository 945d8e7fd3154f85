package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A change is what somebody does to one file of refbench's source who adds something.
type change struct {
	file string
	// new is the file of testdata/planted that it is, or old and text are a place in it
	// and what stands there then.
	new       string
	old, text string
}

// Whoever adds something to refbench touches few files, and gen does the rest.
var planted = []struct {
	name    string
	changes []change
	// try are packages whose tests say most about it, by a pattern of their names.
	try [][2]string
	// wrong is a change that makes it wrong, and found is what refbench says then.
	wrong change
	found []string // the command and its output
}{
	{
		name: "a strategy is its folder and a line",
		changes: []change{
			{file: "strategies/guarded/guarded.go", new: "guarded.go.txt"},
			{file: "strategies/guarded/guarded_test.go", new: "guarded_test.go.txt"},
			{file: "strategies/builtin/builtin.go", old: "strategies/lockperatomic\"\n", text: "strategies/lockperatomic\"\n\t\"github.com/refbench/refbench/strategies/guarded\"\n"},
			{file: "strategies/builtin/builtin.go", old: "lockperatomic.Strategy,\n", text: "lockperatomic.Strategy,\n\t\tguarded.Strategy,\n"},
		},
		try: [][2]string{
			{"./strategies/guarded", "."}, {"./strategies/builtin", "."}, {"./workloads/native", "EveryPair|HotLoops"},
		},
		wrong: change{file: "strategies/guarded/guarded.go", old: "if c.n == 0 {\n\t\treturn false\n\t}\n\tc.n++", text: "if c.n != 0 {\n\t\treturn false\n\t}\n\tc.n++"},
		found: []string{"check guarded --time 3s --verbose", "TryGet"},
	},
	{
		name: "a workload is its file and a line",
		changes: []change{
			{file: "workloads/lookups.go", new: "lookups.go.txt"},
			{file: "workloads/builtin.go", old: "\tBuffers,\n", text: "\tBuffers,\n\tLookups,\n"},
		},
		try: [][2]string{
			{"./workloads", "WrongVariants|Validate"},
		},
		wrong: change{file: "workloads/lookups.go", old: "(*w).Put(o, h)\n\t\t}", text: "(*w).Put(o, h)\n\t\t\t(*w).Put(o, h)\n\t\t}"},
		found: []string{"explore --strategy atomic --workload lookups --time 2s", "lookups"},
	},
	{
		name: "a power is its interface, a row for each operation, and a strategy that has it",
		changes: []change{
			{file: "strategies/strategies.go", old: "\t// Monitored reports misuse", text: "\t// Prober says whether the count is alive.\n\tProber interface {\n\t\tLiving() bool\n\t}\n\n\t// Monitored reports misuse"},
			{file: "strategies/strategies.go", old: "\tPowerMonitored   Power = \"monitored\"\n", text: "\tPowerMonitored   Power = \"monitored\"\n\tPowerProber      Power = \"prober\"\n"},
			{file: "strategies/strategies.go", old: "\t{PowerMonitored, implements[Monitored]},\n", text: "\t{PowerMonitored, implements[Monitored]},\n\t{PowerProber, implements[Prober]},\n"},
			{file: "strategies/spec/op.go", old: "\tPutAs\n\topCount\n", text: "\tPutAs\n\tLiving\n\topCount\n"},
			{file: "strategies/spec/op.go", old: "codes: []byte{2, 21, 22, 24, 31},", text: "codes: []byte{2, 21, 22, 24},"},
			{file: "strategies/spec/op.go", old: "\tReinit: {\n", text: `	Living: {
		name: "Living", power: strategies.PowerProber, reports: true, codes: []byte{31},
		by: Anybody, step: func(sp *Spec, st State, _ int64) Outcome {
			return Outcome{Next: st, Result: !sp.Dead(st)}
		},
		apply: func(c strategies.Counter, _ int64, _ *Env) (bool, int64) {
			return c.(strategies.Prober).Living(), 0
		},
	},
	Reinit: {
`},
			// The planted strategy has it.
			{file: "strategies/guarded/guarded.go", old: "// Kill ", text: `// Living reports whether the count is alive.
func (c *Count) Living() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n != 0
}

// Kill `},
		},
		try: [][2]string{
			{"./strategies", "."}, {"./strategies/spec", "."}, {"./fuzz/program", "."}, {"./fuzz/lockstep", "."}, {"./fuzz/driver", "."},
		},
		wrong: change{file: "strategies/guarded/guarded.go", old: "return c.n != 0\n", text: "return c.n > 1\n"},
		found: []string{"check guarded --time 3s --verbose", "Living"},
	},
}

// How much is tried says REFBENCH_PLANTED: "some" or "all". It takes minutes, and so it is
// a step of .ci/run and not of every go test.
func TestPlanted(t *testing.T) {
	tried := os.Getenv("REFBENCH_PLANTED")
	if tried == "" {
		t.Skip("builds a copy of refbench: set REFBENCH_PLANTED=some, or =all to run all tests in it")
	}
	// One copy has all of them, since each copy takes minutes to compile.
	dir := copyTree(t)
	made := func(of func(i int) []change) {
		for i := range planted {
			for _, c := range of(i) {
				c.apply(t, dir)
			}
		}
		run(t, dir, 0, "go", "run", "./cmd/refbench/gen")
	}
	made(func(i int) []change { return planted[i].changes })
	if tried == "all" {
		run(t, dir, 0, "go", "test", "-short", "./...")
	}
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			for _, try := range p.try {
				run(t, dir, 0, "go", "test", "-short", "-run", try[1], try[0])
			}
		})
	}
	made(func(i int) []change { return []change{planted[i].wrong} })
	// Before the mistakes the tests compile what they need.
	run(t, dir, 0, "go", "build", "-o", "wrong", "./cmd/refbench")
	for _, p := range planted {
		t.Run(p.name+": a mistake is found", func(t *testing.T) {
			out := run(t, dir, 1, filepath.Join(dir, "wrong"), strings.Fields(p.found[0])...)
			if !strings.Contains(out, p.found[1]) {
				t.Errorf("refbench %s doesn't name %s:\n%s", p.found[0], p.found[1], out)
			}
		})
	}
}

// apply makes the change in the copy of the source.
func (c change) apply(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(c.file))
	if c.new != "" {
		data, err := os.ReadFile(filepath.Join("testdata", "planted", c.new))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte(c.old)); n != 1 {
		t.Fatalf("%s has %q %d times, want once", c.file, c.old, n)
	}
	if err := os.WriteFile(name, bytes.Replace(data, []byte(c.old), []byte(c.text), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTree returns a copy of refbench's source.
func copyTree(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "refbench")
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "refbench-results"):
			return filepath.SkipDir
		case d.Name() == ".git": // of a worktree: what is committed in the copy would be committed there
			return nil
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command that ends with the status, and returns what it prints.
func run(t *testing.T, dir string, status int, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	// Without paths what is compiled of one copy is in the cache for the next.
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false -trimpath")
	if name == "go" {
		// A sixth of compiling is collecting garbage otherwise.
		cmd.Env = append(cmd.Env, "GOGC=400")
	}
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%s: exit status %d, want %d (%v):\n%s", cmd, got, status, err, out)
	}
	return string(out)
}
