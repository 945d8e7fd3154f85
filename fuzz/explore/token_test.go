package explore_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// body returns what a token stands for, without the checksum.
func body(t *testing.T, token string) []byte {
	t.Helper()
	_, text, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b[:len(b)-4]
}

// seal makes a token, with a checksum that fits.
func seal(body []byte) string {
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	return "rx3." + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(body[:len(body):len(body)], sum))
}

// numbers returns where in a token's body the numbers are, from and to.
func numbers(t *testing.T, b []byte) (at [][2]int) {
	t.Helper()
	i := 0
	num := func() int {
		n, k := binary.Uvarint(b[i:])
		if k <= 0 {
			t.Fatalf("no number at %d of %q", i, b)
		}
		at = append(at, [2]int{i, i + k})
		i += k
		return int(n)
	}
	str := func() { i += num() }
	str()
	str()
	num()
	num()
	for n := num(); n > 0; n-- {
		str()
	}
	for n := num(); n > 0; n-- {
		num()
		num()
	}
	str()
	num()
	if i != len(b) {
		t.Fatalf("%d bytes are left of %q", len(b)-i, b)
	}
	return at
}

// TestNumbersOfTokens: a token with the right checksum and another number anywhere is
// replayed, if it is small and makes no difference, or refused with one line that says that
// the token is what is wrong.
func TestNumbersOfTokens(t *testing.T) {
	s := counted("check then increment", newCount[checkThenInc], "t u p", "t g p u p", "o")
	r, err := explore.Explore(s, explore.Options{Seed: 1})
	if err != nil || r.Failure == nil {
		t.Fatal(r, err)
	}
	b := body(t, r.Failure.Token)
	if seal(b) != r.Failure.Token {
		t.Fatalf("%s is sealed as %s", r.Failure.Token, seal(b))
	}
	refused, fits := 0, 0
	for _, at := range numbers(t, b) {
		for _, n := range []uint64{0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 127, 128, 255, 256, 257, 1 << 16, 1<<31 - 1, 1 << 31, 1 << 32, 1 << 40, 1<<40 + 1, 1 << 42, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
			altered := binary.AppendUvarint(append([]byte(nil), b[:at[0]]...), n)
			altered = append(altered, b[at[1]:]...)
			f, err := explore.Replay(seal(altered), []*explore.Scenario{s}, explore.Options{})
			var fit *explore.FitError
			var version *explore.VersionError
			switch {
			case err == nil && (f.Kind != r.Failure.Kind || f.Message != r.Failure.Message):
				t.Errorf("%d at byte %d: it is replayed as %v, want %v", n, at[0], f, r.Failure)
			case err == nil && n > 255:
				t.Errorf("%d at byte %d, which no number of the token is: it is replayed", n, at[0])
			case err == nil:
				fits++
			case strings.Contains(err.Error(), "\n"):
				t.Errorf("%d at byte %d: more than a line: %v", n, at[0], err)
			case errors.As(err, &fit), errors.As(err, &version), strings.Contains(err.Error(), "cut or altered"), strings.Contains(err.Error(), "doesn't exist here"):
				refused++
			default:
				t.Errorf("%d at byte %d: %v", n, at[0], err)
			}
		}
	}
	t.Logf("%d refused, %d replayed", refused, fits)
	if refused == 0 || fits == 0 {
		t.Error("the numbers don't tell right from wrong")
	}
}

// TestProgramsOfTokens: a token whose program the scenario doesn't have is refused: the
// code under test isn't blamed.
func TestProgramsOfTokens(t *testing.T) {
	s := counted("check then increment", newCount[checkThenInc], "t", "o")
	r, err := explore.Explore(s, explore.Options{Seed: 1, NoShrink: true})
	if err != nil || r.Failure == nil {
		t.Fatal(r, err)
	}
	b := body(t, r.Failure.Token)
	program := "\x02\x01t\x01o" // two threads, of one letter each
	if strings.Count(string(b), program) != 1 {
		t.Fatalf("no program %q in %q", program, b)
	}
	fixed := &explore.Scenario{Name: s.Name, Make: func(explore.Program) explore.Case { return s.Make(s.Program) }}
	for _, c := range []struct {
		name, program string
		of            *explore.Scenario
		says          string
	}{
		{"no such word", "\x02\x01t\x01x", s, `doesn't fit scenario check then increment here: program "t|x": no operation is called "x"`},
		{"no threads", "\x00", s, `here: no threads in program ""`},
		{"two blanks", "\x02\x04t  t\x01o", s, "cut or altered"},
		{"a bar", "\x02\x03t|t\x01o", s, "cut or altered"},
		{"a control character", "\x02\x01\x1b\x01o", s, `here: program "\x1b|o": no operation is called "\x1b"`},
		{"other words", "\x02\x01t\x01t", s, "here: the schedule "},
		{"threads that are fixed", program, fixed, `here: its threads are fixed, and the token has program "t|o"`},
	} {
		altered := strings.Replace(string(b), program, c.program, 1)
		f, err := explore.Replay(seal([]byte(altered)), []*explore.Scenario{c.of}, explore.Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: %v, %v, want one line with %q", c.name, f, err, c.says)
		}
	}
}
