package scenarios

import (
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	exploresync "github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/spec"
)

// LookupsName is what the scenario of lookups adds to the strategy's name.
const LookupsName = "/lookups"

// What threads of the scenario of lookups do.
const (
	dropsLocked = "PutAndLock" // drop a reference; who has the last removes the object
	triesLocked = "Try"        // look the object up under the lock and call TryGet
	getsLocked  = "Get"        // the same with Get, as whatever is found is alive
)

// Lookups is an object that is found under a lock, of a strategy in explored form with
// PutAndLock: the last drop is made with the lock held, so what is found is alive
// (Linux Documentation/core-api/kref.rst, rule 3). Threads that begin with a drop hold a
// reference at first, and others find the object.
func Lookups(s *strategies.Strategy) *explore.Scenario {
	return &explore.Scenario{
		Name: s.Name + LookupsName, CPUs: countCPUs, DropIns: dropins.Paths(),
		Program: explore.Program{dropsLocked, dropsLocked, getsLocked, triesLocked},
		Make: func(p explore.Program) explore.Case {
			t := &table{s: s}
			c := explore.Case{Setup: func() { t.begin(p) }, Finish: t.finish}
			for i, text := range p {
				words := strings.Fields(text)
				for _, w := range words {
					if w != dropsLocked && w != triesLocked && w != getsLocked {
						return explore.Case{Err: fmt.Errorf("thread %d: %s: want %s, %s or %s", i, w, dropsLocked, triesLocked, getsLocked)}
					}
				}
				c.Threads = append(c.Threads, func() { t.thread(words) })
			}
			return c
		},
	}
}

// A table is where the object is found.
type table struct {
	s       *strategies.Strategy
	c       strategies.Counter
	lock    exploresync.Mutex
	removed bool // guarded by lock
	ledger  judge.Ledger
	books   int // stands for the ledger: its changes are steps
}

func (t *table) begin(p explore.Program) {
	t.c, t.lock, t.removed = t.s.New(), exploresync.Mutex{}, false
	t.c.Init()
	held := int64(0)
	for _, text := range p {
		if strings.HasPrefix(text, dropsLocked) {
			held++
		}
	}
	// Who only looks up needs somebody that has it. Without, the owner's reference is left.
	for range held - 1 {
		t.c.Get()
	}
	t.ledger.Open(max(held, 1), false)
	if t.s.Promise.Zero == strategies.AfterKill {
		t.c.Get() // for the owner's
		t.c.Kill()
	}
}

func (t *table) thread(words []string) {
	held := 0
	if len(words) > 0 && words[0] == dropsLocked {
		held = 1
	}
	for _, w := range words {
		switch {
		case w == dropsLocked && held > 0:
			t.drop()
			held--
		case w != dropsLocked && t.find(w):
			held++
		}
	}
	for ; held > 0; held-- {
		t.drop()
	}
}

func (t *table) note() { explore.Set(&t.books, 0) }

func (t *table) drop() {
	t.note()
	t.ledger.Drops(1)
	if !t.c.(strategies.LockPutter).PutAndLock(&t.lock) {
		return
	}
	if k, held := t.ledger.Last(); k != judge.Fine {
		explore.Failf("%s", judge.Sentence(k, dropsLocked, held))
	}
	t.removed = true
	t.lock.Unlock()
}

// find looks the object up, and reports whether it has a reference then.
func (t *table) find(how string) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.removed {
		return false
	}
	op := spec.TryGet
	if how == getsLocked {
		op = spec.Get
		t.c.Get()
	} else if !t.c.TryGet() {
		if t.s.Promise.TryGet == strategies.Exact {
			explore.Failf("the object is found under the lock, but %v says that it is dead", op)
		}
		return false
	}
	t.note()
	if k := t.ledger.Took(1); k != judge.Fine {
		explore.Failf("%s", judge.Sentence(k, op.String(), 0))
	}
	return true
}

func (t *table) finish() {
	if _, k := t.ledger.Balance().Rest(); k != judge.Fine {
		explore.Leakf("%s", judge.Sentence(k, "a drop", 0))
	}
}
