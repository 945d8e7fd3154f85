package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// Read reads result files. Lines that can't be used are collected in
// [Set.Problems] and the rest is used. It returns an error if a file can't be
// read or if no file has a usable result.
func Read(paths []string) (*Set, error) { return ReadFiltered(paths, "*") }

// ReadFiltered is Read for the results and units that match query, which is
// written in benchstat's language (golang.org/x/perf/benchproc/syntax).
func ReadFiltered(paths []string, query string) (*Set, error) {
	return ReadOpened(paths, query, func(path string) (io.ReadCloser, error) { return os.Open(path) })
}

// ReadOpened is ReadFiltered for files that open opens.
func ReadOpened(paths []string, query string, open func(path string) (io.ReadCloser, error)) (*Set, error) {
	b, err := newBuilder(query)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		err = b.read(path, f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	return b.set()
}

// ReadFrom is Read for one input. The name is used in messages.
func ReadFrom(name string, r io.Reader) (*Set, error) {
	b, err := newBuilder("*")
	if err != nil {
		return nil, err
	}
	if err := b.read(name, r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b.set()
}

// maxValue is the largest measurement that is believed, in any unit: with more,
// sums and the squares in statistics could overflow.
const maxValue = 1e30

// A builder collects the lines of all files into cells.
type builder struct {
	paths    []string
	filter   *benchproc.Filter
	reader   benchfmt.Reader
	problems problems
	facts    factList
	lines    int // result lines used
	filtered int // result lines that the filter left out

	cells map[Key]*Cell
	// names remembers what a full name stands for: names repeat with every
	// sample, and taking one apart costs more than a look-up.
	names map[string]*namedCell

	units   []string       // tidied, in the order of first appearance
	unitIDs map[string]int // index in units

	config    []string // keys and values of the latest result line
	configID  int
	configIDs map[string]int
	configs   [][]string
}

type namedCell struct {
	cell  *Cell
	procs string
	err   error
}

func newBuilder(query string) (*builder, error) {
	filter, err := benchproc.NewFilter(query)
	if err != nil {
		return nil, &FilterError{Query: query, Err: err}
	}
	return &builder{
		filter:    filter,
		cells:     make(map[Key]*Cell),
		names:     make(map[string]*namedCell),
		unitIDs:   make(map[string]int),
		configIDs: make(map[string]int),
		configID:  -1,
	}, nil
}

// A FilterError says that a filter isn't written as benchstat's language wants.
type FilterError struct {
	Query string
	Err   error
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("filter %q: %s", e.Query, strings.ReplaceAll(e.Err.Error(), "\n", " "))
}

func (e *FilterError) Unwrap() error { return e.Err }

func (b *builder) read(name string, r io.Reader) error {
	b.paths = append(b.paths, name)
	first := len(b.problems.list)
	lines := &lineReader{
		src: bufio.NewReaderSize(r, maxLine),
		problem: func(line int, format string, args ...any) {
			b.problems.add(name, line, format, args...)
		},
		fact: func(line int, key, value string) {
			if key == "format" && value != Format {
				b.problems.add(name, line, "format is %q, this program reads %q; read as if it were that", shorten(value), Format)
			}
			b.facts.add(key, value)
		},
	}
	b.reader.Reset(lines, name)
	for b.reader.Scan() {
		switch rec := b.reader.Result().(type) {
		case *benchfmt.SyntaxError:
			b.problems.add(name, rec.Line, "%s; left out", clean(rec.Msg))
		case *benchfmt.Result:
			b.result(name, rec)
		}
	}
	b.problems.sortFrom(first)
	return b.reader.Err()
}

func (b *builder) result(file string, r *benchfmt.Result) {
	_, line := r.Pos()
	n := b.names[string(r.Name)]
	if n == nil {
		n = b.name(r.Name)
	}
	if n.err != nil {
		if errors.Is(n.err, errOther) {
			b.problems.add(file, line, "another benchmark, %q; left out", shorten(r.Name.String()))
		} else {
			b.problems.add(file, line, "%v; left out", n.err)
		}
		return
	}
	if r.Iters < 0 {
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
	// Before the filter: a sample is set aside even if the user asked for times only.
	shared, _ := r.Value(unitShared)
	if ok, err := b.filter.Apply(r); !ok || err != nil {
		b.filtered++
		return
	}
	if len(r.Values) == 0 {
		return
	}
	b.lines++
	b.addSample(n, r, shared != 0, func(unit string) {
		b.problems.add(file, line, "unit %s stands twice; the first is used", clean(unit))
	})
}

func (b *builder) name(name benchfmt.Name) *namedCell {
	n := new(namedCell)
	var key Key
	if key, n.procs, n.err = parseName(name); n.err == nil {
		n.cell = b.cells[key]
		if n.cell == nil {
			n.cell = &Cell{Key: key, procs: n.procs}
			b.cells[key] = n.cell
		}
	}
	b.names[name.String()] = n
	return n
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

func (b *builder) addSample(n *namedCell, r *benchfmt.Result, shared bool, twice func(unit string)) {
	c := n.cell
	c.lines++
	c.mixedProcs = c.mixedProcs || n.procs != c.procs
	if id := b.currentConfig(r); !slices.Contains(c.configs, id) {
		c.configs = append(c.configs, id)
	}
	var judged, violations bool
	checked := float64(r.Iters)
	for i, v := range r.Values {
		if slices.ContainsFunc(r.Values[:i], func(w benchfmt.Value) bool { return w.Unit == v.Unit }) {
			twice(v.Unit)
			continue
		}
		id := b.unit(v.Unit)
		for len(c.values) <= id {
			c.values = append(c.values, nil)
			c.aside = append(c.aside, nil)
			c.sums = append(c.sums, 0)
		}
		c.sums[id] += v.Value
		switch v.Unit {
		case unitViolations:
			violations = true
		case unitChecked:
			judged, checked = true, v.Value
		case unitTime:
			if shared {
				c.SetAside = append(c.SetAside, v.Value)
			} else {
				c.Samples++
			}
		}
		if shared {
			c.aside[id] = append(c.aside[id], v.Value)
		} else {
			c.values[id] = append(c.values[id], v.Value)
		}
	}
	if judged || violations {
		c.Checked += checked
	}
}

// currentConfig returns a number for the configuration of a line: lines with the
// same number were measured on the same machine with the same program.
func (b *builder) currentConfig(r *benchfmt.Result) int {
	same := b.configID >= 0
	i := 0
	for _, c := range r.Config {
		if !identifies(c.Key) {
			continue
		}
		if same && (i+1 >= len(b.config) || b.config[i] != c.Key || b.config[i+1] != string(c.Value)) {
			same = false
			break
		}
		i += 2
	}
	if same && i == len(b.config) {
		return b.configID
	}
	b.config = nil
	for _, c := range r.Config {
		if identifies(c.Key) {
			b.config = append(b.config, c.Key, string(c.Value))
		}
	}
	text := fmt.Sprintf("%q", b.config)
	id, ok := b.configIDs[text]
	if !ok {
		id = len(b.configs)
		b.configIDs[text] = id
		b.configs = append(b.configs, b.config)
	}
	b.configID = id
	return id
}

// identifies reports whether a configuration key tells runs apart. Promises and
// unsupported pairs say what was run, not where.
func identifies(key string) bool {
	return !strings.HasPrefix(key, promisePrefix) && !strings.HasPrefix(key, unsupportedPrefix)
}

func (b *builder) set() (*Set, error) {
	if b.lines == 0 {
		return nil, b.emptyError()
	}
	s := &Set{
		Paths:        b.paths,
		Lines:        b.lines,
		Filtered:     b.filtered,
		Facts:        b.facts.machine(),
		Promises:     b.facts.promises(),
		Unsupported:  b.facts.unsupported(),
		Problems:     b.problems.list,
		ProblemCount: b.problems.total,
		cells:        b.cells,
	}
	for key, c := range b.cells {
		if c.lines == 0 {
			delete(b.cells, key) // a name that the filter left out
		}
	}
	s.setUnits(b.units, b.reader.Units())
	s.setOrder()
	s.summarize(b.configs)
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
