package workloads

import (
	"sync"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// PNode is the nodes of NetBSD puffs, which passes a file system's operations to
// a server in user space (sys/fs/puffs/puffs_subr.c, revision 1.39).
//
// A mount finds its nodes by the server's cookies, in a hash under the mount's
// mutex (pmp_lock). The hash is weak. A node's count changes under the node's own
// mutex only (pn_mtx), with puffs_referencenode and puffs_releasenode. The vnode
// holds the reference that the node is made with.
//
//   - A worker makes calls on files by their cookies. It finds the node under the
//     mount's mutex, takes the node's before it leaves the mount's, and references
//     it (puffs_pnode2vnode; the vnode is part of its node here). A cookie without
//     a node gets one, and if another worker was faster its own is put back
//     (puffs_newnode, EEXIST).
//   - The root is found by a pointer of the mount instead and made on demand
//     (puffs_makeroot): outside the mount's mutex, so two workers may race for it.
//     The one who then finds the pointer set puts its new node back and tries
//     again. It also tries again while the old root is being reclaimed.
//   - A share of the calls polls. The answer comes later, maybe after the vnode is
//     gone, so the request holds a reference of its own to the node.
//   - The file server, a role, answers polls: it sets the node's events under its
//     mutex and releases it (puffs_parkdone_poll).
//   - The reclaimer, a role, recycles vnodes: from then on the node isn't found
//     (vget fails), it leaves the hash, and the vnode's reference is released
//     (puffs_putvnode). Polls may keep the node for a while.
//
// If a poll held no reference its answer would be written into a node that was
// freed, or into another. If the root's maker didn't look again, one of two roots
// would be lost.
var PNode = &Workload{
	Name:      "pnode",
	Doc:       "find nodes by cookie and count them under their own mutex, across asynchronous polls",
	Source:    "NetBSD sys/fs/puffs/puffs_subr.c 1.39",
	Operation: "a call on a file: its node found or made, used and released, maybe with a poll",
	NoWait:    "vnodes are put under their node's mutex, which others need to drop what they hold",
	Knobs: []Knob{
		{Name: "files", Doc: "files of the mount, with the root as the first", Default: 64, Min: 1, Max: 1 << 14},
		PopularityKnob(10),
		{Name: "polls", Doc: "share of calls that poll, in percent", Default: 20, Min: 0, Max: 100},
		{Name: "queue", Doc: "polls without an answer at a time; others are refused", Default: 256, Min: 1, Max: 1 << 16},
		{Name: "hold", Doc: "how long a call holds its node, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "answer", Doc: "time between two turns of the file server, in us", Default: 50, Min: 1, Max: 1_000_000},
		{Name: "pause", Doc: "time between two reclaimed nodes, in us", Default: 200, Min: 1, Max: 1_000_000},
	},
	Wrong: "a poll holds no reference of its own until its answer",
	Plan: Plan{
		Settings: "files=1,skew=0,polls=50,queue=2,answer=1,pause=1",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step|r1.Step r1.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(pnodes[Dynamic, DynamicTimed]), new(pnodes[Dynamic, DynamicChecked]))
	},
}

// pnode is a node with its vnode, without the count (struct puffs_node).
type pnode[T any] struct {
	// The mount's mutex guards these.
	cookie int
	next   *arena.Slot[T, pnode[T]] // in its bucket
	hashed bool

	mu sync.Mutex // pn_mtx
	// revents are the events that polls were answered with (pn_revents).
	revents uint64
	// gone says that the vnode is being reclaimed (VXLOCK).
	gone bool
	// vnode is the vnode's reference. Whoever sets gone releases it.
	vnode arena.Hold
	life  arena.Life
}

// open begins the life of a node with the vnode's reference.
func (v *pnode[T]) open(vnode arena.Hold, life arena.Life) {
	v.mu.Lock()
	v.revents, v.gone, v.vnode, v.life = 0, false, vnode, life
	v.mu.Unlock()
}

type pnodes[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, pnode[T]]
	mount   pnodeMount[T]
	polls   pnodePolls[T]
	workers []pnodeActor[T, H]
	server  pnodeActor[T, H]
	vnodes  pnodeActor[T, H] // the reclaimer

	picks   Popularity
	share   int // of polls, percent
	hold    int // loops of spin.For
	answer  time.Duration
	pause   time.Duration
	wrong   bool
	reclaim int // whose turn it is to be reclaimed
}

// rootCookie is the cookie of the root.
const rootCookie = 0

// pnodeMount is what a mount knows of its nodes (struct puffs_mount).
type pnodeMount[T any] struct {
	mu      sync.Mutex                             // pmp_lock; a node's mutex may be taken under it
	root    *arena.Slot[T, pnode[T]]               // pmp_root, weak
	buckets [pnodeBuckets]*arena.Slot[T, pnode[T]] // pmp_pnodehash, weak
}

// pnodeBuckets is how many buckets a mount has (puffs_pnodebuckets_default).
const pnodeBuckets = 256

// find returns the node with the cookie, or nil (puffs_cookie2pnode). The caller
// holds the mutex.
func (m *pnodeMount[T]) find(cookie int) *arena.Slot[T, pnode[T]] {
	n := m.buckets[cookie%pnodeBuckets]
	for n != nil && n.Value.cookie != cookie {
		n = n.Value.next
	}
	return n
}

// insert adds a node. The caller holds the mutex.
func (m *pnodeMount[T]) insert(n *arena.Slot[T, pnode[T]], cookie int) {
	if n.Value.hashed {
		return // A broken count gave the slot away too early.
	}
	b := &m.buckets[cookie%pnodeBuckets]
	n.Value.cookie, n.Value.next, n.Value.hashed = cookie, *b, true
	*b = n
}

// remove takes a node out. The caller holds the mutex.
func (m *pnodeMount[T]) remove(n *arena.Slot[T, pnode[T]]) {
	if !n.Value.hashed {
		return
	}
	n.Value.hashed = false
	at := &m.buckets[n.Value.cookie%pnodeBuckets]
	for *at != n {
		at = &(*at).Value.next
	}
	*at = n.Value.next
}

// pnodePolls are the polls that the file server hasn't answered, in order. Each
// carries a reference.
type pnodePolls[T any] struct {
	mu    sync.Mutex
	ring  []pnodePoll[T]
	first int // the oldest
	count int
}

type pnodePoll[T any] struct {
	node *arena.Slot[T, pnode[T]]
	hold arena.Hold
	life arena.Life
}

// put adds a poll and reports whether there was room.
func (q *pnodePolls[T]) put(p pnodePoll[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == len(q.ring) {
		return false
	}
	q.ring[(q.first+q.count)%len(q.ring)] = p
	q.count++
	return true
}

// take returns the oldest poll and reports whether there was one.
func (q *pnodePolls[T]) take() (pnodePoll[T], bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return pnodePoll[T]{}, false
	}
	p := q.ring[q.first]
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	return p, true
}

// pnodeActor is somebody who runs kernel code.
type pnodeActor[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, pnode[T]]
	rand   Rand
	misses Misses
	stolen uint64 // nodes that were released while somebody held them
	_      [pin.LineBytes]byte
}

func (p *pnodes[T, H]) Setup(c Config, k Kit[T, H]) error {
	*p = pnodes[T, H]{
		arena:   arena.New[T, pnode[T]](k.Options(c)),
		workers: make([]pnodeActor[T, H], c.Workers),
		picks:   NewPopularity(c.Knob("files"), c.Knob("skew"), c.Seed),
		share:   c.Knob("polls"),
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
		answer:  time.Duration(c.Knob("answer")) * time.Microsecond,
		pause:   time.Duration(c.Knob("pause")) * time.Microsecond,
		wrong:   c.Wrong,
	}
	p.polls.ring = make([]pnodePoll[T], c.Knob("queue"))
	p.open(&p.server, k.Holder("file server"), NewRand(c.Seed, c.Workers))
	p.open(&p.vnodes, k.Holder("reclaimer"), NewRand(c.Seed, c.Workers+1))
	for i := range p.workers {
		p.open(&p.workers[i], k.Worker(i), NewRand(c.Seed, i))
	}
	return nil
}

func (p *pnodes[T, H]) open(a *pnodeActor[T, H], h H, r Rand) {
	a.holder, a.rand, a.cache = h, r, p.arena.Cache()
}

// Work makes n calls and returns how many got their node.
func (p *pnodes[T, H]) Work(worker, n int) int {
	a := &p.workers[worker]
	done := 0
	for range n {
		cookie := p.picks.Pick(&a.rand)
		var node *arena.Slot[T, pnode[T]]
		var h arena.Hold
		if cookie == rootCookie {
			node, h = p.makeRoot(a)
		} else {
			node, h = p.lookup(a, cookie)
		}
		if node == nil {
			done += a.misses.Next()
			continue
		}
		a.misses.End()
		life := node.Life()
		spin.For(p.hold)
		if p.share > 0 && a.rand.Below(100) < p.share {
			p.poll(a, node, h)
		}
		a.holder.Use(&node.Object, h)
		if node.Life() != life {
			a.stolen++
		}
		p.releaseNode(a, node, h)
		done++
	}
	return done
}

// getVNode makes a node and returns it with the vnode's reference, which is not the
// caller's (puffs_getvnode). Nobody finds it yet.
func (p *pnodes[T, H]) getVNode(a *pnodeActor[T, H]) *arena.Slot[T, pnode[T]] {
	node := a.cache.Alloc()
	h := a.holder.Init(&node.Object)
	node.Value.open(h, node.Life())
	return node
}

// vget references a node that was just found under the mount's mutex, and leaves
// that mutex. It returns false if the vnode is being reclaimed.
//
// The node's mutex is taken before the mount's is left:
//
//	A: finds the node, leaves the mount's mutex
//	B: takes the node out of the hash, releases it, frees it
//	A: takes the mutex of what was the node
func (p *pnodes[T, H]) vget(a *pnodeActor[T, H], node *arena.Slot[T, pnode[T]]) (arena.Hold, bool) {
	node.Value.mu.Lock()
	p.mount.mu.Unlock()
	if node.Value.gone {
		node.Value.mu.Unlock()
		return 0, false
	}
	// The vnode's reference is there, and can't go meanwhile.
	h := a.holder.Get(&node.Object)
	node.Value.mu.Unlock()
	return h, true
}

// lookup returns the node with a cookie and a reference to it. It makes one if
// there is none. It returns nil if the vnode is being reclaimed: the caller comes
// back another time.
func (p *pnodes[T, H]) lookup(a *pnodeActor[T, H], cookie int) (*arena.Slot[T, pnode[T]], arena.Hold) {
	p.mount.mu.Lock()
	if node := p.mount.find(cookie); node != nil {
		if h, ok := p.vget(a, node); ok {
			return node, h
		}
		return nil, 0
	}
	p.mount.mu.Unlock()
	made := p.getVNode(a)
	p.mount.mu.Lock()
	if node := p.mount.find(cookie); node != nil {
		// Somebody was faster (EEXIST).
		h, ok := p.vget(a, node)
		p.putVNode(a, made)
		if !ok {
			return nil, 0
		}
		return node, h
	}
	p.mount.insert(made, cookie)
	h, _ := p.vget(a, made)
	return made, h
}

// makeRoot returns the root and a reference to it, and makes it if there is none.
func (p *pnodes[T, H]) makeRoot(a *pnodeActor[T, H]) (*arena.Slot[T, pnode[T]], arena.Hold) {
	for tries := 0; ; tries++ {
		p.mount.mu.Lock()
		if root := p.mount.root; root != nil {
			if h, ok := p.vget(a, root); ok {
				return root, h
			}
		} else {
			p.mount.mu.Unlock()
		}
		if tries == rootTries {
			return nil, 0
		}
		// It is made without the mutex, since that may wait for memory.
		made := p.getVNode(a)
		p.mount.mu.Lock()
		if p.mount.root == nil {
			p.mount.insert(made, rootCookie)
			p.mount.root = made
			h, _ := p.vget(a, made)
			return made, h
		}
		// Somebody was faster, or the old root's reclaimer hasn't come to
		// clear the pointer.
		p.mount.mu.Unlock()
		p.putVNode(a, made)
	}
}

// rootTries is how often a worker tries to get at the root before it does
// something else: the reclaimer may be without a CPU.
const rootTries = 16

// poll asks the file server for a node's events. The caller's reference h is gone
// before the answer comes.
func (p *pnodes[T, H]) poll(a *pnodeActor[T, H], node *arena.Slot[T, pnode[T]], h arena.Hold) {
	v := &node.Value
	v.mu.Lock()
	if v.revents != 0 {
		// There are events from an earlier answer.
		v.revents = 0
		v.mu.Unlock()
		return
	}
	if !p.wrong {
		h = a.holder.Get(&node.Object)
	}
	v.mu.Unlock()
	if !p.polls.put(pnodePoll[T]{node, h, node.Life()}) && !p.wrong {
		p.releaseNode(a, node, h)
	}
}

// parkDone answers the oldest poll (puffs_parkdone_poll), and reports whether
// there was one.
func (p *pnodes[T, H]) parkDone() bool {
	a := &p.server
	q, ok := p.polls.take()
	if !ok {
		return false
	}
	a.holder.Use(&q.node.Object, q.hold)
	if q.node.Life() != q.life {
		a.stolen++
	}
	v := &q.node.Value
	v.mu.Lock()
	v.revents |= 1
	v.mu.Unlock()
	if !p.wrong {
		p.releaseNode(a, q.node, q.hold)
	}
	return true
}

// releaseNode drops a reference, under the node's mutex (puffs_releasenode).
func (p *pnodes[T, H]) releaseNode(a *pnodeActor[T, H], node *arena.Slot[T, pnode[T]], h arena.Hold) {
	node.Value.mu.Lock()
	last := a.holder.Put(&node.Object, h)
	node.Value.mu.Unlock()
	if last {
		a.cache.Free(node)
	}
}

// putVNode reclaims the vnode of a node that nobody finds, and drops the vnode's
// reference (puffs_putvnode).
func (p *pnodes[T, H]) putVNode(a *pnodeActor[T, H], node *arena.Slot[T, pnode[T]]) {
	v := &node.Value
	v.mu.Lock()
	if v.life != node.Life() {
		a.stolen++
	}
	v.gone = true
	last := a.holder.Kill(&node.Object, v.vnode)
	v.mu.Unlock()
	if last {
		a.cache.Free(node)
	}
}

// reclaimNode reclaims the node with a cookie, if there is one (puffs_reclaim).
// There is one reclaimer.
func (p *pnodes[T, H]) reclaimNode(cookie int) {
	m := &p.mount
	m.mu.Lock()
	node := m.find(cookie)
	if node == nil {
		m.mu.Unlock()
		return
	}
	// From now on vget fails, and whoever holds a reference may keep it.
	node.Value.mu.Lock()
	node.Value.gone = true
	node.Value.mu.Unlock()
	m.mu.Unlock()
	m.mu.Lock()
	if m.root == node {
		m.root = nil
	}
	m.remove(node)
	m.mu.Unlock()
	p.putVNode(&p.vnodes, node)
}

// serverTurn is how many polls the file server answers in one turn.
const serverTurn = 64

// Roles returns the file server and the reclaimer, who takes the root in every
// fourth turn.
func (p *pnodes[T, H]) Roles() []Role {
	return []Role{
		{Name: "file server", Step: func() time.Duration {
			for range serverTurn {
				if !p.parkDone() {
					break
				}
			}
			return p.answer
		}},
		{Name: "reclaimer", Step: func() time.Duration {
			cookie := rootCookie
			if p.reclaim++; p.reclaim%4 != 0 {
				cookie = p.picks.Pick(&p.vnodes.rand)
			}
			p.reclaimNode(cookie)
			return p.pause
		}},
	}
}

// Close reclaims all nodes and answers all polls, in this order, so that some
// nodes are kept by their polls alone.
func (p *pnodes[T, H]) Close() Books {
	for cookie := range p.picks.N() {
		p.reclaimNode(cookie)
	}
	for p.parkDone() {
	}
	b := BooksOf(p.arena)
	b.Observe(judge.StolenReference, p.server.stolen, "nodes were released before the answer to their poll")
	b.Observe(judge.StolenReference, p.vnodes.stolen, "nodes were released before their vnodes were reclaimed")
	for i := range p.workers {
		b.Observe(judge.StolenReference, p.workers[i].stolen, "nodes were released while worker %d held them", i)
	}
	return b
}
