package linear

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// magic is the first line of a history file: what it is, and the version of its
// format.
const magic = "refbench history 1"

// WriteText writes the history in a form that [Parse] reads:
//
//	refbench history 1
//	strategy percpu
//	clock tsc
//	seed 17
//	life 1
//	0 1000 1040 Get -
//	1 1010 1055 TryGet true
//	0 1060 1090 Count 3
//	...
//	end 3 9a8b7c6d
//
// After "life" stands how many references it begins with, in each line below it the
// client, the stamps of a call's beginning and end, the call, and the answer: "-" if
// the call returns nothing, "panic" if it doesn't return. After "end" stand the
// number of calls and the CRC-32 (IEEE) of all lines before.
func (h *History) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nstrategy %s\nclock %s\nseed %d\n", magic, h.Strategy, h.Clock, h.Seed)
	var line []byte
	for _, l := range h.Lives {
		fmt.Fprintf(&b, "life %d\n", l.Start)
		for _, o := range l.Ops {
			line = o.append(line[:0])
			b.Write(line)
		}
	}
	_, err := w.Write(seal(b.Bytes(), h.Ops()))
	return err
}

// seal adds the last line.
func seal(lines []byte, calls int) []byte {
	return fmt.Appendf(lines, "end %d %08x\n", calls, crc32.ChecksumIEEE(lines))
}

// Seal returns the lines with the last line that fits them, in place of one that they
// may have: a file that was altered on purpose is whole again by it. Calls are counted
// as the lines that begin with a digit.
func Seal(data []byte) []byte {
	calls := 0
	var lines []byte
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte("end ")) || !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if line[0] >= '0' && line[0] <= '9' {
			calls++
		}
		lines = append(lines, line...)
	}
	return seal(lines, calls)
}

func (o Op) append(b []byte) []byte {
	b = strconv.AppendInt(b, int64(o.Client), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, o.Begin, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, o.End, 10)
	b = append(b, ' ')
	b = append(b, o.Call.String()...)
	b = append(b, ' ')
	b = append(b, o.answer()...)
	return append(b, '\n')
}

func (o Op) answer() string {
	switch {
	case o.Panicked:
		return "panic"
	case o.Call.Op == spec.Count:
		return strconv.FormatInt(o.Value, 10)
	case o.Call.Op.Reports():
		return strconv.FormatBool(o.Result)
	}
	return "-"
}

// A ParseError says what is wrong with a history file and in which line.
type ParseError struct {
	Line int // from 1
	Err  error
}

func (e *ParseError) Error() string { return fmt.Sprintf("history: line %d: %v", e.Line, e.Err) }
func (e *ParseError) Unwrap() error { return e.Err }

// Parse reads what [History.WriteText] wrote, and nothing else. What is cut or
// altered gives a [*ParseError].
func Parse(data []byte) (*History, error) {
	p := &parser{rest: data}
	h, err := p.history()
	if err != nil {
		return nil, &ParseError{p.line, err}
	}
	return h, nil
}

type parser struct {
	rest []byte
	read int // bytes before the line
	next int // bytes up to the end of the line
	line int
}

// text returns the next line.
func (p *parser) text() (string, error) {
	p.line++
	line, rest, ended := bytes.Cut(p.rest, []byte("\n"))
	if !ended {
		if len(p.rest) > 0 {
			return "", fmt.Errorf("the file ends in the middle of the line %.60q: it was cut", p.rest)
		}
		return "", errors.New(`the file ends without a line "end": it was cut`)
	}
	p.rest = rest
	p.read, p.next = p.next, p.next+len(line)+1
	return string(line), nil
}

// field reads a line "key value".
func (p *parser) field(key string) (string, error) {
	line, err := p.text()
	if err != nil {
		return "", err
	}
	value, ok := strings.CutPrefix(line, key+" ")
	if !ok {
		return "", fmt.Errorf("%.60q: want %q and a value", line, key)
	}
	return value, nil
}

func (p *parser) history() (*History, error) {
	all := p.rest
	line, err := p.text()
	switch {
	case err != nil && len(all) == 0:
		return nil, errors.New("the file is empty")
	case err != nil || line != magic:
		p.line = 1
		return nil, fmt.Errorf("it isn't a history: want the first line %q", magic)
	}
	h := new(History)
	if h.Strategy, err = p.field("strategy"); err != nil {
		return nil, err
	}
	if strategies.CheckName("strategy", h.Strategy) != nil {
		return nil, fmt.Errorf("%.60q: want a strategy's name", h.Strategy)
	}
	if h.Clock, err = p.field("clock"); err != nil {
		return nil, err
	}
	switch h.Clock {
	case ClockTSC, ClockCounter, ClockSteps:
	default:
		return nil, fmt.Errorf("clock %.60q: want %s, %s or %s", h.Clock, ClockTSC, ClockCounter, ClockSteps)
	}
	seed, err := p.field("seed")
	if err != nil {
		return nil, err
	}
	if h.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil || strconv.FormatUint(h.Seed, 10) != seed {
		return nil, fmt.Errorf("seed %.60q: want a number from 0 to 2^64-1", seed)
	}
	begun := 0 // the line of the life
	finish := func() error {
		if begun == 0 {
			return nil
		}
		if err := h.Lives[len(h.Lives)-1].check(); err != nil {
			return fmt.Errorf("in the life of line %d: %w", begun, err)
		}
		return nil
	}
	for {
		line, err := p.text()
		if err != nil {
			return nil, err
		}
		switch word, value, _ := strings.Cut(line, " "); word {
		case "life":
			if err := finish(); err != nil {
				return nil, err
			}
			n, err := number(value)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%.60q: want the number of references that the life begins with, at least 1", line)
			}
			begun = p.line
			h.Lives = append(h.Lives, Life{Start: n})
		case "end":
			if err := finish(); err != nil {
				return nil, err
			}
			if want := fmt.Sprintf("%d %08x", h.Ops(), crc32.ChecksumIEEE(all[:p.read])); value != want {
				return nil, fmt.Errorf("%.60q: the lines before say %q: the file was cut or altered", line, "end "+want)
			}
			if len(p.rest) > 0 {
				p.line++
				return nil, errors.New("the file goes on after its end")
			}
			return h, nil
		default:
			if begun == 0 {
				return nil, fmt.Errorf(`%.60q: want "life" and how many references it begins with`, line)
			}
			o, err := parseOp(line)
			if err != nil {
				return nil, err
			}
			l := &h.Lives[len(h.Lives)-1]
			l.Ops = append(l.Ops, o)
		}
	}
}

func parseOp(line string) (Op, error) {
	var o Op
	fields := strings.Split(line, " ")
	if len(fields) != 5 {
		return o, fmt.Errorf("%.60q: want client, beginning, end, call and answer", line)
	}
	client, err := number(fields[0])
	if err != nil || client < 0 || client >= MaxClients {
		return o, fmt.Errorf("client %.20q: want 0 .. %d", fields[0], MaxClients-1)
	}
	o.Client = int(client)
	if o.Begin, err = number(fields[1]); err != nil {
		return o, fmt.Errorf("beginning: %w", err)
	}
	if o.End, err = number(fields[2]); err != nil {
		return o, fmt.Errorf("end: %w", err)
	}
	if o.End < o.Begin {
		return o, fmt.Errorf("the call ends at %d, before it begins at %d", o.End, o.Begin)
	}
	if o.Call, err = spec.ParseCall(fields[3]); err != nil {
		return o, err
	}
	switch a := fields[4]; {
	case a == "panic":
		o.Panicked = true
	case o.Call.Op == spec.Count:
		o.Value, err = number(a)
	case o.Call.Op.Reports():
		o.Result = a == "true"
	}
	if err != nil || o.answer() != fields[4] {
		return o, fmt.Errorf("%s can't answer %.20q", o.Call, fields[4])
	}
	return o, nil
}

// number reads a number that is written as this package writes it.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%.30q: want a whole number of 64 bits", text)
	}
	return n, nil
}
