package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// Read reads result files. Lines that can't be used are collected in
// [Set.Problems] and the rest is used. It returns an error if a file can't be
// read or if no file has a usable result. Only regular files are opened, for others
// may never end, unless [Options.Open] opens them. The samples that refbench has set
// aside in a file of their own beside a result file are read with it.
func Read(paths []string, o Options) (*Set, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		b.paths = append(b.paths, path)
		var runs []FileRun
		if o.Runs != nil {
			runs = o.Runs(path)
		}
		starts := b.runsFrom(runs, func(r FileRun) int64 { return r.From })
		if err := b.readFile(path, o.Open, starts); err != nil {
			return nil, err
		}
		aside := asidePath(path)
		if slices.ContainsFunc(paths, func(other string) bool { return filepath.Clean(other) == filepath.Clean(aside) }) {
			continue
		}
		if info, err := os.Stat(aside); err != nil || !info.Mode().IsRegular() {
			continue
		}
		b.aside = append(b.aside, aside)
		starts = b.runsFrom(runs, func(r FileRun) int64 { return r.AsideFrom })
		if err := b.readFile(aside, o.Open, starts); err != nil {
			return nil, err
		}
	}
	return b.set()
}

// asidePath returns the name of the file in which refbench sets samples of a result file
// aside.
func asidePath(path string) string {
	if stem, ok := strings.CutSuffix(path, ".txt"); ok {
		return stem + ".shared.txt"
	}
	return path + ".shared"
}

// ReadFrom is Read for one input. The name is used in messages.
func ReadFrom(name string, r io.Reader, o Options) (*Set, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	b.paths = append(b.paths, name)
	if err := b.read(name, r, nil); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b.set()
}

// readFile reads a file in which runs begin at some bytes.
func (b *builder) readFile(path string, open func(string) (io.ReadCloser, error), starts []int64) error {
	if open == nil {
		open = openRegular
	}
	f, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.read(path, f, starts); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// openRegular opens a regular file, and nothing else.
func openRegular(path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// Before it is opened: that alone can wait for ever.
	if err := checkRegular(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkRegular returns an error if a file is a folder, a pipe or a device.
func checkRegular(path string, info fs.FileInfo) error {
	what := "a device"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is %s: give a regular file", what)}
}

// maxValue is the largest measurement that is believed, in any unit: with more,
// sums and the squares in statistics could overflow.
const maxValue = 1e30

// A builder collects the lines of all files into cells.
type builder struct {
	layout   *layout
	paths    []string
	aside    []string // files with samples excluded, read with those of paths
	reader   benchfmt.Reader
	problems problems
	facts    factList
	lines    int // result lines used
	filtered int // result lines that the filter left out

	cells    map[cellKey]*Cell
	controls map[cellKey]*Cell // by the keys of their twins
	dates    map[dateKey]*Date
	runs     []FileRun // of the present file, in its order
	run      int       // index of that of the present line, -1 if there is none
	// places remembers where the lines of a full name stand under the present
	// configuration: names repeat with every sample, and taking one apart costs more
	// than a look-up.
	places map[string]*place
	config []benchfmt.Config // of the latest result line

	units   []string       // tidied, in the order of first appearance
	unitIDs map[string]int // index in units
}

// A place is where result lines with one name and one configuration stand.
type place struct {
	cell *Cell
	rest remainder
	err  error         // why they can't be used
	twin benchfmt.Name // if the lines are of a control cell: that which it is the twin of
}

// A remainder is what the cell of a line doesn't say about it.
type remainder struct{ threads, residue benchproc.Key }

func newBuilder(o Options) (*builder, error) {
	l, err := newLayout(o)
	if err != nil {
		return nil, err
	}
	return &builder{
		layout:   l,
		cells:    make(map[cellKey]*Cell),
		controls: make(map[cellKey]*Cell),
		dates:    make(map[dateKey]*Date),
		run:      -1,
		places:   make(map[string]*place),
		unitIDs:  make(map[string]int),
	}, nil
}

func (b *builder) read(name string, r io.Reader, starts []int64) error {
	first := len(b.problems.list)
	b.layout.path = name
	lines := &lineReader{
		src:   bufio.NewReaderSize(r, maxLine),
		marks: starts,
		problem: func(line int, format string, args ...any) {
			b.problems.add(name, line, format, args...)
		},
	}
	b.reader.Reset(lines, name, ".file", name)
	for b.reader.Scan() {
		switch rec := b.reader.Result().(type) {
		case *benchfmt.SyntaxError:
			b.problems.add(name, rec.Line, "%s; left out", clean(rec.Msg))
		case *benchfmt.Result:
			_, line := rec.Pos()
			b.atLine(line, lines.marked)
			b.result(name, rec)
		}
	}
	b.problems.sortFrom(first)
	return b.reader.Err()
}

func (b *builder) result(file string, r *benchfmt.Result) {
	_, line := r.Pos()
	b.configure(r.Config)
	p := b.places[string(r.Name)]
	if p == nil {
		p = b.place(r)
	}
	switch {
	case errors.Is(p.err, errOther):
		b.problems.add(file, line, "another benchmark, %q; left out", shorten(r.Name.String()))
		return
	case p.err != nil:
		b.problems.add(file, line, "%v; left out", p.err)
		return
	case r.Iters < 0:
		b.problems.add(file, line, "%d iterations; left out", r.Iters)
		return
	}
	r.Values = slices.DeleteFunc(r.Values, func(v benchfmt.Value) bool {
		bad := !(0 <= v.Value && v.Value <= maxValue) // also NaN
		if bad {
			b.problems.add(file, line, "%v %s is not a measurement; value left out", v.Value, clean(v.Unit))
		}
		return bad
	})
	if p.twin != nil {
		r.Name = p.twin // stands where its twin does, and is filtered as it is
	}
	// Before the filter: a sample is excluded even if the user asked for times only.
	shared, _ := r.Value(unitShared)
	if ok, err := b.layout.filter.Apply(r); !ok || err != nil {
		b.filtered++
		return
	}
	if len(r.Values) == 0 {
		return
	}
	b.lines++
	if p.cell == nil {
		b.enter(p, r)
	}
	b.addSample(p, r, shared != 0, func(unit string) {
		b.problems.add(file, line, "unit %s stands twice; the first is used", clean(unit))
	})
}

// configure takes note of a configuration that isn't that of the line before.
func (b *builder) configure(now []benchfmt.Config) {
	if slices.EqualFunc(b.config, now, func(x, y benchfmt.Config) bool {
		return x.Key == y.Key && bytes.Equal(x.Value, y.Value)
	}) {
		return
	}
	clear(b.places)
	b.layout.noted = false
	b.config = b.config[:0]
	for _, c := range now {
		if c.File {
			b.facts.add(c.Key, string(c.Value))
		}
		c.Value = bytes.Clone(c.Value)
		b.config = append(b.config, c)
	}
}

func (b *builder) place(r *benchfmt.Result) *place {
	p := &place{err: checkName(r.Name), twin: twinOf(r.Name)}
	b.places[r.Name.String()] = p
	return p
}

// enter finds the cell of a line that the filter lets through.
func (b *builder) enter(p *place, r *benchfmt.Result) {
	l := b.layout
	labels := [3]*Label{l.tableOf(r), l.row.label(r), l.column.label(r)}
	key := cellKey{labels, b.dateOf(r)}
	cells := b.cells
	if p.twin != nil {
		cells = b.controls
	}
	c := cells[key]
	if c == nil {
		c = &Cell{labels: labels, Date: key.date}
		cells[key] = c
	}
	p.cell, p.rest = c, remainder{l.threads.Project(r), l.residue.Project(r)}
}

func (b *builder) unit(tidied string) int {
	id, ok := b.unitIDs[tidied]
	if !ok {
		id = len(b.units)
		tidied = strings.Clone(tidied)
		b.units = append(b.units, tidied)
		b.unitIDs[tidied] = id
	}
	return id
}

func (b *builder) addSample(p *place, r *benchfmt.Result, shared bool, twice func(unit string)) {
	c := p.cell
	if n := len(c.rests); n == 0 || c.rests[n-1] != p.rest {
		c.rests = append(c.rests, p.rest)
	}
	aside := shared && !b.layout.includeShared
	var judged, violations bool
	checked := float64(r.Iters)
	for i, v := range r.Values {
		m := c.measure(b.unit(v.Unit), i)
		if m.line == b.lines {
			twice(v.Unit)
			continue
		}
		m.line = b.lines
		m.sum += v.Value
		switch v.Unit {
		case unitViolations:
			violations = true
		case unitChecked:
			judged, checked = true, v.Value
		case unitTime:
			if aside {
				c.Excluded = append(c.Excluded, v.Value)
				break
			}
			c.Samples++
			if shared {
				c.Shared++
			}
		}
		if aside {
			m.aside = append(m.aside, v.Value)
		} else {
			m.values = append(m.values, v.Value)
		}
	}
	if judged || violations {
		c.Checked += checked
	}
}

func (b *builder) set() (*Set, error) {
	if b.lines == 0 {
		return nil, b.emptyError()
	}
	s := &Set{
		Paths:         b.paths,
		ExcludedPaths: b.aside,
		Lines:         b.lines,
		Filtered:      b.filtered,
		Facts:         b.facts.machine(),
		Promises:      b.facts.promises(),
		Unsupported:   b.facts.unsupported(),
		Problems:      b.problems.list,
		ProblemCount:  b.problems.total,
		layout:        b.layout,
		plotted:       maxPlotted,
		contents:      b.facts.contents(),
	}
	s.setUnits(b.units, b.reader.Units())
	for _, a := range []*axis{b.layout.table, b.layout.row, b.layout.column} {
		a.mark(b.facts.baselines())
	}
	for _, c := range b.cells {
		if c.baseline() {
			c.Checked = 0 // its operations are of no promise
		}
	}
	s.setControls(b.cells, b.controls)
	s.dates = b.nameDates()
	latest, earlier := b.layout.newest(b.cells)
	s.setOrder(latest)
	s.summarize()
	s.setHistory(earlier)
	s.scaling = sync.OnceValue(s.fitCurves)
	return s, nil
}

func (b *builder) emptyError() error {
	files := strings.Join(b.paths, ", ")
	switch {
	case b.filtered > 0:
		return fmt.Errorf("%s: the filter leaves none of %d results: loosen it", files, b.filtered)
	case b.problems.total > 0:
		return fmt.Errorf("%s: no usable result (%s; first: %s)", files,
			plural(b.problems.total, "problem"), b.problems.list[0])
	}
	return fmt.Errorf("%s: no result in it: give a file that \"refbench run\" wrote", files)
}
