package workloads

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
	"github.com/refbench/refbench/workloads/seqlock"
	"github.com/refbench/refbench/workloads/spin"
)

// DstCache is the route cache of Linux IPv6 tunnels after the fix of its
// reference counts (merge 244b7f432489, "ipv6: Fix dst_entry refcnt bugs in
// ip6_tunnel"; net/ipv6/ip6_tunnel.c).
//
// A tunnel caches the route of its packets once for each CPU, in a slot with a
// seqlock, a reference to the route and a cookie.
//
//   - A transmitter reads its CPU's slot under the seqlock and takes a reference
//     with TryGet, since the slot may be emptied meanwhile. If the cookie is out
//     of date it empties the slot. If it has no route it looks one up and puts
//     it into the slot, with a reference for the slot. It drops its own
//     reference when the packet is sent.
//   - The administrator replaces routes, and removes tunnels and adds new ones
//     while transmitters run. Removing a tunnel waits for a grace period and
//     then empties the slots of every CPU.
//
// Before the fix a tunnel had one slot for all CPUs and no lock: two
// transmitters that found the same old route both dropped its reference. The
// first version of the reset then emptied the slot of the current CPU once for
// every CPU, and the references in the others' slots leaked.
//
// A route is freed a grace period after its last Put, so that a transmitter
// which is about to TryGet never finds another object in its place.
var DstCache = &Workload{
	Name:      "dstcache",
	Doc:       "transmit over tunnels that cache their route per CPU, while an administrator changes both",
	Source:    "Linux net/ipv6/ip6_tunnel.c, merge 244b7f432489",
	Operation: "a packet sent: a route taken from the cache, or looked up and cached, and put",
	NoWait:    "a cache holds its route until the next packet finds it old, and there may be none",
	Knobs: []Knob{
		{Name: "tunnels", Doc: "tunnels", Default: 4, Min: 1, Max: 1024},
		{Name: "pause", Doc: "time between two actions of the administrator, in us", Default: 1000, Min: 1, Max: 1_000_000},
		{Name: "hold", Doc: "how long a packet holds its route, in ns", Default: 0, Min: 0, Max: 1_000_000},
	},
	Wrong: "one slot for all CPUs, changed without its lock, as before the fix",
	Plan: Plan{
		Settings: "tunnels=1,pause=1",
		Before:   "w0.Work r0.Step",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step r0.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(dstCache[Dynamic, DynamicTimed]), new(dstCache[Dynamic, DynamicChecked]))
	},
}

// A route is what a dst_entry is here: where packets go, and until when.
type route struct {
	// cookie is the routing table's serial number when the route was made
	// (rt6_get_cookie). The table has another number for the destination
	// once the route is replaced.
	cookie atomic.Uint32
}

// dstSlot is one CPU's cache of one tunnel (struct ip6_tnl_dst).
type dstSlot[T any] struct {
	lock   seqlock.Lock
	dst    atomic.Pointer[arena.Slot[T, route]]
	cookie atomic.Uint32
	hold   arena.Hold // the slot's reference to dst; for whoever has the lock
	_      [pin.LineBytes]byte
}

// A tunnel is a virtual device that sends to one destination.
type tunnel[T any] struct {
	destination int
	slots       []dstSlot[T] // one per CPU
}

// A destination is an entry of the routing table. The table owns the route.
type destination[T any] struct {
	route atomic.Pointer[arena.Slot[T, route]]
	// serial is what a route's cookie must be.
	serial atomic.Uint32
	// life and hold are of the table's reference to route, for the
	// administrator.
	life arena.Life
	hold arena.Hold
	_    [pin.LineBytes]byte
}

type dstCache[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, route]
	readers *rcu.Domain
	cpus    int // slots of a tunnel
	wrong   bool
	hold    int // loops of spin.For

	table   []destination[T]
	tunnels []atomic.Pointer[tunnel[T]]

	transmitters []dstTransmitter[T, H]
	admin        dstAdmin[T, H]
}

// dstActor is what every role needs to release routes.
type dstActor[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, route]
	// released holds the routes whose last reference dropped inside a read
	// section, where nobody may wait for a grace period.
	released []*arena.Slot[T, route]
	retirer  *rcu.Retirer[*arena.Slot[T, route]]
}

type dstTransmitter[T any, H Holder[T]] struct {
	actor dstActor[T, H]
	rand  Rand
	wrong uint64 // lookups that found the table's own route dead
	_     [pin.LineBytes]byte
}

type dstAdmin[T any, H Holder[T]] struct {
	actor dstActor[T, H]
	rand  Rand
	pause time.Duration
	turn  int
	early uint64 // routes released while the table owned them
}

func (d *dstCache[T, H]) Setup(c Config, k Kit[T, H]) error {
	n := c.Knob("tunnels")
	*d = dstCache[T, H]{
		arena:        arena.New[T, route](k.Options(c)),
		readers:      rcu.New(),
		cpus:         pin.CPUs(),
		hold:         spin.Loops(time.Duration(c.Knob("hold"))),
		table:        make([]destination[T], n),
		tunnels:      make([]atomic.Pointer[tunnel[T]], n),
		transmitters: make([]dstTransmitter[T, H], c.Workers),
	}
	if c.Wrong {
		d.cpus, d.wrong = 1, true
	}
	d.admin.actor = d.newActor(k.Holder("administrator"))
	d.admin.pause = time.Duration(c.Knob("pause")) * time.Microsecond
	d.admin.rand = NewRand(c.Seed, c.Workers)
	for i := range d.table {
		d.replaceRoute(i)
		d.addTunnel(i)
	}
	for i := range d.transmitters {
		d.transmitters[i].actor = d.newActor(k.Worker(i))
		d.transmitters[i].rand = NewRand(c.Seed, i)
	}
	return nil
}

func (d *dstCache[T, H]) newActor(h H) dstActor[T, H] {
	cache := d.arena.Cache()
	return dstActor[T, H]{
		holder:  h,
		cache:   cache,
		retirer: rcu.NewRetirer(d.readers, cache.Recycle),
	}
}

// Work sends n packets.
func (d *dstCache[T, H]) Work(worker, n int) int {
	x := &d.transmitters[worker]
	for range n {
		// The section spans the whole transmission, as rcu_read_lock_bh
		// does around ndo_start_xmit: a tunnel isn't freed under it.
		section := d.readers.Lock()
		if t := d.tunnels[x.rand.Below(len(d.tunnels))].Load(); t != nil {
			d.transmit(x, t)
		}
		d.readers.Unlock(section)
		if len(x.actor.released) > 0 {
			d.retire(&x.actor)
		}
	}
	return n
}

// transmit sends a packet over t (ip6_tnl_xmit2).
func (d *dstCache[T, H]) transmit(x *dstTransmitter[T, H], t *tunnel[T]) {
	dst, h := d.get(x, t)
	if dst == nil {
		if dst, h = d.lookup(x, t.destination); dst == nil {
			return
		}
		d.set(&x.actor, d.slot(t), dst)
	}
	spin.For(d.hold)
	x.actor.holder.Use(&dst.Object, h)
	d.put(&x.actor, dst, h)
}

// slot returns the current CPU's slot. The caller may have moved on by the time
// it uses the slot; that is what its lock is for.
func (d *dstCache[T, H]) slot(t *tunnel[T]) *dstSlot[T] {
	cpu := pin.CPU()
	if cpu >= len(t.slots) {
		cpu %= len(t.slots) // a P that came after the instance
	}
	return &t.slots[cpu]
}

// get returns the cached route with a reference, or nil (ip6_tnl_dst_get).
func (d *dstCache[T, H]) get(x *dstTransmitter[T, H], t *tunnel[T]) (*arena.Slot[T, route], arena.Hold) {
	slot := d.slot(t)
	var dst *arena.Slot[T, route]
	var cookie uint32
	for {
		seq := slot.lock.Begin()
		dst = slot.dst.Load()
		cookie = slot.cookie.Load()
		if !slot.lock.Retry(seq) {
			break
		}
	}
	if dst == nil {
		return nil, 0
	}
	// Whoever emptied the slot since may have dropped the last reference;
	// the read section keeps the memory a route until we are done.
	h, ok := x.actor.holder.TryGet(&dst.Object)
	if !ok {
		return nil, 0
	}
	if cookie != d.table[t.destination].serial.Load() {
		d.set(&x.actor, slot, nil)
		d.put(&x.actor, dst, h)
		return nil, 0
	}
	return dst, h
}

// set puts a route with a reference of its own, or none, into the slot and drops
// the reference of the route that was in it (ip6_tnl_per_cpu_dst_set). The caller
// holds a reference to the route.
func (d *dstCache[T, H]) set(a *dstActor[T, H], slot *dstSlot[T], dst *arena.Slot[T, route]) {
	if !d.wrong {
		slot.lock.Lock()
	}
	old, oldHold := slot.dst.Load(), slot.hold
	if d.wrong {
		runtime.Gosched() // anybody else's turn
	}
	var cookie uint32
	if dst != nil {
		slot.hold = a.holder.Get(&dst.Object)
		cookie = dst.Value.cookie.Load()
	}
	slot.cookie.Store(cookie)
	slot.dst.Store(dst)
	if !d.wrong {
		slot.lock.Unlock()
	}
	if old != nil {
		d.put(a, old, oldHold)
	}
}

// lookup returns the table's route to a destination with a reference
// (ip6_route_output).
func (d *dstCache[T, H]) lookup(x *dstTransmitter[T, H], i int) (*arena.Slot[T, route], arena.Hold) {
	for fails := 0; ; {
		dst := d.table[i].route.Load()
		if h, ok := x.actor.holder.TryGet(&dst.Object); ok {
			return dst, h
		}
		// Dead already. That is right only if the administrator has
		// replaced it, and then the table has another by now: it stores
		// the new one before it kills the old one. A TryGet that may
		// fail spuriously doesn't do so time and again.
		if d.table[i].route.Load() != dst {
			fails = 0
		} else if fails++; fails == dstPatience {
			x.wrong++
			return nil, 0
		}
	}
}

// dstPatience is how often TryGet may fail on a route that the table owns before
// the failure counts as wrong.
const dstPatience = 100

// put drops a reference to a route.
func (d *dstCache[T, H]) put(a *dstActor[T, H], dst *arena.Slot[T, route], h arena.Hold) {
	if a.holder.Put(&dst.Object, h) {
		d.release(a, dst)
	}
}

// release ends the life of a route whose last reference dropped. Its memory is
// for retire.
func (d *dstCache[T, H]) release(a *dstActor[T, H], dst *arena.Slot[T, route]) {
	if a.cache.End(dst) {
		a.released = append(a.released, dst)
	}
}

// kill drops the table's reference to the route that a destination had.
func (d *dstCache[T, H]) kill(dst *arena.Slot[T, route], life arena.Life, h arena.Hold) {
	a := &d.admin
	if dst.Life() != life {
		a.early++
	}
	if a.actor.holder.Kill(&dst.Object, h) {
		d.release(&a.actor, dst)
	}
}

// retire recycles what was released after a grace period (dst_rcu_free). The caller
// is outside read sections.
func (d *dstCache[T, H]) retire(a *dstActor[T, H]) {
	for _, dst := range a.released {
		a.retirer.Retire(dst)
	}
	a.released = a.released[:0]
}

// replaceRoute gives a destination a new route and kills the old one. Caches
// that still hold it find out by its cookie.
func (d *dstCache[T, H]) replaceRoute(i int) {
	a, entry := &d.admin.actor, &d.table[i]
	dst := a.cache.Alloc()
	serial := entry.serial.Load() + 1
	dst.Value.cookie.Store(serial)
	life, h := entry.life, entry.hold
	entry.hold = a.holder.Init(&dst.Object)
	entry.life = dst.Life()
	old := entry.route.Swap(dst)
	entry.serial.Store(serial)
	if old != nil {
		d.kill(old, life, h)
	}
	d.retire(a)
}

// addTunnel makes the i'th tunnel, with empty slots.
func (d *dstCache[T, H]) addTunnel(i int) {
	d.tunnels[i].Store(&tunnel[T]{destination: i, slots: make([]dstSlot[T], d.cpus)})
}

// removeTunnel unlinks the i'th tunnel, waits until nobody transmits over it,
// and empties the slots of all CPUs (ip6_tnl_dst_destroy).
func (d *dstCache[T, H]) removeTunnel(i int) {
	t := d.tunnels[i].Swap(nil)
	if t == nil {
		return
	}
	d.readers.Synchronize()
	for cpu := range t.slots {
		d.set(&d.admin.actor, &t.slots[cpu], nil)
	}
	d.retire(&d.admin.actor)
}

// Roles returns the administrator, who replaces three routes for each tunnel
// that it removes and adds.
func (d *dstCache[T, H]) Roles() []Role {
	a := &d.admin
	return []Role{{Name: "administrator", Step: func() time.Duration {
		i := a.rand.Below(len(d.tunnels))
		if a.turn++; a.turn%4 == 0 {
			d.removeTunnel(i)
			d.addTunnel(i)
		} else {
			d.replaceRoute(i)
		}
		return a.pause
	}}}
}

func (d *dstCache[T, H]) Close() Books {
	for i := range d.tunnels {
		d.removeTunnel(i)
	}
	for i := range d.table {
		d.kill(d.table[i].route.Load(), d.table[i].life, d.table[i].hold)
	}
	d.retire(&d.admin.actor)
	d.admin.actor.retirer.Flush()
	for i := range d.transmitters {
		x := &d.transmitters[i]
		d.retire(&x.actor)
		x.actor.retirer.Flush()
	}
	b := BooksOf(d.arena)
	for i := range d.transmitters {
		b.Observe(judge.StolenReference, d.transmitters[i].wrong, "lookups of worker %d found a route dead that the table owned", i)
	}
	b.Observe(judge.StolenReference, d.admin.early, "routes were released while the table owned them")
	return b
}
