package scenarios

import (
	"encoding/binary"
	"fmt"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
)

// A Fuzzer turns bytes into an op program and schedules, and runs them on every
// strategy. The same bytes do the same each time.
//
// The bytes are an op program as package program decodes it, then 2 bytes of a seed
// (little-endian), and then a byte for each decision at the beginning of the schedule:
// see [explore.Schedules]. What is missing is 0, and what is too much is ignored.
type Fuzzer struct {
	version string
	session *explore.Session
	counts  []*counting
	p       program.Program
}

// What one input may cost.
const (
	// FuzzSchedules is under how many schedules each strategy runs an input.
	FuzzSchedules = 64 / slowdown
	// fuzzPrefix is how many decisions an input may give.
	fuzzPrefix = 32
)

// fuzzBounds keep schedules short, so that many of them can be run. Three steps a
// thread are as many as every planted bug needs.
var fuzzBounds = program.Bounds{Objects: 2, Threads: 4, Steps: 12}

// NewFuzzer returns a fuzzer of the strategies. It is for one goroutine at a time; if
// that is locked to its thread, it is for that thread.
func (f Forms) NewFuzzer() *Fuzzer {
	z := &Fuzzer{version: f.Version, session: explore.NewSession()}
	for _, s := range f.Strategies {
		z.counts = append(z.counts, newCounting(s, driver.Options{Explored: true}))
	}
	return z
}

// Close ends the goroutines that the fuzzer keeps.
func (z *Fuzzer) Close() { z.session.Close() }

// Run runs an input and returns under how many schedules, or what goes wrong on the
// first strategy on which something does.
func (z *Fuzzer) Run(data []byte) (schedules int, err error) {
	o, _ := z.decode(data)
	for _, k := range z.counts {
		c := k.of(&z.p)
		n, _, f := z.session.Run(c, o)
		schedules += n
		if f != nil {
			return schedules, z.explain(k.s, f)
		}
	}
	return schedules, nil
}

// Trace runs an input under its first schedules, at most FuzzSchedules, and calls
// access after each access to an atomic variable: see [explore.Schedules]. It doesn't
// say if something goes wrong: then the strategy's further schedules are left out.
func (z *Fuzzer) Trace(data []byte, schedules int, access func(strategy string, a explore.Access)) {
	o, _ := z.decode(data)
	o.N = min(schedules, FuzzSchedules)
	for _, k := range z.counts {
		c := k.of(&z.p)
		o.Access = func(a explore.Access) { access(k.s.Name, a) }
		z.session.Run(c, o)
	}
}

// TrimInput returns the part of an input that a Fuzzer reads.
func TrimInput(data []byte) []byte {
	var z Fuzzer
	_, rest := z.decode(data)
	return data[:len(data)-len(rest)]
}

// decode makes z.p the program of an input, and returns its schedules and what is left.
func (z *Fuzzer) decode(data []byte) (o explore.Schedules, rest []byte) {
	rest = fuzzBounds.Decode(&z.p, data)
	o = explore.Schedules{N: FuzzSchedules, CPUs: countCPUs}
	var seed [2]byte
	rest = rest[copy(seed[:], rest):]
	o.Seed = uint64(binary.LittleEndian.Uint16(seed[:]))
	o.Prefix = rest[:min(len(rest), fuzzPrefix)]
	return o, rest[len(o.Prefix):]
}

// A FuzzError is a program and a schedule of a fuzz input that go wrong, made small.
type FuzzError struct {
	*explore.Failure
	Whole string // the program of the input, in the text form of package program
}

func (e *FuzzError) Error() string {
	return fmt.Sprintf("%v\n%s%s\nto see it again: refbench replay %s\nthe whole program of the input:\n%s",
		e.Failure, e.Text(), e.Stack, e.Token, e.Whole)
}

func (z *Fuzzer) explain(s *strategies.Strategy, f *explore.Finding) error {
	failure, err := f.Failure(Count(s, &z.p), explore.Options{Version: z.version})
	if err != nil {
		return err
	}
	return &FuzzError{failure, z.p.String()}
}
