package fuzz

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// FuzzToken: any text is a replay token or one clear line of error; and whatever a
// token with the right checksum holds, replaying it ends, with a failure or an error.
func FuzzToken(f *testing.F) {
	// Two threads increment a number in two steps: some schedules lose one.
	scenario := &explore.Scenario{
		Name: "increment", Program: explore.Program{"+", "+"}, CPUs: 2, MaxPoints: 200,
		Make: func(p explore.Program) explore.Case {
			var n atomic.Int64
			c := explore.Case{Setup: func() { n.Store(0) }}
			want := int64(0)
			for _, words := range p.Words() {
				want += int64(len(words))
				c.Threads = append(c.Threads, func() {
					for range words {
						n.Store(n.Load() + 1)
					}
				})
			}
			c.Finish = func() {
				if n.Load() != want {
					explore.Failf("%d increments made %d", want, n.Load())
				}
			}
			return c
		},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// As a whole, and as what is inside a token: hardly any mutation keeps
		// the checksum right.
		sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
		inside := base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(data[:len(data):len(data)], sum))
		for _, token := range []string{string(data), "rx3." + inside} {
			info, err := explore.InspectToken(token)
			if err == nil && len(info.Program) > explore.MaxThreads {
				t.Fatalf("%q has %d threads", token, len(info.Program))
			}
			_, replayErr := explore.Replay(token, []*explore.Scenario{scenario}, explore.Options{Version: info.Version})
			if err != nil && replayErr == nil {
				t.Fatalf("%q is replayed, but %v", token, err)
			}
			for _, err := range []error{err, replayErr} {
				if err == nil {
					continue
				}
				if text := err.Error(); strings.ContainsAny(text, "\n\x1b\x00") {
					t.Fatalf("%q: the error isn't one clear line: %q", token, text)
				}
			}
		}
	})
}
