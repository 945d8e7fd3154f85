package program

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/spec"
)

// random returns n random bytes without an end of the program in them, more often
// than not.
func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(rng.Uint32()); b[i] == endByte && rng.IntN(8) > 0 {
			b[i] = 0
		}
	}
	return b
}

// roundTrip returns what is lost of the program between the forms, or "".
func roundTrip(p Program) string {
	if err := p.Check(); err != nil {
		return err.Error()
	}
	q, rest := Decode(p.Encode())
	if !p.Equal(&q) {
		return "its bytes decode to\n" + q.String()
	}
	if len(rest) > 0 {
		return "its bytes leave a rest"
	}
	q, err := Parse(p.String())
	if err != nil {
		return err.Error()
	}
	if !p.Equal(&q) {
		return "its text parses to\n" + q.String()
	}
	return ""
}

// Any bytes are a program, which is the same after bytes and after text.
func TestFormsHoldTheSameProgram(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var reused Program
	for range 3000 {
		data := random(rng, rng.IntN(600))
		p, rest := Decode(data)
		if len(data) > 1 && len(rest) >= len(data) {
			t.Fatalf("seed %d: %x: the rest is %d bytes of %d", seed, data, len(rest), len(data))
		}
		if lost := roundTrip(p); lost != "" {
			t.Fatalf("seed %d: program\n%s%s", seed, &p, lost)
		}
		again := largest.Decode(&reused, data)
		if !reused.Equal(&p) || len(again) != len(rest) {
			t.Fatalf("seed %d: %x: decoded into used memory it is\n%sand not\n%s", seed, data, &reused, &p)
		}
	}
}

// What asks for more than the bounds gets the bounds, and what is left over is
// returned.
func TestProgramsAreBounded(t *testing.T) {
	huge := make([]byte, 1<<20)
	for i := range huge {
		huge[i] = 0x77
	}
	p, rest := Decode(huge)
	if n := p.Steps(); n != MaxSteps {
		t.Errorf("a megabyte decodes to %d steps, want %d", n, MaxSteps)
	}
	if want := len(huge) - 1 - len(p.Objects) - 2*MaxSteps; len(rest) != want {
		t.Errorf("the rest is %d bytes, want %d", len(rest), want)
	}
	for _, b := range []Bounds{{}, {1, 1, 1}, {2, 3, 7}, {9, 9, 1 << 30}} {
		b.Decode(&p, huge)
		if len(p.Objects) > max(1, b.Objects) || len(p.Threads) > max(1, b.Threads) || p.Steps() > max(1, b.Steps) {
			t.Errorf("bounds %+v: %d objects, %d threads, %d steps", b, len(p.Objects), len(p.Threads), p.Steps())
		}
		if err := p.Check(); err != nil {
			t.Errorf("bounds %+v: %v", b, err)
		}
	}
}

// What follows a program's end is left for a schedule, at every size of program.
func TestRestIsReturnedWhole(t *testing.T) {
	for steps := range MaxSteps + 1 {
		p := Program{Objects: make([]Object, 1), Threads: make([]Thread, 1)}
		for range steps {
			p.Threads[0] = append(p.Threads[0], Step{Call: spec.Call{Op: spec.Get}})
		}
		const schedule = "\xffschedule"
		q, rest := Decode(append(p.Encode(), schedule...))
		if !p.Equal(&q) || string(rest) != schedule {
			t.Fatalf("%d steps: the rest is %q, want %q", steps, rest, schedule)
		}
	}
}

func TestNoBytesAreAProgram(t *testing.T) {
	p, rest := Decode(nil)
	if got, want := p.String(), "object a: Init\nthread 0:\n"; got != want || len(rest) != 0 {
		t.Errorf("no bytes decode to %q and %d more bytes, want %q", got, len(rest), want)
	}
}

// Every operation, number and start has a form.
func TestEveryPartHasAForm(t *testing.T) {
	p := Program{Threads: make([]Thread, MaxThreads)}
	for i, s := range []Start{StartInit, StartAt, StartNear, StartNear} {
		o := Object{Start: s, Shared: i%2 == 1}
		if s != StartInit {
			o.K = uint8(5 * i)
		}
		p.Objects = append(p.Objects, o)
	}
	for i, op := range Ops() {
		s := Step{Object: uint8(i % MaxObjects), Call: spec.Call{Op: op}}
		if op.TakesNumber() {
			s.Call.N = 64
		}
		p.Threads[i%3] = append(p.Threads[i%3], s)
	}
	for c := range 128 {
		p.Threads[3] = append(p.Threads[3], Step{Call: spec.Call{Op: spec.GetN, N: number(byte(c))}})
	}
	if lost := roundTrip(p); lost != "" {
		t.Fatalf("program\n%s%s", &p, lost)
	}
	for _, n := range []int64{1, 64, 127, 128, 1<<15 - 1, 1 << 23, 1<<31 - 1, 1 << 31} {
		if c, ok := numberCode(n); !ok || number(c) != n {
			t.Errorf("the number %d has no code", n)
		}
	}
	for _, n := range []int64{-1, 0, 65, 126, 1 << 32} {
		if _, ok := numberCode(n); ok {
			t.Errorf("the number %d has a code", n)
		}
	}
}

func TestText(t *testing.T) {
	const text = `# two counts
object a: Init
object b: InitAt(limit-2)  SwitchToAtomic
object c: InitAt(limit)
object d: InitAt(3)

thread 0: a.Get  b.GetN(4) # and a comment
	d.Put
thread 1:
`
	const want = `object a: Init
object b: InitAt(limit-2) SwitchToAtomic
object c: InitAt(limit)
object d: InitAt(3)
thread 0: a.Get b.GetN(4) d.Put
thread 1:
`
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != want {
		t.Errorf("it prints as\n%swant\n%s", got, want)
	}
	// Files from elsewhere have other line ends.
	if q, err := Parse(strings.ReplaceAll(want, "\n", "\r\n")); err != nil || !q.Equal(&p) {
		t.Errorf("with CR LF: %v\n%s", err, &q)
	}
}

func TestSequentialTakesTurns(t *testing.T) {
	p, err := Parse("object a: Init\nthread 0: a.Get a.Put a.Kill\nthread 1:\nthread 2: a.TryGet\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for thread, s := range p.Sequential() {
		got = append(got, string(rune('0'+thread))+s.String())
	}
	if text := strings.Join(got, " "); text != "0a.Get 2a.TryGet 0a.Put 0a.Kill" {
		t.Errorf("the order is %s", text)
	}
	for range p.Sequential() {
		break // must not go on
	}
}

// An error says which line is wrong, and what with it.
func TestParseSaysWhatIsWrong(t *testing.T) {
	const head = "object a: Init\nthread 0: a.Get\n"
	for _, c := range []struct{ text, want string }{
		{"", "no objects"},
		{"# nothing\n", "no objects"},
		{"object a: Init\n", "no threads"},
		{"thread 0:\n", "no objects"},
		{"thread 0: a.Get\n", `line 1: a.Get: no object "a"`},
		{"hello\n", `line 1: "hello": want "object NAME: ..."`},
		{"object a\n", `line 1: "object a": want`},
		{"object b: Init\n", `line 1: object "b": the next one's name is a`},
		{"object a: Init\nobject a: Init\n", `line 2: object "a": the next one's name is b`},
		{"object a: Start\n", `line 1: "Start": want Init, InitAt(2)`},
		{"object a:\n", `line 1: "": want Init`},
		{"object a: Init Init\n", `line 1: "Init Init": want Init`},
		{"object a: InitAt(16)\n", "line 1: InitAt(16): want a number from 1 to 15, limit"},
		{"object a: InitAt(limit-)\n", "line 1: InitAt(limit-): want a number"},
		{"object a: InitAt(limit-+1)\n", "want a number"},
		{"object a: InitAt(-1)\n", "want a number"},
		{"object a: InitAt(0)\n", "want a number"},
		{"object a: InitAt(01)\n", "want a number"},
		{"object a: InitAt(limit+1)\n", "want a number"},
		{"object a: InitAt(1\n", "want Init"},
		{head + "object b: Init\n", "line 3: object after a thread"},
		{head + "thread 0:\n", `line 3: thread "0": the next one's number is 1`},
		{head + "thread x:\n", `line 3: thread "x": the next`},
		{" a.Get\n", "line 1: it begins with a blank"},
		{head + "  Get\n", `line 3: "Get": want a step such as a.Get`},
		{head + "  b.Get\n", `line 3: b.Get: no object "b": there are a to a`},
		{head + "  .Get\n", `line 3: .Get: no object ""`},
		{head + "  a.Got\n", `line 3: a.Got: no operation "Got"`},
		{head + "  a.InitAt(3)\n", `line 3: a.InitAt(3): no operation "InitAt"`},
		{head + "  a.Get(1)\n", "line 3: a.Get(1): Get takes no number"},
		{head + "  a.GetN\n", "line 3: a.GetN: want a number, as in a.GetN(2)"},
		{head + "  a.GetN(1\n", "line 3: a.GetN(1: want a number"},
		{head + "  a.GetN(0)\n", "line 3: a.GetN(0): the number is none that programs have: want 1 to 64"},
		{head + "  a.GetN(65)\n", "line 3: a.GetN(65): the number is none"},
		{head + "  a.GetN(4294967296)\n", "line 3: a.GetN(4294967296): the number is none"},
		{head + "  a.GetN(99999999999999999999)\n", "the number is none"},
		{head + "  a.GetN(x)\n", "the number is none"},
		{head + strings.Repeat("  a.Get\n", 256), "line 258: a.Get: one step too many: at most 256"},
		{strings.Repeat("#\n", 1<<15) + "#\n", "65538 bytes long, want at most 65536"},
		{head + "\x00\xff\x1b[2J\n", `line 3: "\x00\xff\x1b[2J": want`},
		{head + strings.Repeat("x", 1000), "xxx...\": want"},
	} {
		_, err := Parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want it to contain %q", short(c.text), err, c.want)
			continue
		}
		if text := err.Error(); strings.ContainsAny(text, "\n\x1b") || len(text) > 300 || !strings.HasPrefix(text, "program: ") {
			t.Errorf("%q: the error isn't one clear line: %q", short(c.text), text)
		}
	}
}

// Check finds what makes a value no program.
func TestCheckSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		spoil func(p *Program)
		want  string
	}{
		{func(p *Program) { p.Objects = nil }, "it has 0 objects"},
		{func(p *Program) { p.Objects = make([]Object, 5) }, "it has 5 objects"},
		{func(p *Program) { p.Threads = nil }, "it has 0 threads"},
		{func(p *Program) { p.Threads = make([]Thread, 5) }, "it has 5 threads"},
		{func(p *Program) { p.Threads[0] = make(Thread, 257) }, "it has 257 steps"},
		{func(p *Program) { p.Objects[0].K = 1 }, "object a begins with start 0 and K 1"},
		{func(p *Program) { p.Objects[0] = Object{Start: StartNear, K: 16} }, "K 16"},
		{func(p *Program) { p.Objects[0].Start = starts }, "start 3"},
		{func(p *Program) { p.Objects[0].Start = StartAt }, "start 1 and K 0"},
		{func(p *Program) { p.Threads[0][0].Object = 1 }, "thread 0, step 1: object b, of 1 objects"},
		{func(p *Program) { p.Threads[0][0].Call.Op = spec.InitAt }, "is none that programs have"},
		{func(p *Program) { p.Threads[0][0].Call.Op = 200 }, "operation 200 is none"},
		{func(p *Program) { p.Threads[0][0].Call.N = 3 }, "which it doesn't take"},
		{func(p *Program) { p.Threads[0][0].Call = spec.Call{Op: spec.PutN, N: 65} }, "PutN(65): the number is none"},
	} {
		p, err := Parse("object a: Init\nthread 0: a.Get\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		c.spoil(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want it to contain %q", err, c.want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	p, _ := Decode([]byte{0xf, 1, 2, 3, 4, 5, 6, 7, 8})
	q := p.Clone()
	if !q.Equal(&p) {
		t.Fatalf("the clone is\n%sof\n%s", &q, &p)
	}
	q.Objects[0].Shared = !q.Objects[0].Shared
	if q.Equal(&p) {
		t.Error("a change of the clone changes the original")
	}
}
