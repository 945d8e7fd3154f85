package report

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxLine is the longest line that is used, in bytes. benchfmt gives up on a
// whole file at a line of 64 KiB.
const maxLine = 60 << 10

// A lineReader hands a result file on to benchfmt line by line. On the way it
// notes the lines that benchfmt would skip in silence, replaces lines that
// benchfmt can't take by empty ones, so that line numbers stay right, and sees to
// a last line that was cut off.
type lineReader struct {
	src  *bufio.Reader
	line int    // number of the line in out
	out  []byte // what is left of the line to hand on
	err  error  // from src, after out

	last []byte // refbench's last result line

	// Marks are offsets in src, ascending, and marked the numbers of the lines at which or
	// after which they stand, as far as has been read.
	marks  []int64
	marked []int
	read   int64 // bytes of src

	problem func(line int, format string, args ...any)
}

// Read implements io.Reader.
func (l *lineReader) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		l.next()
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

func (l *lineReader) next() {
	l.line++
	for len(l.marked) < len(l.marks) && l.marks[len(l.marked)] <= l.read {
		l.marked = append(l.marked, l.line)
	}
	text, err := l.src.ReadSlice('\n')
	l.read += int64(len(text))
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			var more []byte
			more, err = l.src.ReadSlice('\n')
			l.read += int64(len(more))
		}
		l.problem(l.line, "line is longer than %d bytes; left out", maxLine)
		text = []byte{'\n'}
		if err != nil {
			text = nil
		}
	}
	if err != nil {
		l.err = err
		if len(text) == 0 {
			return
		}
	}
	if !l.check(text, !errors.Is(err, io.EOF)) {
		text = []byte{'\n'}
	}
	l.out = text
}

// check reports whether benchfmt should see a line. A line that isn't complete is
// the file's last and has no newline.
func (l *lineReader) check(text []byte, complete bool) bool {
	text = bytes.TrimRight(text, "\r\n")
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return true
	case bytes.HasPrefix(text, []byte("Benchmark")):
		// A writer that was killed leaves a line that may still parse: "1.0 ns/op 3
		// viol" has lost its last unit, and "0 shared" after it. The line is whole
		// if it has the same units as refbench's line before.
		if !complete && unitsOf(text) != unitsOf(l.last) {
			l.problem(l.line, "line is cut off: the file ends without a newline; left out")
			return false
		}
		if bytes.HasPrefix(text, []byte("BenchmarkRef/")) {
			l.last = append(l.last[:0], text...)
		}
		return true
	case bytes.HasPrefix(text, []byte("Unit")):
		if !complete {
			l.problem(l.line, "line is cut off: the file ends without a newline; left out")
		}
		return complete
	}
	if configLine().Match(text) {
		format, ok := bytes.CutPrefix(text, []byte("format:"))
		if format := string(bytes.TrimSpace(format)); ok && format != Format {
			l.problem(l.line, "format is %q, this program reads %q; read as if it were that", shorten(format), Format)
		}
		return true
	}
	if !goTestChatter(text) {
		l.problem(l.line, "not a line of the benchmark format: %q; left out", shorten(string(text)))
	}
	return false
}

// unitsOf returns the units of a result line, joined by spaces.
func unitsOf(text []byte) string {
	var b strings.Builder
	i := 0
	for f := range bytes.FieldsSeq(text) {
		if i >= 3 && i%2 == 1 {
			b.Write(f)
			b.WriteByte(' ')
		}
		i++
	}
	return b.String()
}

// configLine matches "key: value" by the format's rule: the key starts with a
// lower-case letter and has neither spaces nor upper-case letters.
var configLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\p{Ll}[^:\s\v\x85\p{Z}\p{Lu}]*:([ \t]|$)`)
})

// goTestChatter reports whether a line is what "go test -bench" prints around
// results: expected, and without meaning here.
func goTestChatter(text []byte) bool {
	return bytes.Equal(text, []byte("PASS")) || bytes.HasPrefix(text, []byte("ok  \t"))
}

// shorten cuts a line that is quoted in a message.
func shorten(s string) string {
	s = clean(s)
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "…"
	}
	return s
}
