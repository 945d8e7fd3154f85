package rules

import (
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/stress"
)

// A meeting is a crossing of right uses: op programs, one after the other. A thread does
// what first says, and the others what others says, several times.
type meeting struct {
	name, doc string
	bare      bool // half of it is without a judge, whose ledger would hide a race from the race detector
	programs  []sides
}

type sides struct {
	first, others string
	times         int
}

// hits bring the count to zero and back.
const hits = " a.Resurrect a.Put a.Resurrect a.Put a.Resurrect a.Put a.Resurrect a.Put a.Resurrect"

var meetings = []meeting{
	{
		name: "many Drop down to one", doc: "Goroutines that take references and drop them with Drop leave the one that was there.",
		programs: []sides{{"a.Get a.Drop ", "a.Get a.Drop ", 8}},
	},
	{
		name: "order before the last Put", bare: true,
		doc:      "What a holder did before it dropped its reference comes before what whoever drops the last does; under the race detector, without a report.",
		programs: []sides{{"a.Kill", "a.Put", 1}},
	},
	{
		name: "many Get and Put", doc: "Goroutines that take and drop references of a live count leave as many as they hold.",
		programs: []sides{{"a.Get a.Put a.Get a.TryGet a.Put a.Put ", "a.Get a.TryGet a.Put a.Put a.TryGet a.Put ", 5}},
	},
	{
		name: "many last drops", doc: "In each of many short lives exactly one of the goroutines that drop references is told that its was the last.",
		programs: []sides{{"a.Kill", "a.Get a.Put a.Get a.Put", 1}, {"a.Get a.Put a.Get a.Put a.Kill", "a.Put", 1}},
	},
	{
		name: "last drops before readers", doc: "Who looks at a count, or tries to take it, while it goes to zero doesn't change who is told of the last drop.",
		programs: []sides{{"a.Kill a.Count", "a.Put a.Count", 1}, {"a.Kill", "a.Put a.TryGet a.Put a.TryGet", 1}},
	},
	{
		name: "lookups across lives", doc: "Who tries to take a reference of an object that is gone doesn't change the next life in its memory.",
		programs: []sides{{"a.Kill a.Init ", "a.Put a.TryGet ", 4}},
	},
	{
		name: "hits of a cached object", doc: "Goroutines that find an object that stays where it is at zero each have a reference with Resurrect.",
		programs: []sides{{"a:cached a.Kill" + hits, "a.Put" + hits, 1}, {"a:cached a.Kill", "a.Put a.Resurrect", 1}},
	},
	{
		name: "switching modes", doc: "References that are taken and dropped while the mode changes are counted.",
		// Get keeps it alive while it is killed.
		programs: []sides{{"a.SwitchToAtomic a.SwitchToPerCPU a.Get a.Kill a.ResurrectLive a.Put ", "a.TryGet a.Get a.Put a.Put ", 4}},
	},
	{
		name: "TryGetLive against KillAndConfirm", doc: "No TryGetLive takes a reference after the confirmation.",
		programs: []sides{{"a.KillAndConfirm ", "a.TryGetLive a.Put ", 12}},
	},
}

// plan plans the check of a meeting.
func (m meeting) plan(e *env) func() error {
	var programs []program.Program
	for _, x := range m.programs {
		threads := []string{strings.Repeat(x.first, x.times)}
		for len(threads) < min(e.cfg.Workers, program.MaxThreads) {
			threads = append(threads, strings.Repeat(x.others, x.times))
		}
		e.room(len(threads) + 1)
		p, err := program.ParseWords(threads)
		if err != nil {
			panic(err) // the programs are constants
		}
		for _, step := range p.All() {
			e.need(step.Call.Op)
		}
		if p.Objects[0].Cached && !e.p.Resurrection {
			e.skip("the promise has no way back from zero for whoever finds the object")
		}
		programs = append(programs, p)
	}
	return func() error {
		e.watched.Store(true)
		begin := time.Now()
		for rounds := 0; !e.met(rounds, begin); rounds += e.cfg.Rounds {
			for i := range programs {
				for _, bare := range []bool{m.bare, false} { // two halves
					r := stress.Run(e.ctx, e.s, &programs[i], e.cfg.Rounds*perRound/2, stress.Config{
						Seed: e.cfg.Seed + uint64(rounds), Pause: true, Bare: bare, Timeout: e.cfg.Timeout,
					})
					e.res.Checks += r.Executions
					if r.Err != nil {
						return r.Err
					}
				}
			}
		}
		return nil
	}
}
