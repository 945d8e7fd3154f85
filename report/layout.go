package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/maruel/natural"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// Options say which results are used and how they are laid out. Filter is written
// in benchstat's language of filters, the others in its language of projections
// (golang.org/x/perf/benchproc/syntax). "" stands for the default.
type Options struct {
	Filter string // default "*": all results
	Table  string // one table for each value; default [DefaultTable]
	Row    string // one row of a table for each value; default [DefaultRow]
	Column string // one column for each value; default [DefaultColumn]

	// IncludeShared uses the samples that were measured while the CPUs were
	// shared as if they had not been. Cells with such samples say so and aren't
	// ranked.
	IncludeShared bool

	// Runs returns the runs that added to a file, so that results of different dates are told
	// apart. If it is nil, or returns none, nothing says when the results were measured.
	Runs func(path string) []FileRun

	// Open opens a file by its name. Nil opens regular files only.
	Open func(path string) (io.ReadCloser, error)
}

// The default layout: a table for each workload with its settings, a row for each
// number of CPUs, a column for each strategy. Loops that call through an interface
// have a column of their own.
const (
	DefaultTable  = "/workload,.fullname"
	DefaultRow    = "/cpus"
	DefaultColumn = "/strategy,/dispatch"
)

// An OptionError says that an option isn't written as benchstat's language wants.
type OptionError struct {
	Name, Text string // "filter" and what was given
	Err        error
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Name, e.Text, strings.ReplaceAll(e.Err.Error(), "\n", " "))
}

func (e *OptionError) Unwrap() error { return e.Err }

// A layout says in which table, row and column a result line stands.
type layout struct {
	filter             *benchproc.Filter
	table, row, column *axis
	// threads has what never splits a cell but is named if it varies within one, and
	// residue what no axis has.
	threads, residue *benchproc.Projection
	standard         bool // no axis was chosen
	includeShared    bool

	// machine tells machines apart, so that their results are never pooled. It is nil if an
	// axis has what it has: then it was chosen how they stand.
	machine  *benchproc.Projection
	path     string     // that is read
	noted    bool       // where results of the present configuration were measured
	machines []*Machine // in the order of appearance
	known    map[benchproc.Key]*Machine
	moved    map[machineTable]*Label // tables of machines that aren't the first with them
}

// A Machine is one of those that results are of.
type Machine struct {
	Name   string // "Intel(R) Xeon(R) Processor, 4 CPUs"
	CPUs   int    // 0 if the files don't say
	Number int    // from 1, in the order of the files

	paths []string            // of files with its results, those with samples excluded among them
	facts map[string][]string // what their configuration lines say: see differingKeys
}

// A machineTable is a table of one machine.
type machineTable struct {
	table   *Label
	machine *Machine
}

// machineKeys are the configuration lines that tell machines apart.
func machineKeys() []string { return []string{"cpu", "cpus", "goos", "goarch", "node"} }

func newLayout(o Options) (*layout, error) {
	query := cmp.Or(o.Filter, "*")
	filter, err := benchproc.NewFilter(query)
	if err != nil {
		return nil, &OptionError{"filter", query, err}
	}
	o.Table, o.Row, o.Column = cmp.Or(o.Table, DefaultTable), cmp.Or(o.Row, DefaultRow), cmp.Or(o.Column, DefaultColumn)
	l := &layout{filter: filter, standard: o.Table == DefaultTable && o.Row == DefaultRow && o.Column == DefaultColumn, includeShared: o.IncludeShared}
	var parser benchproc.ProjectionParser
	for _, a := range []struct {
		axis       **axis
		name, expr string
	}{
		{&l.table, "table", o.Table},
		{&l.row, "row", o.Row},
		{&l.column, "column", o.Column},
	} {
		p, err := parser.Parse(a.expr, filter)
		if err != nil {
			return nil, &OptionError{a.name, a.expr, err}
		}
		*a.axis = newAxis(p, a.expr)
	}
	if !slices.ContainsFunc(machineKeys(), l.hasAxis) {
		if l.machine, err = parser.Parse(strings.Join(machineKeys(), ","), nil); err != nil {
			return nil, err
		}
		l.known, l.moved = make(map[benchproc.Key]*Machine), make(map[machineTable]*Label)
	}
	if l.threads, err = parser.Parse(".name,/gomaxprocs", nil); err != nil {
		return nil, err
	}
	l.residue = parser.Residue()
	return l, nil
}

// hasAxis reports whether an axis has a configuration line.
func (l *layout) hasAxis(key string) bool {
	return slices.ContainsFunc([]*axis{l.table, l.row, l.column}, func(a *axis) bool {
		return slices.ContainsFunc(a.projection.Fields(), func(f *benchproc.Field) bool { return f.Name == key || f.Name == ".config" })
	})
}

// tableOf returns the label of the table in which a result stands: each machine has tables
// of its own.
func (l *layout) tableOf(r *benchfmt.Result) *Label {
	table := l.table.label(r)
	if l.machine == nil {
		return table
	}
	key := l.machine.Project(r)
	m := l.known[key]
	if m == nil {
		m = l.newMachine(key)
		l.known[key] = m
	}
	if !l.noted {
		m.note(l.path, r)
		l.noted = true
	}
	switch {
	case table.Machine == nil:
		table.Machine = m
		return table
	case table.Machine == m:
		return table
	}
	own := l.moved[machineTable{table, m}]
	if own == nil {
		own = &Label{Text: table.Text, Short: table.Short, Machine: m, key: table.key}
		l.moved[machineTable{table, m}] = own
		l.table.List = append(l.table.List, own)
	}
	return own
}

func (l *layout) newMachine(key benchproc.Key) *Machine {
	m := &Machine{Number: len(l.machines) + 1}
	var parts []string
	for _, f := range l.machine.Fields() {
		switch v := key.Get(f); {
		case v == "":
		case f.Name == "cpus":
			m.CPUs, _ = strconv.Atoi(v)
			parts = append(parts, cpusOf(v))
		case f.Name == "cpu", f.Name == "node":
			parts = append(parts, clean(v))
		}
	}
	m.Name = cmp.Or(strings.Join(parts, ", "), "a machine that the files don't name")
	l.machines = append(l.machines, m)
	return m
}

// nameMachines says at each table of which machine it is, if there are several.
func (l *layout) nameMachines() {
	if len(l.machines) < 2 {
		return
	}
	for _, t := range l.table.List {
		t.bare = t.Text
		t.Text += fmt.Sprintf(" on machine %d", t.Machine.Number)
		t.Short = t.Text
	}
}

// cpusName is the name of the axis that has numbers of CPUs.
const cpusName = "CPUs"

// An axis is one direction in which results are laid out, with its values.
type axis struct {
	Name       string // of what its labels are: "workload", "CPUs", "strategy"
	projection *benchproc.Projection
	ordered    bool // the expression gives an order, as in "/cpus@num"
	labels     map[string]*Label
	keys       map[benchproc.Key]*Label
	List       []*Label
}

// A Label is a value of an axis: it stands at a table, a row or a column.
type Label struct {
	Text  string // in a sentence: "getput objects=64", "2 CPUs", "percpu (generic)"
	Short string // below the axis' name: "2"

	// Baseline says that what has the label is a reference point and no count.
	Baseline bool
	generic  bool     // what has it calls its count through an interface
	Machine  *Machine // of a table; nil if an axis tells machines apart
	bare     string   // Text without the machine, "" if that isn't in it

	key   benchproc.Key // of the first result that has it
	place int           // in the order of the axis
}

func newAxis(p *benchproc.Projection, expr string) *axis {
	a := &axis{projection: p, ordered: strings.Contains(expr, "@"), labels: make(map[string]*Label), keys: make(map[benchproc.Key]*Label)}
	var names []string
	for _, f := range p.Fields() {
		switch name := strings.TrimPrefix(f.Name, "/"); name {
		case "cpus":
			names = append(names, cpusName)
		case "dispatch", ".fullname": // belong to what stands before them
			if len(names) == 0 {
				names = append(names, name)
			}
		default:
			names = append(names, name)
		}
	}
	a.Name = strings.Join(names, ", ")
	return a
}

// label returns the label of a result.
func (a *axis) label(r *benchfmt.Result) *Label {
	key := a.projection.Project(r)
	l := a.keys[key]
	if l != nil {
		return l
	}
	var texts, shorts []string
	for _, f := range a.projection.FlattenedFields() {
		if v := key.Get(f); v != "" {
			text, short := fieldText(f.Name, v)
			if text != "" {
				texts, shorts = append(texts, text), append(shorts, short)
			}
		}
	}
	text := clean(strings.Join(texts, " "))
	short := text
	switch {
	case len(shorts) == 1:
		short = clean(shorts[0])
	case text == "" && a.Name == "":
		text, short = "all", "all"
	case text == "":
		text, short = "no "+a.Name, "–"
	}
	if l = a.labels[text]; l == nil {
		l = &Label{Text: text, Short: short, key: key}
		a.labels[text] = l
		a.List = append(a.List, l)
	}
	a.keys[key] = l
	return l
}

// fieldText says in words that a field has a value: in a sentence, and where the
// field's name stands above it.
func fieldText(name, value string) (text, short string) {
	switch name {
	case "/workload", "/strategy":
		return value, value
	case "/dispatch":
		return "(" + value + ")", value
	case "/cpus":
		n, _ := strconv.Atoi(value) // checked with the name
		return plural(n, "CPU"), strconv.Itoa(n)
	case ".fullname":
		_, settings, _ := strings.Cut(value, "/")
		settings = strings.ReplaceAll(settings, "/", " ")
		return settings, settings
	}
	return strings.TrimPrefix(name, "/") + "=" + value, value
}

// mark marks the labels of baselines, by the strategies' names, and of loops that call
// their count through an interface.
func (a *axis) mark(baselines map[string]bool) {
	for _, f := range a.projection.FlattenedFields() {
		for _, l := range a.List {
			switch v := l.key.Get(f); {
			case f.Name == "/strategy" && baselines[v]:
				l.Baseline = true
				l.Text += " (baseline)"
			case f.Name == "/dispatch":
				l.generic = v != ""
			}
		}
	}
}

// sort puts the labels in order: as the expression says, or else as people do, with
// numbers by their value and strategies in the order of their promises.
func (a *axis) sort(promises []Promise) {
	places := make(map[string]int)
	for i, p := range promises {
		places[p.Strategy] = i - len(promises)
	}
	fields := a.projection.FlattenedFields()
	slices.SortStableFunc(a.List, func(x, y *Label) int {
		if x.Machine != y.Machine {
			return x.Machine.Number - y.Machine.Number
		}
		if a.ordered {
			switch {
			case x.key.Less(y.key):
				return -1
			case y.key.Less(x.key):
				return 1
			}
			return 0
		}
		for _, f := range fields {
			v, w := x.key.Get(f), y.key.Get(f)
			if v == w {
				continue
			}
			c := 0
			if f.Name == "/strategy" {
				c = places[v] - places[w]
			}
			if c = cmp.Or(c, naturally(v, w)); c != 0 {
				return c
			}
		}
		return 0
	})
	for i, l := range a.List {
		l.place = i
	}
}

// naturally orders names as people do: digits by their value, so that "objects=64"
// stands before "objects=128".
func naturally(a, b string) int { return cmp.Or(natural.Compare(a, b), strings.Compare(a, b)) }
