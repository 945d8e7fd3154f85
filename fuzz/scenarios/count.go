package scenarios

import (
	"slices"
	"strings"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/strategies"
)

// Op programs work on a single count. Each byte is an operation of its thread:
//
//	g  Get, if the thread holds a reference
//	t  TryGet
//	p  Put, if the thread holds a reference beside the owner's
//	k  Kill, if the owner's reference is there; the first k in the program's
//	   order is the one that counts
//	x  Get by a thread that holds nothing: wrong
//
// A thread without a k begins with a reference. At its end every thread drops what
// it holds, and if nobody killed the count, that is done when all threads have
// ended. So whatever is taken away from a program leaves a right one.
var (
	countProgram = explore.Program{"gpk", "tgpp", "ptp"}
	// In the wrong one a thread takes a reference after it has dropped its
	// own, which is right as long as somebody else holds one.
	countWrongProgram = explore.Program{"gpk", "px", "tp"}
)

const countWrong = "a thread takes a reference with a plain Get after it dropped its own"

// A model is what must be true of a count whatever the schedule. It says that a
// reference is held from after the operation that took it to before the one that
// drops it, so held is never more than what a right count says.
//
// held and dead are plain variables of all threads, and changing them is no
// scheduling point: it belongs to the step of the count's before it. An exhaustive
// search may still leave out orders of steps that don't touch the same memory. It
// misses nothing by that, because each change goes with an access to body: either
// happens-before orders a holder and the releaser, and then every schedule that is
// left out has the same order, or it doesn't, and then that is a race in every one
// of them.
type model struct {
	held int
	dead bool
	// body stands for the object's fields: holders read it, and whoever is
	// told of the last drop writes it. Strategies promise that the reads
	// happen before the write.
	body int
}

// took is called after an operation that took a reference.
func (m *model) took(op string) {
	m.held++
	if m.dead {
		explore.Failf("%s took a reference after the last had been dropped", op)
	}
	explore.Read(&m.body)
}

// drops is called before an operation that drops a reference.
func (m *model) drops() {
	explore.Read(&m.body)
	m.held--
}

// dropped is called after it, with what it reported, and returns that.
func (m *model) dropped(op string, last bool) bool {
	if !last {
		return false
	}
	switch {
	case m.dead:
		explore.Failf("%s reported the last drop, as another had before", op)
	case m.held == 1:
		explore.Failf("%s reported the last drop while a reference was held", op)
	case m.held > 1:
		explore.Failf("%s reported the last drop while %d references were held", op, m.held)
	}
	m.dead = true
	explore.Write(&m.body)
	return true
}

// patience is how often in a row a TryGet that may fail spuriously may do so.
const patience = 100

// count is a strategy under an op program.
func count(s *strategies.Strategy, wrong bool) *explore.Scenario {
	program := countProgram
	if wrong {
		program = countWrongProgram
	}
	return &explore.Scenario{
		Name: name(s, CountName, wrong), Program: program, CPUs: 2,
		Make: func(program explore.Program) explore.Case {
			var c strategies.Counter
			m := new(model)
			owner := -1 // the thread that kills
			for i, ops := range program {
				if strings.Contains(ops, "k") {
					owner = i
					break
				}
			}
			kill := func() bool {
				m.drops()
				return m.dropped("Kill", c.Kill())
			}
			out := explore.Case{
				// What a thread has learned is in its boundaries, and the
				// model follows from where the threads are.
				Values: true, Retries: retries(s),
				Setup: func() {
					c = s.New()
					c.Init()
					*m = model{held: 1}
					explore.Name(&m.body, "the object")
					for i := range program {
						if i != owner {
							c.Get()
							m.held++
						}
					}
				},
				Finish: func() {
					if owner < 0 {
						kill()
					}
					if !m.dead {
						explore.Leakf("every reference was dropped, and no drop reported the last")
					}
				},
			}
			for i, ops := range program {
				out.Threads = append(out.Threads, func() {
					t := countThread{c: c, m: m, owns: i == owner, exact: s.Promise.TryGet == strategies.Exact, kill: kill}
					if i != owner {
						t.held = 1
					}
					for _, op := range []byte(ops) {
						t.do(op)
						t.boundary()
					}
					for t.held > 0 {
						t.do('p')
						t.boundary()
					}
				})
			}
			return out
		},
	}
}

// retries reports whether the strategy's code is known to be what
// [explore.Case.Retries] says. In the source of these, a failed compare-and-swap is
// followed by the same load again. Loops that wait for a word count their turns, but
// only to call runtime.Gosched now and then.
func retries(s *strategies.Strategy) bool {
	if !slices.Contains(builtin.All(), s) {
		return false
	}
	switch s.Name {
	case "atomic", "saturating", "percpu", "lockperatomic":
		return true
	}
	return false
}

type countThread struct {
	c     strategies.Counter
	m     *model
	held  int  // references beside the owner's
	owns  bool // the owner's reference
	exact bool // TryGet is
	last  bool // one of its drops reported the last
	kill  func() bool
}

// boundary ends an operation: this is all that the thread remembers.
func (t *countThread) boundary() {
	state := uint64(t.held) << 2
	if t.owns {
		state |= 1
	}
	if t.last {
		state |= 2
	}
	explore.Boundary(state)
}

func (t *countThread) do(op byte) {
	switch {
	case op == 'g' && (t.held > 0 || t.owns), op == 'x':
		t.c.Get()
		t.held++
		t.m.took("Get")
	case op == 't':
		holds := t.held > 0 || t.owns
		for fails := 1; !t.c.TryGet(); fails++ {
			if holds && (t.exact || fails == patience) {
				explore.Failf("TryGet failed while its caller held a reference")
			}
			if !holds {
				return
			}
		}
		t.held++
		t.m.took("TryGet")
	case op == 'p' && t.held > 0:
		t.held--
		t.m.drops()
		t.last = t.m.dropped("Put", t.c.Put()) || t.last
	case op == 'k' && t.owns:
		t.owns = false
		t.last = t.kill() || t.last
	}
}
