package shard

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	jsonv2 "github.com/go-json-experiment/json"
)

// What a file says that it is. A change of what fields mean is a new version.
const (
	Schema  = "refbench shard"
	Version = 1
)

// A Header is a file without its findings, of which there may be many.
type Header struct {
	Schema  string `json:"schema"`
	Version int    `json:"schema_version"`
	Plan    Plan   `json:"plan"`
	// Done are the shards of which there is something here: one, or those that were merged.
	Done    []Part   `json:"done"`
	Results []Result `json:"results"`
}

// writeTo writes a file with what each writes as its findings: a value on each line.
func (h *Header) writeTo(w io.Writer, each func(add func(raw []byte) error) error) error {
	b := bufio.NewWriterSize(w, 1<<16)
	var err error
	field := func(name string, v any) {
		raw, e := json.Marshal(v)
		err = errors.Join(err, e)
		fmt.Fprintf(b, "%q: %s,\n", name, raw)
	}
	b.WriteString("{\n")
	field("schema", h.Schema)
	field("schema_version", h.Version)
	field("plan", h.Plan)
	field("done", h.Done)
	b.WriteString("\"results\": [")
	for i, r := range h.Results {
		raw, e := json.Marshal(r)
		err = errors.Join(err, e)
		line(b, i, raw)
	}
	b.WriteString("\n],\n\"findings\": [")
	n := 0
	err = errors.Join(err, each(func(raw []byte) error {
		e := line(b, n, raw)
		n++
		return e
	}))
	b.WriteString("\n]\n}\n")
	return errors.Join(err, b.Flush())
}

func line(b *bufio.Writer, i int, raw []byte) error {
	if i > 0 {
		b.WriteByte(',')
	}
	b.WriteByte('\n')
	_, err := b.Write(raw)
	return err
}

// A FormatError says that a file is none of a shard, or of one that this refbench can't read.
type FormatError struct{ What string }

func (e *FormatError) Error() string { return e.What }

// read reads a file, and calls each with every finding, whose bytes are only good for the
// call. What comes after the header and its results is not kept.
func read(r io.Reader, each func(raw jsontext.Value) error) (*Header, error) {
	d := jsontext.NewDecoder(r)
	h := new(Header)
	wrong := func(err error) error {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return &FormatError{"it ends too soon: copy it again, or run the shard again"}
		}
		if synt, sem := new(jsontext.SyntacticError), new(jsonv2.SemanticError); errors.As(err, &synt) || errors.As(err, &sem) {
			return &FormatError{"it is no file of a shard: " + mismatch(err)}
		}
		return err
	}
	t, err := d.ReadToken()
	if err != nil {
		return nil, wrong(err)
	}
	if t.Kind() != '{' {
		return nil, &FormatError{"it is no file of a shard: want what -o of a command with --shard writes"}
	}
fields:
	for {
		if t, err = d.ReadToken(); err != nil {
			return nil, wrong(err)
		}
		if t.Kind() == '}' {
			if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
				return nil, &FormatError{"something stands behind its end: is it two files in one?"}
			}
			break
		}
		name := t.String()
		if name == "findings" {
			err := findings(d, each)
			if errors.Is(err, errEnough) {
				break fields
			}
			if err != nil {
				return nil, wrong(err)
			}
			continue
		}
		fields := map[string]any{"schema": &h.Schema, "schema_version": &h.Version, "plan": &h.Plan, "done": &h.Done, "results": &h.Results}
		if to, ok := fields[name]; ok {
			err = jsonv2.UnmarshalDecode(d, to)
		} else {
			err = d.SkipValue()
		}
		if err != nil {
			return nil, wrong(err)
		}
		if name == "schema_version" && h.Schema == Schema && h.Version != Version {
			return nil, h.checkVersion() // before what may not be read
		}
	}
	if h.Schema != Schema {
		return nil, &FormatError{"it is no file of a shard: want what -o of a command with --shard writes"}
	}
	if err := cmp.Or(h.checkVersion(), h.check()); err != nil {
		return nil, err
	}
	return h, nil
}

// mismatch says which value in a file is of another kind than it must be. What a SemanticError says itself
// has other words in other processes.
func mismatch(err error) string {
	sem := new(jsonv2.SemanticError)
	if !errors.As(err, &sem) {
		return err.Error()
	}
	text := fmt.Sprintf("%s is a JSON %s, want a Go %v", cmp.Or(string(sem.JSONPointer), "it"), sem.JSONKind, sem.GoType)
	if sem.Err != nil {
		text += ": " + sem.Err.Error()
	}
	return text
}

func (h *Header) checkVersion() error {
	if h.Version == Version {
		return nil
	}
	return &FormatError{fmt.Sprintf("its schema_version is %d, and this refbench reads %d: use the refbench that wrote it", h.Version, Version)}
}

func findings(d *jsontext.Decoder, each func(jsontext.Value) error) error {
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return cmp.Or(err, error(&FormatError{"its findings are no list"}))
	}
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := each(raw); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// check returns what can't be true of a file.
func (h *Header) check() error {
	wrong := func(format string, args ...any) error { return &FormatError{fmt.Sprintf(format, args...)} }
	p := &h.Plan
	if p.Shards < 1 || p.Shards > Most || p.Parts < p.Shards || p.Parts > Most {
		return wrong("it is of %d parts for %d shards: want 1 .. %d, and as many parts at least", p.Parts, p.Shards, Most)
	}
	if len(h.Done) == 0 {
		return wrong("it says of no shard that it was done")
	}
	texts := slices.Concat(p.Flags, []string{p.Command, p.Commit, p.Code})
	for _, d := range h.Done {
		texts = append(texts, d.Machine.Host, d.Machine.OS, d.Machine.Arch, d.Machine.CPU)
	}
	for _, i := range p.Items {
		texts = append(texts, i.Name, i.Row, i.Column)
	}
	for _, r := range h.Results {
		texts = append(texts, r.Verdict)
	}
	for _, text := range texts {
		// They are printed.
		if strings.ContainsFunc(text, unicode.IsControl) {
			return wrong("it has control characters: %q", text)
		}
	}
	names := make(map[string]bool)
	for _, i := range p.Items {
		if names[i.Name] {
			return wrong("item %s is twice in its plan", i.Name)
		}
		names[i.Name] = true
	}
	has := make(map[int]bool)
	for _, d := range h.Done {
		if d.Shard < 1 || d.Shard > p.Shards || has[d.Shard] {
			return wrong("it has shard %d of %d, or has it twice", d.Shard, p.Shards)
		}
		has[d.Shard] = true
	}
	tasks := make(map[Task]bool)
	for _, r := range h.Results {
		t := Task{r.Item, r.Part}
		if !names[r.Item] || r.Part < 0 || r.Part >= p.Parts || tasks[t] || !has[r.Part%p.Shards+1] {
			return wrong("it has a result of %q in part %d, which isn't for it or is there twice", r.Item, r.Part)
		}
		tasks[t] = true
	}
	return nil
}

// readFile reads the file with the name.
func readFile(name string, each func(raw jsontext.Value) error) (*Header, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: %w", name, &FormatError{"it is a folder: name the files in it"})
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", name, &FormatError{"it is no regular file, and is read twice: copy what it gives to one"})
	}
	h, err := read(f, each)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

// order puts results in the order of the plan.
func (h *Header) order() {
	at := make(map[string]int, len(h.Plan.Items))
	for i, item := range h.Plan.Items {
		at[item.Name] = i
	}
	slices.SortFunc(h.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(at[a.Item], at[b.Item]), cmp.Compare(a.Part, b.Part))
	})
	slices.SortFunc(h.Done, func(a, b Part) int { return cmp.Compare(a.Shard, b.Shard) })
}
