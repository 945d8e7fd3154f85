package workloads

import (
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// ListMutex is the first two forms of rule 3 of Linux
// Documentation/core-api/kref.rst: whoever gets a reference to an object without
// holding one already must see to it that no kref_put comes between finding the
// object and kref_get.
//
// Workers take an entry of a list with a Get under the list's mutex (get_entry),
// use it, and put it under the same mutex (put_entry). So an entry in the list is
// alive, and a plain Get is enough.
//
//   - form=0: the last Put runs the release routine with the mutex held: it
//     unlinks and frees.
//   - form=1: Put reports whether it was the last. Then the entry is unlinked,
//     the mutex is unlocked, and the entry is freed outside it (the document's
//     "pointless" holding of the lock over kfree is gone).
//
// Every worker owns some entries and replaces the oldest of them now and then:
// it adds a new one and kills the old. Without the mutex around lookup and Get,
// the entry could be put for the last time and freed in between, and the Get would
// change whatever took its place.
var ListMutex = &Workload{
	Name:      "listmutex",
	Doc:       "take the first entry of a list under a mutex, put it under the same mutex",
	Source:    "Linux Documentation/core-api/kref.rst, rule 3",
	Operation: "an entry looked up, used and put",
	NoWait:    "the owner kills under the list's mutex, which others need to drop what they hold",
	Knobs: listKnobs(Knob{
		Name: "form", Doc: "0: free with the mutex held; 1: free outside it, told by Put's result", Default: 0, Min: 0, Max: 1,
	}),
	Wrong: "the lookup takes its reference without the mutex",
	Plan: Plan{
		Settings: "entries=2,skew=0,lifetime=1,release=0",
		Program:  "w0.Work w0.Work|w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(listMutex[Dynamic, DynamicTimed]), new(listMutex[Dynamic, DynamicChecked]))
	},
}

type listMutex[T any, H Holder[T]] struct {
	lists[T, H]
	outside bool // form 1
}

func (l *listMutex[T, H]) Setup(c Config, k Kit[T, H]) error {
	l.outside = c.Knob("form") == 1
	return l.lists.Setup(c, k)
}

// Work looks up n entries and returns how many it got.
func (l *listMutex[T, H]) Work(worker, n int) int {
	a := &l.actors[worker]
	done := 0
	for range n {
		if l.due(a) {
			old := l.replace(a)
			l.drop(a, old.slot, old.hold, true)
		}
		e, h, life := l.get(a)
		if e == nil {
			done += a.misses.Next()
			continue
		}
		a.misses.End()
		l.use(a, e, h, life)
		l.drop(a, e, h, false)
		done++
	}
	return done
}

// get returns an entry with a reference (get_entry).
func (l *listMutex[T, H]) get(a *listActor[T, H]) (*arena.Slot[T, listEntry[T]], arena.Hold, arena.Life) {
	rank := l.rank(a)
	if l.wrong {
		return l.getWrong(a, rank)
	}
	l.list.mu.Lock()
	e := l.list.at(rank)
	if e == nil {
		l.list.mu.Unlock()
		return nil, 0, 0
	}
	h := a.holder.Get(&e.Object)
	life := e.Life()
	l.list.mu.Unlock()
	return e, h, life
}

// getWrong is get as the document says it must not be. The
// reader is interrupted after it has found the entry.
func (l *listMutex[T, H]) getWrong(a *listActor[T, H], rank int) (*arena.Slot[T, listEntry[T]], arena.Hold, arena.Life) {
	e := l.list.at(rank)
	if e == nil {
		return nil, 0, 0
	}
	life := e.Life()
	l.interrupt()
	return e, a.holder.Get(&e.Object), life
}

// drop drops a reference, the owner's or another, under the mutex (put_entry).
func (l *listMutex[T, H]) drop(a *listActor[T, H], e *arena.Slot[T, listEntry[T]], h arena.Hold, owner bool) {
	l.list.mu.Lock()
	var last bool
	if owner {
		last = a.holder.Kill(&e.Object, h)
	} else {
		last = a.holder.Put(&e.Object, h)
	}
	if !last || !a.cache.End(e) {
		l.list.mu.Unlock()
		return
	}
	l.free(a, e)
}

// free unlinks and frees an entry. The caller has the mutex, and hasn't any more.
func (l *listMutex[T, H]) free(a *listActor[T, H], e *arena.Slot[T, listEntry[T]]) {
	l.list.del(e)
	if l.outside {
		l.list.mu.Unlock()
		spin.For(l.lists.release)
		a.cache.Recycle(e)
		return
	}
	spin.For(l.lists.release)
	a.cache.Recycle(e)
	l.list.mu.Unlock()
}

func (l *listMutex[T, H]) Roles() []Role { return nil }

func (l *listMutex[T, H]) Close() Books {
	for i := range l.actors {
		a := &l.actors[i]
		for _, o := range a.own {
			l.resign(a, o)
			l.drop(a, o.slot, o.hold, true)
		}
	}
	return l.lists.close()
}
