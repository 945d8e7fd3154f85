package workloads

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
)

// IPVSDest is the load balancer of Linux IP virtual server (net/netfilter/ipvs): a
// service has destinations, and every connection is bound to one and holds a
// reference to it.
//
//   - A worker schedules connections: it picks a destination in a read section
//     and takes a reference with Get (ip_vs_bind_dest). Each of its connections
//     lasts for as many operations as it has connections at a time. Then it is
//     unbound, and whoever drops the last reference frees the destination
//     (ip_vs_dest_put_and_free).
//   - The administrator removes destinations and adds them again. A removed one is
//     no longer scheduled, but its connections go on. It is moved to the trash
//     list, and if it is added again while it is there, it is taken from there
//     with all its connections (ip_vs_trash_get_dest).
//   - The trash timer drops what was in the trash for long enough
//     (ip_vs_dest_trash_expire), after a grace period.
//
// The list that a destination is in, the service's or the trash, has a reference
// to it. The original didn't count that one and freed a destination when its count
// fell below zero; here it is counted, which comes to one more everywhere. That
// reference is why a worker in a read section needs no TryGet: the count can't
// reach zero while anybody may still find the destination.
//
// If the reference of the trash weren't counted, and zero freed, the last
// connection would free a destination that the trash still points to.
var IPVSDest = &Workload{
	Name:      "ipvsdest",
	Doc:       "connections hold destinations that are moved to a trash list and back or dropped",
	Source:    "Linux net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_conn.c",
	Operation: "a connection unbound from its destination and another bound",
	NoWait:    "a connection holds its destination until its worker comes back to it, who may have stopped",
	Knobs: []Knob{
		{Name: "destinations", Doc: "destinations of the service", Default: 16, Min: 1, Max: 1 << 16},
		{Name: "away", Doc: "share of the destinations that are removed at a time, in percent", Default: 25, Min: 0, Max: 100},
		{Name: "connections", Doc: "connections of each worker at a time", Default: 64, Min: 1, Max: 1 << 16},
		{Name: "pause", Doc: "time between two actions of the administrator, and two of the trash timer, in us", Default: 1000, Min: 1, Max: 1_000_000},
		{Name: "period", Doc: "steps of the timer that a destination stays in the trash", Default: 4, Min: 0, Max: 1 << 20},
	},
	Wrong: "the reference of the trash list isn't counted: the last connection frees what the trash points to",
	Plan: Plan{
		Settings: "destinations=1,away=100,connections=1,period=0,pause=1",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step|r1.Step r1.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(ipvsDests[Dynamic, DynamicTimed]), new(ipvsDests[Dynamic, DynamicChecked]))
	},
}

// An ipvsDest is a real server (struct ip_vs_dest).
type ipvsDest struct {
	address int
}

// ipvsReal is a destination's place in the service's list.
type ipvsReal[T any] struct {
	dest atomic.Pointer[arena.Slot[T, ipvsDest]]
	hold arena.Hold // the list's reference; for the administrator
	life arena.Life // dest's
}

// ipvsTrashed is a removed destination, with the trash's reference.
type ipvsTrashed[T any] struct {
	dest  *arena.Slot[T, ipvsDest]
	hold  arena.Hold
	life  arena.Life
	since uint64 // the timer's step
}

type ipvsDests[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, ipvsDest]
	readers *rcu.Domain
	wrong   bool

	service []ipvsReal[T]
	away    int // destinations

	trashing sync.Mutex // guards trash and step
	trash    []ipvsTrashed[T]
	step     uint64

	workers []ipvsWorker[T, H]
	admin   ipvsAdmin[T, H]
	timer   ipvsTimer[T, H]
}

// ipvsActor is what every role needs to release destinations.
type ipvsActor[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, ipvsDest]
	early  uint64 // destinations released while a list had them
}

// ipvsConn is a connection's reference.
type ipvsConn[T any] struct {
	dest *arena.Slot[T, ipvsDest]
	hold arena.Hold
}

type ipvsWorker[T any, H Holder[T]] struct {
	actor ipvsActor[T, H]
	rand  Rand
	conns []ipvsConn[T]
	next  int // in conns: the oldest
	other uint64
	_     [pin.LineBytes]byte
}

// oldest returns the place of the connection that was bound first. Next time it is
// another's turn.
func (w *ipvsWorker[T, H]) oldest() *ipvsConn[T] {
	c := &w.conns[w.next]
	if w.next++; w.next == len(w.conns) {
		w.next = 0
	}
	return c
}

type ipvsAdmin[T any, H Holder[T]] struct {
	actor   ipvsActor[T, H]
	rand    Rand
	pause   time.Duration
	removed []int // places that have no destination
}

type ipvsTimer[T any, H Holder[T]] struct {
	actor  ipvsActor[T, H]
	pause  time.Duration
	period uint64
	due    []ipvsTrashed[T]
}

func (v *ipvsDests[T, H]) Setup(c Config, k Kit[T, H]) error {
	*v = ipvsDests[T, H]{
		arena:   arena.New[T, ipvsDest](k.Options(c)),
		readers: rcu.New(),
		wrong:   c.Wrong,
		service: make([]ipvsReal[T], c.Knob("destinations")),
		workers: make([]ipvsWorker[T, H], c.Workers),
	}
	v.away = len(v.service) * c.Knob("away") / 100
	pause := time.Duration(c.Knob("pause")) * time.Microsecond
	v.admin.actor = ipvsActor[T, H]{holder: k.Holder("administrator"), cache: v.arena.Cache()}
	v.admin.rand = NewRand(c.Seed, c.Workers)
	v.admin.pause = pause
	v.timer.actor = ipvsActor[T, H]{holder: k.Holder("trash timer"), cache: v.arena.Cache()}
	v.timer.pause = pause
	v.timer.period = uint64(c.Knob("period"))
	for i := range v.service {
		v.add(i)
	}
	for i := range v.workers {
		w := &v.workers[i]
		w.actor = ipvsActor[T, H]{holder: k.Worker(i), cache: v.arena.Cache()}
		w.rand = NewRand(c.Seed, i)
		w.conns = make([]ipvsConn[T], c.Knob("connections"))
	}
	return nil
}

// Work replaces n connections by new ones.
func (v *ipvsDests[T, H]) Work(worker, n int) int {
	w := &v.workers[worker]
	for range n {
		c := w.oldest()
		if c.dest != nil {
			w.actor.holder.Use(&c.dest.Object, c.hold)
			v.put(&w.actor, c.dest, c.hold)
			c.dest = nil
		}
		v.bind(w, c)
	}
	return n
}

// bind schedules a connection (ip_vs_schedule). It stays unbound if there is no
// destination.
func (v *ipvsDests[T, H]) bind(w *ipvsWorker[T, H], c *ipvsConn[T]) {
	section := v.readers.Lock()
	i := w.rand.Below(len(v.service))
	for range len(v.service) {
		if dest := v.service[i].dest.Load(); dest != nil {
			// No TryGet: the list that it is in has a reference, and
			// keeps it for longer than this section.
			c.dest, c.hold = dest, w.actor.holder.Get(&dest.Object)
			w.actor.holder.Use(&dest.Object, c.hold)
			if dest.Value.address != i {
				w.other++
			}
			break
		}
		if i++; i == len(v.service) {
			i = 0
		}
	}
	v.readers.Unlock(section)
}

// put drops a reference, and the last frees (ip_vs_dest_put_and_free). By then the
// trash has dropped its own, a grace period after the destination could be found,
// so its memory may be used again at once.
func (v *ipvsDests[T, H]) put(a *ipvsActor[T, H], dest *arena.Slot[T, ipvsDest], h arena.Hold) {
	if a.holder.Put(&dest.Object, h) {
		a.cache.Free(dest)
	}
}

// drop is put for the reference of a list: the owner's.
func (v *ipvsDests[T, H]) drop(a *ipvsActor[T, H], dest *arena.Slot[T, ipvsDest], h arena.Hold, life arena.Life) {
	if dest.Life() != life {
		a.early++
	}
	if a.holder.Kill(&dest.Object, h) {
		a.cache.Free(dest)
	}
}

// add gives the i'th place a destination: the one that had it, if it is still in
// the trash, or a new one (ip_vs_add_dest).
func (v *ipvsDests[T, H]) add(i int) {
	a, r := &v.admin.actor, &v.service[i]
	v.trashing.Lock()
	for at, t := range v.trash {
		if t.dest.Value.address == i {
			v.trash = slices.Delete(v.trash, at, at+1)
			v.trashing.Unlock()
			r.hold, r.life = t.hold, t.life
			r.dest.Store(t.dest)
			return
		}
	}
	v.trashing.Unlock()
	dest := a.cache.Alloc()
	dest.Value.address = i
	r.hold = a.holder.Init(&dest.Object)
	r.life = dest.Life()
	r.dest.Store(dest)
}

// remove moves the i'th destination to the trash, with the list's reference
// (ip_vs_del_dest).
func (v *ipvsDests[T, H]) remove(i int) {
	r := &v.service[i]
	dest := r.dest.Swap(nil)
	if v.wrong {
		// Whoever may be about to Get it is waited for, as otherwise
		// the trash's reference sees to that.
		v.readers.Synchronize()
		v.drop(&v.admin.actor, dest, r.hold, r.life)
	}
	v.trashing.Lock()
	v.trash = append(v.trash, ipvsTrashed[T]{dest, r.hold, r.life, v.step})
	v.trashing.Unlock()
}

// expire drops what was in the trash for long enough (ip_vs_dest_trash_expire).
func (v *ipvsDests[T, H]) expire() {
	x := &v.timer
	x.due = x.due[:0]
	v.trashing.Lock()
	v.step++
	left := v.trash[:0]
	for _, t := range v.trash {
		if v.step-t.since > x.period {
			x.due = append(x.due, t)
		} else {
			left = append(left, t)
		}
	}
	clear(v.trash[len(left):])
	v.trash = left
	v.trashing.Unlock()
	if len(x.due) == 0 {
		return
	}
	// Someone may have read the service's list before the removal and is
	// about to Get.
	v.readers.Synchronize()
	for _, t := range x.due {
		v.drop(&x.actor, t.dest, t.hold, t.life)
	}
}

// Roles returns the administrator and the trash timer.
func (v *ipvsDests[T, H]) Roles() []Role {
	a := &v.admin
	return []Role{
		{Name: "administrator", Step: func() time.Duration {
			if len(a.removed) > 0 && len(a.removed) >= v.away {
				// Any of them, so that some come back soon and
				// others late.
				at := a.rand.Below(len(a.removed))
				v.add(a.removed[at])
				a.removed = slices.Delete(a.removed, at, at+1)
			}
			if i := a.rand.Below(len(v.service)); v.service[i].dest.Load() != nil {
				v.remove(i)
				a.removed = append(a.removed, i)
			}
			return a.pause
		}},
		{Name: "trash timer", Step: func() time.Duration {
			v.expire()
			return v.timer.pause
		}},
	}
}

func (v *ipvsDests[T, H]) Close() Books {
	for i := range v.workers {
		w := &v.workers[i]
		for _, c := range w.conns {
			if c.dest != nil {
				v.put(&w.actor, c.dest, c.hold)
			}
		}
	}
	for i := range v.service {
		if r := &v.service[i]; r.dest.Load() != nil {
			v.drop(&v.admin.actor, r.dest.Load(), r.hold, r.life)
		}
	}
	for _, t := range v.trash {
		v.drop(&v.timer.actor, t.dest, t.hold, t.life)
	}
	b := BooksOf(v.arena)
	for i := range v.workers {
		b.Observe(judge.UseAfterFree, v.workers[i].other, "connections of worker %d were bound to a destination that was another by then", i)
	}
	b.Observe(judge.StolenReference, v.admin.actor.early+v.timer.actor.early, "destinations were released while a list had them")
	return b
}
