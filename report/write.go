package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// PageName is the name of the HTML page in a report's directory.
const PageName = "report.html"

// maxPlotted bounds the workload variants that get plots: a sweep over settings
// can have thousands, and nobody looks at so many plots.
const maxPlotted = 32

// Write writes the HTML page and the plots, as SVG and PNG, into a directory, which
// it creates if need be. It returns the path of the page. Everything is written to
// a temporary directory first and renamed when all of it is there: if the disk
// fills, an earlier report is still whole.
func Write(dir string, s *Set) (htmlPath string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("creating the report's directory: %w", err)
	}
	tmp, err := os.MkdirTemp(dir, ".refbench-report-")
	if err != nil {
		return "", fmt.Errorf("writing into the report's directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	names, err := writeFiles(tmp, s)
	if err != nil {
		return "", fmt.Errorf("writing the report (an earlier one in %s is as it was): %w", dir, err)
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(tmp, name), filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("writing the report: %w", err)
		}
	}
	return filepath.Join(dir, PageName), nil
}

// writeFiles writes all files and returns their names, the page last, so that it
// is never newer than its plots.
func writeFiles(dir string, s *Set) ([]string, error) {
	plots := s.plots()
	var names []string
	var files []func(io.Writer) error
	for _, p := range plots {
		names = append(names, p.Name+".svg", p.Name+".png")
		files = append(files, p.figure.writeSVG, p.figure.writePNG)
	}
	names = append(names, PageName)
	files = append(files, func(w io.Writer) error { return s.writeHTML(w, plots) })

	// Drawing is the slowest part of a report, and plots don't depend on each other.
	errs := make([]error, len(names))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = writeFile(filepath.Join(dir, name), files[i])
			<-slots
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// A namedPlot is a figure and the name of its files without the ending.
type namedPlot struct {
	Name     string
	Workload string
	figure   *figure
}

// plots returns the figures of all workloads: throughput, then correctness.
func (s *Set) plots() []namedPlot {
	var plots []namedPlot
	used := make(map[string]bool)
	for i, w := range s.Workloads {
		if i == maxPlotted {
			break
		}
		slug := slug(w)
		for n := 2; used[slug]; n++ {
			slug = fmt.Sprintf("%s-%d", strings.TrimSuffix(slug, fmt.Sprintf("-%d", n-1)), n)
		}
		used[slug] = true
		for _, p := range []namedPlot{
			{slug + "-throughput", w, s.throughputFigure(w)},
			{slug + "-correctness", w, s.correctnessFigure(w)},
		} {
			if p.figure != nil {
				plots = append(plots, p)
			}
		}
	}
	return plots
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
