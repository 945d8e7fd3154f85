package trace

import (
	"fmt"
	"hash/fnv"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/scenarios"
)

// exploredSchedules is under how many of its schedules an input is traced. More of them
// say more of the seed than of the input.
const exploredSchedules = 8

// Explored returns what minimizing has to know of a target whose inputs are programs
// and schedules, which all strategies run under the deterministic scheduler. The
// features of an input are the pairs of accesses by different threads to the same
// variable, one right after the other and one of them a write: which line of which
// strategy made the first, in which operation, and which the second.
func Explored(forms scenarios.Forms, name string) corpus.Target {
	return corpus.Target{
		Name: name,
		Trim: scenarios.TrimInput,
		Trace: func() func([]byte) ([]corpus.Feature, error) {
			t := &explored{sites: make(map[[16]uintptr]uint64), last: make(map[uint32]access)}
			fuzzer := forms.NewFuzzer()
			return func(data []byte) ([]corpus.Feature, error) {
				t.list, t.strategy = t.list[:0], ""
				fuzzer.Trace(data, exploredSchedules, t.access)
				return t.list, nil
			}
		},
	}
}

type explored struct {
	sites map[[16]uintptr]uint64 // by the stack's program counters
	list  []corpus.Feature

	strategy  string
	execution int
	last      map[uint32]access // by variable, whose numbers may be large
}

type access struct {
	site   uint64
	thread int
	wrote  bool
}

func (t *explored) access(strategy string, a explore.Access) {
	if strategy != t.strategy || a.Execution != t.execution {
		t.strategy, t.execution = strategy, a.Execution
		clear(t.last)
	}
	site := t.site()
	before, any := t.last[a.Variable]
	if any && before.thread != a.Thread && (before.wrote || a.Wrote) {
		t.list = append(t.list, hash(kindSites, before.site, site))
	}
	t.last[a.Variable] = access{site, a.Thread, a.Wrote}
}

// notSites are in the names of functions that are the explorer's.
var notSites = []string{"/fuzz/explore/", "/fuzz/explore.", "/fuzz/dropins/", "/fuzz/trace.", "(*Fuzzer).Trace"}

// site returns a number for where the running thread is: the two innermost lines that
// aren't the explorer's. They are the same whatever the compiler inlines.
func (t *explored) site() uint64 {
	var pcs [16]uintptr
	n := runtime.Callers(2, pcs[:])
	if site, ok := t.sites[pcs]; ok {
		return site
	}
	var lines []string
	frames := runtime.CallersFrames(pcs[:n])
	for more := true; more && len(lines) < 2; {
		var f runtime.Frame
		f, more = frames.Next()
		if !slices.ContainsFunc(notSites, func(s string) bool { return strings.Contains(f.Function, s) }) {
			lines = append(lines, fmt.Sprintf("%s/%s:%d", path.Base(path.Dir(f.File)), path.Base(f.File), f.Line))
		}
	}
	h := fnv.New64a()
	io.WriteString(h, strings.Join(lines, " "))
	t.sites[pcs] = h.Sum64()
	return h.Sum64()
}
