package fuzz

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
)

// FuzzProgramText: any text is a program or one clear line of error, and a program
// prints as text that parses to the same.
func FuzzProgramText(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := program.Parse(string(data))
		if err != nil {
			text := err.Error()
			if !strings.HasPrefix(text, "program: ") || len(text) > 400 {
				t.Fatalf("the error isn't clear: %q", text)
			}
			for _, c := range text {
				if c < ' ' || c == 0x7f {
					t.Fatalf("the error has control characters: %q", text)
				}
			}
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		q, err := program.Parse(p.String())
		if err != nil || !q.Equal(&p) {
			t.Fatalf("program\n%s\nparses to\n%s\n%v", &p, &q, err)
		}
		// The byte form has no room for some of what a text says.
		if plain(&p); len(p.Threads) > program.ByteThreads {
			return
		}
		q, rest := program.Decode(p.Encode())
		if !q.Equal(&p) || len(rest) != 0 {
			t.Fatalf("program\n%s\ndecodes to\n%s\nand %q", &p, &q, rest)
		}
	})
}

// plain takes away what only the text form can say.
func plain(p *program.Program) {
	for i := range p.Objects {
		p.Objects[i].Cached, p.Objects[i].Immortal = false, false
	}
	for _, t := range p.Threads {
		for i := range t {
			t[i].Wild = false
		}
	}
}
