package workloads

import (
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// Churn is the load of netperf TCP_CRR, with which the reference counts of Linux
// IPv6 tunnels were found to be wrong (merge 244b7f432489, "ipv6: Fix dst_entry
// refcnt bugs in ip6_tunnel"): connect, request, response, close, and again. Short
// lives dominate: what is allocated, initialized and freed for a single request
// costs more than the counting in between.
//
// A worker is a client with one connection at a time. It allocates a socket and
// initializes its count, looks up a route to the peer and keeps a reference to it
// in the socket (sk_dst_cache), takes references to the socket for the timer and
// the softirq that handle a request (sock_hold), uses it, drops them (sock_put),
// and closes: the route is put, the socket killed and freed. A share of the
// connections fails half-way, and the error path must drop what was taken until
// then, no more and no less.
//
// Routes are long-lived and shared by all workers; the workload owns them. With
// routes=0 the workload is allocate, Init, use, free alone.
//
// An error path that forgets a reference leaks an object for each failure
// (CVE-2014-2851: a group_info for each ping socket; CVE-2016-0728: a keyring for
// each failed join), until memory or the count's limit is reached.
var Churn = &Workload{
	Name:      "churn",
	Doc:       "connect, request, response, close: objects are allocated, used once and freed",
	Source:    "netperf TCP_CRR over Linux IPv6 tunnels, merge 244b7f432489",
	Operation: "a connection, from Init to its release",
	Knobs: []Knob{
		{Name: "routes", Doc: "long-lived routes that connections hold; 0: connections hold none", Default: 16, Min: 0, Max: 1 << 16},
		{Name: "gets", Doc: "references taken to a connection beside its owner's", Default: 2, Min: 0, Max: churnGets},
		{Name: "errors", Doc: "share of connections that fail, in percent", Default: 5, Min: 0, Max: 100},
		{Name: "hold", Doc: "how long a request takes, in ns", Default: 0, Min: 0, Max: 1_000_000},
	},
	Wrong: "the error path forgets a reference",
	Plan: Plan{
		Settings: "routes=1,gets=1,errors=50",
		Program:  "w0.Work w0.Work|w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(churn[Dynamic, DynamicTimed]), new(churn[Dynamic, DynamicChecked]))
	},
}

// churnGets is how many references to a connection a request takes at most.
const churnGets = 8

type churn[T any, H Holder[T]] struct {
	sockets *arena.Arena[T, churnSocket[T]]
	routes  *arena.Arena[T, struct{}]
	workers []churnWorker[T, H]
	gets    int
	errors  int // percent
	hold    int // loops of spin.For
	wrong   bool

	owner H
	cache *arena.Cache[T, struct{}]
	table []churnRoute[T]
}

// churnRoute is a route and the table's reference to it.
type churnRoute[T any] struct {
	slot *arena.Slot[T, struct{}]
	hold arena.Hold
}

// churnSocket is a connection.
type churnSocket[T any] struct {
	// dst is the route, nil if there is none (sk_dst_cache).
	dst     *arena.Slot[T, struct{}]
	dstHold arena.Hold
	// sequence counts connections in plain memory: every holder of the
	// slot's last life is done before the next begins.
	sequence uint64
}

type churnWorker[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, churnSocket[T]]
	rand   Rand
	early  uint64 // references that were the last though the owner held another
	late   uint64 // connections that had no last reference
	dead   uint64 // routes that TryGet found dead though the table owned them
	_      [pin.LineBytes]byte
}

func (ch *churn[T, H]) Setup(c Config, k Kit[T, H]) error {
	*ch = churn[T, H]{
		sockets: arena.New[T, churnSocket[T]](k.Options(c)),
		routes:  arena.New[T, struct{}](k.Options(c)),
		workers: make([]churnWorker[T, H], c.Workers),
		gets:    c.Knob("gets"),
		errors:  c.Knob("errors"),
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
		wrong:   c.Wrong,
		owner:   k.Holder("routing table"),
		table:   make([]churnRoute[T], c.Knob("routes")),
	}
	ch.cache = ch.routes.Cache()
	for i := range ch.table {
		r := &ch.table[i]
		r.slot = ch.cache.Alloc()
		r.hold = ch.owner.Init(&r.slot.Object)
	}
	for i := range ch.workers {
		w := &ch.workers[i]
		w.holder = k.Worker(i)
		w.cache = ch.sockets.Cache()
		w.rand = NewRand(c.Seed, i)
	}
	return nil
}

// Work makes n connections.
func (c *churn[T, H]) Work(worker, n int) int {
	w := &c.workers[worker]
	for range n {
		c.transact(w)
	}
	return n
}

// transact makes a connection, sends a request, and closes the connection.
func (c *churn[T, H]) transact(w *churnWorker[T, H]) {
	s := w.cache.Alloc()
	own := w.holder.Init(&s.Object)
	s.Value.sequence++
	s.Value.dst = nil
	if len(c.table) > 0 && !c.connect(w, s) {
		c.close(w, s, own)
		return
	}
	take := c.gets
	failed := c.errors > 0 && w.rand.Below(100) < c.errors
	if failed {
		take = w.rand.Below(c.gets + 1) // It fails after that many.
	}
	var holds [churnGets]arena.Hold
	for i := range take {
		holds[i] = w.holder.Get(&s.Object)
	}
	if !failed {
		spin.For(c.hold)
		w.holder.Use(&s.Object, own)
		if s.Value.dst != nil {
			w.holder.Use(&s.Value.dst.Object, s.Value.dstHold)
		}
	} else if c.wrong {
		take = c.forget(s, take)
	}
	for i := take - 1; i >= 0; i-- {
		if w.holder.Put(&s.Object, holds[i]) {
			w.early++
		}
	}
	c.close(w, s, own)
}

// forget is what the error path knows of what was taken, all but the last: a reference
// to the socket, or else to the route. It returns how many to the socket.
func (c *churn[T, H]) forget(s *arena.Slot[T, churnSocket[T]], take int) int {
	if take > 0 {
		return take - 1
	}
	s.Value.dst = nil
	return 0
}

// connect looks up a route and keeps it in the socket (ip6_dst_lookup). The table
// never changes, so the route is alive, and its memory a route. TryGet is what a
// lookup does all the same: it doesn't know.
func (c *churn[T, H]) connect(w *churnWorker[T, H], s *arena.Slot[T, churnSocket[T]]) bool {
	dst := c.table[w.rand.Below(len(c.table))].slot
	for range churnPatience {
		if h, ok := w.holder.TryGet(&dst.Object); ok {
			s.Value.dst, s.Value.dstHold = dst, h
			return true
		}
	}
	w.dead++
	return false
}

// churnPatience is how often TryGet may fail on a route that the table owns before
// the failure counts as wrong.
const churnPatience = 100

// close drops the socket's reference to its route and the owner's to the socket,
// which is the last (inet_csk_destroy_sock).
func (c *churn[T, H]) close(w *churnWorker[T, H], s *arena.Slot[T, churnSocket[T]], own arena.Hold) {
	if dst := s.Value.dst; dst != nil {
		s.Value.dst = nil
		if w.holder.Put(&dst.Object, s.Value.dstHold) {
			w.early++
		}
	}
	if w.holder.Kill(&s.Object, own) {
		w.cache.Free(s)
	} else {
		w.late++
	}
}

func (c *churn[T, H]) Roles() []Role { return nil }

func (c *churn[T, H]) Close() Books {
	for i := range c.table {
		r := &c.table[i]
		if c.owner.Kill(&r.slot.Object, r.hold) {
			c.cache.Free(r.slot)
		}
	}
	b := BooksOfBoth(c.sockets, c.routes)
	for i := range c.workers {
		w := &c.workers[i]
		b.Observe(judge.StolenReference, w.early, "references dropped by worker %d were the last though the owner held another", i)
		b.Observe(judge.StolenReference, w.dead, "lookups of worker %d found a route dead that the table owned", i)
		b.Observe(judge.LateRelease, w.late, "connections of worker %d were closed and not released", i)
	}
	return b
}
