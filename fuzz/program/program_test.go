package program

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
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

// roundTrip returns what is lost of the program between the forms, or "". The byte form
// has four threads at most, and nothing of what a text alone can say.
func roundTrip(p Program) string {
	if err := p.Check(); err != nil {
		return err.Error()
	}
	q, err := Parse(p.String())
	if err != nil {
		return err.Error()
	}
	if !p.Equal(&q) {
		return "its text parses to\n" + q.String()
	}
	for i := range p.Objects {
		p.Objects[i].Cached, p.Objects[i].Immortal = false, false
	}
	if len(p.Threads) > ByteThreads {
		return ""
	}
	q, rest := Decode(p.Encode())
	if !p.Equal(&q) {
		return "its bytes decode to\n" + q.String()
	}
	if len(rest) > 0 {
		return "its bytes leave a rest"
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
			t.Fatalf("seed %d: program\n%s\n%s", seed, &p, lost)
		}
		again := largest.Decode(&reused, data)
		if !reused.Equal(&p) || len(again) != len(rest) {
			t.Fatalf("seed %d: %x: decoded into used memory it is\n%s\nand not\n%s", seed, data, &reused, &p)
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
	if got, want := p.String(), ""; got != want || len(rest) != 0 {
		t.Errorf("no bytes decode to %q and %d more bytes, want %q", got, len(rest), want)
	}
}

// Every operation, number and start has a form.
func TestEveryPartHasAForm(t *testing.T) {
	p := Program{Threads: make([]Thread, 4)}
	for i, s := range []Start{StartInit, StartAt, StartNear, StartNear} {
		o := Object{Start: s, Atomic: i%2 == 1, Cached: i%3 == 1, Immortal: i > 1}
		if s != StartInit {
			o.K = uint8(5 * i)
		}
		p.Objects = append(p.Objects, o)
	}
	for i, op := range spec.Ops() {
		if _, ok := op.Code(); !ok {
			continue
		}
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
		t.Fatalf("program\n%s\n%s", &p, lost)
	}
	// Wild steps and more threads are for text alone.
	p.Threads = append(p.Threads, make([]Thread, MaxThreads-len(p.Threads))...)
	p.Threads[MaxThreads-1] = Thread{{Call: spec.Call{Op: spec.PutN, N: 128}, Wild: true}}
	if lost := roundTrip(p); lost != "" {
		t.Fatalf("program\n%s\n%s", &p, lost)
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
	const text = `# four counts
a:Init  b:InitAt(limit-2) b:SwitchToAtomic
c:InitAt(limit) c:cached d:InitAt(3) d:immortal

a.Get  b.GetN(4) # and a comment
	d.Put|| c.Get!
`
	const want = "b:InitAt(limit-2) b:SwitchToAtomic c:InitAt(limit) c:cached d:InitAt(3) d:immortal a.Get b.GetN(4) d.Put||c.Get!"
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != want {
		t.Errorf("it prints as\n%s\nwant\n%s", got, want)
	}
	// Files from elsewhere have other line ends.
	if q, err := Parse(strings.ReplaceAll(text, "\n", "\r\n")); err != nil || !q.Equal(&p) {
		t.Errorf("with CR LF: %v\n%s", err, &q)
	}
	for _, text := range []string{"", "a.Get", "a.Get|", "|b.PutN(3) a.Put", "a:SwitchToAtomic c:SwitchToAtomic d.Kill|a.TryGetN(64)", "b:Init a.Get", "|||||||a.Put!"} {
		p, err := Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := p.String(); got != text {
			t.Errorf("%q prints as %q", text, got)
		}
		if lost := roundTrip(p); lost != "" && !strings.Contains(text, "!") {
			t.Errorf("%q: %s", text, lost)
		}
	}
}

func TestSequentialTakesTurns(t *testing.T) {
	p, err := Parse("a.Get a.Put a.Kill||a.TryGet")
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

// An error says which word is wrong, and what with it.
func TestParseSaysWhatIsWrong(t *testing.T) {
	const begins = "how an object begins stands before the steps of the first thread"
	for _, c := range []struct{ text, want string }{
		{"object a: Init\nthread 0: a.Get\n", "this is the form of programs before version 2, by objects and threads: write the steps alone"},
		{"thread 0: a.Get\n", "this is the form of programs before version 2"},
		{"hello", "thread 0: hello: want a step such as a.Get or b.PutN(2), on an object from a to d"},
		{"a.Get|a", "thread 1: a: want a step such as a.Get"},
		{"Get", "thread 0: Get: want a step such as a.Get"},
		{".Get", "thread 0: .Get: want a step"},
		{"e.Get", "thread 0: e.Get: want a step such as a.Get or b.PutN(2), on an object from a to d"},
		{"A.Get", "thread 0: A.Get: want a step"},
		{"a.", `thread 0: a.: call "": no operation is called ""`},
		{"a.!", "thread 0: a.!: want an operation before the exclamation mark"},
		{"a.Got", `thread 0: a.Got: call "Got": no operation is called "Got"`},
		{"a.get", `no operation is called "get"`},
		{"a.Get,a.Put", `no operation is called "Get,a.Put"`},
		{"a.InitAt(3)", "thread 0: a.InitAt(3): InitAt(3) begins a life: write it as a:InitAt(3) before the steps"},
		{"a.Get(1)", "thread 0: a.Get(1): call \"Get(1)\": Get takes no number, so write Get"},
		{"a.GetN", "thread 0: a.GetN: call \"GetN\": GetN takes a number, as in GetN(2)"},
		{"a.GetN(1", "want one number of 64 bits in parentheses, as in GetN(2)"},
		{"a.GetN(x)", "want one number of 64 bits"},
		{"a.GetN(99999999999999999999)", "want one number of 64 bits"},
		{"a.GetN(0)", "thread 0: a.GetN(0): the number is none that programs have: want 1 to 64"},
		{"a.GetN(-1)", "the number is none"},
		{"a.GetN(65)", "thread 0: a.GetN(65): the number is none"},
		{"a.GetN(4294967296)", "thread 0: a.GetN(4294967296): the number is none"},
		{"a:", "thread 0: a:: want Init, InitAt(2)"},
		{"a:Start", "thread 0: a:Start: want Init, InitAt(2), InitAt(limit-2), SwitchToAtomic, cached or immortal"},
		{"a:shared", "thread 0: a:shared: want Init, InitAt(2)"},
		{"a:InitAt(1", "want Init"},
		{"a:InitAt(16)", "thread 0: a:InitAt(16): want a number from 1 to 15, limit"},
		{"a:InitAt(2^4)", "thread 0: a:InitAt(2^4): want a number from 1 to 15, limit, or limit minus such a number, or so 2^5 to 2^62"},
		{"a:InitAt(2^63)", "want a number"},
		{"a:InitAt(2^16-16)", "want a number"},
		{"a:InitAt(limit-)", "thread 0: a:InitAt(limit-): want a number"},
		{"a:InitAt(limit-+1)", "want a number"},
		{"a:InitAt(-1)", "want a number"},
		{"a:InitAt(0)", "want a number"},
		{"a:InitAt(01)", "want a number"},
		{"a:InitAt(limit+1)", "want a number"},
		{"a:InitAt(99999999999999999999)", "want a number"},
		{"a.Get a:cached", "thread 0: a:cached: " + begins},
		{"a.Get|a:Init", "thread 1: a:Init: " + begins},
		{strings.Repeat("a.Get ", 256) + "|a.Put", "thread 1: a.Put: one step too many: at most 256 of all threads together"},
		{"a.Get" + strings.Repeat("|a.Put", 8), "it has 9 threads, want at most 8"},
		{strings.Repeat("#\n", 1<<15) + "#\n", "65538 bytes long, want at most 65536"},
		{"a.Get \x00\xff\x1b[2J", `thread 0: \x00\xff\x1b[2J: want`},
		{strings.Repeat("x", 1000), "xxx...: want"},
		{"a." + strings.Repeat("x", 1000), "xxx...: want a step"},
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
		{func(p *Program) { p.Threads = make([]Thread, 9) }, "it has 9 threads"},
		{func(p *Program) { p.Threads[0] = make(Thread, 257) }, "it has 257 steps"},
		{func(p *Program) { p.Objects[0].K = 1 }, "object a begins with start 0 and K 1"},
		{func(p *Program) { p.Objects[0] = Object{Start: StartNear, K: 16} }, "K 16"},
		{func(p *Program) { p.Objects[0].Start = starts }, "start 3"},
		{func(p *Program) { p.Objects[0] = Object{Start: StartAt, Power: 63} }, "power 63"},
		{func(p *Program) { p.Objects[0] = Object{Start: StartNear, Power: 16} }, "power 16"},
		{func(p *Program) { p.Objects[0].Start = StartAt }, "start 1 and K 0"},
		{func(p *Program) { p.Threads[0][0].Object = 1 }, "thread 0, step 1: object b, of 1 objects"},
		{func(p *Program) { p.Threads[0][0].Call.Op = spec.InitAt }, "is none that programs have"},
		{func(p *Program) { p.Threads[0][0].Call.Op = 200 }, "operation 200 is none"},
		{func(p *Program) { p.Threads[0][0].Call.N = 3 }, "which it doesn't take"},
		{func(p *Program) { p.Threads[0][0].Call = spec.Call{Op: spec.PutN, N: 65} }, "PutN(65): the number is none"},
	} {
		p, err := Parse("a.Get")
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
	q.Objects[0].Atomic = !q.Objects[0].Atomic
	if q.Equal(&p) {
		t.Error("a change of the clone changes the original")
	}
}

// A life that begins near a power of two says so, and begins there as far as the limit lets it.
func TestLivesBeginNearPowers(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int64
		want  int64
	}{
		{"a:InitAt(2^16) a.Get", 1 << 20, 1 << 16},
		{"a:InitAt(2^16-15) a.Get", 1 << 20, 1<<16 - 15},
		{"a:InitAt(2^62) a.Get", 1<<63 - 1, 1 << 62},
		{"a:InitAt(2^62-1) a.Get", 100, 100},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.String(); got != c.text {
			t.Errorf("%s is written %s", c.text, got)
		}
		if got := p.Objects[0].First(&strategies.Promise{Limit: c.limit}).N; got != c.want {
			t.Errorf("%s with the limit %d begins at %d, want %d", c.text, c.limit, got, c.want)
		}
	}
}
