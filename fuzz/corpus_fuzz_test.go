package fuzz

import (
	"bytes"
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
)

// FuzzCorpusFile: a file of a corpus is read or refused, whatever it holds, and what
// was read is written such that it reads the same.
func FuzzCorpusFile(f *testing.F) {
	f.Add([]byte("go test fuzz v1\n[]byte(\"\\x00a\")\n"))
	f.Add([]byte("go test fuzz v1\r\n  []byte( `a` )"))
	f.Add([]byte("go test fuzz v1\nstring(\"a\")\nint(7)\n"))
	f.Add([]byte("\x00\x00\x00\x02abc"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if data, err := corpus.ParseGo(file); err == nil {
			again, err := corpus.ParseGo(corpus.FormatGo(data))
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q is read as %q, which is written such that it reads %q, %v", file, data, again, err)
			}
		}
		for _, l := range corpus.Layouts() {
			data, err := l.Decode(file)
			if err != nil {
				continue
			}
			again, err := l.Decode(l.Encode(data))
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("layout %s: %q is %q, which is encoded such that it decodes to %q, %v", l, file, data, again, err)
			}
		}
		if again, err := corpus.ParseGo(corpus.FormatGo(file)); err != nil || !bytes.Equal(again, file) {
			t.Fatalf("%q is written such that it reads %q, %v", file, again, err)
		}
	})
}
