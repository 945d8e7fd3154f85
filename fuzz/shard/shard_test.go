package shard

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// plan is one of so many shards and parts, for two items.
func plan(shards, parts int) Plan {
	return Plan{
		Command: "explore", Commit: "abc", Code: "1", Flags: []string{"--search=dfs"}, Seed: 7, Shards: shards, Parts: parts,
		Items: []Item{{"a/x", "a", "x"}, {"b/x", "b", "x"}},
	}
}

// done does all that a shard has to do: in each part 10 executions, and a finding of the first
// item which is the same everywhere, and one which is not.
func done(t *testing.T, name string, p Plan, i int, tasks int) *Work {
	t.Helper()
	w, err := Begin(name, p, Shard{i, p.Shards}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range w.Left()[:tasks] {
		r := Result{Item: task.Item, Part: task.Part, Verdict: "passed", Complete: "all schedules", Exhaustive: true, Tried: []Amount{{N: 10, Unit: "executions"}, {N: 3, Unit: "scenarios", Same: true}}}
		var fs []Finding
		if task.Item == "a/x" {
			r.Verdict, r.Complete, r.Exhaustive = "race", "", false
			fs = []Finding{{ID: "same", What: "race: the same"}, {ID: fmt.Sprint("own", task.Part), What: fmt.Sprint("race: own ", task.Part)}}
		}
		if err := w.Done(r, fs); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
	return w
}

// names are files of all shards of a plan, done.
func files(t *testing.T, p Plan) (names []string) {
	dir := t.TempDir()
	for i := 1; i <= p.Shards; i++ {
		name := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		names = append(names, name)
		done(t, name, p, i, len(p.tasks(Shard{i, p.Shards})))
	}
	return names
}

func merge(t *testing.T, names ...string) (*Merged, string) {
	t.Helper()
	var b bytes.Buffer
	m, err := Merge(&b, names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m, b.String()
}

// What was tried is added up, unless every part tries the same; a finding of several is one;
// and the order of the files doesn't matter.
func TestMergeAddsUpAndUnites(t *testing.T) {
	names := files(t, plan(3, 8))
	m, text := merge(t, names...)
	if !m.Whole() || len(m.Clocks) != 0 {
		t.Errorf("missing %v, unfinished %v, clocks %v; want nothing", m.Missing, m.Unfinished, m.Clocks)
	}
	a, b := m.Totals[0], m.Totals[1]
	if got := Text(a.Tried); got != "80 executions, 3 scenarios" {
		t.Errorf("tried %s, want 80 executions of 3 scenarios", got)
	}
	if a.Verdict != "race" || a.Findings != 9 || a.First.What != "race: the same" || a.First.Part != 0 || a.Exhaustive || m.Findings != 9 {
		t.Errorf("a/x: %+v, want the same race once and one of each of 8 parts", a)
	}
	if b.Verdict != "passed" || !b.Exhaustive || b.Complete != "all schedules" || b.Findings != 0 {
		t.Errorf("b/x: %+v, want it exhaustive", b)
	}
	reversed := slices.Clone(names)
	slices.Reverse(reversed)
	if _, other := merge(t, reversed...); other != text {
		t.Errorf("files in another order give\n%s\nwant\n%s", other, text)
	}
	// What was merged can be merged again.
	all := filepath.Join(t.TempDir(), "some.json")
	_, some := merge(t, names[0], names[2])
	if err := os.WriteFile(all, []byte(some), 0o666); err != nil {
		t.Fatal(err)
	}
	again, _ := merge(t, names[1], all)
	if !again.Whole() || again.Findings != 9 || !again.Totals[1].Exhaustive {
		t.Errorf("merged in two steps: %+v", again)
	}
}

// Without a shard, or with one that isn't finished, nothing is exhaustive, and it is said which.
func TestWhatIsMissingIsSaid(t *testing.T) {
	names := files(t, plan(3, 3))
	m, _ := merge(t, names[0], names[2])
	if !slices.Equal(m.Missing, []int{2}) || m.Whole() || m.Totals[1].Exhaustive || m.Totals[1].Complete != "" || m.Totals[1].Parts != 2 {
		t.Errorf("missing %v, %+v; want shard 2 and nothing exhaustive", m.Missing, m.Totals[1])
	}
	half := filepath.Join(t.TempDir(), "half.json")
	done(t, half, plan(3, 3), 2, 1)
	m, _ = merge(t, names[0], half, names[2])
	if len(m.Missing) > 0 || !slices.Equal(m.Unfinished, []Unfinished{{2, 1, 2}}) || m.Totals[1].Exhaustive {
		t.Errorf("missing %v, unfinished %v, %+v; want shard 2 with 1 of 2 left", m.Missing, m.Unfinished, m.Totals[1])
	}
}

// One part that wasn't tried completely is enough.
func TestExhaustiveOnlyIfAllWere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.json")
	w, err := Begin(name, plan(1, 2), Shard{1, 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range w.Left() {
		r := Result{Item: task.Item, Part: task.Part, Verdict: "passed", Complete: "all schedules", Exhaustive: true, Through: []string{"s", fmt.Sprint("t", task.Part)}}
		if task.Part == 1 {
			r.Complete, r.Exhaustive = "all schedules with at most 1 preemption", false
		}
		if err := w.Done(r, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
	m, _ := merge(t, name)
	if x := m.Totals[0]; x.Exhaustive || x.Complete != "all schedules with at most 1 preemption" || !slices.Equal(x.Through, []string{"s"}) {
		t.Errorf("%+v, want what both parts were tried completely of", x)
	}
}

// Files that don't fit together are refused, and it is said which and why.
func TestMisfitsAreRefused(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "first.json")
	done(t, first, plan(2, 2), 1, 2)
	for _, tt := range []struct {
		change func(*Plan)
		want   string
	}{
		{func(p *Plan) { p.Commit = "def" }, "one is of commit abc, the other of commit def: run all shards with one refbench"},
		{func(p *Plan) { p.Code = "2" }, "one explored code of version 1, the other of version 2"},
		{func(p *Plan) { p.Command = "check" }, "one is of refbench explore, the other of refbench check"},
		{func(p *Plan) { p.Seed = 8 }, "one has seed 7, the other seed 8"},
		{func(p *Plan) { p.Flags = []string{"--search=pct"} }, `one has flags "--search=dfs", the other "--search=pct"`},
		{func(p *Plan) { p.Parts = 4 }, "one is of 2 parts, the other of 4"},
		{func(p *Plan) { p.Items = p.Items[:1] }, "one has 2 items, the other 1"},
		{func(p *Plan) { p.Items = []Item{{"c/x", "c", "x"}, p.Items[1]} }, "item 1 of one is a/x, of the other c/x"},
	} {
		p := plan(2, 2)
		tt.change(&p)
		name := filepath.Join(dir, "second.json")
		done(t, name, p, 2, 1)
		_, err := Merge(new(bytes.Buffer), []string{first, name}, time.Now())
		if want := first + " and " + name + " don't fit together: " + tt.want; !errors.As(err, new(*MisfitError)) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := Begin(name, plan(2, 2), Shard{2, 2}, true); !errors.As(err, new(*MisfitError)) {
			t.Errorf("it is gone on with: %v, want it refused: %s", err, tt.want)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Merge(new(bytes.Buffer), []string{first, first}, time.Now()); err == nil || err.Error() != "shard 1 is in "+first+" and in "+first+": leave one of them out" {
		t.Errorf("a shard twice: %v", err)
	}
	if _, err := Begin(first, plan(2, 2), Shard{1, 2}, false); !errors.As(err, new(*ExistsError)) {
		t.Errorf("a file that is there: %v, want it left alone", err)
	}
}

// What isn't a file of a shard, or only a part of one, is refused.
func TestOtherFilesAreRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.json")
	done(t, name, plan(1, 1), 1, 2)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(new(bytes.Buffer), []string{name}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, want string }{
		{"", "it ends too soon"},
		{string(whole[:len(whole)/2]), "it ends too soon"},
		{string(whole[:len(whole)-8]), "it ends too soon"},
		{"[]", "it is no file of a shard"},
		{"{}", "it is no file of a shard"},
		{"goos: linux\n", "it is no file of a shard"},
		{strings.Replace(string(whole), `"schema_version": 1`, `"schema_version": 2`, 1), "its schema_version is 2, and this refbench reads 1"},
		{string(whole) + string(whole), "something stands behind its end: is it two files in one?"},
		{strings.Replace(string(whole), `"schema_version": 1,`, "", 1), "its schema_version is 0, and this refbench reads 1"},
		{strings.Replace(string(whole), `"command":"explore"`, `"command":"\u001b[2J"`, 1), `it has control characters: "\x1b[2J"`},
		{strings.Replace(string(whole), `"what":"race: the same"`, `"what":5`, 1), "a finding of a/x can't be read: /what is a JSON number, want a Go string"},
		{strings.Replace(string(whole), `"id":"same"`, `"id":5`, 1), "it is no file of a shard: /id is a JSON number, want a Go string"},
		{strings.Replace(string(whole), `"shard":1`, `"shard":2`, 1), "it has shard 2 of 1"},
		{strings.Replace(string(whole), `"item":"b/x"`, `"item":"a/x"`, 1), "is there twice"},
		{strings.Replace(string(whole), `"parts":1`, `"parts":0`, 1), "it is of 0 parts"},
		{strings.Replace(string(whole), `"item":"a/x","part":0,"id"`, `"item":"z","part":0,"id"`, 1), `there is a finding of "z"`},
	} {
		if err := os.WriteFile(name, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Merge(new(bytes.Buffer), []string{name}, time.Now()); !errors.As(err, new(*FormatError)) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60q: %v, want %s", tt.text, err, tt.want)
		}
	}
	for name, want := range map[string]string{t.TempDir(): "it is a folder", os.DevNull: "it is no regular file"} {
		if _, err := Merge(new(bytes.Buffer), []string{name}, time.Now()); !errors.As(err, new(*FormatError)) || !strings.HasPrefix(err.Error(), name+": "+want) {
			t.Errorf("%s: %v, want that %s", name, err, want)
		}
	}
}

// What couldn't be explored is tried again by a shard that goes on, and is counted.
func TestWhatIsNotExploredIsLeft(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.json")
	p := plan(1, 1)
	w, err := Begin(name, p, Shard{1, 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, verdict := range []string{"passed", NotExplored} {
		if err := w.Done(Result{Item: p.Items[i].Name, Verdict: verdict, Reason: "no room"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
	m, _ := merge(t, name)
	if x := m.Totals[1]; m.Totals[0].Unable != 0 || x.Unable != 1 || x.Verdict != NotExplored || x.Reason != "no room" {
		t.Errorf("%+v, want the second item not explored for want of room", m.Totals)
	}
	if w, err = Begin(name, p, Shard{1, 1}, true); err != nil || !slices.Equal(w.Left(), []Task{{p.Items[1].Name, 0}}) {
		t.Errorf("left are %v, %v; want the item that wasn't explored", w.Left(), err)
	}
}

// A clock that can't be right is named.
func TestWrongClocksAreNamed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.json")
	now := time.Now()
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		begun, written time.Duration // from now
		now            time.Duration
		want           string
	}{
		{-time.Hour, 0, 0, ""},
		{-time.Hour, 30 * time.Second, 0, ""},
		{0, -time.Hour, 0, name + ": shard 1 on n1 was written 1h0m0s before it began by its own clock"},
		{0, 2 * time.Hour, 0, name + ": shard 1 on n1 is 2h0m0s ahead of the clock here"},
		{0, 2 * time.Hour, 3 * time.Hour, name + ": shard 1 on n1 is 2h0m0s ahead of the clock of the disk"},
	} {
		d := Part{Shard: 1, Machine: Machine{Host: "n1"}, Begun: now.Add(tt.begun), Written: now.Add(tt.written)}
		if got := wrongClock(name, d, now.Add(tt.now)); got != tt.want {
			t.Errorf("begun %v, written %v, now %v: %q, want %q", tt.begun, tt.written, tt.now, got, tt.want)
		}
	}
}

// What is finished is in the file, whatever ends the process, and isn't done again.
func TestWorkGoesOnWhereItWas(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.json")
	done(t, name, plan(2, 6), 1, 4)
	w, err := Begin(name, plan(2, 6), Shard{1, 2}, true)
	if err != nil {
		t.Fatal(err)
	}
	if left := w.Left(); len(left) != 2 || w.Planned() != 6 {
		t.Fatalf("left are %v of %d, want 2 of 6", left, w.Planned())
	}
	for _, task := range w.Left() {
		if err := w.Done(Result{Item: task.Item, Part: task.Part, Verdict: "passed"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
	m, _ := merge(t, name)
	if len(m.Unfinished) > 0 || m.Findings != 4 || m.Header.Done[0].Resumed != 1 {
		t.Errorf("unfinished %v, %d findings, resumed %d times; want all, 4 of what was found before, once", m.Unfinished, m.Findings, m.Header.Done[0].Resumed)
	}
	sum, err := w.Sum()
	if err != nil || sum.Findings != 4 || sum.Totals[0].First == nil {
		t.Errorf("what it sums up itself: %+v, %v", sum, err)
	}
	// A task that is done again, as it was wrong, keeps what was found.
	if err := w.Done(Result{Item: "a/x", Part: 0, Verdict: "unknown"}, []Finding{{ID: "more", What: "more"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
	if m, _ = merge(t, name); m.Findings != 5 {
		t.Errorf("%d findings, want 5", m.Findings)
	}
}

// A whole item is in one part.
func TestWholeItemsAreDealt(t *testing.T) {
	p := plan(2, 2)
	p.Whole = true
	p.Items = append(p.Items, Item{"c/x", "c", "x"})
	if a, b := p.tasks(Shard{1, 2}), p.tasks(Shard{2, 2}); !slices.Equal(a, []Task{{"a/x", 0}, {"c/x", 0}}) || !slices.Equal(b, []Task{{"b/x", 1}}) {
		t.Errorf("shards have %v and %v", a, b)
	}
}

func TestShardsAreWrittenAsIOfN(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "3/16": {3, 16}} {
		if s, err := Parse(text); err != nil || s != want || s.String() != text {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "3", "0/4", "5/4", "1/0", "-1/4", "a/4", "1/4/2", "1/100000", "+1/4", "01/4"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q: %v, want an error", text, s)
		}
	}
}

// BenchmarkMerge merges 1,000 files of 1,000 findings each, all different, and says how much
// memory it has from the system for that.
func BenchmarkMerge(b *testing.B) {
	const shards, each = 1000, 1000
	dir := b.TempDir()
	p := plan(shards, shards)
	var names []string
	for i := 1; i <= shards; i++ {
		w := &Work{header: Header{Schema: Schema, Version: Version, Plan: p, Done: []Part{{Shard: i}}}}
		for _, t := range p.tasks(Shard{i, shards}) {
			w.header.Results = append(w.header.Results, Result{Item: t.Item, Part: t.Part, Verdict: "race"})
		}
		name := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		names = append(names, name)
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		err = w.header.writeTo(f, func(add func([]byte) error) error {
			for k := range each {
				token := fmt.Sprintf("rx3.%d-%d-%s", i, k, strings.Repeat("x", 120))
				if err := add(fmt.Appendf(nil, `{"item":"a/x","part":%d,"id":%q,"what":"violation: TryGet took a reference after the last had been dropped","replay":"refbench replay %[2]s","executions":12}`, i-1, token)); err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(err, f.Close()); err != nil {
			b.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(dir, "merged.json"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	for b.Loop() {
		if _, err := out.Seek(0, 0); err != nil {
			b.Fatal(err)
		}
		m, err := Merge(out, names, time.Now())
		if err != nil || m.Findings != shards*each || !m.Whole() {
			b.Fatalf("%d findings, %v; want %d", m.Findings, err, shards*each)
		}
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(mem.Sys)/1e6, "MB-of-memory")
}
