package workloads

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// Handoff is the example of rules 1 and 2 of Linux Documentation/core-api/kref.rst.
// A worker that owns an object takes a reference for another worker before it
// hands the object over, and both drop theirs when they are done, in any order.
//
// A receiver may pass its reference on instead of dropping it: then it must not
// touch the object again, and no Get and Put are needed. With extra=1 it does
// what the document calls silly: a Get for the next worker and a Put of its own.
//
// If the Get came after the hand-over, the receiver could drop the last
// reference first, and the owner would take a reference to a dead object.
//
// Workers stand in a ring, and each hands to the next. With one worker it hands
// over to itself. After lifetime hand-overs the owner kills the object, and
// whoever drops the last reference frees it.
var Handoff = &Workload{
	Name:      "handoff",
	Doc:       "get a reference, pass the object to another CPU, both put",
	Source:    "Linux Documentation/core-api/kref.rst, rules 1 and 2",
	Operation: "an object handed over by its owner, until the receiver's Put",
	NoWait:    "references to an object lie in mailboxes, maybe in that of the worker who kills it",
	Knobs: []Knob{
		{Name: "lifetime", Doc: "hand-overs by the owner before it kills the object", Default: 64, Min: 1, Max: 1 << 20},
		{Name: "hops", Doc: "workers that a reference passes through until its Put", Default: 2, Min: 1, Max: 64},
		{Name: "extra", Doc: "1: a silly extra Get and Put around each passing on", Default: 0, Min: 0, Max: 1},
		{Name: "depth", Doc: "references that wait between two workers at most", Default: handoffDepth, Min: 2, Max: handoffDepth},
	},
	Wrong: "the owner takes the receiver's reference after it has handed the object over",
	Plan: Plan{
		Settings: "lifetime=1,hops=2,depth=2",
		Program:  "w0.Work w0.Work w0.Work|w1.Work w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(handoff[Dynamic, DynamicTimed]), new(handoff[Dynamic, DynamicChecked]))
	},
}

// handoffDepth is how many objects wait between two workers at most: enough for
// a batch while the receiver is busy, few enough to stay in its first cache.
const handoffDepth = 64

type handoff[T any, H Holder[T]] struct {
	arena    *arena.Arena[T, handoffObject]
	workers  []handoffWorker[T, H]
	lifetime int
	hops     int
	extra    bool
	depth    int
	wrong    bool
	start    int // loops of spin.For
}

// handoffObject is what the holders read and write while they hold it.
type handoffObject struct {
	visits atomic.Uint64
}

type handoffWorker[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, handoffObject]
	own    *arena.Slot[T, handoffObject]
	hold   arena.Hold // the owner's reference to own
	life   arena.Life // own's
	given  int        // hand-overs of own so far
	early  uint64     // objects released while this worker owned them
	inbox  *mailbox[T]
	next   *mailbox[T]
	_      [pin.LineBytes]byte
}

// A mailbox carries references from one worker to the next, in order. One
// worker puts in and one takes out. An object put in happens before its being
// taken out.
type mailbox[T any] struct {
	entries [handoffDepth]parcel[T]
	_       [pin.LineBytes]byte
	in      atomic.Uint64 // parcels ever put in; written by the sender
	_       [pin.LineBytes - 8]byte
	out     atomic.Uint64 // parcels ever taken out; written by the receiver
	_       [pin.LineBytes - 8]byte
}

// A parcel is a reference on its way: it belongs to whoever takes it out.
type parcel[T any] struct {
	object *arena.Slot[T, handoffObject]
	hold   arena.Hold
	hops   int // hand-overs left
}

func (m *mailbox[T]) waiting() int { return int(m.in.Load() - m.out.Load()) }

func (m *mailbox[T]) send(p parcel[T]) {
	in := m.in.Load()
	m.entries[in%handoffDepth] = p
	m.in.Store(in + 1)
}

func (m *mailbox[T]) receive() (parcel[T], bool) {
	out := m.out.Load()
	if m.in.Load() == out {
		return parcel[T]{}, false
	}
	p := m.entries[out%handoffDepth]
	m.out.Store(out + 1)
	return p, true
}

func (h *handoff[T, H]) Setup(c Config, k Kit[T, H]) error {
	*h = handoff[T, H]{
		arena:    arena.New[T, handoffObject](k.Options(c)),
		workers:  make([]handoffWorker[T, H], c.Workers),
		lifetime: c.Knob("lifetime"),
		hops:     c.Knob("hops"),
		extra:    c.Knob("extra") == 1,
		depth:    c.Knob("depth"),
		wrong:    c.Wrong,
		start:    spin.Loops(time.Microsecond),
	}
	for i := range h.workers {
		h.workers[i].inbox = new(mailbox[T])
		h.workers[i].cache = h.arena.Cache()
		h.workers[i].holder = k.Worker(i)
	}
	for i := range h.workers {
		h.workers[i].next = h.workers[(i+1)%c.Workers].inbox
	}
	return nil
}

// Work never waits for another worker, who may have stopped: when its neighbour
// has no room it returns early.
//
// Passing on needs room for one, handing over a mailbox that is less than half
// full. So the mailboxes are never all full, and somebody in the ring can go on.
// If room for one were enough for both, then from 127 places of 128
//
//	A, whose inbox has a place free     B, whose inbox is full
//	receives nothing: B has no room
//	                                    receives one, and passes it on:
//	                                    A has no room any more
//	hands over one: B has no room
//
// both would wait for each other for ever.
//
// Handing over comes first, so that everybody goes on, even where the workers take
// turns on one CPU. If what is received were passed on first, then
//
//	A                                   B
//	receives all, hands over 32
//	                                    receives 32, and passes them on:
//	                                    A's mailbox is half full
//	receives all, hands over 32
//
// B would never hand over anything.
func (h *handoff[T, H]) Work(worker, n int) int {
	w := &h.workers[worker]
	for done := 0; done < n; {
		idle := true
		if w.next.waiting() < h.depth/2 {
			h.give(w)
			done++
			idle = false
		}
		for w.next.waiting() < h.depth {
			p, ok := w.inbox.receive()
			if !ok {
				break
			}
			h.handle(w, p)
			idle = false
		}
		if idle {
			return done
		}
	}
	return n
}

// give hands the worker's own object over: Get, then send (rule 1).
func (h *handoff[T, H]) give(w *handoffWorker[T, H]) {
	if w.own == nil {
		w.own = w.cache.Alloc()
		w.hold = w.holder.Init(&w.own.Object)
		w.life = w.own.Life()
		w.given = 0
	}
	o := w.own
	if h.wrong {
		h.giveWrong(w)
	} else {
		w.next.send(parcel[T]{o, w.holder.Get(&o.Object), h.hops - 1})
	}
	w.holder.Use(&o.Object, w.hold)
	o.Value.visits.Add(1)
	if w.given++; w.given == h.lifetime {
		h.kill(w)
	}
}

// giveWrong gives the receiver the owner's reference, so to speak, and takes another
// for the owner. It comes to that only when starting the receiver (kthread_run)
// returns, some time after the receiver has begun. By then the object may be gone.
func (h *handoff[T, H]) giveWrong(w *handoffWorker[T, H]) {
	o := w.own
	w.next.send(parcel[T]{o, w.hold, 0})
	spin.For(h.start)
	if w.given%16 == 15 {
		runtime.Gosched() // the receiver's turn, where there is one CPU
	}
	w.hold = w.holder.Get(&o.Object)
}

// kill drops the owner's reference to the worker's own object.
func (h *handoff[T, H]) kill(w *handoffWorker[T, H]) {
	o := w.own
	w.own = nil
	if o.Life() != w.life {
		w.early++
	}
	if w.holder.Kill(&o.Object, w.hold) {
		w.cache.Free(o)
	}
}

// handle does with a received reference what there is to do: use it, then pass
// it on or drop it (rule 2). There is room to pass it on.
func (h *handoff[T, H]) handle(w *handoffWorker[T, H], p parcel[T]) {
	o := p.object
	w.holder.Use(&o.Object, p.hold)
	o.Value.visits.Add(1)
	if p.hops == 0 {
		if w.holder.Put(&o.Object, p.hold) {
			w.cache.Free(o)
		}
		return
	}
	p.hops--
	if !h.extra {
		w.next.send(p) // The reference goes with it: o is not ours any more.
		return
	}
	own := p.hold
	p.hold = w.holder.Get(&o.Object)
	w.next.send(p)
	if w.holder.Put(&o.Object, own) {
		w.cache.Free(o)
	}
}

func (h *handoff[T, H]) Roles() []Role { return nil }

func (h *handoff[T, H]) Close() Books {
	for i := range h.workers {
		w := &h.workers[i]
		for {
			p, ok := w.inbox.receive()
			if !ok {
				break
			}
			if w.holder.Put(&p.object.Object, p.hold) {
				w.cache.Free(p.object)
			}
		}
		if w.own != nil {
			h.kill(w)
		}
	}
	b := BooksOf(h.arena)
	for i := range h.workers {
		b.Observe(judge.StolenReference, h.workers[i].early, "objects were released while worker %d owned them", i)
	}
	return b
}
