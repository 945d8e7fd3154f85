package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/renameio/v2/maybe"

	"github.com/refbench/refbench/workloads/bench/cpu"
)

// Work is a shard while it is done. Its methods may be called by several goroutines.
type Work struct {
	Name  string // of the file
	Shard Shard

	mu       sync.Mutex
	header   Header
	findings []json.RawMessage
	done     map[Task]bool
	unsaved  bool
	last     time.Time     // when it was written
	took     time.Duration // to write it
}

// An ExistsError says that there is a file where work would begin.
type ExistsError struct{ Name string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s is there already: --resume does what it has left to do, or name another file", e.Name)
}

// A MisfitError says that a file can't be gone on with, or files can't be put together.
type MisfitError struct{ What string }

func (e *MisfitError) Error() string { return e.What }

// Begin begins the work of a shard. What stands in the file already is done, if resume is
// set, but for what is [NotExplored]; else there must be no file. It is written, so that it is
// known at once whether it can be.
func Begin(name string, p Plan, s Shard, resume bool) (*Work, error) {
	w := &Work{Name: name, Shard: s, done: make(map[Task]bool), header: Header{Schema: Schema, Version: Version, Plan: p, Results: []Result{}}}
	me := Part{Shard: s.I, Machine: machine(), Begun: time.Now().UTC()}
	_, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !resume:
		return nil, &ExistsError{name}
	default:
		h, err := readFile(name, func(raw jsontext.Value) error {
			w.findings = append(w.findings, bytes.Clone(raw))
			return nil
		})
		if err != nil {
			return nil, err
		}
		if what := h.Plan.misfit(&p); what != "" {
			return nil, &MisfitError{fmt.Sprintf("%s: it can't be gone on with: of the file and this command, %s: give the flags that it was begun with, or name another file", name, what)}
		}
		if len(h.Done) != 1 || h.Done[0].Shard != s.I {
			return nil, &MisfitError{fmt.Sprintf("%s: it can't be gone on with: it is of another shard than %v, or of several: name another file", name, s)}
		}
		me.Resumed = h.Done[0].Resumed + 1
		w.header.Results = slices.DeleteFunc(h.Results, func(r Result) bool { return r.Verdict == NotExplored })
		for _, r := range h.Results {
			w.done[Task{r.Item, r.Part}] = true
		}
	}
	w.header.Done = []Part{me}
	w.unsaved = true
	return w, w.Save()
}

func machine() Machine {
	host, _ := os.Hostname()
	return Machine{Host: host, OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpu.Model(), CPUs: runtime.NumCPU()}
}

// Left returns the tasks that aren't done.
func (w *Work) Left() []Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(w.header.Plan.tasks(w.Shard), func(t Task) bool { return w.done[t] })
}

// Tasks returns all of the shard's tasks, an item's before those of the next.
func (w *Work) Tasks() []Task { return w.header.Plan.tasks(w.Shard) }

// Has reports whether a task is done.
func (w *Work) Has(t Task) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done[t]
}

// Planned returns how many tasks the shard has, those that are done among them.
func (w *Work) Planned() int { return len(w.header.Plan.tasks(w.Shard)) }

// Saving takes this share of the time at most: for a shard of many short tasks, what is
// finished is in the file a little later.
const savings = 20

// Done adds what came out of a task. It is in the file at once, or soon if writing it takes
// long compared with a task; [Work.Save] makes sure of it. A task that is done already gets
// the new result, and keeps what was found.
func (w *Work) Done(r Result, fs []Finding) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := Task{r.Item, r.Part}
	if w.done[t] {
		w.header.Results = slices.DeleteFunc(w.header.Results, func(o Result) bool { return t == Task{o.Item, o.Part} })
	}
	w.done[t] = true
	if r.Tried == nil {
		r.Tried = []Amount{} // not null in JSON
	}
	w.header.Results = append(w.header.Results, r)
	for _, f := range fs {
		f.Item, f.Part = r.Item, r.Part
		raw, err := json.Marshal(f)
		if err != nil {
			return err
		}
		w.findings = append(w.findings, raw)
	}
	w.unsaved = true
	if time.Since(w.last) < savings*w.took {
		return nil
	}
	return w.save()
}

// Save writes what isn't written yet. The file is whole at any time: there is the old one or
// the new one.
func (w *Work) Save() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.save()
}

func (w *Work) save() error {
	if !w.unsaved {
		return nil
	}
	begin := time.Now()
	w.header.Done[0].Written = begin.UTC()
	w.header.order()
	var b bytes.Buffer
	err := w.header.writeTo(&b, func(add func([]byte) error) error {
		for _, raw := range w.findings {
			if err := add(raw); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = maybe.WriteFile(w.Name, b.Bytes(), 0o644)
	}
	w.last, w.took = time.Now(), time.Since(begin)
	w.unsaved = err != nil
	return err
}

// Header returns what the file has but for its findings.
func (w *Work) Header() *Header {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.header
	h.Results = slices.Clone(h.Results)
	return &h
}

// Sum returns what the shard has done, as if it were all that there is: nothing is missing.
func (w *Work) Sum() (*Merged, error) {
	m := &Merged{Header: *w.Header()}
	m.total()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range m.Totals {
		t := &m.Totals[i]
		t.Planned = t.Parts
	}
	return m, m.unite(func(yield func(found) error) error {
		for _, raw := range w.findings {
			f, err := findingOf(jsontext.Value(raw), w.Name)
			if err != nil {
				return err
			}
			if err := yield(f); err != nil {
				return err
			}
		}
		return nil
	}, func([]byte) error { return nil })
}
