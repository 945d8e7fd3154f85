package explore

import (
	"fmt"
	"strings"
)

// A Program says what the threads do: a string for each thread, in it a word for each
// operation. Words are separated by single blanks. What a word means is up to the
// scenario. The shrinker takes threads and words away, so whatever is left must be a
// program too.
type Program []string

// ParseProgram returns the program of a text: threads separated by "|", words by white
// space. Any text is a program; what its words mean is for the scenario to judge.
func ParseProgram(text string) Program {
	var p Program
	for thread := range strings.SplitSeq(text, "|") {
		p = append(p, strings.Join(strings.Fields(thread), " "))
	}
	return p
}

// String returns the program as [ParseProgram] reads it.
func (p Program) String() string { return strings.Join(p, "|") }

// Words returns the words of each thread.
func (p Program) Words() [][]string {
	words := make([][]string, len(p))
	for i, thread := range p {
		words[i] = strings.Fields(thread)
	}
	return words
}

// check says why the program isn't one.
func (p Program) check() error {
	if len(p) > MaxThreads {
		return fmt.Errorf("%d threads, at most %d can be modelled", len(p), MaxThreads)
	}
	for i, thread := range p {
		if q := ParseProgram(thread); len(q) != 1 || q[0] != thread {
			return fmt.Errorf(`thread %d of its program is %q: want words without "|", separated by single blanks`, i, thread)
		}
	}
	return nil
}
