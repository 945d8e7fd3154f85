package program

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies/spec"
)

// String returns the text form, which Parse reads: the steps of each thread separated
// by blanks, the threads by "|".
//
//	a.Get a.Put a.Kill|a.TryGet b.PutN(2)
//
// How an object begins stands before the steps of the first thread, if it is more
// than Init:
//
//	a:InitAt(limit-2)   its first life begins with so many references
//	a:SwitchToAtomic    that follows
//	a:cached            any thread may call Resurrect on it: see [Object.Cached]
//	a:immortal          it may never be released: see [Object.Immortal]
//
// A step with "!" behind it, as a.Get!, isn't guarded: see [Step.Wild].
func (p *Program) String() string { return strings.Join(p.Words(), "|") }

// Words returns the text form of each thread.
func (p *Program) Words() []string {
	threads := make([]string, len(p.Threads))
	for i, t := range p.Threads {
		var words []string
		if i == 0 {
			last := uint8(0)
			for _, s := range p.All() {
				last = max(last, s.Object)
			}
			for j, o := range p.Objects {
				ws := o.words()
				if len(ws) == 0 && j > int(last) {
					ws = []string{"Init"} // or nobody would know of it
				}
				for _, w := range ws {
					words = append(words, ObjectName(j)+":"+w)
				}
			}
		}
		for _, s := range t {
			words = append(words, s.String())
		}
		threads[i] = strings.Join(words, " ")
	}
	return threads
}

// String returns the step as "a.GetN(4)".
func (s Step) String() string {
	text := ObjectName(int(s.Object)) + "." + s.Call.String()
	if s.Wild {
		text += "!"
	}
	return text
}

// words say how the object begins.
func (o Object) words() []string {
	var words []string
	if o.Start != StartInit {
		words = append(words, o.first())
	}
	for _, f := range o.flags() {
		if *f.set {
			words = append(words, f.word)
		}
	}
	return words
}

// first is the word for a start that isn't Init.
func (o Object) first() string {
	switch {
	case o.Power != 0 && o.K == 0:
		return fmt.Sprintf("InitAt(2^%d)", o.Power)
	case o.Power != 0:
		return fmt.Sprintf("InitAt(2^%d-%d)", o.Power, o.K)
	case o.Start == StartAt:
		return fmt.Sprintf("InitAt(%d)", o.K)
	case o.K == 0:
		return "InitAt(limit)"
	}
	return fmt.Sprintf("InitAt(limit-%d)", o.K)
}

type flag struct {
	word string
	set  *bool
}

func (o *Object) flags() [3]flag {
	return [...]flag{{"SwitchToAtomic", &o.Atomic}, {"cached", &o.Cached}, {"immortal", &o.Immortal}}
}

// maxText is how long a program's text may be. The longest that String returns is a
// tenth of it.
const maxText = 1 << 16

// maxWord is how long a word is that can be one of a program.
const maxWord = 40

// Parse returns the program of a text such as String returns. Blanks may be any white
// space, and what follows a # in a line is left out. An error names the word.
func Parse(text string) (Program, error) {
	if len(text) > maxText {
		return Program{}, fmt.Errorf("program: it is %d bytes long, want at most %d: is this a program?", len(text), maxText)
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		b.WriteString(line + "\n")
	}
	if words := strings.Fields(b.String()); len(words) > 2 && (words[0] == "object" || words[0] == "thread") && strings.HasSuffix(words[1], ":") {
		return Program{}, fmt.Errorf("program: this is the form of programs before version 2, by objects and threads: write the steps alone, as in %q", "a.Get a.Put|a.Kill")
	}
	return ParseWords(strings.Split(b.String(), "|"))
}

// ParseWords is [Parse] of the text of each thread.
func ParseWords(threads []string) (Program, error) {
	if len(threads) > MaxThreads {
		return Program{}, fmt.Errorf("program: it has %d threads, want at most %d", len(threads), MaxThreads)
	}
	p := Program{Objects: make([]Object, 1, MaxObjects)}
	steps := 0
	for i, text := range threads {
		var t Thread
		for word := range strings.FieldsSeq(text) {
			step, err := p.word(i, word, &t)
			if step {
				steps++
			}
			if err == nil && steps > MaxSteps {
				err = fmt.Errorf("one step too many: at most %d of all threads together", MaxSteps)
			}
			if err != nil {
				return Program{}, fmt.Errorf("program: thread %d: %s: %w", i, short(word), err)
			}
		}
		p.Threads = append(p.Threads, t)
	}
	return p, nil
}

// word adds a word of the thread, and reports whether it is a step.
func (p *Program) word(thread int, word string, t *Thread) (step bool, err error) {
	at := strings.IndexAny(word, ".:")
	if at != 1 || len(word) > maxWord || word[0] < 'a' || word[0] >= 'a'+MaxObjects {
		return false, fmt.Errorf("want a step such as a.Get or b.PutN(2), on an object from a to %s", ObjectName(MaxObjects-1))
	}
	o := word[0] - 'a'
	for int(o) >= len(p.Objects) {
		p.Objects = append(p.Objects, Object{})
	}
	if word[1] == ':' {
		if thread > 0 || len(*t) > 0 {
			return false, fmt.Errorf("how an object begins stands before the steps of the first thread")
		}
		return false, p.Objects[o].parse(word[2:])
	}
	s := Step{Object: o}
	text, wild := strings.CutSuffix(word[2:], "!")
	if s.Wild = wild; wild && text == "" {
		return false, fmt.Errorf("want an operation before the exclamation mark")
	}
	const longest = 26 // no call is so long, and an error quotes it
	if len(text) > longest {
		return false, fmt.Errorf("no operation is called so")
	}
	if s.Call, err = spec.ParseCall(text); err != nil {
		return false, err
	}
	if _, ok := s.Call.Op.Code(); !ok {
		return false, fmt.Errorf("%v begins a life: write it as %s:%v before the steps", s.Call, ObjectName(int(o)), s.Call)
	}
	if s.Call.Op.TakesNumber() {
		if _, ok := numberCode(s.Call.N); !ok {
			return false, fmt.Errorf("the number is none that programs have: want %s", numbers)
		}
	}
	*t = append(*t, s)
	return true, nil
}

// parse reads one of the words that say how an object begins.
func (o *Object) parse(word string) error {
	if word == "Init" {
		return nil
	}
	for _, f := range o.flags() {
		if word == f.word {
			*f.set = true
			return nil
		}
	}
	if !strings.HasPrefix(word, "InitAt(") || !strings.HasSuffix(word, ")") {
		return fmt.Errorf("want Init, InitAt(2), InitAt(limit-2), SwitchToAtomic, cached or immortal")
	}
	for k := range uint8(MaxK + 1) {
		for _, c := range []Object{{Start: StartAt, K: max(1, k)}, {Start: StartNear, K: k}} {
			if c.first() == word {
				o.Start, o.K, o.Power = c.Start, c.K, 0
				return nil
			}
		}
		for power := uint8(FirstPower); power <= LastPower; power++ {
			if c := (Object{Start: StartAt, K: k, Power: power}); c.first() == word {
				o.Start, o.K, o.Power = c.Start, c.K, c.Power
				return nil
			}
		}
	}
	return fmt.Errorf("want a number from 1 to %d, limit, or limit minus such a number, or so 2^%d to 2^%d", MaxK, FirstPower, LastPower)
}

const numbers = "1 to 64, or 2^k-1 or 2^k with k from 7 to 31"

// short makes text that may be anything fit a line.
func short(text string) string {
	if len(text) > maxWord {
		text = text[:maxWord] + "..."
	}
	text = strconv.Quote(text)
	return text[1 : len(text)-1]
}
