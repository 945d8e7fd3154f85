package matrix

import (
	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/scenarios"
)

// Scenario returns a bug, or its twin, as something to explore. Its name is
// "bugs/NAME", with "/twin" behind for the twin.
func Scenario(b *bugs.Bug, fixed bool) *explore.Scenario {
	name := "bugs/" + b.Name
	if fixed {
		name += "/twin"
	}
	return &explore.Scenario{
		Name: name, Program: b.Program, CPUs: b.CPUs, MaxPoints: 100_000, Judges: scenarios.Judges(), DropIns: dropins.Paths(),
		Make: func(program explore.Program) explore.Case {
			var run bugs.Run
			j := new(exploredJudge)
			c := explore.Case{
				Setup: func() {
					*j = exploredJudge{plain: fixed || b.Unordered}
					explore.Name(&j.held, "references held")
					explore.Name(&j.dead, "reported last")
					explore.Name(&j.body, "the object")
					run = b.Start(bugs.Config{Fixed: fixed, Program: program, Judge: j})
				},
				Finish: func() { run.Close() },
			}
			for i, words := range program.Words() {
				c.Threads = append(c.Threads, func() {
					for _, op := range words {
						run.Do(i, op)
					}
					run.End(i)
				})
			}
			return c
		},
	}
}

// Scenarios returns every bug and every twin: what a replay token may be of.
func Scenarios(list []Entry) []*explore.Scenario {
	var ss []*explore.Scenario
	for _, e := range list {
		ss = append(ss, Scenario(e.Explored, false), Scenario(e.Explored, true))
	}
	return ss
}

// An exploredJudge judges explored runs. What it knows is outside of explored
// memory, so that it orders nothing; its accesses are scheduling points.
type exploredJudge struct {
	// held is how many references are held beside the owner's, whose is held
	// from the start.
	held int
	dead bool
	// body stands for the object's fields: holders read it, and whoever is
	// told of the last drop writes it. A right count orders the reads before
	// the write. A wrong one is asked for that only if it is what is wrong:
	// the other rules see other mistakes with fewer preemptions.
	body  int
	plain bool
}

func (j *exploredJudge) Took(op string) {
	explore.Set(&j.held, uint64(j.held+1))
	j.held++
	if j.dead {
		explore.Failf("%s took a reference after the last had been dropped", op)
	}
}

func (j *exploredJudge) Drops() {
	if j.plain {
		explore.Read(&j.body)
	}
	explore.Set(&j.held, uint64(j.held-1))
	j.held--
}

func (j *exploredJudge) Kept() {
	explore.Set(&j.held, uint64(j.held+1))
	j.held++
}

func (j *exploredJudge) Dropped(op string, last bool) {
	if !last {
		return
	}
	explore.Set(&j.dead, 1)
	switch {
	case j.dead:
		explore.Failf("%s reported the last drop, as another had before", op)
	case j.held >= 0:
		explore.Failf("%s reported the last drop while %d references were held", op, j.held+1)
	}
	j.dead = true
	if j.plain {
		explore.Write(&j.body)
	}
}

func (j *exploredJudge) Begins() {
	explore.Set(&j.dead, 0)
	j.dead = false
	j.held++
}

func (j *exploredJudge) Released() bool {
	explore.Look(&j.dead)
	return j.dead
}

func (*exploredJudge) Failf(format string, args ...any) { explore.Failf(format, args...) }
func (*exploredJudge) Leakf(format string, args ...any) { explore.Leakf(format, args...) }
