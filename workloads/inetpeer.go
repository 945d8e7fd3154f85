package workloads

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
	"github.com/refbench/refbench/workloads/spin"
)

// InetPeer is the table of remote hosts of Linux IPv4 and IPv6 (net/ipv4/
// inetpeer.c): a search tree of peers, each with what is remembered of an address.
//
//   - A worker looks an address up and takes a reference to its peer
//     (inet_getpeer), uses what is remembered, and drops the reference
//     (inet_putpeer). It searches in a read section, without the lock. A search
//     that found nothing may have been misled by a change of the tree, so it is
//     repeated under the lock; if there still is no peer, one is made.
//   - The collector frees peers that nobody has used for a while
//     (inet_peer_gc), and so does every worker who makes a peer, with those that
//     it passed on its way through the tree.
//
// A peer that nobody uses is idle, not dead: it stays in the tree for the next who
// asks for its address. The original counted that as 0, and the collector made it
// -1, dead, in one atomic step, from which no lookup could take a reference any
// more. Here, as in Linux since its refcount_t, all that is one higher: the tree
// holds a reference, 1 is idle, 0 is dead, and the collector's step is PutIfOne.
//
// If the collector read the count and then freed the peer, a lookup could take a
// reference in between, since lookups don't take the lock.
//
// The memory of a peer is used again after a grace period.
var InetPeer = &Workload{
	Name:      "inetpeer",
	Doc:       "look remote hosts up in a tree or add them, while a collector frees idle ones",
	Source:    "Linux net/ipv4/inetpeer.c",
	Operation: "a peer looked up, or made, used and put",
	Needs:     []strategies.Power{strategies.PowerOnePutter, strategies.PowerReader},
	NoWait:    "the collector frees a peer only if nobody else holds it, and never waits",
	Knobs: []Knob{
		{Name: "addresses", Doc: "addresses that are asked for", Default: 1024, Min: 1, Max: 1 << 17},
		{Name: "hot", Doc: "share of lookups that are for a sixteenth of the addresses, in percent", Default: 80, Min: 0, Max: 100},
		{Name: "create", Doc: "share of lookups that make a peer if there is none, in percent", Default: 100, Min: 0, Max: 100},
		{Name: "hold", Doc: "how long a reference is held, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "pause", Doc: "time between two steps of the collector, in us", Default: 1000, Min: 1, Max: 1_000_000},
		{Name: "ttl", Doc: "steps of the collector that a peer is idle before it may be freed", Default: 1, Min: 0, Max: 1 << 20},
	},
	Wrong: "the collector reads that peers are idle, and frees them in a second step",
	Plan: Plan{
		Settings: "addresses=1,ttl=0,pause=1",
		Before:   "w0.Work",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamicOne(c, new(inetPeers[DynamicOne, DynamicTimedOne]), new(inetPeers[DynamicOne, DynamicCheckedOne]))
	},
}

// An inetPeer is what is remembered of an address, and its place in the tree
// (struct inet_peer). The tree's fields are changed under its lock and read in
// read sections.
type inetPeer[T any] struct {
	left, right atomic.Pointer[arena.Slot[T, inetPeer[T]]]
	address     uint32
	hold        arena.Hold // the tree's reference; under the lock

	// dtime is when the peer was used last, in ticks.
	dtime atomic.Uint32
	// tokens is an example of what is remembered: how much may be sent to
	// the address (rate_tokens).
	tokens atomic.Uint32
}

// open makes it the peer of an address, used at the time and outside the tree.
func (p *inetPeer[T]) open(address, now uint32) {
	p.left.Store(nil)
	p.right.Store(nil)
	p.address = address
	p.dtime.Store(now)
}

// touch puts down that the peer is used at the time. Most peers were used in this tick
// already, and a store would take the cache line from other readers.
func (p *inetPeer[T]) touch(now uint32) {
	if p.dtime.Load() != now {
		p.dtime.Store(now)
	}
}

// toward returns the link to the subtree that has the address.
func (p *inetPeer[T]) toward(address uint32) *atomic.Pointer[arena.Slot[T, inetPeer[T]]] {
	if address < p.address {
		return &p.left
	}
	return &p.right
}

// inetTree is a treap: a search tree by address and a heap by a hash of it, which
// keeps it balanced (Seidel, Aragon 1996, "Randomized search trees"). A reader
// without the lock sees no cycle at any time, but may miss what is being moved.
type inetTree[T any] struct {
	mu sync.Mutex
	// changes counts begins and ends of changes: it is odd while mu is held.
	// Linux has a seqlock here, whose readers wait for a change to end. Ours
	// don't: whoever finds his peer needn't care, and whoever doesn't takes
	// the lock anyway.
	changes atomic.Uint32
	root    atomic.Pointer[arena.Slot[T, inetPeer[T]]]
	// path is memory for find.
	path []*arena.Slot[T, inetPeer[T]]
}

func (t *inetTree[T]) lock() {
	t.mu.Lock()
	t.changes.Add(1)
}

func (t *inetTree[T]) unlock() {
	t.changes.Add(1)
	t.mu.Unlock()
}

// inetRank is a peer's place in the heap: the greatest is on top.
func inetRank(address uint32) uint32 {
	h := (address + 1) * 0x9E3779B1
	h ^= h >> 15
	h *= 0x85EBCA77
	return h ^ h>>13
}

// find returns the peer with the address, or nil, and whom it passed. The caller
// has the lock.
func (t *inetTree[T]) find(address uint32) (*arena.Slot[T, inetPeer[T]], []*arena.Slot[T, inetPeer[T]]) {
	t.path = t.path[:0]
	p := t.root.Load()
	for p != nil && p.Value.address != address {
		t.path = append(t.path, p)
		p = p.Value.toward(address).Load()
	}
	return p, t.path
}

// insert puts a peer into the tree below those that find passed.
func (t *inetTree[T]) insert(p *arena.Slot[T, inetPeer[T]], path []*arena.Slot[T, inetPeer[T]]) {
	address := p.Value.address
	link := func(i int) *atomic.Pointer[arena.Slot[T, inetPeer[T]]] {
		if i == 0 {
			return &t.root
		}
		return path[i-1].Value.toward(address)
	}
	link(len(path)).Store(p)
	for i := len(path) - 1; i >= 0 && inetRank(path[i].Value.address) < inetRank(address); i-- {
		t.rotate(link(i), path[i], p)
	}
}

// rotate puts p in the place of its parent, which becomes its child. at is the
// link to the parent.
func (t *inetTree[T]) rotate(at *atomic.Pointer[arena.Slot[T, inetPeer[T]]], parent, p *arena.Slot[T, inetPeer[T]]) {
	if p.Value.address < parent.Value.address {
		parent.Value.left.Store(p.Value.right.Load())
		p.Value.right.Store(parent)
	} else {
		parent.Value.right.Store(p.Value.left.Load())
		p.Value.left.Store(parent)
	}
	at.Store(p)
}

// remove takes a peer out of the tree, if it is in it. Readers that are at it go on from there.
func (t *inetTree[T]) remove(p *arena.Slot[T, inetPeer[T]]) {
	at := &t.root
	for n := at.Load(); n != p; n = at.Load() {
		if n == nil {
			return
		}
		at = n.Value.toward(p.Value.address)
	}
	for {
		left, right := p.Value.left.Load(), p.Value.right.Load()
		if left == nil {
			at.Store(right)
			return
		}
		if right == nil {
			at.Store(left)
			return
		}
		up := left
		if inetRank(left.Value.address) < inetRank(right.Value.address) {
			up = right
		}
		t.rotate(at, p, up)
		at = up.Value.toward(p.Value.address)
	}
}

// from adds the peers from an address on to list, in order, until it is full.
func (t *inetTree[T]) from(p *arena.Slot[T, inetPeer[T]], address uint32, list []*arena.Slot[T, inetPeer[T]]) []*arena.Slot[T, inetPeer[T]] {
	if p == nil || len(list) == cap(list) {
		return list
	}
	if p.Value.address >= address {
		list = t.from(p.Value.left.Load(), address, list)
		if len(list) == cap(list) {
			return list
		}
		list = append(list, p)
	}
	return t.from(p.Value.right.Load(), address, list)
}

type inetPeers[T any, H OneHolder[T]] struct {
	arena   *arena.Arena[T, inetPeer[T]]
	readers *rcu.Domain
	tree    inetTree[T]
	wrong   bool

	addresses int
	hot       int // percent
	create    int // percent
	hold      int // loops of spin.For
	ttl       int32

	// ticks is the time (jiffies).
	ticks atomic.Uint32

	workers   []inetWorker[T, H]
	collector inetCollector[T, H]
}

// inetActor is what every role needs to release peers.
type inetActor[T any, H OneHolder[T]] struct {
	holder  H
	cache   *arena.Cache[T, inetPeer[T]]
	retirer *rcu.Retirer[*arena.Slot[T, inetPeer[T]]]
	// released holds the peers that were released under the lock, where
	// nobody waits for a grace period.
	released []*arena.Slot[T, inetPeer[T]]
	stolen   uint64 // last references where the tree has one
}

type inetWorker[T any, H OneHolder[T]] struct {
	actor inetActor[T, H]
	rand  Rand
	dead  uint64 // lookups that found a peer of the tree dead under the lock
	_     [pin.LineBytes]byte
}

type inetCollector[T any, H OneHolder[T]] struct {
	actor inetActor[T, H]
	pause time.Duration
	next  uint32 // address to go on from
	list  []*arena.Slot[T, inetPeer[T]]
}

// inetSweep is how many peers the collector looks at in a step: few enough to
// keep the lock for some microseconds only.
const inetSweep = 128

func (n *inetPeers[T, H]) Setup(c Config, k Kit[T, H]) error {
	*n = inetPeers[T, H]{
		arena:     arena.New[T, inetPeer[T]](k.Options(c)),
		readers:   rcu.New(),
		wrong:     c.Wrong,
		addresses: c.Knob("addresses"),
		hot:       c.Knob("hot"),
		create:    c.Knob("create"),
		hold:      spin.Loops(time.Duration(c.Knob("hold"))),
		ttl:       int32(c.Knob("ttl")),
		workers:   make([]inetWorker[T, H], c.Workers),
	}
	for i := range n.workers {
		n.workers[i].actor = n.newActor(k.Worker(i))
		n.workers[i].rand = NewRand(c.Seed, i)
	}
	n.collector.actor = n.newActor(k.Holder("collector"))
	n.collector.pause = time.Duration(c.Knob("pause")) * time.Microsecond
	n.collector.list = make([]*arena.Slot[T, inetPeer[T]], 0, inetSweep)
	// The first peer, so that there is one even if nobody makes any.
	a := &n.collector.actor
	p, h := n.make(a, 0, nil)
	n.put(a, p, h)
	return nil
}

func (n *inetPeers[T, H]) newActor(h H) inetActor[T, H] {
	cache := n.arena.Cache()
	return inetActor[T, H]{
		holder:  h,
		cache:   cache,
		retirer: rcu.NewRetirer(n.readers, cache.Recycle),
	}
}

// Work looks n addresses up.
func (n *inetPeers[T, H]) Work(worker, ops int) int {
	w := &n.workers[worker]
	for range ops {
		count := n.addresses
		if n.hot > w.rand.Below(100) {
			count = (count + 15) / 16
		}
		create := n.create > w.rand.Below(100)
		p, h := n.get(w, uint32(w.rand.Below(count)), create)
		if p != nil {
			w.actor.holder.Use(&p.Object, h)
			p.Value.tokens.Add(1)
			spin.For(n.hold)
			if n.wrong {
				runtime.Gosched() // the collector's turn
			}
			w.actor.holder.Use(&p.Object, h)
			n.put(&w.actor, p, h)
		}
		if len(w.actor.released) > 0 {
			n.retire(&w.actor)
		}
	}
	return ops
}

// get returns the peer with the address and a reference to it, or nil
// (inet_getpeer).
func (n *inetPeers[T, H]) get(w *inetWorker[T, H], address uint32, create bool) (*arena.Slot[T, inetPeer[T]], arena.Hold) {
	section := n.readers.Lock()
	changes := n.tree.changes.Load()
	p, h := n.lookup(w, address)
	changed := changes&1 == 1 || n.tree.changes.Load() != changes
	n.readers.Unlock(section)
	if p != nil || !create && !changed {
		return p, h
	}
	n.tree.lock()
	p, h = n.getLocked(w, address, create)
	n.tree.unlock()
	return p, h
}

// lookup searches in a read section.
func (n *inetPeers[T, H]) lookup(w *inetWorker[T, H], address uint32) (*arena.Slot[T, inetPeer[T]], arena.Hold) {
	p := n.tree.root.Load()
	for p != nil {
		if p.Value.address == address {
			// The collector may have found it idle and taken it
			// away; then it is dead, and stays so.
			if h, ok := w.actor.holder.TryGet(&p.Object); ok {
				return p, h
			}
			return nil, 0
		}
		p = p.Value.toward(address).Load()
	}
	return nil, 0
}

// getLocked searches under the lock, and makes a peer if there is none.
func (n *inetPeers[T, H]) getLocked(w *inetWorker[T, H], address uint32, create bool) (*arena.Slot[T, inetPeer[T]], arena.Hold) {
	p, path := n.tree.find(address)
	if p != nil {
		// The tree has a reference, which only whoever has the lock
		// drops. A TryGet that may fail spuriously doesn't do so time
		// and again.
		for range inetPatience {
			if h, ok := w.actor.holder.TryGet(&p.Object); ok {
				return p, h
			}
			runtime.Gosched()
		}
		w.dead++
		return nil, 0
	}
	if !create {
		return nil, 0
	}
	p, h := n.make(&w.actor, address, path)
	if !n.wrong {
		n.collect(&w.actor, path)
	}
	return p, h
}

// inetPatience is how often TryGet may fail on a peer that the tree holds before
// the failure counts as wrong.
const inetPatience = 100

// make puts a new peer into the tree and returns it with a reference for the
// caller, who has the lock.
func (n *inetPeers[T, H]) make(a *inetActor[T, H], address uint32, path []*arena.Slot[T, inetPeer[T]]) (*arena.Slot[T, inetPeer[T]], arena.Hold) {
	p := a.cache.Alloc()
	p.Value.open(address, n.ticks.Load())
	p.Value.hold = a.holder.Init(&p.Object)
	h := a.holder.Get(&p.Object)
	n.tree.insert(p, path)
	return p, h
}

// put drops a reference (inet_putpeer).
func (n *inetPeers[T, H]) put(a *inetActor[T, H], p *arena.Slot[T, inetPeer[T]], h arena.Hold) {
	p.Value.touch(n.ticks.Load())
	if a.holder.Put(&p.Object, h) {
		// Only the collector makes a peer dead. This one is in the tree
		// still, or another has its memory by now: leave it alone.
		a.stolen++
	}
}

// collect frees those of the peers that are idle for long enough (inet_peer_gc).
// The caller has the lock.
func (n *inetPeers[T, H]) collect(a *inetActor[T, H], peers []*arena.Slot[T, inetPeer[T]]) {
	now := n.ticks.Load()
	for _, p := range peers {
		if !n.old(p, now) || !a.holder.PutIfOne(&p.Object, p.Value.hold) {
			continue
		}
		n.tree.remove(p)
		n.release(a, p)
	}
}

// old reports whether a peer was not used for long enough. It may have been used
// in a later tick than now.
func (n *inetPeers[T, H]) old(p *arena.Slot[T, inetPeer[T]], now uint32) bool {
	return int32(now-p.Value.dtime.Load()) >= n.ttl
}

// collectWrong reads who is idle, and frees them in a second step, under the lock:
// what inet_peer_gc would be without its compare-and-exchange.
func (n *inetPeers[T, H]) collectWrong(c *inetCollector[T, H]) {
	now := n.ticks.Load()
	section := n.readers.Lock()
	n.sweep(c)
	idle := c.list[:0]
	for _, p := range c.list {
		if n.old(p, now) && c.actor.holder.Count(&p.Object) == 1 {
			idle = append(idle, p)
		}
	}
	n.readers.Unlock(section)
	runtime.Gosched() // anybody else's turn
	n.tree.lock()
	for _, p := range idle {
		n.tree.remove(p)
		c.actor.holder.Put(&p.Object, p.Value.hold)
		n.release(&c.actor, p)
	}
	n.tree.unlock()
}

// sweep lists the peers that it is the turn of.
func (n *inetPeers[T, H]) sweep(c *inetCollector[T, H]) {
	c.list = n.tree.from(n.tree.root.Load(), c.next, c.list[:0])
	c.next = 0
	if len(c.list) == cap(c.list) {
		c.next = c.list[len(c.list)-1].Value.address + 1
	}
}

// release ends the life of a peer that is dead. Its memory is for retire.
func (n *inetPeers[T, H]) release(a *inetActor[T, H], p *arena.Slot[T, inetPeer[T]]) {
	if a.cache.End(p) {
		a.released = append(a.released, p)
	}
}

// retire recycles what was released after a grace period (call_rcu). The caller is
// outside read sections and doesn't have the lock.
func (n *inetPeers[T, H]) retire(a *inetActor[T, H]) {
	for _, p := range a.released {
		a.retirer.Retire(p)
	}
	a.released = a.released[:0]
}

// Roles returns the collector, whose steps are also the clock's.
func (n *inetPeers[T, H]) Roles() []Role {
	c := &n.collector
	return []Role{{Name: "collector", Step: func() time.Duration {
		n.ticks.Add(1)
		if n.wrong {
			n.collectWrong(c)
		} else {
			n.tree.lock()
			n.sweep(c)
			n.collect(&c.actor, c.list)
			n.tree.unlock()
		}
		n.retire(&c.actor)
		return c.pause
	}}}
}

// Close drops the tree's references (inetpeer_invalidate_tree).
func (n *inetPeers[T, H]) Close() Books {
	a := &n.collector.actor
	for p := n.tree.root.Load(); p != nil; p = n.tree.root.Load() {
		n.tree.remove(p)
		if a.holder.Kill(&p.Object, p.Value.hold) {
			n.release(a, p)
		}
	}
	n.retire(a)
	a.retirer.Flush()
	for i := range n.workers {
		n.retire(&n.workers[i].actor)
		n.workers[i].actor.retirer.Flush()
	}
	b := BooksOf(n.arena)
	for i := range n.workers {
		w := &n.workers[i]
		b.Observe(judge.StolenReference, w.dead, "lookups of worker %d found a peer dead that the tree held", i)
		b.Observe(judge.StolenReference, w.actor.stolen, "puts of worker %d released a peer that the tree held", i)
	}
	return b
}
