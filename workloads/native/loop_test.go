package native_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/native"
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
		for _, s := range builtin.All() {
			switch why := w.Unsupported(s); {
			case why == "" && !have[w.Name+"/"+s.Name]:
				t.Errorf("%s/%s: no generated loop", w.Name, s.Name)
			case why != "" && have[w.Name+"/"+s.Name]:
				t.Errorf("%s/%s: a generated loop, but %s", w.Name, s.Name, why)
			}
		}
	}
}

// An indirect call names a register or a memory operand instead of a function.
var indirectCall = regexp.MustCompile(`\bCALL (?:[A-Z][A-Z0-9]*|-?(?:0x)?[0-9a-f]*\([A-Z].*)$`)

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
			name, _, _ = strings.Cut(rest, "(SB)")
			continue
		}
		if fields := strings.Split(line, "\t"); len(fields) > 3 {
			functions[name] = append(functions[name], strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return functions
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
	functions := disassemble(t, binary, `workloads/native\.\(\*(getPut|handoff|dstCache|listMutex|listTryGet|listRCU|lists|churn|pid2proc|pnodes|unmount|buffers|inetPeers|inetPeer|ipvsDests|dcache)([A-Z][a-z]*)+\)\.(Work|give|handle|transmit|get|getLocked|set|lookup|put|drop|release|kill|use|replace|tryGet|transact|close|connect|find|wakeup|create|makeRoot|vget|poll|releaseNode|putVNode|getVNode|enter|tryEnter|leave|miss|fill|toward|bind|hit)$`)
	for _, w := range []string{"getPut", "handoff", "listMutex", "listTryGet", "listRCU", "dstCache", "churn", "pid2proc", "pnodes", "unmount", "buffers"} {
		for _, s := range builtin.All() {
			name := fmt.Sprintf("workloads/native.(*%s%s).Work", w, strings.ToUpper(s.Name[:1])+s.Name[1:])
			found := false
			for f := range functions {
				found = found || strings.HasSuffix(f, name)
			}
			if !found {
				t.Errorf("%s: not in the binary", name)
			}
		}
	}
	for name, code := range functions {
		for _, instruction := range code {
			if indirectCall.MatchString(instruction) {
				t.Errorf("%s: indirect call: %s", name, instruction)
			}
			if strings.Contains(instruction, "native.Timed") {
				t.Errorf("%s: the holder isn't inlined: %s", name, instruction)
			}
		}
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
