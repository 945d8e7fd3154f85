package workloads

import (
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// ListTryGet is the third form of rule 3 of Linux
// Documentation/core-api/kref.rst: kref_get_unless_zero makes the mutex around
// kref_put unnecessary.
//
// Workers find an entry of a list and take a reference with TryGet, both under the
// list's mutex (get_entry), use it, and put it without the mutex (put_entry). Who
// puts it for the last time takes the mutex to unlink it, and frees it
// (release_entry). Between that Put and the unlinking the entry is in the list
// and dead: a lookup that meets it gets nothing, as in the document, and doesn't
// count as an operation.
//
// Every worker owns some entries and replaces the oldest of them now and then.
//
// Finding and TryGet must be in one critical section: after it, the entry may be
// unlinked, freed and used for something else, and TryGet takes a reference to
// that.
var ListTryGet = &Workload{
	Name:      "listtryget",
	Doc:       "take the first entry of a list with TryGet under a mutex, put it without",
	Source:    "Linux Documentation/core-api/kref.rst, rule 3 with kref_get_unless_zero",
	Operation: "an entry looked up, used and put",
	Knobs:     listKnobs(),
	Wrong:     "the lookup leaves the critical section before its TryGet",
	Plan: Plan{
		Settings: "entries=2,skew=0,lifetime=1,release=0",
		Program:  "w0.Work w0.Work|w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(listTryGet[Dynamic, DynamicTimed]), new(listTryGet[Dynamic, DynamicChecked]))
	},
}

type listTryGet[T any, H Holder[T]] struct {
	lists[T, H]
}

// Work looks up n entries and returns how many it got.
func (l *listTryGet[T, H]) Work(worker, n int) int {
	a := &l.actors[worker]
	done := 0
	for range n {
		if l.due(a) {
			l.kill(a, l.replace(a))
		}
		e, h, life := l.get(a)
		if e == nil {
			done += a.misses.Next()
			continue
		}
		a.misses.End()
		l.use(a, e, h, life)
		if a.holder.Put(&e.Object, h) {
			l.release(a, e)
		}
		done++
	}
	return done
}

// get returns an entry with a reference, or nil if it is dead (get_entry).
func (l *listTryGet[T, H]) get(a *listActor[T, H]) (*arena.Slot[T, listEntry[T]], arena.Hold, arena.Life) {
	rank := l.rank(a)
	l.list.mu.Lock()
	e := l.list.at(rank)
	if e == nil {
		l.list.mu.Unlock()
		return nil, 0, 0
	}
	life := e.Life()
	if l.wrong {
		return l.getWrong(a, e, life)
	}
	h, ok := l.tryGet(a, e)
	l.list.mu.Unlock()
	if !ok {
		return nil, 0, 0
	}
	return e, h, life
}

// getWrong leaves the critical section before the TryGet.
func (l *listTryGet[T, H]) getWrong(a *listActor[T, H], e *arena.Slot[T, listEntry[T]], life arena.Life) (*arena.Slot[T, listEntry[T]], arena.Hold, arena.Life) {
	l.list.mu.Unlock()
	l.interrupt()
	h, ok := l.tryGet(a, e)
	if !ok {
		return nil, 0, 0
	}
	return e, h, life
}

// kill drops the owner's reference.
func (l *listTryGet[T, H]) kill(a *listActor[T, H], o ownEntry[T]) {
	if a.holder.Kill(&o.slot.Object, o.hold) {
		l.release(a, o.slot)
	}
}

// release unlinks and frees an entry whose last reference dropped
// (release_entry). Once it is unlinked under the mutex, no lookup is about to
// TryGet it.
func (l *listTryGet[T, H]) release(a *listActor[T, H], e *arena.Slot[T, listEntry[T]]) {
	if !a.cache.End(e) {
		return
	}
	l.list.mu.Lock()
	l.list.del(e)
	l.list.mu.Unlock()
	spin.For(l.lists.release)
	a.cache.Recycle(e)
}

func (l *listTryGet[T, H]) Roles() []Role { return nil }

func (l *listTryGet[T, H]) Close() Books {
	for i := range l.actors {
		a := &l.actors[i]
		for _, o := range a.own {
			l.kill(a, l.resign(a, o))
		}
	}
	return l.lists.close()
}
