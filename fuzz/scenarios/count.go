package scenarios

import (
	"strings"

	"github.com/refbench/refbench/fuzz/explore"
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
	explore.Set(&m.held, uint64(m.held+1))
	m.held++
	if m.dead {
		explore.Failf("%s took a reference after the last had been dropped", op)
	}
}

// drops is called before an operation that drops a reference.
func (m *model) drops() {
	explore.Read(&m.body)
	explore.Set(&m.held, uint64(m.held-1))
	m.held--
}

// dropped is called after it, with what it reported.
func (m *model) dropped(op string, last bool) {
	if !last {
		return
	}
	explore.Set(&m.dead, 1)
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
			kill := func() {
				m.drops()
				m.dropped("Kill", c.Kill())
			}
			out := explore.Case{
				Setup: func() {
					c = s.New()
					c.Init()
					*m = model{held: 1}
					explore.Name(&m.held, "references held")
					explore.Name(&m.dead, "reported last")
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
					}
					for t.held > 0 {
						t.do('p')
					}
				})
			}
			return out
		},
	}
}

type countThread struct {
	c     strategies.Counter
	m     *model
	held  int  // references beside the owner's
	owns  bool // the owner's reference
	exact bool // TryGet is
	kill  func()
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
		t.m.dropped("Put", t.c.Put())
	case op == 'k' && t.owns:
		t.owns = false
		t.kill()
	}
}
