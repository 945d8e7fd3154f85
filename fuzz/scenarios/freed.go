package scenarios

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// What the scenarios of released memory add to the strategy's name.
const (
	FreedName = "/freed"
	NextName  = "/next"
)

// Released are scenarios in which holders drop what they have of an object that nobody else
// knows: so nobody may touch it once one of them was told that its reference was the last,
// and the memory may be freed at once or begin its next life. They are of strategies in
// explored form that promise to need no grace period.
//
// In the first the memory is freed. In the second who was told begins other lives there and
// has them alone, and each drop is judged by the life that it belongs to.
func Released(s *strategies.Strategy) []*explore.Scenario {
	// Of a count whose Kill waits no drop reports the last: whoever kills frees, when all
	// others have dropped.
	if s.Promise.GracePeriod || s.Promise.Zero == strategies.Waits {
		return nil
	}
	one := func(name string, next bool) *explore.Scenario {
		return &explore.Scenario{
			Name: s.Name + name, CPUs: countCPUs, DropIns: dropins.Paths(), Program: explore.Program{"Put", "Get Put Put", "Put"},
			Make: func(p explore.Program) explore.Case {
				r := &releasing{s: s, next: next}
				c := explore.Case{Setup: func() { r.begin(len(p)) }, Finish: r.finish}
				for i, text := range p {
					words := strings.Fields(text)
					for _, w := range words {
						if w != "Get" && w != "Put" {
							return explore.Case{Err: fmt.Errorf("thread %d: %s: want Get or Put", i, w)}
						}
					}
					c.Threads = append(c.Threads, func() { r.thread(words) })
				}
				return c
			},
		}
	}
	return []*explore.Scenario{one(FreedName, false), one(NextName, true)}
}

// A releasing is the object.
type releasing struct {
	s    *strategies.Strategy
	next bool
	c    strategies.Counter
	told int // how often the last drop of the first life was reported
}

// begin begins a life with a reference for each thread, in which zero is detected.
func (r *releasing) begin(threads int) {
	r.c, r.told = r.s.New(), 0
	r.c.Init()
	for range threads - 1 {
		r.c.Get()
	}
	if r.s.Promise.Zero == strategies.AfterKill {
		r.c.Get() // for the owner's
		r.c.Kill()
	}
}

func (r *releasing) thread(words []string) {
	for held := 1; held > 0; {
		put := true
		if len(words) > 0 {
			put, words = words[0] == "Put", words[1:]
		}
		if !put {
			r.c.Get()
			held++
			continue
		}
		held--
		if !r.c.Put() {
			continue
		}
		if r.told++; r.told > 1 || held > 0 {
			explore.Failf("Put reported the last reference of a life that had ended, or had not, and %d were held: it is the memory's next life that it saw", held)
		}
		r.release()
	}
}

// release is what whoever was told does with the memory.
func (r *releasing) release() {
	if !r.next {
		v := reflect.ValueOf(r.c)
		explore.Free(v.UnsafePointer(), v.Type().Elem().Size(), "the count")
		return
	}
	for range 2 {
		r.life()
	}
}

// life is one that one thread has alone.
func (r *releasing) life() {
	r.c.Init()
	calls := spec.LifeAlone()
	for i, op := range calls {
		result, _ := spec.Call{Op: op}.Apply(r.c, nil)
		if want := i == len(calls)-1; op.Drops() && result != want {
			explore.Failf("in the memory's next life, which one thread has alone, call %d, %v, returned %v, want %v", i+1, op, result, want)
		}
	}
}

func (r *releasing) finish() {
	if r.told == 0 {
		explore.Leakf("every reference is dropped, and no drop reported the last")
	}
}
