package scenarios

import (
	"errors"
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
)

// In explored programs and tokens an op program has a word for each step, as package
// program writes steps: "a.Get", "b.PutN(2)". The shrinker takes words away, so
// everything else about a program is a word as well:
//
//	a:shared   object a begins in shared mode
//	a.Get!     a Get that isn't guarded: wrong if its thread holds no reference
const (
	sharedWord = ":shared"
	wildWord   = "a.Get!"
)

// wordsOf returns the program in words. How its objects start in the sequential
// reading is left out.
func wordsOf(p *program.Program) explore.Program {
	words := make(explore.Program, len(p.Threads))
	for i, t := range p.Threads {
		var ws []string
		if i == 0 {
			for o := range p.Objects {
				if p.Objects[o].Shared {
					ws = append(ws, string(rune('a'+o))+sharedWord)
				}
			}
		}
		for _, s := range t {
			ws = append(ws, s.String())
		}
		words[i] = strings.Join(ws, " ")
	}
	return words
}

// parseWords returns the program of the words, and which steps of each thread aren't
// guarded, nil if all are.
func parseWords(words explore.Program) (p program.Program, wild []map[int]bool, err error) {
	var shared [program.MaxObjects]bool
	objects := 1
	var threads strings.Builder
	for i, t := range words {
		fmt.Fprintf(&threads, "thread %d:", i)
		steps := 0
		for _, w := range strings.Fields(t) {
			// A word that is none of ours fails in package program.
			if o := int(w[0] - 'a'); o < program.MaxObjects {
				objects = max(objects, o+1)
				if w[1:] == sharedWord {
					shared[o] = true
					continue
				}
			} else {
				objects = program.MaxObjects // so that the error names all there may be
			}
			if w == wildWord {
				if wild == nil {
					wild = make([]map[int]bool, len(words))
				}
				if wild[i] == nil {
					wild[i] = make(map[int]bool)
				}
				wild[i][steps] = true
				w = "a.Get"
			}
			threads.WriteString(" " + w)
			steps++
		}
		threads.WriteByte('\n')
	}
	var text strings.Builder
	for o := range objects {
		p := program.Object{Shared: shared[o]}
		fmt.Fprintf(&text, "object %c: %v\n", 'a'+o, p)
	}
	p, err = program.Parse(text.String() + threads.String())
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without a line's number: there are none in words
	}
	return p, wild, err
}
