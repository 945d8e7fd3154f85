package workloads

import (
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
	"github.com/refbench/refbench/workloads/spin"
)

// ListRCU is the last form of rule 3 of Linux Documentation/core-api/kref.rst:
// lookups under RCU.
//
// Workers find an entry of a list and take a reference with TryGet, both in a read
// section and without a lock (get_entry_rcu), use it, and put it. Who puts it for
// the last time unlinks it under the mutex, and frees it after a grace period
// (release_entry_rcu, kfree_rcu). A lookup that meets a dead entry gets nothing,
// and doesn't count as an operation.
//
// Every worker owns some entries and replaces the oldest of them now and then.
//
// The count must stay in valid memory for a grace period after the last Put: a
// reader who found the entry before it was unlinked may only now come to its
// TryGet. Freed at once, the entry may be another object by then.
var ListRCU = &Workload{
	Name:      "listrcu",
	Doc:       "take the first entry of a list with TryGet under RCU, free it after a grace period",
	Source:    "Linux Documentation/core-api/kref.rst, krefs and RCU",
	Operation: "an entry looked up, used and put",
	Knobs:     listKnobs(),
	Wrong:     "the entry is freed without waiting for a grace period",
	Plan: Plan{
		Settings: "entries=2,skew=0,lifetime=1,release=0",
		Program:  "w0.Work w0.Work|w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(listRCU[Dynamic, DynamicTimed]), new(listRCU[Dynamic, DynamicChecked]))
	},
}

type listRCU[T any, H Holder[T]] struct {
	lists[T, H]
	readers  *rcu.Domain
	retirers []*rcu.Retirer[*arena.Slot[T, listEntry[T]]] // one for each worker
}

func (l *listRCU[T, H]) Setup(c Config, k Kit[T, H]) error {
	if err := l.lists.Setup(c, k); err != nil {
		return err
	}
	l.readers = rcu.New()
	l.retirers = make([]*rcu.Retirer[*arena.Slot[T, listEntry[T]]], c.Workers)
	for i := range l.retirers {
		l.retirers[i] = rcu.NewRetirer(l.readers, l.actors[i].cache.Recycle)
	}
	return nil
}

// Work looks up n entries and returns how many it got.
func (l *listRCU[T, H]) Work(worker, n int) int {
	a := &l.actors[worker]
	done := 0
	for range n {
		if l.due(a) {
			l.kill(worker, l.replace(a))
		}
		e, h, life := l.get(a)
		if e == nil {
			done += a.misses.Next()
			continue
		}
		a.misses.End()
		l.use(a, e, h, life)
		if a.holder.Put(&e.Object, h) {
			l.release(worker, e)
		}
		done++
	}
	return done
}

// get returns an entry with a reference, or nil if it is dead (get_entry_rcu).
func (l *listRCU[T, H]) get(a *listActor[T, H]) (*arena.Slot[T, listEntry[T]], arena.Hold, arena.Life) {
	section := l.readers.Lock()
	e := l.list.at(l.rank(a))
	if e == nil {
		l.readers.Unlock(section)
		return nil, 0, 0
	}
	life := e.Life()
	if l.wrong {
		l.interrupt()
	}
	h, ok := l.tryGet(a, e)
	l.readers.Unlock(section)
	if !ok {
		return nil, 0, 0
	}
	return e, h, life
}

// kill drops the owner's reference.
func (l *listRCU[T, H]) kill(worker int, o ownEntry[T]) {
	if l.actors[worker].holder.Kill(&o.slot.Object, o.hold) {
		l.release(worker, o.slot)
	}
}

// release unlinks an entry whose last reference dropped, and frees it when no
// reader can see it any more (release_entry_rcu). The caller is outside read
// sections.
func (l *listRCU[T, H]) release(worker int, e *arena.Slot[T, listEntry[T]]) {
	a := &l.actors[worker]
	if !a.cache.End(e) {
		return
	}
	l.list.mu.Lock()
	l.list.del(e)
	l.list.mu.Unlock()
	spin.For(l.lists.release)
	if l.wrong {
		a.cache.Recycle(e)
		return
	}
	l.retirers[worker].Retire(e)
}

func (l *listRCU[T, H]) Roles() []Role { return nil }

func (l *listRCU[T, H]) Close() Books {
	for i := range l.actors {
		a := &l.actors[i]
		for _, o := range a.own {
			l.kill(i, l.resign(a, o))
		}
		l.retirers[i].Flush()
	}
	return l.lists.close()
}
