package native_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/baseline"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/native"
	"github.com/refbench/refbench/workloads/native/gen"
)

// Every workload has a loop for every strategy that can run under it.
func TestEveryPairHasALoop(t *testing.T) {
	have := make(map[string]bool)
	for _, l := range native.Loops {
		key := l.Workload + "/" + l.Strategy
		if have[key] {
			t.Errorf("%s: two loops", key)
		}
		have[key] = true
	}
	for _, w := range workloads.All {
		for _, s := range append(baseline.All(), builtin.All()...) {
			switch why := w.Unsupported(s); {
			case why == "" && !have[w.Name+"/"+s.Name]:
				t.Errorf("%s/%s: no generated loop", w.Name, s.Name)
			case why != "" && have[w.Name+"/"+s.Name]:
				t.Errorf("%s/%s: a generated loop, but %s", w.Name, s.Name, why)
			}
		}
	}
}

// One more strategy costs few lines, whatever powers it has: its loops have only what
// leads to an operation of the count. That is 1,200 lines for 14 workloads, and 150 for
// each more.
func TestLoopsAreDense(t *testing.T) {
	limit := 1200 + 150*max(0, len(workloads.All)-14)
	for _, s := range builtin.All() {
		text, err := os.ReadFile(s.Name + ".go")
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > limit {
			t.Errorf("%s.go has %d lines, want at most %d", s.Name, lines, limit)
		}
	}
}

// An indirect call names a register or a memory operand instead of a function.
var indirectCall = regexp.MustCompile(`\bCALL (?:[A-Z][A-Z0-9]*|-?(?:0x)?[0-9a-f]*\([A-Z].*)$`)

// prefix begins the names of the package's functions in a binary.
const prefix = "github.com/refbench/refbench/workloads/native."

// holderCall finds a call of a holder's method.
var holderCall = regexp.MustCompile(`CALL .*native\.(?:\(\*timed\w+\)|timed\w+)\.\w+\(SB\)$`)

// disassemble returns the functions of a binary that match the pattern, with
// their instructions.
func disassemble(t *testing.T, binary, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "tool", "objdump", "-s", pattern, binary).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool objdump: %v\n%s", err, out)
	}
	functions := make(map[string][]string)
	var name string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, " \t\n")
		if rest, ok := strings.CutPrefix(line, "TEXT "); ok {
			// The last one, as names of instances have parentheses too.
			name = rest[:strings.LastIndex(rest, "(SB)")]
			continue
		}
		if fields := strings.Split(line, "\t"); len(fields) > 3 {
			functions[name] = append(functions[name], strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return functions
}

// loopMethods returns the names that the methods of all generated loops have in a
// binary.
func loopMethods(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), gen.Header) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Recv == nil {
				continue
			}
			star, ok := d.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue // a holder
			}
			if id, ok := star.X.(*ast.Ident); ok && slices.ContainsFunc(builtin.All(), func(s *strategies.Strategy) bool {
				return file == s.Name+".go"
			}) {
				names = append(names, fmt.Sprintf("%s(*%s).%s", prefix, id.Name, d.Name.Name))
			}
		}
	}
	return names
}

// The hot loops know their counter: no call in them goes through an interface, a
// closure or a dictionary, and holders leave nothing but the strategy's own
// operations.
func TestHotLoopsHaveNoIndirectCall(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("the pattern for calls is amd64's, this is %s", runtime.GOARCH)
	}
	// A test binary is stripped of its symbols unless it is kept.
	binary := t.TempDir() + "/native.test"
	if out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	functions := disassemble(t, binary, `workloads/native\.`)

	// Instances say by their types which Work is theirs.
	for _, l := range native.Loops {
		w := workloadOf(t, l)
		inst, err := w.Start(l.New, workloads.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		name := prefix + "(" + strings.Replace(fmt.Sprintf("%T", inst), "native.", "", 1) + ").Work"
		if functions[name] == nil {
			t.Errorf("%s/%s: %s is not in the binary", l.Workload, l.Strategy, name)
		}
		if err := inst.Close().Err(); err != nil {
			t.Error(err)
		}
	}

	looked := 0
	for _, name := range loopMethods(t) {
		if functions[name] != nil {
			looked++ // Others were inlined.
		}
		for _, instruction := range functions[name] {
			if indirectCall.MatchString(instruction) {
				t.Errorf("%s: indirect call: %s", name, instruction)
			}
			if holderCall.MatchString(instruction) {
				t.Errorf("%s: the holder isn't inlined: %s", name, instruction)
			}
		}
	}
	if looked < len(native.Loops) {
		t.Errorf("only %d functions looked at, and there are %d loops", looked, len(native.Loops))
	}

	// The same look at the generic form finds some: the test can fail.
	generic := disassemble(t, binary, `workloads\.\(\*getPut\[.*\]\)\.Work$`)
	calls := 0
	for _, code := range generic {
		for _, instruction := range code {
			if indirectCall.MatchString(instruction) {
				calls++
			}
		}
	}
	if calls == 0 {
		t.Errorf("no indirect call in the generic form (%d functions): the pattern finds nothing", len(generic))
	}
}

func workloadOf(t *testing.T, l workloads.Loop) *workloads.Workload {
	t.Helper()
	for _, w := range workloads.All {
		if w.Name == l.Workload {
			return w
		}
	}
	t.Fatalf("no workload %s", l.Workload)
	return nil
}

// The built-in workloads and strategies are valid lists.
func TestListsAreValid(t *testing.T) {
	if err := workloads.Validate(workloads.All); err != nil {
		t.Error(err)
	}
}

// The go command is needed to look at the binary.
func TestMain(m *testing.M) {
	if out, err := exec.Command("go", "version").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need the go command: %v\n%s", err, bytes.TrimSpace(out))
		os.Exit(1)
	}
	os.Exit(m.Run())
}
