package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// A FileRun is a run that added samples to a result file.
type FileRun struct {
	Started   time.Time
	From      int64 // byte of the file at which its lines begin
	AsideFrom int64 // the same in the file of excluded samples beside it
}

// A Date is what was measured on one machine on one day, in UTC, at one commit. Results of
// different dates are never pooled.
type Date struct {
	Started time.Time // of the first run of it; zero if nothing says when that was
	Commit  string    // "" if the files don't say
	Text    string    // in a sentence: "2026-11-29", with the time if the day has several

	machine *Machine
	facts   map[string]string // the configuration lines of its latest results that tell runs apart
}

// A dateKey tells dates apart.
type dateKey struct {
	machine     *Machine
	day, commit string
}

const dayLayout = "2006-01-02"

// runsFrom begins a file, and returns the bytes at which its runs begin. The first run has
// what stands before it, too: somebody may have edited the file.
func (b *builder) runsFrom(runs []FileRun, from func(FileRun) int64) []int64 {
	b.runs = slices.Clone(runs)
	slices.SortStableFunc(b.runs, func(x, y FileRun) int { return cmp.Compare(from(x), from(y)) })
	b.run = -1
	clear(b.places)
	var offsets []int64
	for _, r := range b.runs {
		offsets = append(offsets, from(r))
	}
	if len(offsets) > 0 {
		offsets[0] = 0
	}
	return offsets
}

// atLine takes note of the run that a line belongs to. Starts has the lines at which runs
// begin.
func (b *builder) atLine(line int, starts []int) {
	for b.run+1 < len(starts) && starts[b.run+1] <= line {
		b.run++
		clear(b.places)
	}
}

// dateOf returns the date that a result is of.
func (b *builder) dateOf(r *benchfmt.Result) *Date {
	key, started := dateKey{}, time.Time{}
	if b.run >= 0 {
		started = b.runs[b.run].Started.UTC()
	}
	if b.layout.machine != nil {
		key.machine = b.layout.known[b.layout.machine.Project(r)]
	}
	if !started.IsZero() {
		key.day, key.commit = started.Format(dayLayout), clean(r.GetConfig("commit"))
	}
	d := b.dates[key]
	if d == nil {
		d = &Date{Started: started, Commit: key.commit, machine: key.machine}
		b.dates[key] = d
	}
	if started.Before(d.Started) {
		d.Started = started
	}
	d.facts = make(map[string]string)
	for _, c := range r.Config {
		if c.File && identifies(c.Key) {
			d.facts[c.Key] = clean(string(c.Value))
		}
	}
	return d
}

// nameDates names all dates, and returns them in order: those of which nothing says when
// they were first.
func (b *builder) nameDates() []*Date {
	var all []*Date
	for _, d := range b.dates {
		all = append(all, d)
	}
	slices.SortFunc(all, func(x, y *Date) int { return x.compare(y) })
	type day struct {
		machine *Machine
		text    string
	}
	days := make(map[day]int)
	for _, d := range all {
		d.Text = d.Started.Format(dayLayout)
		days[day{d.machine, d.Text}]++
	}
	for _, d := range all {
		switch {
		case d.Started.IsZero():
			d.Text = "an unknown date"
		case days[day{d.machine, d.Text}] > 1:
			d.Text = d.Started.Format("2006-01-02 15:04")
		}
	}
	return all
}

// compare orders dates by when they were, and then by machine and commit.
func (d *Date) compare(e *Date) int {
	number := func(m *Machine) int {
		if m == nil {
			return 0
		}
		return m.Number
	}
	return cmp.Or(d.Started.Compare(e.Started), cmp.Compare(number(d.machine), number(e.machine)), strings.Compare(d.Commit, e.Commit))
}

// differences says what else is different on a date than on the one before: the commit, the
// kernel, the version of Go.
func (d *Date) differences(before *Date) string {
	var keys []string
	for _, facts := range []map[string]string{d.facts, before.facts} {
		for k := range facts {
			if d.facts[k] != before.facts[k] && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, naturally)
	var parts []string
	for _, k := range keys {
		show := func(v string) string {
			if v = cmp.Or(v, "none"); k == "commit" {
				v = shortCommit(v)
			}
			return v
		}
		parts = append(parts, k+" "+show(before.facts[k])+" → "+show(d.facts[k]))
	}
	return strings.Join(parts, ", ")
}

// A cellKey tells the cells of all dates apart.
type cellKey struct {
	labels [3]*Label
	date   *Date
}

// newest divides cells by date: those of the latest date of their table, and the others. If
// an axis tells commits or machines apart it was chosen to see them beside each other: then
// each cell is of its own latest date.
func (l *layout) newest(cells map[cellKey]*Cell) (latest map[[3]*Label]*Cell, earlier []*Cell) {
	each := l.machine == nil || l.hasAxis("commit")
	of := func(k cellKey) [3]*Label {
		if each {
			return k.labels
		}
		return [3]*Label{k.labels[0]}
	}
	last := make(map[[3]*Label]*Date)
	for k := range cells {
		if d := last[of(k)]; d == nil || d.compare(k.date) < 0 {
			last[of(k)] = k.date
		}
	}
	latest = make(map[[3]*Label]*Cell, len(cells))
	for k, c := range cells {
		if last[of(k)] == k.date {
			latest[k.labels] = c
		} else {
			earlier = append(earlier, c)
		}
	}
	return latest, earlier
}
