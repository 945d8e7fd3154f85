package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/workloads/bench"
)

// refbench runs the command as a user does.
func refbench(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status = Run(t.Context(), Builtin(), args, &out, &errOut)
	return status, out.String(), errOut.String()
}

func resultFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "results.txt")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodResults = `Unit ns/op better=lower
Unit violations better=lower assume=exact
BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 12 ns/op 8e+07 ops/s 0 violations
BenchmarkRef/workload=getput/cpus=1/strategy=percpu-2 1000 4 ns/op 2.5e+08 ops/s 0 violations
`

func TestReportAndCompareStatuses(t *testing.T) {
	good := resultFile(t, goodResults)
	foul := resultFile(t, goodResults+"junk\nBenchmarkRef/workload=getput/cpus=2/strategy=percpu-2 1000 4 ns/op 3 violations\n")
	one := resultFile(t, goodResults+"BenchmarkRef/workload=getput/cpus=2/strategy=percpu-2 1000 4 ns/op 1 violations\n")
	other := resultFile(t, strings.ReplaceAll(goodResults, "workload=getput", "workload=handoff"))
	slow := resultFile(t, strings.Repeat("BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 12 ns/op\nBenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 13 ns/op\n", 5))
	slower := resultFile(t, strings.Repeat("BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 22 ns/op\nBenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 23 ns/op\n", 5))
	few := resultFile(t, "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 12 ns/op\nBenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 13 ns/op\n")
	fewSlower := resultFile(t, "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 22 ns/op\nBenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 23 ns/op\n")
	shared := resultFile(t, "BenchmarkRef/workload=getput/cpus=1/strategy=atomic-2 1000 12 ns/op 1 shared 0 violations\n")
	empty := resultFile(t, "junk\n")
	missing := filepath.Join(t.TempDir(), "missing.txt")
	inTheWay := resultFile(t, "a file where a directory should be")
	for _, tt := range []struct {
		args   string
		status int
		errOut string // in what stands on standard error
	}{
		{"report " + good, exitOK, ""},
		{"report " + good + " --json", exitOK, ""},
		{"report " + good + " --filter /strategy:percpu", exitOK, ""},
		{"report " + foul, exitFinding, "3 violations"},
		{"report " + one, exitFinding, "1 violations"},
		{"report " + one + " --json", exitFinding, "1 violations"},
		{"report " + foul, exitFinding, foul + ":5: not a line of the benchmark format"},
		{"report", exitUsage, "usage: refbench report FILE..."},
		{"report --nonsense " + good, exitUsage, "unknown flag: --nonsense; see refbench report --help"},
		{"compare --alpha much a b", exitUsage, "see refbench compare --help"},
		{"report " + missing, exitUsage, "can't read " + missing + ": no such file"},
		{"report " + t.TempDir(), exitUsage, ": it is a folder, want a file"},
		{"report " + empty, exitUsage, "no usable result"},
		{"report " + good + " --filter /strategy:none", exitUsage, "the filter leaves none of 2 results"},
		{"report " + good + " --filter (", exitUsage, `filter "("`},
		{"report " + good + " -o " + inTheWay, exitFailed, "creating the report's directory"},
		{"compare " + good + " " + good, exitOK, ""},
		{"compare " + good + " " + foul, exitFinding, "3 violations"},
		{"compare " + good + " " + one, exitFinding, "1 violations"},
		{"compare " + foul + " " + good, exitOK, ""},
		{"compare " + good, exitUsage, "usage: refbench compare OLD NEW"},
		{"compare a b c", exitUsage, "got 3 arguments"},
		{"compare " + good + " " + missing, exitUsage, "can't read " + missing},
		{"compare " + good + " " + good + " --format xml", exitUsage, `--format "xml": want text, markdown, csv or json`},
		{"compare " + good + " " + good + " --format csv --json", exitUsage, "contradict"},
		{"compare " + good + " " + good + " --alpha 2", exitUsage, "--alpha 2"},
		{"compare " + good + " " + good + " --alpha 0", exitUsage, "--alpha 0"},
		{"compare " + good + " " + good + " --filter a:b:c(", exitUsage, "filter"},
		{"compare " + good + " " + good + " --min-effect 5", exitOK, ""},
		{"compare " + good + " " + good + " --min-effect much", exitUsage, `--min-effect "much": want a share below 100%, as in 2%`},
		{"compare " + good + " " + good + " --min-effect 100%", exitUsage, "--min-effect"},
		{"compare " + good + " " + good + " --min-effect -1%", exitUsage, "--min-effect"},
		{"compare " + slow + " " + slower + " --fail-on ns/op>5%", exitFinding, ": 1 row beyond --fail-on"},
		{"compare " + slow + " " + slower + " --fail-on ns/op>500%", exitOK, ""},
		{"compare " + slower + " " + slow + " --fail-on ns/op>5%", exitOK, ""},
		{"compare " + few + " " + fewSlower + " --fail-on ns/op>5%", exitFailed, "with so few samples no row could have been beyond the gate"},
		{"compare " + slow + " " + slower + " --fail-on nothing", exitUsage, "--fail-on: gate \"nothing\": want as in"},
		{"compare " + slow + " " + slower + " --fail-on ops/s<-5%", exitUsage, "no row of this comparison is meant by it"},
		{"compare " + good + " " + other, exitFailed, "nothing to compare: no cell is in both files"},
		{"compare " + good + " " + shared, exitFailed, "nothing to compare: of 1 cell in both files none has a usable sample in both"},
	} {
		status, out, errOut := refbench(t, strings.Fields(tt.args)...)
		if status != tt.status || !strings.Contains(errOut, tt.errOut) {
			t.Errorf("refbench %s: status %d, stderr %q; want %d and %q", tt.args, status, errOut, tt.status, tt.errOut)
		}
		if status == exitUsage && (out != "" || strings.Count(errOut, "\n") != 1) {
			t.Errorf("refbench %s: stdout %q, stderr %q; want nothing, and one line", tt.args, out, errOut)
		}
	}
}

func TestReportWritesItsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	status, out, errOut := refbench(t, "report", resultFile(t, goodResults), "-o", dir, "--json")
	if status != exitOK || !strings.Contains(errOut, filepath.Join(dir, "report.html")) {
		t.Fatalf("status %d, stderr %q", status, errOut)
	}
	if !json.Valid([]byte(out)) {
		t.Errorf("--json prints no JSON: %s", out)
	}
	for _, name := range []string{"report.html", "getput-throughput.svg", "getput-throughput.png", "getput-correctness.svg", "getput-correctness.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 5 {
		t.Errorf("the directory holds %v, want 5 files and no rest", entries)
	}
}

// Of the pairs that can't run those are listed that somebody could miss: both the strategy
// and the workload were measured, in another pair. And where no page is written, none is
// said to have more.
func TestReportListsWhatWasAskedFor(t *testing.T) {
	const header = "unsupported-inetpeer-percpu: no power\nunsupported-inetpeer-lockperatomic: no power\nunsupported-dentry-saturating: no power\n"
	text := header + strings.Replace(goodResults, "strategy=percpu", "strategy=percpu/dispatch=generic", 1) +
		"BenchmarkRef/workload=inetpeer/buckets=3/cpus=1/strategy=atomic-2 1000 12 ns/op 8e+07 ops/s 0 violations\n"
	_, out, _ := refbench(t, "report", "-v", resultFile(t, text))
	if !strings.Contains(out, "percpu under inetpeer") || strings.Contains(out, "lockperatomic") || strings.Contains(out, "dentry") {
		t.Errorf("want percpu under inetpeer only, which both were measured:\n%s", out)
	}
	_, out, _ = refbench(t, "report", "-v", resultFile(t, header+goodResults))
	if strings.Contains(out, "Not run") {
		t.Errorf("nobody asked for inetpeer or dentry:\n%s", out)
	}
	many := goodResults
	for i := range 100 {
		many += fmt.Sprintf("BenchmarkRef/workload=getput/objects=%d/cpus=1/strategy=atomic-2 1000 12 ns/op 1 shared 0 violations\n", i+2)
	}
	_, out, _ = refbench(t, "report", resultFile(t, many))
	if strings.Contains(out, "the HTML page has them") {
		t.Errorf("no page was written:\n%s", out)
	}
}

func TestJSONOfCompare(t *testing.T) {
	path := resultFile(t, goodResults)
	for _, args := range [][]string{{"--json"}, {"--format", "json"}} {
		_, out, _ := refbench(t, append([]string{"compare", path, path}, args...)...)
		if !json.Valid([]byte(out)) || !strings.Contains(out, `"schema": "refbench-compare/1"`) {
			t.Errorf("%v prints %s", args, out)
		}
	}
}

func TestHelpHasAnExample(t *testing.T) {
	for _, name := range []string{"report", "compare"} {
		status, out, _ := refbench(t, name, "--help")
		if status != exitOK || !strings.Contains(out, "Examples:\n  refbench "+name+" ") {
			t.Errorf("refbench %s --help: status %d\n%s", name, status, out)
		}
	}
}

// The page says with which command the same is measured again.
func TestRunCommandIsOfTheFacts(t *testing.T) {
	f := bench.Facts{Seed: 7, Rounds: 6, TimedNS: 2 * time.Millisecond, CheckedNS: 20 * time.Millisecond, CellNames: []string{
		"workload=getput/cpus=1/strategy=atomic", "workload=getput/hold=100/private=1/cpus=2/strategy=percpu",
		"workload=getput/cpus=1/strategy=atomic+control", "workload=getput/cpus=1/strategy=atomic latency",
	}}
	const want = "refbench run --strategy atomic,percpu --cpus 1,2 --workload getput --workload getput:hold=100,private=1 --inside latency " +
		"--rounds 6 --time 2ms --checked 20ms --seed 7 -o again.txt"
	if got := runCommand(f); got != want {
		t.Errorf("the command is\n%s\nwant\n%s", got, want)
	}
}
