package fuzz

import (
	"bytes"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
)

// FuzzProgramBytes: any bytes are a program within its bounds, which prints as text
// that parses to the same program, and encodes to bytes that decode to it and leave
// what follows them alone.
func FuzzProgramBytes(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		p, rest := program.Decode(data)
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(data, rest) {
			t.Fatalf("the rest %q isn't the end of %q", rest, data)
		}
		text := p.String()
		q, err := program.Parse(text)
		if err != nil || !q.Equal(&p) || q.String() != text {
			t.Fatalf("program\n%s\nparses to\n%s\n%v", text, &q, err)
		}
		q, after := program.Decode(append(p.Encode(), rest...))
		if !q.Equal(&p) || !bytes.Equal(after, rest) {
			t.Fatalf("program\n%s\nencodes to what decodes to\n%s\nand leaves %q of %q", text, &q, after, rest)
		}
		small := program.Bounds{Objects: 1, Threads: 2, Steps: 5}
		small.Decode(&q, data)
		if err := q.Check(); err != nil || len(q.Objects) > 1 || len(q.Threads) > 2 || q.Steps() > 5 {
			t.Fatalf("within %+v it is\n%s\n%v", small, &q, err)
		}
	})
}
