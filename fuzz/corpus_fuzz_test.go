package fuzz

import (
	"bytes"
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
)

// FuzzCorpusFile: a file of a corpus is read or refused, whatever it holds, and what
// was read is written such that it reads the same.
func FuzzCorpusFile(f *testing.F) {
	for _, data := range corpus.Builtin("FuzzCorpusFile") {
		f.Add(data)
	}
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
