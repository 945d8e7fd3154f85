package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/refbench/refbench/report/pending"
)

// PageName is the name of the HTML page in a report's directory.
const PageName = "report.html"

// maxPlotted bounds the workload variants that get plots: a sweep over settings
// can have thousands, and nobody looks at so many plots.
const maxPlotted = 32

// Write writes the HTML page and the plots, as SVG and PNG, into a directory, which
// it creates if need be. It returns the path of the page. Every file is written under
// another name first, and all are renamed when all of them are there: if the disk
// fills, an earlier report is still whole.
func Write(dir string, s *Set) (htmlPath string, err error) { return write(dir, s, sections()) }

func write(dir string, s *Set, all []section) (htmlPath string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("creating the report's directory: %w", err)
	}
	var files []file
	for _, sec := range all {
		if sec.files != nil {
			files = append(files, sec.files(s)...)
		}
	}
	// The page is the last, so that it is never newer than its plots.
	files = append(files, file{PageName, func(w io.Writer) error { return writePage(w, s, all) }})
	if err := writeFiles(dir, files); err != nil {
		return "", fmt.Errorf("writing the report (an earlier one in %s is as it was): %w", dir, err)
	}
	return filepath.Join(dir, PageName), nil
}

// writeFiles replaces all files, or none if one can't be written.
func writeFiles(dir string, files []file) (err error) {
	begun := make([]*pending.File, len(files))
	defer func() {
		for _, p := range begun {
			if p != nil {
				err = errors.Join(err, p.Cleanup())
			}
		}
	}()
	// Drawing is the slowest part of a report, and plots don't depend on each other.
	errs := make([]error, len(files))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, f := range files {
		if begun[i], err = pending.New(filepath.Join(dir, f.name)); err != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = f.write(begun[i])
			<-slots
		})
	}
	wg.Wait()
	// One reason is enough: when the disk is full, each file says so.
	for _, e := range append([]error{err}, errs...) {
		if e != nil {
			return e
		}
	}
	for _, p := range begun {
		if err := p.CloseAtomicallyReplace(); err != nil {
			return err
		}
	}
	return nil
}

// A namedPlot is a figure and the name of its files without the ending.
type namedPlot struct {
	Name   string
	table  *Label
	figure *figure
}

// plottedTables returns the tables that have plots.
func (s *Set) plottedTables() []*Table {
	tables := slices.Clone(s.Tables[:min(len(s.Tables), s.plotted)])
	return slices.DeleteFunc(tables, func(t *Table) bool { return t.unplottable() != "" })
}

// plots returns the figures of the first tables: throughput, then correctness.
func (s *Set) plots() []namedPlot {
	var plots []namedPlot
	used := make(names)
	for _, t := range s.plottedTables() {
		name := used.of(t.Text)
		for _, p := range []namedPlot{
			{name + "-throughput", t.Label, s.throughputFigure(t)},
			{name + "-correctness", t.Label, s.correctnessFigure(t)},
		} {
			if p.figure != nil {
				plots = append(plots, p)
			}
		}
	}
	return plots
}

// Names are those of files that are taken, with the number of the latest that is made of
// each.
type names map[string]int

// of returns a name for a file about something that no other has.
func (used names) of(text string) string {
	base := slug(text)
	name := base
	for used[name] > 0 {
		used[base]++
		name = fmt.Sprintf("%s-%d", base, used[base])
	}
	used[name] = 1
	return name
}

// plotFiles returns the files of all plots.
func plotFiles(s *Set) []file {
	var files []file
	for _, p := range s.plots() {
		files = append(files, file{p.Name + ".svg", p.figure.writeSVG}, file{p.Name + ".png", p.figure.writePNG})
	}
	return files
}

// unplotted says which of the tables shown have no plots, and why.
func (s *Set) unplotted(shown []*Table) []string {
	var lines []string
	reasons := make(map[string]int)
	for _, t := range s.Tables[:min(len(s.Tables), s.plotted)] {
		if why := t.unplottable(); why != "" {
			reasons[why]++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, fmt.Sprintf("There are no plots of %s %s.", plural(reasons[why], "table"), why))
	}
	if n := len(shown) - s.plotted; n > 0 {
		lines = append(lines, fmt.Sprintf("Only the first workload variants have plots; %d more are in the tables alone. Choose some with --filter to see theirs.", n))
	}
	return lines
}

// slug makes a file name of a workload variant: "getput objects=64" is
// "getput-objects=64".
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '=', r == '_':
			return r
		}
		return '-'
	}, s)
	return s[:min(len(s), 80)]
}
