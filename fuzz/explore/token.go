package explore

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A token is a failing schedule as short text: "rx3." and base64 (URL alphabet, no
// padding) of
//
//	version, scenario             strings: length, bytes
//	cpus                          number
//	flags                         bit 0: with the happens-before check; no other
//	threads                       number, then a string for each
//	decisions                     number, then for each:
//	                              steps since the last one x 4 + (0: of who goes on,
//	                              1: of a CPU, 2: of a way to go on), choice
//	kind                          string
//	step                          number: where it fails
//	checksum                      4 bytes, CRC-32C of all before, big-endian
//
// Numbers are unsigned varints.
type token struct {
	version   string
	scenario  string
	program   Program
	cpus      int
	races     bool
	decisions []engine.Decision
	kind      Kind
	step      int
}

// tokenPrefix names the format. It changes when the format does, or when the
// engine would follow the same schedule in another way.
const tokenPrefix = "rx3."

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t token) encode() string {
	var b []byte
	num := func(n int) { b = binary.AppendUvarint(b, uint64(n)) }
	str := func(s string) { num(len(s)); b = append(b, s...) }
	str(t.version)
	str(t.scenario)
	num(t.cpus)
	flags := 0
	if t.races {
		flags |= 1
	}
	num(flags)
	num(len(t.program))
	for _, p := range t.program {
		str(p)
	}
	num(len(t.decisions))
	last := 0
	for _, d := range t.decisions {
		num((d.Step-last)<<2 | int(d.Of))
		num(int(d.Choice))
		last = d.Step
	}
	str(string(t.kind))
	num(t.step)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

var errToken = errors.New("it is cut or altered; copy the whole token, the word that begins with " + strings.TrimRight(tokenPrefix, "._:-"))

func decodeToken(s string) (t token, err error) {
	s = strings.TrimSpace(s)
	body, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok {
		return t, fmt.Errorf("replay token: %w", otherFormat(s))
	}
	b, ok := checked(body)
	if !ok {
		return t, fmt.Errorf("replay token: %w", errToken)
	}
	// The checksum fits, so what follows is as it was written; still nothing
	// here trusts a length.
	bad := false
	num := func() int {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > 1<<40 {
			bad = true
			return 0
		}
		b = b[k:]
		return int(n)
	}
	str := func() string {
		n := num()
		if bad || n > len(b) {
			bad = true
			return ""
		}
		var v string
		v, b = string(b[:n]), b[n:]
		return v
	}
	t.version, t.scenario = str(), str()
	t.cpus = num()
	flags := num()
	t.races = flags&1 != 0
	bad = bad || flags > 1
	for n := num(); n > 0 && !bad; n-- {
		t.program = append(t.program, str())
	}
	last := 0
	for n := num(); n > 0 && !bad; n-- {
		x, choice := num(), num()
		last += x >> 2
		of := engine.Decided(x & 3)
		bad = bad || of > engine.OfWay || choice >= max(MaxThreads, MaxCPUs, engine.MaxWays)
		t.decisions = append(t.decisions, engine.Decision{Step: last, Choice: uint8(choice), Of: of})
	}
	t.kind = Kind(str())
	t.step = num()
	if bad || len(b) != 0 || t.cpus < 1 || t.cpus > MaxCPUs || t.program.check() != nil || !named(t.kind) {
		return token{}, fmt.Errorf("replay token: %w", errToken)
	}
	return t, nil
}

// checked returns what the text after the prefix stands for, without the checksum, and
// whether that fits.
func checked(body string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(b) < 5 {
		return nil, false
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	return b, crc32.Checksum(b, castagnoli) == sum
}

// otherFormat says why a text without tokenPrefix is refused. Tokens of all formats
// begin with the version that made them.
func otherFormat(s string) error {
	head, body, _ := strings.Cut(s, ".")
	format, ok := strings.CutPrefix(head, "rx")
	if !ok || body == "" || format == "" || len(format) > 3 || strings.Trim(format, "0123456789") != "" {
		return errToken
	}
	by := ""
	if b, ok := checked(body); ok {
		if n, k := binary.Uvarint(b); k > 0 && n > 0 && n <= uint64(len(b)-k) {
			by = fmt.Sprintf(", %q", b[k:k+int(n)])
		}
	}
	return fmt.Errorf("it has format %s, this version reads %s; use the version that made it%s", head, strings.TrimSuffix(tokenPrefix, "."), by)
}

// named reports whether the kind is one of those that there are: messages show it.
func named(k Kind) bool {
	switch k {
	case Violation, Race, Deadlock, Livelock, Leak, Panic, Misuse, Goexit, Unsupported, Nondeterministic:
		return true
	}
	return false
}

// TokenInfo is what a token says of itself.
type TokenInfo struct {
	Version  string
	Scenario string
	Program  Program
	Kind     Kind
}

// InspectToken returns what the token says without running anything.
func InspectToken(s string) (TokenInfo, error) {
	t, err := decodeToken(s)
	return TokenInfo{t.version, t.scenario, t.program, t.kind}, err
}

// A VersionError says that a token was made by another version, whose schedules
// may mean something else here.
type VersionError struct{ Token, Here string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("replay token: it was made by version %q and this is %q; use that version", e.Token, e.Here)
}

// A FitError says that a token doesn't fit the scenario that it names: the scenario has
// no such program, or the schedule doesn't lead to the failure that the token was made
// for. The scenario is another one, or its code is, or the token was altered.
type FitError struct{ Scenario, Why string }

func (e *FitError) Error() string {
	return fmt.Sprintf("replay token: it doesn't fit scenario %s here: %s", e.Scenario, e.Why)
}

// Replay runs the schedule of the token with the scenario of that name, and returns how
// it fails. The error says why the token can't be read, or is a [*VersionError], a
// [*FitError] or a [*HangError].
func Replay(s string, scenarios []*Scenario, o Options) (*Failure, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	t, err := decodeToken(s)
	if err != nil {
		return nil, err
	}
	if t.version != o.Version {
		return nil, &VersionError{t.version, o.Version}
	}
	var sc *Scenario
	for _, x := range scenarios {
		if x.Name == t.scenario {
			sc = x
		}
	}
	if sc == nil {
		return nil, fmt.Errorf("replay token: it is of scenario %q, which doesn't exist here", t.scenario)
	}
	if err := sc.check(); err != nil {
		return nil, err
	}
	o.NoRaces = !t.races
	if why, err := t.misfit(sc, o); err != nil {
		return nil, err
	} else if why != "" {
		return nil, &FitError{sc.Name, why}
	}
	f := &found{program: t.program, cpus: t.cpus, decisions: t.decisions, failure: &engine.Failure{Kind: t.kind, Step: t.step}}
	return f.finish(sc, o)
}

// misfit runs the token's schedule and says why it doesn't fit the scenario, "" if it
// does.
func (t token) misfit(s *Scenario, o Options) (why string, err error) {
	switch {
	case len(s.Program) == 0 && len(t.program) > 0:
		return fmt.Sprintf("its threads are fixed, and the token has program %q", t.program), nil
	case s.CPUs > 0 && s.CPUs != t.cpus:
		return fmt.Sprintf("it has %d CPUs, and the token %d", s.CPUs, t.cpus), nil
	}
	d, err := follow(s, t.program, t.cpus, t.decisions, o, engine.Options{})
	var p *programError
	var got *failing
	if err == nil {
		got = d.failing.Load()
	}
	switch {
	case errors.As(err, &p):
		return p.why, nil
	case err != nil:
		return "", err
	case got == nil:
		return fmt.Sprintf("the schedule doesn't fail, and it was made for a failure of kind %s", t.kind), nil
	case got.failure.Kind != t.kind || got.failure.Step != t.step:
		return fmt.Sprintf("the schedule leads to %q at point %d, and it was made for a failure of kind %s at point %d", got.failure, got.failure.Step, t.kind, t.step), nil
	case !slices.EqualFunc(got.decisions, t.decisions, sameDecision):
		return "the schedule has decisions where there is nothing to decide", nil
	}
	return "", nil
}

// sameDecision reports whether two decisions are the same; a token doesn't say whether
// one preempts.
func sameDecision(a, b engine.Decision) bool {
	return a.Step == b.Step && a.Choice == b.Choice && a.Of == b.Of
}
