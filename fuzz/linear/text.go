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
	b := fmt.Appendf(nil, "%s\nstrategy %s\nclock %s\nseed %d\n", magic, h.Strategy, h.Clock, h.Seed)
	for _, l := range h.Lives {
		b = l.append(b)
	}
	_, err := w.Write(fmt.Appendf(b, "end %d %08x\n", h.Ops(), crc32.ChecksumIEEE(b)))
	return err
}

// append appends the life's lines.
func (l Life) append(b []byte) []byte {
	b = fmt.Appendf(b, "life %d\n", l.Start)
	for _, o := range l.Ops {
		b = fmt.Appendf(b, "%d %d %d %s %s\n", o.Client, o.Begin, o.End, o.Call, o.answer())
	}
	return b
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
	p := new(parser)
	if len(data) == 0 {
		return nil, &ParseError{1, errors.New("the file is empty")}
	}
	for raw := range bytes.Lines(data) {
		p.line++
		line, ended := strings.CutSuffix(string(raw), "\n")
		var err error
		switch {
		case p.line == 1 && (line != magic || !ended):
			err = fmt.Errorf("it isn't a history: want the first line %q", magic)
		case p.ended:
			err = errors.New("the file goes on after its end")
		case !ended:
			err = fmt.Errorf("the file ends in the middle of the line %.60q: it was cut", line)
		case p.line > 1:
			err = p.read(line)
		}
		if err != nil {
			return nil, &ParseError{p.line, err}
		}
		p.sum = crc32.Update(p.sum, crc32.IEEETable, raw)
	}
	if !p.ended {
		return nil, &ParseError{p.line + 1, errors.New(`the file ends without a line "end": it was cut`)}
	}
	return &p.h, nil
}

type parser struct {
	h     History
	line  int
	sum   uint32 // of the lines before
	life  int    // the line of the present life, 0 before the first
	ended bool
}

// header is what the lines after the first begin with.
var header = [...]string{"strategy", "clock", "seed"}

// read reads a line after the first.
func (p *parser) read(line string) error {
	word, value, _ := strings.Cut(line, " ")
	if i := p.line - 2; i < len(header) {
		if word != header[i] {
			return fmt.Errorf("%.60q: want %q and a value", line, header[i])
		}
		return p.h.set(word, value)
	}
	if word != "life" && word != "end" {
		if p.life == 0 {
			return fmt.Errorf(`%.60q: want "life" and how many references it begins with`, line)
		}
		o, err := parseOp(line)
		l := &p.h.Lives[len(p.h.Lives)-1]
		l.Ops = append(l.Ops, o)
		return err
	}
	if p.life > 0 {
		if err := p.h.Lives[len(p.h.Lives)-1].check(); err != nil {
			return fmt.Errorf("in the life of line %d: %w", p.life, err)
		}
	}
	if word == "end" {
		p.ended = true
		if want := fmt.Sprintf("%d %08x", p.h.Ops(), p.sum); value != want {
			return fmt.Errorf("%.60q: the lines before say %q: the file was cut or altered", line, "end "+want)
		}
		return nil
	}
	n, err := number(value)
	if err != nil || n < 1 {
		return fmt.Errorf("%.60q: want the number of references that the life begins with, at least 1", line)
	}
	p.life = p.line
	p.h.Lives = append(p.h.Lives, Life{Start: n})
	return nil
}

// set reads the value of a line before the lives.
func (h *History) set(key, value string) (err error) {
	switch key {
	case "strategy":
		if h.Strategy = value; strategies.CheckName(key, value) != nil {
			return fmt.Errorf("%.60q: want a strategy's name", value)
		}
	case "clock":
		if h.Clock = value; value != ClockTSC && value != ClockCounter && value != ClockSteps {
			return fmt.Errorf("clock %.60q: want %s, %s or %s", value, ClockTSC, ClockCounter, ClockSteps)
		}
	case "seed":
		if h.Seed, err = strconv.ParseUint(value, 10, 64); err != nil || strconv.FormatUint(h.Seed, 10) != value {
			return fmt.Errorf("seed %.60q: want a number from 0 to 2^64-1", value)
		}
	}
	return nil
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
