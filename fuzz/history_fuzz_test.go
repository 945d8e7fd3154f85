package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// FuzzHistory: whatever the bytes, reading a history file gives an error with a line, or
// a history that is written as the same bytes and that can be judged by any promise.
//
// Histories are long texts, on each of which the fuzzer spends a minute to make it
// small unless it is told otherwise: -fuzzminimizetime 1000x.
func FuzzHistory(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := linear.Parse(data)
		if err != nil {
			var pe *linear.ParseError
			if !errors.As(err, &pe) || pe.Line < 1 {
				t.Fatalf("%v: no line", err)
			}
			// Most bytes are refused for their checksum. A file with a right
			// one shows more.
			if h, err = linear.Parse(seal(data)); err != nil {
				return
			}
			data = seal(data)
		}
		var b bytes.Buffer
		if err := h.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), data) {
			t.Fatalf("read:\n%q\nwritten:\n%q", data, b.Bytes())
		}
		if !quick(h) {
			return
		}
		for _, s := range builtin.All() {
			j := &linear.Judge{Spec: spec.Of(s), Timeout: time.Minute}
			if _, err := j.Check(context.Background(), h); err != nil {
				t.Fatalf("strategy %s: what was read can't be judged: %v", s.Name, err)
			}
		}
	})
}

// seal returns a history's lines with a last line that fits them, in place of one that
// they may have. Calls are the lines that begin with a digit.
func seal(data []byte) []byte {
	calls := 0
	var lines []byte
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte("end ")) || !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if line[0] >= '0' && line[0] <= '9' {
			calls++
		}
		lines = append(lines, line...)
	}
	return fmt.Appendf(lines, "end %d %08x\n", calls, crc32.ChecksumIEEE(lines))
}

// quick reports whether the search takes microseconds. What runs into its time limit
// covers other code each time, on which the fuzzer would waste its own.
func quick(h *linear.History) bool {
	const alike = 8 // calls that may all go on at once
	clients := make(map[int]bool)
	for _, l := range h.Lives {
		for _, o := range l.Ops {
			clients[o.Client] = true
		}
	}
	return h.Ops() <= alike || h.Ops() <= 100 && len(clients) <= 5
}
