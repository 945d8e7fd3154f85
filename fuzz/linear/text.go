package linear

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"
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
// client, the stamps of a call's beginning and end, the call, with "!" behind it if it
// drops what the client doesn't hold, and the answer: "-" if the call returns nothing,
// "panic" if it doesn't return. After "end" stand the
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
		for _, n := range [...]int64{int64(o.Client), o.Begin, o.End} {
			b = append(strconv.AppendInt(b, n, 10), ' ')
		}
		b = append(b, o.call()...)
		b = append(append(append(b, ' '), o.answer()...), '\n')
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

// header is what the lines after the first begin with.
var header = [...]string{"strategy", "clock", "seed"}

// Parse reads what [History.WriteText] wrote, and nothing else. What is cut or
// altered gives a [*ParseError].
func Parse(data []byte) (*History, error) {
	h := new(History)
	n, began := 0, 0 // the numbers of the present line, and of that of its life
	sum, ended := uint32(0), false
	fail := func(format string, args ...any) (*History, error) {
		return nil, &ParseError{n, fmt.Errorf(format, args...)}
	}
	for raw := range bytes.Lines(data) {
		n++
		line, whole := strings.CutSuffix(string(raw), "\n")
		word, value, _ := strings.Cut(line, " ")
		last := len(h.Lives) - 1
		switch {
		case n == 1 && (line != magic || !whole):
			return fail("it isn't a history: want the first line %q", magic)
		case n == 1:
		case ended:
			return fail("the file goes on after its end")
		case !whole:
			return fail("the file ends in the middle of the line %.60q: it was cut", line)
		case n < len(header)+2 && word != header[n-2]:
			return fail("%.60q: want %q and a value", line, header[n-2])
		case n == 2:
			if h.Strategy = value; strategies.CheckName(word, value) != nil {
				return fail("%.60q: want a strategy's name", value)
			}
		case n == 3:
			if h.Clock = value; value != ClockTSC && value != ClockCounter && value != ClockSteps {
				return fail("clock %.60q: want %s, %s or %s", value, ClockTSC, ClockCounter, ClockSteps)
			}
		case n == 4:
			h.Seed, _ = strconv.ParseUint(value, 10, 64)
			if strconv.FormatUint(h.Seed, 10) != value {
				return fail("seed %.60q: want a number from 0 to 2^64-1", value)
			}
		case (word == "life" || word == "end") && last >= 0 && h.Lives[last].check() != nil:
			return fail("in the life of line %d: %w", began, h.Lives[last].check())
		case word == "life":
			start, err := number(value)
			if err != nil || start < 1 {
				return fail("%.60q: want the number of references that the life begins with, at least 1", line)
			}
			h.Lives, began = append(h.Lives, Life{Start: start}), n
		case word == "end":
			if want := fmt.Sprintf("%d %08x", h.Ops(), sum); value != want {
				return fail("%.60q: the lines before say %q: the file was cut or altered", line, "end "+want)
			}
			ended = true
		case last < 0:
			return fail(`%.60q: want "life" and how many references it begins with`, line)
		default:
			o, err := parseOp(line)
			if err != nil {
				return fail("%w", err)
			}
			h.Lives[last].Ops = append(h.Lives[last].Ops, o)
		}
		sum = crc32.Update(sum, crc32.IEEETable, raw)
	}
	if n++; n == 1 {
		return fail("the file is empty")
	} else if !ended {
		return fail(`the file ends without a line "end": it was cut`)
	}
	return h, nil
}

func parseOp(line string) (o Op, err error) {
	f := strings.Split(line, " ")
	if len(f) != 5 {
		return o, fmt.Errorf("%.60q: want client, beginning, end, call and answer", line)
	}
	var numbers [3]int64
	for i, name := range []string{"client", "beginning", "end"} {
		if numbers[i], err = number(f[i]); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
	}
	o.Client, o.Begin, o.End = int(max(math.MinInt32, min(numbers[0], math.MaxInt32))), numbers[1], numbers[2]
	call, stray := strings.CutSuffix(f[3], "!")
	if o.Call, err = spec.ParseCall(call); err != nil {
		return o, err
	}
	o.Panicked, o.Result, o.Stray = f[4] == "panic", f[4] == "true", stray
	if o.Call.Op == spec.Count {
		o.Value, _ = strconv.ParseInt(f[4], 10, 64)
	}
	if o.answer() != f[4] {
		return o, fmt.Errorf("%s can't answer %.20q", o.Call, f[4])
	}
	return o, o.check()
}

// number reads a number that is written as this package writes it.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%.30q: want a whole number of 64 bits", text)
	}
	return n, nil
}
