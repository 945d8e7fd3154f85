package trace

import (
	"fmt"
	"path"
	"runtime"
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
			t := &explored{fuzzer: forms.NewFuzzer(), sites: make(map[uint64]uint64)}
			return func(data []byte) ([]corpus.Feature, error) { return t.trace(data), nil }
		},
	}
}

type explored struct {
	fuzzer *scenarios.Fuzzer
	sites  map[uint64]uint64 // by hash of the stack's program counters
	list   []corpus.Feature

	strategy  string
	execution int
	last      []access // by variable
}

type access struct {
	site   uint64
	thread int // -1: none
	wrote  bool
}

func (t *explored) trace(data []byte) []corpus.Feature {
	t.list = t.list[:0]
	t.strategy = ""
	t.fuzzer.Trace(data, exploredSchedules, t.access)
	return t.list
}

func (t *explored) access(strategy string, a explore.Access) {
	if strategy != t.strategy || a.Execution != t.execution {
		t.strategy, t.execution, t.last = strategy, a.Execution, t.last[:0]
	}
	for int(a.Variable) >= len(t.last) {
		t.last = append(t.last, access{thread: -1})
	}
	site := t.site()
	before := &t.last[a.Variable]
	if before.thread >= 0 && before.thread != a.Thread && (before.wrote || a.Wrote) {
		t.list = append(t.list, hash(kindSites, before.site, site))
	}
	*before = access{site, a.Thread, a.Wrote}
}

// site returns a number for where the running thread is: the two innermost lines that
// aren't the explorer's. They are the same whatever the compiler inlines.
func (t *explored) site() uint64 {
	var pcs [16]uintptr
	n := runtime.Callers(2, pcs[:])
	key := uint64(n)
	for _, pc := range pcs[:n] {
		key = uint64(hash(key, uint64(pc)))
	}
	if site, ok := t.sites[key]; ok {
		return site
	}
	var lines []string
	frames := runtime.CallersFrames(pcs[:n])
	for len(lines) < 2 {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/fuzz/explore/") && !strings.Contains(f.Function, "/fuzz/explore.") && !strings.Contains(f.Function, "/fuzz/dropins/") && !strings.Contains(f.Function, "/fuzz/trace.") && !strings.Contains(f.Function, "(*Fuzzer).Trace") {
			lines = append(lines, fmt.Sprintf("%s/%s:%d", path.Base(path.Dir(f.File)), path.Base(f.File), f.Line))
		}
		if !more {
			break
		}
	}
	site := text(strings.Join(lines, " "))
	t.sites[key] = site
	return site
}

// text returns a number for a text.
func text(s string) uint64 {
	h := uint64(len(s))
	for _, b := range []byte(s) {
		h = uint64(hash(h, uint64(b)))
	}
	return h
}
