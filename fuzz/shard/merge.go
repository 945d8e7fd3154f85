package shard

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/refbench/refbench/fuzz/explore"
)

// Merged is what came out of the shards whose files are there.
type Merged struct {
	Header Header // of all of them
	// Totals are what came out of the items, in the order of the plan.
	Totals   []Total
	Findings int // different ones

	// Missing are shards without a file, Unfinished those that have something left to do.
	Missing    []int
	Unfinished []Unfinished
	// Clocks says whose clocks are wrong.
	Clocks []string
}

// Unfinished is a shard that has tasks left.
type Unfinished struct {
	Shard, Left, Planned int
}

// Whole reports whether all of the plan was done.
func (m *Merged) Whole() bool { return len(m.Missing) == 0 && len(m.Unfinished) == 0 }

// A Total is what came out of all parts of an item.
type Total struct {
	Item
	Verdict    string
	Reason     string
	Tried      []Amount
	Complete   string
	Exhaustive bool
	Through    []string
	Notes      []string
	Seconds    float64

	Parts, Planned int // that were done, and that there are
	Unable         int // parts that are [NotExplored]
	Findings       int
	First          *Finding // the first part's, nil if there is none
}

// readHeader reads a file up to its findings.
func readHeader(name string) (*Header, error) {
	h, err := readFile(name, func(jsontext.Value) error { return errEnough })
	return h, err
}

// errEnough ends reading.
var errEnough = errors.New("enough")

// clockSlack is how far clocks may be apart: network time keeps machines within
// milliseconds, and a disk that several share may keep times in whole seconds.
const clockSlack = time.Minute

// Merge puts files together. Their findings are written to w, each once and the first shard's
// first, as a file of what all of them have done; w may be [io.Discard]. A [MisfitError] says
// that files aren't of one plan or have a shard twice; a [FormatError] that something is no
// file of a shard. Then nothing of what was written is worth anything.
//
// Memory is for the headers, and for as much of each finding as tells it from others.
func Merge(w io.Writer, names []string, now time.Time) (*Merged, error) {
	if len(names) == 0 {
		return nil, &MisfitError{"there are no files to merge"}
	}
	type file struct {
		name string
		*Header
	}
	files := make([]file, len(names))
	if err := each(len(names), func(i int) error {
		h, err := readHeader(names[i])
		files[i] = file{names[i], h}
		return err
	}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.Done[0].Shard, b.Done[0].Shard) })
	m := &Merged{Header: Header{Schema: Schema, Version: Version, Plan: files[0].Plan, Results: []Result{}}}
	of := make(map[int]string) // shards, by number
	for i, f := range files {
		if i > 0 {
			if what := files[0].Plan.misfit(&f.Plan); what != "" {
				return nil, &MisfitError{fmt.Sprintf("%s and %s don't fit together: %s", files[0].name, f.name, what)}
			}
			files[i].Plan = Plan{} // it is the same
		}
		for _, d := range f.Done {
			if other, twice := of[d.Shard]; twice {
				return nil, &MisfitError{fmt.Sprintf("shard %d is in %s and in %s: leave one of them out", d.Shard, other, f.name)}
			}
			of[d.Shard] = f.name
			if what := wrongClock(f.name, d, now); what != "" {
				m.Clocks = append(m.Clocks, what)
			}
		}
		m.Header.Done = append(m.Header.Done, f.Done...)
		m.Header.Results = append(m.Header.Results, f.Results...)
	}
	m.Header.order()
	m.missing(of)
	m.total()

	// Files are read several at a time, and looked at one after another.
	type ready struct {
		found []found
		err   error
	}
	queue := make(chan chan ready, runtime.GOMAXPROCS(0))
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(queue)
		for _, f := range files {
			c := make(chan ready, 1)
			select {
			case queue <- c:
			case <-stop:
				return
			}
			go func() {
				fs, err := foundIn(f.name)
				c <- ready{fs, err}
			}()
		}
	}()
	err := m.Header.writeTo(w, func(add func([]byte) error) error {
		return m.unite(func(yield func(found) error) error {
			for c := range queue {
				r := <-c
				if r.err != nil {
					return r.err
				}
				for _, f := range r.found {
					if err := yield(f); err != nil {
						return err
					}
				}
			}
			return nil
		}, add)
	})
	return m, err
}

// unite counts the findings that all yields, each once, and adds them.
func (m *Merged) unite(all func(yield func(found) error) error, add func([]byte) error) error {
	at := make(map[string]*Total, len(m.Totals))
	for i := range m.Totals {
		at[m.Totals[i].Name] = &m.Totals[i]
	}
	seen := make(map[[16]byte]struct{})
	return all(func(f found) error {
		t := at[f.item]
		if t == nil {
			return fmt.Errorf("%s: %w", f.file, &FormatError{fmt.Sprintf("there is a finding of %q, which isn't in the plan", f.item)})
		}
		if t.First == nil || f.part < t.First.Part {
			t.First = new(Finding)
			if err := jsonv2.Unmarshal(f.raw, t.First); err != nil {
				return fmt.Errorf("%s: %w", f.file, &FormatError{fmt.Sprintf("a finding of %s can't be read: %s", t.Name, mismatch(err))})
			}
		}
		if _, known := seen[f.key]; known {
			return nil
		}
		seen[f.key] = struct{}{}
		t.Findings++
		m.Findings++
		return add(f.raw)
	})
}

// found is a finding in a file.
type found struct {
	key  [16]byte // of its item and ID
	item string
	part int
	raw  []byte
	file string // where it is
}

// A mark is what tells a finding from others.
type mark struct {
	Item string `json:"item"`
	Part int    `json:"part"`
	ID   string `json:"id"`
}

func findingOf(raw jsontext.Value, file string) (found, error) {
	var f mark
	err := jsonv2.Unmarshal(raw, &f)
	sum := sha256.Sum256([]byte(f.Item + "\x00" + f.ID))
	return found{[16]byte(sum[:16]), f.Item, f.Part, raw, file}, err
}

func foundIn(name string) (list []found, err error) {
	_, err = readFile(name, func(raw jsontext.Value) error {
		f, err := findingOf(raw.Clone(), name)
		list = append(list, f)
		return err
	})
	return list, err
}

// each calls do for 0 to n-1, some at a time, and returns the first error.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		slots <- struct{}{}
		go func() {
			errs[i] = do(i)
			<-slots
		}()
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	return cmp.Or(errs...)
}

// wrongClock says what no right clock would have written.
func wrongClock(name string, d Part, now time.Time) string {
	who := fmt.Sprintf("shard %d on %s", d.Shard, cmp.Or(d.Machine.Host, "a machine without a name"))
	switch {
	case d.Written.Add(clockSlack).Before(d.Begun):
		return fmt.Sprintf("%s: %s was written %v before it began by its own clock", name, who, d.Begun.Sub(d.Written).Round(time.Second))
	case d.Written.After(now.Add(clockSlack)):
		return fmt.Sprintf("%s: %s is %v ahead of the clock here", name, who, d.Written.Sub(now).Round(time.Second))
	}
	if info, err := os.Stat(name); err == nil && d.Written.After(info.ModTime().Add(clockSlack)) {
		return fmt.Sprintf("%s: %s is %v ahead of the clock of the disk", name, who, d.Written.Sub(info.ModTime()).Round(time.Second))
	}
	return ""
}

// missing says what of the plan wasn't done.
func (m *Merged) missing(of map[int]string) {
	done := make(map[Task]bool, len(m.Header.Results))
	for _, r := range m.Header.Results {
		done[Task{r.Item, r.Part}] = true
	}
	for i := 1; i <= m.Header.Plan.Shards; i++ {
		if of[i] == "" {
			m.Missing = append(m.Missing, i)
			continue
		}
		tasks := m.Header.Plan.tasks(Shard{i, m.Header.Plan.Shards})
		left := 0
		for _, t := range tasks {
			if !done[t] {
				left++
			}
		}
		if left > 0 {
			m.Unfinished = append(m.Unfinished, Unfinished{i, left, len(tasks)})
		}
	}
}

// severities are how bad verdicts are, the least first. Of several, the worst is that of all.
// What isn't here is something wrong.
var severities = [][]string{
	{"unsupported", "unavailable", "blind", "skipped"},
	{"once"},
	{"passed", "kept", "found", "missed"},
	{"unknown", NotExplored},
}

// NotExplored is the verdict of a task that couldn't be done, such as that of a test which
// doesn't compile. A shard that goes on tries it again.
const NotExplored = "not explored"

// Severity returns how bad a verdict is, from 0, which says nothing, by [Unsure] to that of
// something wrong.
func Severity(verdict string) int {
	for i, same := range severities {
		if slices.Contains(same, verdict) {
			return i
		}
	}
	return len(severities)
}

// Unsure is the severity of what may be right or wrong.
const Unsure = 3

// total adds up what came out of each item.
func (m *Merged) total() {
	rest := m.Header.Results
	for _, item := range m.Header.Plan.Items {
		n := 0
		for n < len(rest) && rest[n].Item == item.Name {
			n++
		}
		t := Total{Item: item, Planned: m.Header.Plan.Parts, Parts: n}
		if m.Header.Plan.Whole {
			t.Planned = 1
		}
		t.add(rest[:n])
		rest = rest[n:]
		m.Totals = append(m.Totals, t)
	}
}

func (t *Total) add(rs []Result) {
	worst := -1
	var complete []string
	for i, r := range rs {
		if s := Severity(r.Verdict); s > worst {
			worst, t.Verdict, t.Reason = s, r.Verdict, r.Reason
		}
		if r.Verdict == NotExplored {
			t.Unable++
		}
		for _, a := range r.Tried {
			j := slices.IndexFunc(t.Tried, func(b Amount) bool { return a.Unit == b.Unit })
			switch {
			case j < 0:
				t.Tried = append(t.Tried, a)
			case a.Same:
				t.Tried[j].N = max(t.Tried[j].N, a.N)
			default:
				t.Tried[j].N += a.N
			}
		}
		for _, n := range r.Notes {
			if !slices.Contains(t.Notes, n) {
				t.Notes = append(t.Notes, n)
			}
		}
		if i == 0 {
			t.Through = slices.Clone(r.Through)
		} else {
			t.Through = slices.DeleteFunc(t.Through, func(x string) bool { return !slices.Contains(r.Through, x) })
		}
		complete = append(complete, r.Complete)
		t.Seconds += r.Seconds
	}
	if len(rs) < t.Planned {
		t.Through = nil // of what is missing nobody knows
		return
	}
	t.Complete, t.Exhaustive = explore.Together(complete)
}

// Text says how much was tried.
func Text(as []Amount) string {
	var parts []string
	for _, a := range as {
		parts = append(parts, fmt.Sprintf("%d %s", a.N, a.Unit))
	}
	return strings.Join(parts, ", ")
}
