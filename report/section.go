package report

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
)

// A section is one part of a report in the forms that a report has. A form that
// isn't set doesn't have the section.
type section struct {
	// text prints it for a terminal.
	text func(w *bufio.Writer, s *Set)
	// json returns its fields of the document.
	json func(s *Set) []jsonField
	// page returns what stands on the page, each part under a heading of its own,
	// and html is the template that they are shown by.
	page func(s *Set) []part
	html string
	// files are written beside the page.
	files func(s *Set) []file
}

// A jsonField is a field of the JSON document: its name in snake_case and what
// encoding/json makes of its value.
type jsonField struct {
	name  string
	value any
}

// A part is what stands under one heading of the page.
type part struct {
	ID    string // the anchor
	Nav   string // the link at the top of the page, "" for none
	Title string // the heading
	Class string // of the style sheet
	Data  any    // of the section's template

	html string
}

// A file is written beside the page.
type file struct {
	name  string
	write func(io.Writer) error
}

// sections returns all sections in the order in which they stand.
func sections() []section {
	return []section{
		overviewSection(), machinesSection(), tablesSection(), noiseSection(), foundSection(), crossoverSection(), cellsSection(), scalingSection(), insideSection(),
		promisesSection(), machineSection(), notRunSection(), warningsSection(), methodSection(),
	}
}

// Text writes the tables and findings for a terminal.
func Text(w io.Writer, s *Set) error { return writeText(w, s, sections()) }

func writeText(w io.Writer, s *Set, all []section) error {
	b := bufio.NewWriterSize(w, 1<<16)
	for _, sec := range all {
		if sec.text != nil {
			sec.text(b, s)
		}
	}
	return b.Flush()
}

// ReportSchema names the fields that [JSON] writes. It changes when a field changes
// its meaning or goes; new fields may come without notice.
const ReportSchema = "refbench-report/2"

// JSON writes what [Text] says, for programs. The document's schema field is
// [ReportSchema].
func JSON(w io.Writer, s *Set) error { return writeReportJSON(w, s, sections()) }

func writeReportJSON(w io.Writer, s *Set, all []section) error {
	fields := []jsonField{{"schema", ReportSchema}, {"files", cleanAll(s.Paths)}, {"result_lines", s.Lines}}
	for _, sec := range all {
		if sec.json != nil {
			fields = append(fields, sec.json(s)...)
		}
	}
	b := bufio.NewWriterSize(w, 1<<16)
	for i, f := range fields {
		name, err := json.Marshal(f.name)
		if err != nil {
			return err
		}
		sep := "{\n  "
		if i > 0 {
			sep = ",\n  "
		}
		b.WriteString(sep)
		b.Write(name)
		b.WriteString(": ")
		if err := writeValue(b, f.value); err != nil {
			return err
		}
	}
	b.WriteString("\n}\n")
	return b.Flush()
}

// writeValue writes the value of a field. The elements of a [jsonList] are encoded
// one by one, as there may be a million of them.
func writeValue(b *bufio.Writer, v any) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	encode := func(prefix string, v any) error {
		buf.Reset()
		e.SetIndent(prefix, "  ")
		if err := e.Encode(v); err != nil {
			return err
		}
		_, err := b.Write(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
		return err
	}
	items, ok := v.(jsonList)
	if !ok {
		return encode("  ", v)
	}
	sep := "[\n    "
	for item := range items {
		b.WriteString(sep)
		sep = ",\n    "
		if err := encode("    ", item); err != nil {
			return err
		}
	}
	if sep[0] == '[' {
		b.WriteString("[]")
	} else {
		b.WriteString("\n  ]")
	}
	return nil
}

// A jsonList is an array whose elements are made one by one.
type jsonList func(yield func(any) bool)

//go:embed page.html
var pageText string

//go:embed page.css
var pageCSS string

// A page is what the frame of the page shows. Everything is text, ready to be shown.
// Only the plots, which this package draws itself, are markup.
type page struct {
	Title   string
	Results string
	Files   []string
	CSS     template.CSS
	Parts   []part
}

func writePage(w io.Writer, s *Set, all []section) error {
	p := page{
		Title:   "refbench report",
		Results: plural(s.Lines, "result line"),
		Files:   cleanAll(s.Paths),
		CSS:     template.CSS(pageCSS + seriesCSS(min(len(s.Columns), maxSeries), maxMarked)),
	}
	for _, sec := range all {
		if sec.page == nil {
			continue
		}
		for _, part := range sec.page(s) {
			part.html = sec.html
			p.Parts = append(p.Parts, part)
		}
	}
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if err := t.Execute(b, p); err != nil {
		return err
	}
	return b.Flush()
}

// Body returns what stands below the heading.
func (p part) Body() (template.HTML, error) {
	t, err := template.New(p.ID).Parse(p.html)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p.Data)
	return template.HTML(b.String()), err
}
