package program

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies/spec"
)

// String returns the text form, which Parse reads:
//
//	object a: Init
//	object b: InitAt(limit-2) SwitchToAtomic
//	thread 0: a.Get b.TryGet a.PutN(2)
//	thread 1: a.Kill
//
// A line that begins with a blank goes on with the thread of the line before.
func (p *Program) String() string {
	var b strings.Builder
	for i, o := range p.Objects {
		fmt.Fprintf(&b, "object %s: %v\n", objectName(i), o)
	}
	const perLine = 10
	for i, t := range p.Threads {
		fmt.Fprintf(&b, "thread %d:", i)
		for j, s := range t {
			if j > 0 && j%perLine == 0 {
				b.WriteString("\n         ")
			}
			b.WriteByte(' ')
			b.WriteString(s.String())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// String returns the step as "a.GetN(4)".
func (s Step) String() string {
	return objectName(int(s.Object)) + "." + s.Call.String()
}

// String returns the calls that begin the object's first life.
func (o Object) String() string {
	text := "Init"
	switch {
	case o.Start == StartAt:
		text = fmt.Sprintf("InitAt(%d)", o.K)
	case o.Start == StartNear && o.K == 0:
		text = "InitAt(limit)"
	case o.Start == StartNear:
		text = fmt.Sprintf("InitAt(limit-%d)", o.K)
	}
	if o.Shared {
		text += " SwitchToAtomic"
	}
	return text
}

// maxText is how long a program's text may be. The longest that String returns is a
// tenth of it.
const maxText = 1 << 16

// Parse returns the program of a text such as String returns. Blank lines and what
// follows a # are left out. An error names the line.
func Parse(text string) (Program, error) {
	if len(text) > maxText {
		return Program{}, fmt.Errorf("program: it is %d bytes long, want at most %d: is this a program?", len(text), maxText)
	}
	var p parser
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\r"), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := p.line(line); err != nil {
			return Program{}, fmt.Errorf("program: line %d: %w", number, err)
		}
	}
	switch {
	case len(p.Objects) == 0:
		return Program{}, fmt.Errorf("program: no objects: write a line \"object a: Init\" and one \"thread 0: a.Get a.Put\"")
	case len(p.Threads) == 0:
		return Program{}, fmt.Errorf("program: no threads: write a line \"thread 0: a.Get a.Put\"")
	}
	return p.Program, nil
}

type parser struct {
	Program
	steps int
}

func (p *parser) line(line string) error {
	if line[0] == ' ' || line[0] == '\t' {
		if len(p.Threads) == 0 {
			return fmt.Errorf("it begins with a blank, so it would go on with a thread, but there is none before it")
		}
		return p.thread(line)
	}
	head, body, ok := strings.Cut(line, ":")
	kind, name, _ := strings.Cut(strings.TrimSpace(head), " ")
	name = strings.TrimSpace(name)
	switch {
	case ok && kind == "object":
		switch {
		case len(p.Threads) > 0:
			return fmt.Errorf("object after a thread: objects come first")
		case len(p.Objects) == MaxObjects:
			return fmt.Errorf("one object too many: at most %d", MaxObjects)
		case name != objectName(len(p.Objects)):
			return fmt.Errorf("object %q: the next one's name is %s", cut(name), objectName(len(p.Objects)))
		}
		o, err := parseObject(body)
		if err != nil {
			return err
		}
		p.Objects = append(p.Objects, o)
		return nil
	case ok && kind == "thread":
		switch {
		case len(p.Threads) == MaxThreads:
			return fmt.Errorf("one thread too many: at most %d", MaxThreads)
		case name != strconv.Itoa(len(p.Threads)):
			return fmt.Errorf("thread %q: the next one's number is %d", cut(name), len(p.Threads))
		}
		p.Threads = append(p.Threads, nil)
		return p.thread(body)
	}
	return fmt.Errorf("%q: want \"object NAME: ...\" or \"thread NUMBER: ...\"", cut(line))
}

func parseObject(text string) (o Object, err error) {
	words := strings.Fields(text)
	if len(words) == 2 && words[1] == spec.SwitchToAtomic.String() {
		o.Shared = true
		words = words[:1]
	}
	if len(words) == 1 {
		if words[0] == "Init" {
			return o, nil
		}
		if body, ok := argument(words[0], "InitAt"); ok {
			o.Start = StartAt
			if body == "limit" {
				o.Start = StartNear
				return o, nil
			}
			if k, ok := strings.CutPrefix(body, "limit-"); ok {
				o.Start, body = StartNear, k
			}
			if k, err := decimal(body); err == nil && k <= MaxK && (k > 0 || o.Start == StartNear) {
				o.K = uint8(k)
				return o, nil
			}
			return o, fmt.Errorf("%s: want a number from 1 to %d, limit, or limit minus such a number", short(words[0]), MaxK)
		}
	}
	return o, fmt.Errorf("%q: want Init, InitAt(2) or InitAt(limit-2), and SwitchToAtomic behind it or nothing", cut(strings.TrimSpace(text)))
}

// thread adds steps to the last thread.
func (p *parser) thread(text string) error {
	t := &p.Threads[len(p.Threads)-1]
	for word := range strings.FieldsSeq(text) {
		if p.steps++; p.steps > MaxSteps {
			return fmt.Errorf("%s: one step too many: at most %d of all threads together", short(word), MaxSteps)
		}
		s, err := p.step(word)
		if err != nil {
			return err
		}
		*t = append(*t, s)
	}
	return nil
}

func (p *parser) step(word string) (s Step, err error) {
	object, call, ok := strings.Cut(word, ".")
	if !ok {
		return s, fmt.Errorf("%q: want a step such as a.Get or b.PutN(2)", cut(word))
	}
	for len(object) != 1 || object[0] < 'a' || int(object[0]-'a') >= len(p.Objects) {
		return s, fmt.Errorf("%s: no object %q: there are a to %s", short(word), cut(object), objectName(len(p.Objects)-1))
	}
	s.Object = object[0] - 'a'
	name, _, _ := strings.Cut(call, "(")
	for _, op := range ops {
		if op.String() != name {
			continue
		}
		s.Call.Op = op
		if !op.TakesNumber() {
			if call != name {
				return s, fmt.Errorf("%s: %v takes no number", short(word), op)
			}
			return s, nil
		}
		n, ok := argument(call, name)
		if !ok {
			return s, fmt.Errorf("%s: want a number, as in %s.%v(2)", short(word), object, op)
		}
		if s.Call.N, err = decimal(n); err == nil {
			if _, ok := numberCode(s.Call.N); ok {
				return s, nil
			}
		}
		return s, fmt.Errorf("%s: the number is none that programs have: want %s", short(word), numbers)
	}
	return s, fmt.Errorf("%s: no operation %q", short(word), cut(name))
}

const numbers = "1 to 64, or 2^k-1 or 2^k with k from 7 to 31"

func numberError(c spec.Call) error {
	return fmt.Errorf("%v: the number is none that programs have: want %s", c, numbers)
}

// argument returns what stands in the parentheses of "name(...)".
func argument(text, name string) (string, bool) {
	text, ok := strings.CutPrefix(text, name+"(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(text, ")")
}

// decimal is strconv.ParseInt for digits alone: what has a sign, a zero in front or
// underscores is none that String returns.
func decimal(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && strconv.FormatInt(n, 10) != text || n < 0 {
		err = strconv.ErrSyntax
	}
	return n, err
}

// short makes text that may be anything fit a line.
func short(text string) string {
	text = strconv.Quote(cut(text))
	return text[1 : len(text)-1]
}

func cut(text string) string {
	const most = 40
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}
